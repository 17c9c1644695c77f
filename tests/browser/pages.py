"""Every page of the site in a state worth looking at. A new address is listed here or in `ELSEWHERE`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from annotation.actions import invitations, leases, pauses, seats
from annotation.models import Annotator, Membership, Project, Task
from flywheel.actions import turns
from tests.annotation.quality_rows import measured, of_annotator, of_task
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    TaskFactory,
    UserFactory,
)
from tests.flywheel.doubles import project_with_corpus
from tests.training import run_rows
from training.models import Run

RICH = """
### Steps

1. Unplug it; **wait**.
2. Look at `status`:

```python
def wait(seconds: int) -> str:
    return "a line of code that is certainly much longer than the column in which it is shown to the reader"  # why
```

| time | what | and a column that is longer | and one that makes it wider still |
|-|-|-|-|
| 1 | *heat* | $E = mc^2$ | [a link](https://example.com/) |

$$\\boxed{x} = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a} + \\sum_{i=1}^{n} a_i + \\sum_{j=1}^{n} b_j + c_1 + c_2$$

> שלום, this is a quotation.

<b>not bold</b>
"""
CRITERIA = [
    {"name": "correctness", "scale": 5, "description": "Is what it says true?"},
    {"name": "tone", "scale": 3, "required": False},
]


@dataclass(kw_only=True)
class World:
    """One project at the desk with everything asked, one that made a generation, and the people who see them."""

    admin: User
    annotator: Annotator
    stranger: User
    desk: Project
    pair: Project
    unread: Project
    ended: Project
    paused: Project
    loop: Project
    task: Task
    slot: Any
    invitation: str
    membership: Membership
    release: str
    run: Run
    running: Run
    users: dict[str, User | None] = field(default_factory=dict)


def everything_asked(**fields: Any) -> Project:
    return ProjectFactory(
        acceptability_asked=True,
        reason_asked="required",
        highlights_asked=True,
        edit_asked=True,
        criteria=CRITERIA,
        **fields,
    )


def rich_task(project: Project, *, size: int) -> Task:
    prompt = PromptFactory(
        project=project,
        messages=[{"role": "system", "content": "Be *kind*."}, {"role": "user", "content": f"How?\n{RICH}"}],
    )
    task = TaskFactory(project=project, prompt=prompt, size=0)
    for position in range(size):
        text = f"Answer {position}.\n{RICH}"
        task.positions.create(response=ResponseFactory(prompt=prompt, text=text), position=position)
    return task


def seated(project: Project, annotator: Annotator) -> None:
    guideline = project.guidelines.create(number=1, text=RICH)
    seats.acknowledge(project, by=annotator, number=guideline.number)


def world() -> World:
    """Needs the `trainer` of tests/flywheel/conftest.py in place of real training."""
    annotator, admin = AnnotatorFactory(), UserFactory(is_staff=True, is_superuser=True)
    desk, pair = (
        everything_asked(slug="desk", name="Support answers"),
        ProjectFactory(slug="pair", strength_asked=True),
    )
    unread, ended = ProjectFactory(slug="unread"), ProjectFactory(slug="ended", state="ended")
    paused = ProjectFactory(slug="paused")
    loop = project_with_corpus(questions=30, overlap=1, slug="loop")
    turns.go(loop, given={"simulate_labels": True, "prompts": 4, "answers": 3, "challenges": 20, "min_judgements": 4})
    for project in (desk, pair, unread, ended, paused, loop):
        MembershipFactory(project=project, user=annotator.user)
        seated_in = MembershipFactory(project=project, user=admin, role="admin")
    seated(desk, annotator)
    pauses.pause(paused, annotator=annotator, reason="Read version 3 of the guidelines first.", by=admin)
    unread.guidelines.create(number=1, text=RICH, changes="Ties are allowed now.")
    TaskFactory(project=unread)
    rich_task(desk, size=4)
    rich_task(pair, size=2)
    slot = leases.claim(desk, by=annotator)
    assert slot is not None
    _, token = invitations.invite(desk, role="annotator", groups=[], skills=[], uses=2, days=7, by=admin)
    found = measured(loop)
    label = Task.objects.filter(project=loop, judgements__isnull=False).latest("pk")
    of_annotator(found, label.judgements.latest("pk").annotator.name)
    of_task(found, label)
    return World(
        admin=admin,
        annotator=annotator,
        stranger=UserFactory(),
        desk=desk,
        pair=pair,
        unread=unread,
        ended=ended,
        paused=paused,
        loop=loop,
        task=slot.task,
        slot=slot,
        invitation=token,
        membership=seated_in,
        release=loop.releases.latest("pk").name,
        run=run_rows.done(),
        running=run_rows.running(steps=30),
    )


Address = Callable[[World], str]


@dataclass(frozen=True)
class Shown:
    """A page: its name, who looks at it ("admin", "annotator", "stranger", "" for nobody known), and where."""

    name: str
    who: str
    address: Address
    route: str = ""


def at(route: str, *arguments: Callable[[World], Any], who: str = "admin", name: str = "", query: str = "") -> Shown:
    def address(here: World) -> str:
        return reverse(route, args=[argument(here) for argument in arguments]) + query

    return Shown(name=name or route, who=who, address=address, route=route)


def of_judged(route: str) -> Shown:
    """A page that asks about what one person judged."""

    def address(here: World) -> str:
        return reverse(route, args=[here.loop.slug], query={"annotator": judged(here).annotator.name})

    return Shown(name=route, who="admin", address=address, route=route)


def sitting(here: World) -> str:
    return here.annotator.name


def desk(here: World) -> str:
    return here.desk.slug


def loop(here: World) -> str:
    return here.loop.slug


FIGURES = ("matrix", "items", "guidelines", "policies", "slices", "judgements")
PAGES = [
    at("account_login", who=""),
    at("account_login", who="", name="nothing there", query="nowhere/"),
    at("account_logout", who="annotator"),
    at("account_inactive", who=""),
    at("account_change_password", who="annotator"),
    at("account_reauthenticate", who="annotator"),
    at("account_signup", who=""),
    at("mfa_index", who="annotator"),
    at("annotation:projects", who="annotator"),
    at("annotation:projects", who="stranger", name="a stranger's projects"),
    at("annotation:projects", name="an admin's projects"),
    at("annotation:new_project"),
    at("annotation:join", lambda here: here.invitation, who="stranger"),
    at("annotation:join", lambda here: here.invitation, who="", name="invited and unknown"),
    at("annotation:joining", who="stranger"),
    at("annotation:data", desk),
    at("annotation:queue", desk),
    at("annotation:settings", desk),
    at("annotation:state", desk, lambda _: "paused"),
    at("annotation:project_guidelines", desk),
    at("annotation:members", desk),
    at("annotation:member", lambda here: here.membership.project.slug, lambda here: here.membership.pk),
    at("annotation:remove_member", lambda here: here.membership.project.slug, lambda here: here.membership.pk),
    at("annotation:invitations", desk),
    at("annotation:desk", lambda here: here.pair.slug, who="annotator", name="a pair"),
    at("annotation:desk", lambda here: here.unread.slug, who="annotator", name="guidelines to confirm"),
    at("annotation:desk", lambda here: here.ended.slug, who="annotator", name="the end"),
    at("annotation:desk", lambda here: here.paused.slug, who="annotator", name="paused for them"),
    at("annotation:desk", desk, who="annotator"),
    at("annotation:task", desk, lambda here: here.slot.token, who="annotator"),
    at("annotation:task", desk, lambda here: here.slot.token, who="admin", name="a slot of someone else"),
    at("annotation:guideline", desk, lambda _: 1, who="annotator"),
    at("annotation:mine", desk, who="annotator"),
    at("annotation:last", desk, who="annotator"),
    at("annotation:releases", loop),
    at("annotation:releases", desk, name="no releases"),
    at("annotation:release", loop, lambda here: here.release),
    at("annotation:review", desk),
    at("annotation:review", loop, name="a review with judgements"),
    at("annotation:review_task", loop, lambda here: here.loop.tasks.filter(judgements__isnull=False).latest("pk").pk),
    at("annotation:quality", loop),
    at("annotation:quality", desk, name="a quality that was never measured"),
    at("annotation:quality_people", loop),
    at("annotation:quality_person", loop, lambda here: judged(here).annotator.name),
    at("annotation:quality_person", lambda here: here.paused.slug, sitting, name="somebody who is paused"),
    at("annotation:quality_pause", lambda here: here.paused.slug, sitting),
    at("annotation:quality_remove", lambda here: here.paused.slug, sitting),
    of_judged("annotation:quality_exclude"),
    of_judged("annotation:quality_lift"),
    *(at(f"annotation:quality_{name}", loop) for name in FIGURES),
    at("annotation:quality_judgements", loop, name="simulated judgements", query="?voices=simulated"),
    at("flywheel:index"),
    at("flywheel:project", loop),
    at("flywheel:project", desk, name="a loop that has not begun"),
    at("flywheel:generation", loop, lambda _: 1),
    at("flywheel:annotator", loop, lambda here: judged(here).annotator.name),
    at("flywheel:judgement", loop, lambda here: judged(here).uid),
    at("flywheel:forget", desk, lambda here: here.desk.memberships.get(user=here.annotator.user).pk),
    at("training:runs"),
    at("training:run", lambda here: here.run.pk),
    at("training:run", lambda here: here.running.pk, name="a run under way"),
]

# Addresses that show no page of ours.
DESK_FORMS = ("submit", "skip", "draft", "acknowledge")
FORMS = (
    *DESK_FORMS,
    "revoke",
    "preview",
    "waive",
    "review_read",
    "reveal",
    "adjudicate",
    "quality_measure",
    "quality_resume",
)
SECOND_FACTORS = (  # seen in tests/browser/test_account.py
    *("mfa_activate_totp", "mfa_deactivate_totp", "mfa_authenticate", "mfa_reauthenticate"),
    *("mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes"),
)
MOVED = "annotation:review_people"
ELSEWHERE = {
    "set_language",
    "training:metrics",
    "training:answers",
    MOVED,
    *(f"annotation:{name}" for name in FORMS),
    *SECOND_FACTORS,
}


def judged(here: World) -> Any:
    return Task.objects.filter(project=here.loop, judgements__isnull=False).latest("pk").judgements.latest("pk")


def routes(patterns: list[Any] | None = None, prefix: str = "") -> set[str]:
    """Names of all addresses of the site but the admin's and the API's, which others wrote."""
    found = set()
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace not in ("admin", "api"):
            inner = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            found |= routes(pattern.url_patterns, inner)
        elif isinstance(pattern, URLPattern) and pattern.name:
            found.add(prefix + pattern.name)
    return found
