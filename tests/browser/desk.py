"""What the desk's tests look at: rungs, letters, and the judgements that came of them."""

from playwright.sync_api import Page, Request, expect

from annotation.models import Judgement, Project
from tests.browser.conftest import Visitor
from tests.factories import TaskFactory


def at_desk(visitor: Visitor, path: str = "/projects/desk/desk/") -> Page:
    """The desk, once its scripts are up. What is to be routed must be routed before: a browser that is busy with a
    page sends past a route that is set later."""
    page = visitor.open(path)
    ready(page)
    return page


def ready(page: Page) -> None:
    expect(page.locator("[data-desk][data-ready]")).to_be_attached()


def slot_on(page: Page) -> str:
    return page.locator("[data-desk]").get_attribute("data-slot") or ""


def kept_next(page: Page) -> str:
    """The slot of the task after this one, once the page holds it."""
    kept = page.locator("[data-desk][data-kept]")
    expect(kept).to_be_attached()
    return kept.get_attribute("data-kept") or ""


def requests_of(page: Page) -> list[str]:
    """Fills up with the methods of what the desk's scripts ask for from now on, saved drafts aside."""
    methods: list[str] = []

    def heard(request: Request) -> None:
        if request.resource_type == "fetch" and "/draft/" not in request.url:
            methods.append(request.method)

    page.on("request", heard)
    return methods


def requests_to(page: Page, part: str) -> list[str]:
    """Fills up with the addresses that hold this part from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if part in request.url else None)
    return found


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def queue(project: Project, *, tasks: int, size: int) -> None:
    for _ in range(tasks):
        TaskFactory(project=project, size=size)


def rung(page: Page, place: str):  # type: ignore[no-untyped-def]
    return page.locator(f'[data-rung="{place}"]')


def letters_on(page: Page, place: str) -> str:
    return "".join(rung(page, place).locator("[data-token]").all_inner_texts())


def as_letters(judgement: Judgement) -> list[list[str]]:
    order = judgement.slot.order
    return [sorted("ABCDEFGHI"[order.index(position)] for position in group) for group in judgement.ranking]


def wait_for_judgements(page: Page, count: int) -> list[Judgement]:
    expect(page.locator(".desk__counts strong").first).to_have_text(str(count))
    return list(Judgement.objects.order_by("pk"))
