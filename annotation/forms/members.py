"""Who takes part, as what, and who is invited."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from annotation.forms.fields import Names
from annotation.models import Membership

Role = Membership.Role
ROLES = [
    (Role.ANNOTATOR, _("annotator: ranks")),
    (Role.REVIEWER, _("reviewer: also looks at what others said")),
    (Role.ENGINEER, _("engineer: also releases and trains")),
    (Role.ADMIN, _("admin: also changes the project and its members")),
]


class PlaceForm(forms.Form):
    """A role, groups and skills."""

    use_required_attribute = False

    role = forms.ChoiceField(label=_("Role"), choices=ROLES, initial=Role.ANNOTATOR)
    groups = Names(label=_("Groups"), help_text=_("Parted by commas: night shift, team b."))
    skills = Names(label=_("Skills"), help_text=_("What tasks may ask for, parted by commas: lang:de, medicine."))


class MemberForm(PlaceForm):
    username = forms.CharField(label=_("Username"), max_length=150)
    field_order = ["username", "role", "groups", "skills"]

    def __init__(self, *args: Any, project: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project

    def clean_username(self) -> User:
        user = User.objects.filter(username=self.cleaned_data["username"], is_active=True).first()
        if user is None:
            raise forms.ValidationError(_("There is no account of this name. Send an invitation instead."))
        if Membership.objects.filter(project=self.project, user=user).exists():
            raise forms.ValidationError(_("They are a member already; change their role in the list."))
        return user


class InvitationForm(PlaceForm):
    uses = forms.IntegerField(
        label=_("For how many people"), min_value=1, max_value=1000, initial=1, help_text=_("Each takes one use.")
    )
    days = forms.IntegerField(label=_("Days until it expires"), min_value=1, max_value=90, initial=7)
