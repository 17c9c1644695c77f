import subprocess
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.training.releases import write_release
from training.actions import plans, provenance, runs
from training.exceptions import InvalidBase, InvalidKnob, InvalidRelease, InvalidRun, NotFound
from training.ml.run.rundir import RunDirectory
from training.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def release(settings):
    return write_release(settings.RELEASES_DIR, judged=4, shown=2)


def planned(**changes):
    return plans.make(**{"kind": "rm", "release": "kettle", "base": "tiny", "values": {}, "seed": 17} | changes)


def test_the_plan_is_complete_before_anything_is_begun(release, settings):
    config = planned(values={"epochs": "2"}).config
    assert config.release.path == str(release)
    assert (config.knobs["epochs"], config.knobs["batch_size"]) == (2.0, 4)
    assert config.project_version == "0.1.0"
    assert not settings.RUNS_DIR.exists()


def test_what_is_left_out_is_the_default(settings):
    settings.BASE_MODEL = "Some/Model"
    config = planned(base=None, seed=None, values=None).config
    assert (config.base, config.seed) == ("Some/Model", 17)


def test_equal_plans_have_one_hash():
    assert planned().hash == planned(values={"batch_size": "4"}).hash


@pytest.mark.parametrize("change", [{"kind": "dpo"}, {"base": "A/b"}, {"values": {"epochs": "2"}}, {"seed": 18}])
def test_whatever_decides_the_result_changes_the_hash(change):
    assert planned(**change).hash != planned().hash


def test_another_release_changes_the_hash_and_another_place_of_it_does_not(settings, tmp_path, release):
    other = write_release(settings.RELEASES_DIR, slug="teapot", judged=5)
    assert planned(release="teapot").hash != planned().hash
    assert other != release
    before = planned().hash
    moved = release.rename(tmp_path / "moved")
    assert planned(release=str(moved)).hash == before


def test_other_weights_at_the_same_place_change_the_hash(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"a")
    before = planned(base=str(tmp_path)).hash
    (tmp_path / "model.safetensors").write_bytes(b"b")
    assert planned(base=str(tmp_path)).hash != before


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"release": "nothing"}, InvalidRelease, "There is no release 'nothing'"),
        ({"release": None}, InvalidRun, "Say which release to train on: --release R. There are: kettle"),
        ({"base": "nothing"}, InvalidBase, "There is no base model 'nothing'"),
        ({"values": {"speed": "9"}}, InvalidKnob, "unknown knob 'speed'"),
        ({"values": {"epochs": "many"}}, InvalidKnob, "epochs=many: expected a number"),
        ({"seed": -1}, InvalidRun, "--seed -1: expected a number from 0"),
        ({"seed": 2**31}, InvalidRun, "--seed 2147483648: expected a number from 0"),
        ({"resume": "nothing"}, NotFound, "There is no run 'nothing' to resume; unfinished are: none"),
    ],
)
def test_bad_input_is_one_sentence(change, error, sentence):
    with pytest.raises(error) as refused:
        planned(**change)
    assert sentence in str(refused.value)


def sft(**changes):
    return planned(**{"kind": "sft"} | changes)


@pytest.fixture
def general(tmp_path):
    path = tmp_path / "general.json"
    path.write_text('[{"instruction": "Hello?", "output": "Hi."}]')
    return path


def test_a_changed_file_is_another_run_and_another_place_of_it_is_not(tmp_path, general):
    values = {"mix": str(general)}
    before = sft(values=values, data=[str(general)])
    assert [(file.role, file.path) for file in before.config.files] == [("data", str(general)), ("mix", str(general))]
    moved = general.rename(tmp_path / "moved.json")
    assert sft(values={"mix": str(moved)}, data=[str(moved)]).hash == before.hash
    moved.write_text('[{"instruction": "Hello?", "output": "Hello."}]')
    assert sft(values={"mix": str(moved)}, data=[str(moved)]).hash != before.hash


def test_each_file_belongs_to_what_decides(general):
    values = {"mix": str(general)}
    hashes = {
        sft().hash,
        sft(values=values).hash,
        sft(values={"general": str(general)}).hash,
        sft(data=[str(general)]).hash,
        sft(data=[str(general), str(general)]).hash,
        sft(data=[str(general)], release=None).hash,
    }
    assert len(hashes) == 6


def test_files_may_stand_instead_of_a_release(general):
    config = sft(data=[str(general)], release=None).config
    assert config.release is None
    run = runs.begin(sft(data=[str(general)], release=None))
    assert run.release_hash == ""
    assert RunDirectory(Path(run.directory)).read_config().files == config.files


@pytest.mark.parametrize("values", [{"mix": "nothing.json"}, {"general": "nothing.json"}])
def test_a_file_that_is_not_there_is_said_before_anything_is_begun(values):
    with pytest.raises(InvalidRelease, match=r"nothing\.json cannot be read \(No such file"):
        sft(values=values)


def test_a_file_of_another_kind_is_refused_before_anything_is_begun(general):
    with pytest.raises(InvalidRelease, match="expected a name that ends in"):
        sft(data=[str(general.rename(general.with_suffix(".txt")))])


def test_resuming_finds_the_files_again_unless_they_changed(general):
    run = runs.begin(sft(values={"mix": str(general)}, data=[str(general)]))
    again = plans.make(kind="sft", release=None, base=None, values=None, seed=None, resume=run.name)
    assert again.config.files == sft(values={"mix": str(general)}, data=[str(general)]).config.files
    assert runs.find_resumed(again, resume=run.name).pk == run.pk
    general.write_text("[]")
    again = plans.make(kind="sft", release=None, base=None, values=None, seed=None, resume=run.name)
    with pytest.raises(InvalidRun, match=r"was begun otherwise: mix \w{64}, now \w{64}; data"):
        runs.find_resumed(again, resume=run.name)


def test_two_commands_at_once_get_one_run():
    assert runs.begin(planned()) == runs.begin(planned())


def test_a_place_for_runs_that_is_no_folder_is_named(settings, tmp_path):
    settings.RUNS_DIR = tmp_path / "file"
    settings.RUNS_DIR.touch()
    with pytest.raises(InvalidRun, match=r"Nothing can be written to .*file .*set RUNS_DIR"):
        runs.begin(planned())


def test_a_run_whose_directory_is_gone_is_not_gone_on_with(settings):
    gone = runs.begin(planned())
    (settings.RUNS_DIR / gone.name / "config.json").unlink()
    assert runs.begin(planned()) != gone


def test_a_run_that_another_database_began_is_found_again():
    begun = runs.begin(planned())
    begun.delete()
    found = runs.begin(planned())
    assert (found.name, found.config_hash) == (begun.name, planned().hash)


def test_resuming_needs_nothing_but_the_name():
    run = runs.begin(planned(values={"epochs": "2"}, seed=5))
    resumed = plans.make(kind="rm", release=None, base=None, values=None, seed=None, resume=run.name)
    assert resumed.hash == run.config_hash
    assert runs.find_resumed(resumed, resume=run.name) == run


def test_resuming_with_one_knob_that_agrees_leaves_the_others_as_they_were():
    run = runs.begin(planned(values={"epochs": "2", "batch_size": "8"}))
    resumed = planned(values={"epochs": "2"}, resume=run.name)
    assert runs.find_resumed(resumed, resume=run.name) == run


def test_a_release_that_moved_is_read_where_it_is_now(release, tmp_path):
    run = runs.begin(planned())
    moved = release.rename(tmp_path / "moved")
    runs.find_resumed(planned(release=str(moved), resume=run.name), resume=run.name)
    assert RunDirectory(Path(run.directory)).read_config().release.path == str(moved)


def test_resuming_after_the_weights_changed_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"a")
    run = runs.begin(planned(base=str(tmp_path)))
    (tmp_path / "model.safetensors").write_bytes(b"b")
    with pytest.raises(InvalidRun, match="cannot go on: the weights of its base"):
        runs.find_resumed(planned(resume=run.name, base=None), resume=run.name)


def test_resuming_as_another_kind_names_the_right_command():
    run = runs.begin(planned())
    with pytest.raises(InvalidRun, match=f"Run {run.name} is of kind rm, not dpo: use train_rm"):
        planned(kind="dpo", resume=run.name)


def test_resuming_with_other_settings_says_which():
    run = runs.begin(planned(values={"epochs": "2"}))
    other = planned(values={"epochs": "3"}, seed=9, resume=run.name)
    with pytest.raises(InvalidRun, match=r"begun otherwise: epochs 2.0, now 3.0; seed 17, now 9"):
        runs.find_resumed(other, resume=run.name)


def test_resuming_a_finished_run_is_refused():
    run = runs.begin(planned())
    Run.objects.update(state=Run.State.DONE)
    with pytest.raises(InvalidRun, match="is done already"):
        runs.find_resumed(planned(resume=run.name), resume=run.name)


def test_the_commit_says_when_there_is_more_than_it(settings, tmp_path, monkeypatch):
    settings.BASE_DIR = checkout = tmp_path / "checkout"
    checkout.mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert provenance.commit() == ""

    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], cwd=checkout, check=True)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    clean = provenance.commit()
    assert len(clean) == 40
    (checkout / "new.txt").touch()
    assert provenance.commit() == f"{clean}+dirty"


def test_without_a_checkout_the_environment_says_the_commit(settings, tmp_path, monkeypatch):
    settings.BASE_DIR, settings.GIT_COMMIT = tmp_path, "abc123"
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.commit() == "abc123"


def test_a_base_of_the_hub_is_pinned_to_its_commit_and_stays_so(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refs = tmp_path / "models--A--b" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text("1" * 40)
    run = runs.begin(planned(base="A/b"))
    assert RunDirectory(Path(run.directory)).read_config().revision == run.config["revision"] == "1" * 40

    (refs / "main").write_text("2" * 40)

    assert planned(base="A/b").hash != run.config_hash
    assert planned(base=None, resume=run.name).hash == run.config_hash
