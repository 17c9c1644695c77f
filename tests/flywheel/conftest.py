import pytest

from flywheel.actions import runs
from tests.flywheel.doubles import Trainer
from training.actions import sampling


@pytest.fixture(autouse=True)
def demo_logins(settings, tmp_path):
    settings.DEMO_LOGINS = tmp_path / "logins.json"


@pytest.fixture
def trainer(monkeypatch):
    """Stands in for the processes that train and sample; everything else of a turn is real."""
    double = Trainer()
    monkeypatch.setattr(runs, "trained", double.trained)
    monkeypatch.setattr(sampling, "sample", double.sample)
    return double
