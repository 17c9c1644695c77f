"""What to do once a project was measured: a command that works, or who is waited for."""

from django.conf import settings
from django.db.models import Count, QuerySet
from django.urls import reverse

from annotation.actions import exclusions
from annotation.actions.waiting import offered
from annotation.models import Judgement, Measurement, Project, Prompt
from annotation.models.judgements import JudgementQuerySet

PEOPLE = Measurement.Voices.PEOPLE
CALLED: dict[str, str] = {
    Measurement.Voices.SIMULATED: "simulated annotators",
    Measurement.Voices.AI: "models as annotators",
}
SOURCE: dict[str, str] = {Measurement.Voices.SIMULATED: " --source simulated", Measurement.Voices.AI: " --source ai"}


def next_step(measurement: Measurement) -> str:
    project = measurement.project
    if not measurement.judgements:
        return without_judgements(project, voices=measurement.voices)
    waiting = waits(project) if measurement.voices == PEOPLE else ""
    if waiting and "few_tasks" in measurement.content["verdict"]["reasons"]:
        return f"{waiting}; too few are judged by two yet"
    return released(measurement)


def released(measurement: Measurement) -> str:
    can_tell = not measurement.content["reliability"]["missing"]
    source = SOURCE.get(measurement.voices, "")
    return command("export_release", measurement.project, source + (" --labels consensus" if can_tell else ""))


def without_judgements(project: Project, *, voices: str) -> str:
    if voices != PEOPLE:
        return command("agreement", project)
    others = [other for other in CALLED if said_by(project, voices=other).exists()]
    if waiting := waits(project):
        return f"{waiting}; only {CALLED[others[0]]} have judged yet" if others else waiting
    if excluded := exclusions.excluded(said_by(project, voices=PEOPLE)).count():
        return f"let judgements count again, for all are excluded ({excluded:,}): {excluded_of(project)}"
    if others:
        return command("agreement", project, f" --voices {others[0]}")
    return filled(project)


def filled(project: Project) -> str:
    """How something comes to wait."""
    prompts = Prompt.objects.filter(project=project)
    if not prompts.exists():
        return f"manage.py import_data FILE --project {project.slug}"
    if not answered(prompts, responses=project.responses_per_task).exists():
        needed = project.responses_per_task
        few = f"more answers, for a task shows {needed} and no prompt has as many"
        return f"{few}: {command('sample', project, f' --policy NAME -n {needed}')}"
    return command("create_tasks", project)


def answered(prompts: "QuerySet[Prompt]", *, responses: int) -> "QuerySet[Prompt]":
    return prompts.annotate(texts=Count("responses__text_hash", distinct=True)).filter(texts__gte=responses)


def waits(project: Project) -> str:
    """Who is to do what, where tasks wait; else nothing."""
    n = offered(project).count()
    if not n:
        return ""
    tasks = "1 task waits" if n == 1 else f"{n:,} tasks wait"
    if project.state != Project.State.ACTIVE:
        return f"{tasks}, but the project is {project.state}: {settings_of(project)}"
    return f"{tasks} for people at {desk_of(project)}"


def said_by(project: Project, *, voices: str) -> JudgementQuerySet:
    return Judgement.objects.filter(task__project=project, source__in=Measurement.SOURCES[voices])


def command(name: str, project: Project, more: str = "") -> str:
    return f"manage.py {name} --project {project.slug}{more}"


def desk_of(project: Project) -> str:
    return f"{settings.SITE_URL}{reverse('annotation:desk', args=[project.slug])}"


def settings_of(project: Project) -> str:
    return f"{settings.SITE_URL}{reverse('annotation:settings', args=[project.slug])}"


def excluded_of(project: Project) -> str:
    return (
        f"{settings.SITE_URL}{reverse('annotation:quality_judgements', args=[project.slug])}?voices=people&excluded=1"
    )
