"""Fixtures for every floor."""

from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"

# A busy machine is no defect of the code.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")


@pytest.fixture
def shared_data() -> Path:
    """The real human data that lies beside a developer's checkout; without it the test skips and says so."""
    path = SHARED / "data"
    if not path.is_dir():
        pytest.skip("needs ../shared/data, which lies beside a developer's checkout only")
    return path


@pytest.fixture(autouse=True)
def directories(settings, tmp_path):  # type: ignore[no-untyped-def]
    """Releases and runs of a test live and die with it."""
    settings.RELEASES_DIR = tmp_path / "releases"
    settings.RUNS_DIR = tmp_path / "runs"
