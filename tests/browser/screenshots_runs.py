"""Makes the picture of a run's page: `pytest tests/browser/screenshots_runs.py`.

The demo is trained for it, which takes minutes. Not collected by a plain `pytest`.
"""

import pytest

from flywheel.actions import demo
from tests.browser.pictures import keep
from tests.factories import UserFactory
from training.models import Run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TALL = {"viewport": {"width": 1280, "height": 1900}}


def test_a_reward_model(visit, settings, tmp_path):  # type: ignore[no-untyped-def]
    settings.DEMO_LOGINS = tmp_path / "logins.json"
    demo.seed(say=lambda name, sentence: None)
    page = visit(UserFactory(username="mira", is_superuser=True), **TALL).open(
        f"/training/runs/{Run.objects.get(kind='rm').pk}/"
    )
    page.get_by_role("img", name="loss").wait_for()
    keep(page, "run")
