"""Filters of a list without those that name what is not here: nothing would be listed, and nobody would know why."""

from dataclasses import replace
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext

from annotation.models import Annotator, AnnotatorMeasure, Judgement, Policy, Response, Task
from annotation.views.quality.behind import Filters
from annotation.views.quality.measured import Measured
from annotation.views.quality.tags import known_tag


def known_only(filters: Filters, *, seen: Measured) -> Filters:
    """What names nothing is left out, and the page says so."""
    judges = judges_among({filters.annotator, filters.peer}, seen=seen)
    writers = writers_among({filters.policy, filters.against}, seen=seen)
    nobody = gettext("Nobody called “%(value)s” has judged anything here")
    no_policy = gettext("No policy called “%(value)s” wrote an answer here")
    no_task = gettext("There is no task %(value)s here")
    no_version = gettext("There is no version %(value)s of the guidelines")
    checked: dict[str, tuple[Any, bool, str]] = {
        "annotator": ("", filters.annotator in judges, nobody),
        "peer": ("", filters.peer in judges, nobody),
        "policy": ("", filters.policy in writers, no_policy),
        "against": ("", filters.against in writers, no_policy),
        "task": (None, has_task(filters.task, seen=seen), no_task),
        "guideline": (None, has_version(filters.guideline, seen=seen), no_version),
    }
    unknown = {}
    for name, (empty, is_here, sentence) in checked.items():
        value = getattr(filters, name)
        if value != empty and not is_here:
            seen.asked.left_out(sentence, name, value=value)
            unknown[name] = empty
    return reconciled(replace(filters, tag=known_tag(seen, filters.tag), **unknown), seen=seen)


def reconciled(filters: Filters, *, seen: Measured) -> Filters:
    """Without what cannot go together."""
    if filters.known and filters.repeats:
        seen.asked.left_out(gettext("Known answers are one list and what was asked again is another"), "repeats")
        filters = replace(filters, repeats=False)
    if filters.since and filters.until and filters.since >= filters.until:
        seen.asked.left_out(gettext("No day lies between “since” and “until”"), "until")
        filters = replace(filters, until=None)
    return filters


def judges_among(names: set[str], *, seen: Measured) -> set[str]:
    """Those who are measured, or whose judgements are not measured yet."""
    wanted = storable(names)
    if not wanted:
        return set()
    measures = AnnotatorMeasure.objects.filter(measurement=seen.measurement, annotator__name__in=wanted)
    found = set(measures.values_list("annotator__name", flat=True))
    if wanted - found:
        theirs = Judgement.objects.filter(annotator=OuterRef("pk"), task__project=seen.project)
        others = Annotator.objects.filter(Exists(theirs), name__in=wanted - found)
        found |= set(others.values_list("name", flat=True))
    return found


def writers_among(names: set[str], *, seen: Measured) -> set[str]:
    """One answer is looked for, not all."""
    found = {one["name"] for one in seen.part("policies").get("ranked") or []} & names
    if wanted := storable(names - found):
        theirs = Response.objects.filter(policy=OuterRef("pk"), prompt__project=seen.project)
        others = Policy.objects.filter(Exists(theirs), name__in=wanted)
        found |= set(others.values_list("name", flat=True))
    return found


def storable(names: set[str]) -> set[str]:
    """PostgreSQL takes no NUL."""
    return {name for name in names if name and "\x00" not in name}


def has_task(key: int | None, *, seen: Measured) -> bool:
    return key is not None and Task.objects.filter(project=seen.project, pk=key).exists()


def has_version(number: int | None, *, seen: Measured) -> bool:
    """Of guidelines that are written here, or that judgements name: imported ones may name any."""
    if number is None or seen.project.guidelines.filter(number=number).exists():
        return number is not None
    if seen.is_done:
        return any(one.get("version") == number for one in seen.part("guidelines") or [])
    return Judgement.objects.filter(task__project=seen.project, guideline_version=number).exists()
