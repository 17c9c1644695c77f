"""Finding what a person named on a command line, or saying in one sentence what there is instead."""

from annotation.models import Policy, Project, Prompt
from flywheel.exceptions import NotFound
from flywheel.models import Generation

LISTED = 10


def project(slug: str) -> Project:
    found = Project.objects.filter(slug=slug).first()
    if found is None:
        known = listed(list(Project.objects.values_list("slug", flat=True)[: LISTED + 1]))
        raise NotFound(f"There is no project {slug!r}. {f'There are: {known}.' if known else 'There are none yet.'}")
    return found


def policy(name: str) -> Policy:
    found = Policy.objects.filter(name=name).first()
    if found is None:
        models = Policy.objects.filter(kind=Policy.Kind.MODEL)
        known = listed(list(models.values_list("name", flat=True)[: LISTED + 1]))
        raise NotFound(
            f"There is no policy {name!r}. {f'Models: {known}.' if known else 'There is no model policy yet.'}"
        )
    return found


def generation(of: Project, *, number: int) -> Generation:
    found = (
        Generation.objects.filter(project=of, number=number)
        .select_related("project", "policy", "parent__policy", "artifact__run", "reward_model__run")
        .first()
    )
    if found is None:
        known = listed([str(number) for number in of.generations.values_list("number", flat=True)[: LISTED + 1]])
        raise NotFound(
            f"Project {of.slug} has no generation {number}. "
            f"{f'It has: {known}.' if known else f'It has none yet: `manage.py turn --project {of.slug}`.'}"
        )
    return found


def check_has_prompts(of: Project) -> None:
    if not Prompt.objects.filter(project=of).exists():
        raise NotFound(f"Project {of.slug} has no prompts: `manage.py import_data FILE --project {of.slug}` first.")


def listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= LISTED else f"{', '.join(names[:LISTED])} and more"
