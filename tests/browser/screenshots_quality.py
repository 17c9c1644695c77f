"""Makes the pictures of the quality pages: `pytest tests/browser/screenshots_quality.py`. A seeded crowd, three in
ten of it careless and one in ten adversarial, measured as any project is.

Not collected by a plain `pytest`.
"""

import pytest
from django.contrib.auth.models import User

from annotation.actions.quality.measuring import measure
from annotation.models import AnnotatorMeasure, Judgement, Project
from tests.bench.million import made
from tests.browser.pictures import DEVICES, keep
from tests.factories import MembershipFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = {
    "quality": "",
    "quality-people": "people/",
    "quality-matrix": "agreement/",
    "quality-items": "items/?sort=disagreement",
    "quality-guidelines": "guidelines/",
    "quality-policies": "policies/",
    "quality-tags": "tags/",
    "quality-judgements": "judgements/?known=1",
}
REASONS = (
    "Names the cause, the other one only guesses.",
    "Shorter, and nothing is missing.",
    "Both are right; this one is kinder.",
    "It answers what was asked.",
)
DRAWN = "[...document.querySelectorAll('.plot')].every((one) => one.querySelector('svg'))"


@pytest.fixture
def project() -> Project:
    project = made("lumo", judgements=8000, people=20)
    Project.objects.filter(pk=project.pk).update(name="Lumo support")
    said = list(Judgement.objects.filter(task__project=project, task__purpose="label"))
    for number, judgement in enumerate(said):
        judgement.reason = REASONS[number % len(REASONS)]
    Judgement.objects.bulk_update(said, ["reason"], batch_size=500)
    measure(project)
    return project


@pytest.fixture
def reviewer(project) -> User:  # type: ignore[no-untyped-def]
    return MembershipFactory(project=project, user=UserFactory(username="mira"), role="reviewer").user


def test_the_pages(visit, reviewer):  # type: ignore[no-untyped-def]
    gravest = AnnotatorMeasure.objects.order_by("agreement").first()
    assert gravest is not None
    pages = {**PAGES, "quality-person": f"people/{gravest.annotator.name}/"}
    for device, options in DEVICES.items():
        visitor = visit(reviewer, **options)
        for name, path in pages.items():
            page = visitor.open(f"/projects/lumo/quality/{path}")
            page.wait_for_function(DRAWN)
            if device == "" or name in ("quality", "quality-people"):
                keep(page, f"{name}{device}")


def test_the_overview_in_the_dark(visit, reviewer):  # type: ignore[no-untyped-def]
    page = visit(reviewer, color_scheme="dark", viewport={"width": 1280, "height": 1400}).open(
        "/projects/lumo/quality/"
    )
    page.wait_for_function(DRAWN)
    keep(page, "quality-dark")
