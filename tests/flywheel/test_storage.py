"""Static files as they are served."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def collected(settings, tmp_path) -> Path:  # type: ignore[no-untyped-def]
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "flywheel.storage.HashedModules"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    return settings.STATIC_ROOT


def test_our_modules_import_each_other_by_hashed_names_that_are_there(collected):
    [desk] = collected.glob("js/desk.????????????.js")
    [ladder] = collected.glob("js/ladder.????????????.js")
    for module in (desk, ladder):
        imported = re.findall(r'from "([^"]+)"', module.read_text())
        assert len(imported) == (ROOT / "static/js" / f"{module.name.split('.')[0]}.js").read_text().count(' from "')
        assert imported
        for name in imported:
            assert re.search(r"\.[0-9a-f]{12}\.js$", name)
            assert (module.parent / name).is_file()
    assert ladder.name in desk.read_text()
