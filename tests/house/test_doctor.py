import pytest
from django.core.management import call_command

from flywheel.actions import machine


@pytest.mark.django_db
def test_doctor_names_the_database_in_use(capsys):
    call_command("doctor")
    output = capsys.readouterr().out
    assert "Database" in output
    assert output.rstrip().endswith("Ready.")


@pytest.mark.django_db
def test_doctor_fails_when_runs_cannot_be_written(settings, tmp_path):
    settings.RUNS_DIR = tmp_path / "file" / "runs"
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "file").chmod(0o444)
    with pytest.raises(SystemExit, match="runs/"):
        call_command("doctor")


def test_a_missing_browser_is_no_hindrance(monkeypatch):
    monkeypatch.setenv("PATH", "")
    finding = machine.browser()
    assert not finding.ok
    assert not finding.needed
