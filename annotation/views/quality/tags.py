"""Tags by which an address narrows a page."""

import json

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext

from annotation.models import Task
from annotation.views.quality.measured import Measured


def tagged(tag: str) -> "QuerySet[Task]":
    """Tags are JSON, which SQLite cannot search: as text it can. Databases write other letters than ASCII in two
    ways."""
    texts = Task.objects.annotate(tags_text=Cast("tags", TextField()))
    written = Q(tags_text__contains=json.dumps(tag)) | Q(tags_text__contains=json.dumps(tag, ensure_ascii=False))
    return texts.filter(written)


def known_tag(seen: Measured, tag: str) -> str:
    """The tag, or "" where no task has it. All tasks are looked through only for one that is not among those most
    used."""
    if not tag or any(one.get("tag") == tag for one in seen.part("slices") or []):
        return tag
    if "\x00" not in tag and tagged(tag).filter(project=seen.project).exists():
        return tag
    seen.asked.left_out(gettext("No task is tagged “%(value)s”"), "tag", value=tag)
    return ""
