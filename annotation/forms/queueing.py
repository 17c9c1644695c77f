"""Putting prompts into the queue."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.actions import tasks
from annotation.formats.rows import MAX_RESPONSES
from annotation.forms.fields import Names
from annotation.models import Project

MAX_PROMPTS = 20_000
LARGEST_SEED = 2**31 - 1


class QueueForm(forms.Form):
    """What `tasks.create_for_prompts` asks for."""

    use_required_attribute = False

    responses = forms.IntegerField(
        label=_("Answers per task"),
        min_value=0,
        max_value=MAX_RESPONSES,
        help_text=_("2 to 9 are ranked, 1 is rated and edited, 0 asks for a written answer."),
    )
    overlap = forms.IntegerField(
        label=_("Overlap: how many people judge each"), min_value=1, max_value=tasks.MAX_OVERLAP
    )
    strategy = forms.ChoiceField(
        label=_("Which prompts"), choices=[(name, name) for name in sorted(tasks.STRATEGIES)]
    )
    limit = forms.IntegerField(
        label=_("At most so many prompts"), required=False, min_value=1, help_text=_("Left empty: all that fit.")
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        initial=0,
        min_value=0,
        max_value=LARGEST_SEED,
        help_text=_("Another number chooses other prompts and answers; the same one adds nothing twice."),
    )
    people = Names(label=_("Only for these people"), help_text=_("Usernames of members, parted by commas."))
    groups = Names(label=_("Only for these groups"), help_text=_("Any of them, parted by commas."))
    skills = Names(label=_("Only with these skills"), help_text=_("All of them, parted by commas."))
    skills_from_tags = forms.CharField(
        label=_("Skills from tags"),
        required=False,
        max_length=50,
        help_text=_("Tags of a prompt that begin so are skills that its task asks for, too: lang: or domain:."),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        asked = cleaned.get("limit") or self.project.prompts.count()
        if asked > MAX_PROMPTS:
            self.add_error(
                "limit",
                forms.ValidationError(
                    _(
                        "More than %(most)s prompts are too much for a page: say how many, or use "
                        "manage.py create_tasks."
                    ),
                    params={"most": f"{MAX_PROMPTS:,}"},
                ),
            )
        return cleaned
