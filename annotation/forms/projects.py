"""Making a project, and bringing files into one."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import slugify
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from annotation.actions.uploads import MAX_MEGABYTES, MAX_ROWS, Upload
from annotation.formats.detection import NAMES
from annotation.forms.uploads import MAX_BYTES, is_too_large
from annotation.models import Project

RESERVED = ("new", "join")
LONGEST_GUIDELINES = 100_000
FORMATS = [("auto", _("told from the file")), *((name, name) for name in NAMES if name not in ("auto", "mapping"))]
FILES = ".jsonl,.ndjson,.json,.csv,.parquet,.gz"


class UploadForm(forms.Form):
    """A data file. `content_length` is that of the whole request: what is too large was not even received."""

    use_required_attribute = False

    file = forms.FileField(
        label=_("Data file"),
        widget=forms.FileInput(attrs={"accept": FILES}),
        error_messages={"required": _("Choose a file."), "empty": _("This file is empty.")},
    )
    format = forms.ChoiceField(label=_("Format"), choices=FORMATS, initial="auto", required=False)

    def __init__(self, *args: Any, content_length: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = file_help()
        self.too_large = is_too_large(content_length)
        if self.too_large:
            self.fields["file"].error_messages["required"] = too_large()

    def clean_file(self) -> "UploadedFile[bytes]":
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size and file.size > MAX_BYTES:
            raise forms.ValidationError(too_large())
        return file

    def upload(self) -> Upload:
        file = self.cleaned_data["file"]
        return Upload(name=file.name, chunks=file.chunks(), format=self.cleaned_data["format"] or "auto")


def file_help() -> str:
    return _now(
        "JSON Lines, JSON, CSV or Parquet, also gzipped, up to %(most)d MB and %(rows)d rows: prompts, with or "
        "without answers; also in the forms of TRL, HH, Alpaca, ShareGPT, OpenAI messages and Label Studio."
    ) % {"most": MAX_MEGABYTES, "rows": MAX_ROWS}


def too_large() -> str:
    return _now(
        "The file is larger than %(most)d MB. Bring it in on the server: manage.py import_data FILE --project NAME."
    ) % {"most": MAX_MEGABYTES}


class MoreDataForm(UploadForm):
    queue = forms.BooleanField(
        label=_("Put the prompts that have enough answers into the queue"), required=False, initial=True
    )


class NewProjectForm(UploadForm):
    name = forms.CharField(label=_("Name"), max_length=200)
    slug = forms.SlugField(
        label=_("Short name"),
        max_length=50,
        required=False,
        help_text=_("In addresses and commands; it never changes. Left empty, it is made from the name."),
    )
    guidelines = forms.CharField(
        label=_("Guidelines"),
        required=False,
        max_length=LONGEST_GUIDELINES,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("What makes an answer better? In Markdown. You can write them later."),
    )
    field_order = ["name", "slug", "file", "format", "guidelines"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "slug" in self.errors or "name" in self.errors:
            return cleaned
        slug = cleaned.get("slug") or slugify(cleaned["name"])[:50].strip("-")
        if reason := refusal(slug):
            self.add_error("slug", reason)
        cleaned["slug"] = slug
        return cleaned


def refusal(slug: str) -> str:
    """Why this cannot be a project's short name; "" when it can."""
    if not slug:
        return _now("No short name can be made from this name: write one, of letters, digits, - and _.")
    if slug in RESERVED:
        return _now("“%(slug)s” is an address of the site itself; choose another short name.") % {"slug": slug}
    if Project.objects.filter(slug=slug).exists():
        return _now("There is a project “%(slug)s” already; choose another short name.") % {"slug": slug}
    return ""
