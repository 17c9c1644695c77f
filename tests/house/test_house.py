"""The house keeps its own rules: floors, sizes, settings, and what the web process may load."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PLAIN = {"DJANGO_SETTINGS_MODULE": "flywheel.settings", "SECRET_KEY": "x", "PSEUDONYM_KEY": "x"}
HEAVY = {"torch", "transformers", "trl", "peft", "accelerate", "datasets", "pandas", "numpy", "pyarrow", "httpx"}


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**outside, **PLAIN, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def own_files(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if "vendor" not in name and "migrations" not in name]


def test_the_web_process_loads_nothing_heavy():
    code = (
        "import sys; from flywheel.wsgi import application; from django.urls import get_resolver; "
        "get_resolver().url_patterns; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "annotation" in loaded
    assert not loaded & HEAVY


def test_import_contracts_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_no_migration_is_missing():
    done = python("manage.py", "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout


def test_deployment_check_is_clean_behind_tls():
    done = python(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", HTTPS="true", SECRET_KEY="k3!vQ9z_" * 8
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "PSEUDONYM_KEY"])
def test_a_missing_secret_stops_the_boot_with_its_name(name):
    done = python("manage.py", "check", **{name: ""})
    assert done.returncode == 1
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_value_stops_the_boot_with_its_name():
    done = python("manage.py", "check", DEBUG="perhaps")
    assert done.returncode == 1
    assert "DEBUG" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_database_stops_the_boot_with_its_name():
    done = python("manage.py", "check", DATABASE_URL="mysql://somewhere/name")
    assert done.returncode == 1
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mail_server_that_is_none_stops_the_boot_with_its_name():
    done = python("manage.py", "check", EMAIL_URL="pigeon://loft")
    assert done.returncode == 1
    assert "EMAIL_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("hosts", ["https://hooks.example.org", "hooks.example.org"])
def test_hosts_to_post_to_need_to_be_hosts_and_a_secret(hosts):
    done = python("manage.py", "check", WEBHOOK_HOSTS=hosts, WEBHOOK_SECRET="" if hosts[:5] != "https" else "x")
    assert done.returncode == 1
    assert "WEBHOOK_" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_environment_variable_is_in_the_example():
    read = set(re.findall(r'(?:env\.\w+|secret|switch)\(\s*"([A-Z_]+)"', (ROOT / "flywheel/settings.py").read_text()))
    listed = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read
    assert read <= listed


def test_every_dependency_says_why_it_is_here():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    bare = [line for line in lines if re.match(r'\s+"[\w.\[\],-]+~=[\d.]+",', line) and "#" not in line]
    assert bare == []


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    names = {re.split(r"[\[~<>=]", want)[0].lower().replace("_", "-") for want in wanted}
    assert names <= pinned


def test_files_stay_short():
    long = {
        path.name: count
        for path in own_files("*.py", "*.html", "*.js", "*.css")
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_the_readme_stays_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
