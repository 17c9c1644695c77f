import json

import pytest

from tests.training.releases import write_release
from training.actions import releases
from training.exceptions import InvalidRelease


@pytest.fixture
def release(settings):
    return write_release(settings.RELEASES_DIR)


def test_a_release_is_found_by_directory_name_and_prefix(release):
    manifest = json.loads((release / "manifest.json").read_text())
    for name in (str(release), release.name, release.name[:9], manifest["hash"], manifest["hash"][:6]):
        found = releases.find(name)
        assert (found.path, found.hash) == (release, manifest["hash"])


def test_a_release_anywhere_is_found_by_its_path(tmp_path):
    assert releases.find(str(write_release(tmp_path / "elsewhere"))).path.parent == tmp_path / "elsewhere"


def test_without_any_release_the_command_that_makes_one_is_named():
    with pytest.raises(InvalidRelease, match=r"none yet: `manage\.py export_release"):
        releases.find("kettle")


@pytest.mark.parametrize("name", ["teapot", "", "x" * 300, "a\0b"])
def test_an_unknown_release_is_answered_with_the_known_ones(release, name):
    with pytest.raises(InvalidRelease, match=f"There are: {release.name}"):
        releases.find(name)


def test_a_prefix_of_several_is_refused_with_their_names(settings, release):
    other = write_release(settings.RELEASES_DIR, judged=3)
    with pytest.raises(InvalidRelease, match=r"Several releases begin with 'kettle'") as refused:
        releases.find("kettle")
    assert release.name in str(refused.value)
    assert other.name in str(refused.value)


def test_a_directory_without_manifest_is_no_release(tmp_path):
    with pytest.raises(InvalidRelease, match=r"is no release: it holds no readable manifest.json"):
        releases.find(str(tmp_path))


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("{broken", "no readable manifest"),
        ('{"format_version": 99, "hash": "ab"}', "format version 99"),
        ('{"format_version": 1}', "states no hash"),
        ('{"format_version": 1, "hash": "ab"}', "holds no rankings.parquet"),
    ],
)
def test_a_release_that_is_not_whole_is_refused(tmp_path, manifest, sentence):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InvalidRelease, match=sentence):
        releases.find(str(tmp_path))
