"""What a project asks for, and what it is judged by."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.renderers import get_default_renderer
from django.utils.translation import gettext_lazy as _

from annotation.actions import webhooks
from annotation.actions.projects import SETTINGS
from annotation.actions.tasks import MAX_OVERLAP
from annotation.exceptions import UnusableWebhook
from annotation.formats.rubric import MAX_CRITERIA, MAX_CRITERION, MAX_DESCRIPTION, SCALES
from annotation.forms.projects import LONGEST_GUIDELINES
from annotation.models import Project

Asked = Project.Asked

LABELS = {
    "name": _("Name"),
    "ties_allowed": _("Ties"),
    "strength_asked": _("Strength"),
    "acceptability_asked": _("Acceptability line"),
    "reason_asked": _("Reason"),
    "flags_asked": _("Flags"),
    "highlights_asked": _("Highlights"),
    "edit_asked": _("Edit"),
    "overlap": _("Overlap"),
    "most_overlap": _("Overlap at most"),
    "sureness": _("Sure enough"),
    "responses_per_task": _("Answers per task"),
    "lease_minutes": _("Minutes to finish a task"),
    "gold_rate": _("Gold rate"),
    "repeat_rate": _("Repeat rate"),
    "gold_feedback": _("Feedback on gold tasks"),
    "qualification_pass": _("Pass mark of the qualification"),
    "acknowledgement_asked": _("Guidelines are confirmed"),
    "revisions_locked": _("Submissions are locked"),
    "alert_agreement": _("Alert when agreement falls below"),
    "alert_known": _("Alert when known pairs fall below"),
    "weekly_summary": _("Weekly summary"),
    "alert_webhook": _("Webhook"),
}
HELP = {
    "name": _("Shown to everybody; the short name in addresses stays."),
    "ties_allowed": _("Two answers may stand on the same rank."),
    "strength_asked": _("For two answers: slightly, clearly or much better."),
    "acceptability_asked": _("A line between the ranks: above it is good enough to send."),
    "reason_asked": _("A sentence on why the order is so."),
    "flags_asked": _("Harmful, personal data, off-topic, broken; and for the prompt: unclear, needs an expert."),
    "highlights_asked": _("Mark a passage of an answer and comment on it."),
    "edit_asked": _("Turn the best answer into an ideal one; kept as a demonstration for training."),
    "overlap": _("How many people judge each task."),
    "most_overlap": _(
        "Where the first people leave it open which answer is best, others are asked one by one, up to so many. "
        "Empty: never more than the overlap."
    ),
    "sureness": _("From 0.5 to 1: how sure the consensus must be of the best answer before nobody else is asked."),
    "responses_per_task": _(
        "2 to 9 are ranked, 1 is rated and edited, 0 asks for a written answer. For new tasks only."
    ),
    "lease_minutes": _("A task that nobody works on for so long goes back to the queue; the draft is kept."),
    "gold_rate": _(
        "Share of tasks whose answer is known, with the repeat rate at most 0.5. "
        "They come from gold rows of your data."
    ),
    "repeat_rate": _(
        "Share of tasks that a person gets a second time without knowing, with the gold rate at most 0.5."
    ),
    "gold_feedback": _("People are told at once whether they met the known answer."),
    "qualification_pass": _("Share of known pairs to get right, from 0 to 1, before the first real task."),
    "acknowledgement_asked": _("People confirm each new version of the guidelines before their next task."),
    "revisions_locked": _("What was submitted can no longer be revised."),
    "alert_agreement": _(
        "From 0 to 1: the share of pairs that two people order alike. The whole interval (95 %) must lie below it, "
        "so that chance alone seldom tells. Empty: no alert."
    ),
    "alert_known": _(
        "From 0 to 1: the share of known pairs that people get right, in the same way. Empty: no alert."
    ),
    "weekly_summary": _("The figures of the week, for as long as the project is running."),
    "alert_webhook": _("Alerts and summaries are posted to this address as JSON, too."),
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Fields that stand together. `key`: what the page puts beside them."""

    key: str
    title: Any
    names: tuple[str, ...]


GROUPS = (
    Group(key="name", title=_("What it is called"), names=("name",)),
    Group(
        key="asked",
        title=_("What people are asked"),
        names=(
            "ties_allowed", "strength_asked", "acceptability_asked", "reason_asked", "flags_asked",
            "highlights_asked", "edit_asked",
        ),
    ),
    Group(
        key="tasks",
        title=_("Tasks"),
        names=(
            "overlap", "apply_to_waiting", "most_overlap", "sureness", "responses_per_task", "lease_minutes",
            "revisions_locked",
        ),
    ),
    Group(
        key="quality",
        title=_("Quality"),
        names=("gold_rate", "gold_feedback", "repeat_rate", "qualification_pass", "acknowledgement_asked"),
    ),
    Group(
        key="alerts",
        title=_("Alerts"),
        names=("alert_agreement", "alert_known", "weekly_summary", "alert_webhook"),
    ),
)  # fmt: skip


class SettingsForm(forms.ModelForm[Project]):
    apply_to_waiting = forms.BooleanField(
        label=_("When the overlap rises: ask more people about the tasks that already wait, too"),
        required=False,
        help_text=_("Finished tasks stay finished. When it falls, only new tasks ask fewer people."),
    )
    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)

    class Meta:
        model = Project
        fields = [name for name in SETTINGS if name != "criteria"]
        labels = LABELS
        help_texts = HELP

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason_asked"] = forms.ChoiceField(
            label=LABELS["reason_asked"],
            help_text=HELP["reason_asked"],
            choices=[(Asked.OFF, _("not asked")), (Asked.OPTIONAL, _("optional")), (Asked.REQUIRED, _("required"))],
        )
        self.fields["overlap"].max_value = MAX_OVERLAP  # type: ignore[attr-defined]
        for name in ("gold_rate", "repeat_rate", "qualification_pass", "sureness", "alert_agreement", "alert_known"):
            self.fields[name].widget.attrs["step"] = "0.01"

    @property
    def groups(self) -> list[tuple[Group, list[forms.BoundField]]]:
        return [(group, [self[name] for name in group.names]) for group in GROUPS]

    def clean_overlap(self) -> int:
        overlap: int = self.cleaned_data["overlap"]
        if overlap > MAX_OVERLAP:
            raise forms.ValidationError(_("At most %(most)d people judge a task."), params={"most": MAX_OVERLAP})
        return overlap

    def clean_most_overlap(self) -> int | None:
        most: int | None = self.cleaned_data["most_overlap"]
        if most is not None and most > MAX_OVERLAP:
            raise forms.ValidationError(_("At most %(most)d people judge a task."), params={"most": MAX_OVERLAP})
        return most

    def clean_alert_webhook(self) -> str:
        """One that stands there already stays, though its host is allowed no more: nothing is posted to it."""
        address: str = self.cleaned_data["alert_webhook"]
        if not address or address == self.initial.get("alert_webhook"):
            return address
        try:
            return webhooks.target_of(address).url
        except UnusableWebhook as error:
            raise forms.ValidationError(str(error)) from None

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.Meta.fields}


class CriterionForm(forms.Form):
    use_required_attribute = False

    name = forms.CharField(label=_("Name"), max_length=MAX_CRITERION)
    scale = forms.IntegerField(label=_("Scale: 1 to"), min_value=SCALES.start, max_value=SCALES.stop - 1, initial=5)
    description = forms.CharField(label=_("What it means"), max_length=MAX_DESCRIPTION, required=False)
    required = forms.BooleanField(label=_("Required"), required=False, initial=True)

    def has_changed(self) -> bool:
        """A row without a name and a description is an empty one, whatever its other fields stand at."""
        return any(self.data.get(self.add_prefix(name), "").strip() for name in ("name", "description"))


class CriteriaFormSet(forms.BaseFormSet[CriterionForm]):
    """The rubric as rows; what `formset_factory` would set is set here, where it has a type."""

    form = CriterionForm
    renderer = get_default_renderer()
    extra, min_num, max_num, absolute_max = 1, 0, MAX_CRITERIA, 2 * MAX_CRITERIA
    can_delete, can_delete_extra, can_order, edit_only = True, True, False, False
    validate_min, validate_max = False, True

    def clean(self) -> None:
        if len(self.forms) < self.initial_form_count():
            raise forms.ValidationError(_("Some rows did not arrive; load the page again."))
        names: set[str] = set()
        for form in self.kept():
            name = form.cleaned_data["name"]
            if name in names:
                form.add_error("name", _("Another criterion has this name."))
                raise forms.ValidationError(_("Two criteria have the same name."))
            names.add(name)

    def kept(self) -> list[CriterionForm]:
        return [
            form
            for form in self.forms
            if form.has_changed() and "name" in getattr(form, "cleaned_data", {}) and not form.cleaned_data["DELETE"]
        ]

    def values(self) -> list[dict[str, Any]]:
        """As they are kept: only what was said, so that a project without descriptions has none."""
        rows = []
        for form in self.kept():
            said = form.cleaned_data
            row: dict[str, Any] = {"name": said["name"], "scale": said["scale"]}
            row |= {"description": said["description"]} if said["description"] else {}
            row |= {} if said["required"] else {"required": False}
            rows.append(row)
        return rows


class GuidelineForm(forms.Form):
    use_required_attribute = False

    after = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    text = forms.CharField(
        label=_("Guidelines, in Markdown"),
        max_length=LONGEST_GUIDELINES,
        widget=forms.Textarea(attrs={"rows": 16, "class": "mono", "dir": "auto"}),
        error_messages={"required": _("Write the guidelines first.")},
    )
    changes = forms.CharField(
        label=_("What is new"),
        max_length=500,
        required=False,
        help_text=_("One sentence for those who know the last version."),
    )
