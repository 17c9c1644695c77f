"""What the desk's tests look at: rungs, letters, and the judgements that came of them."""

from playwright.sync_api import Page, expect

from annotation.models import Judgement, Project
from tests.factories import TaskFactory


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
