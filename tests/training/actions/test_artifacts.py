import pytest

from training.actions import artifacts
from training.exceptions import InvalidBase, TrainingError
from training.models import Artifact, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def weights(tmp_path):
    directory = tmp_path / "weights"
    directory.mkdir()
    (directory / "config.json").write_text("{}")
    (directory / "model.safetensors").write_bytes(b"\x00" * 64)
    return directory


def registered(weights, *, kind=Artifact.Kind.POLICY, **fields):
    values = {"name": "shop-v1", "path": str(weights), "sha256": artifacts.digest(weights)}
    return Artifact.objects.create(kind=kind, **values | fields)


def test_tiny_is_built_in():
    base = artifacts.find_base("tiny", kind=Run.Kind.SFT)
    assert (base.location, base.artifact, base.is_remote) == ("tiny", None, False)


def test_an_artifact_is_found_by_its_name_its_path_and_its_run(weights):
    run = Run.objects.create(name="sft-1", kind="sft", directory="d", base="tiny", seed=1)
    artifact = registered(weights, run=run)
    for name in ("shop-v1", str(weights), "sft-1"):
        base = artifacts.find_base(name, kind=Run.Kind.DPO)
        assert (base.location, base.identity, base.artifact) == (str(weights), artifact.sha256, artifact)


def test_equal_weights_elsewhere_have_the_same_identity(weights):
    copy = weights.with_name("copy")
    weights.rename(copy)
    moved = artifacts.find_base(str(copy), kind=Run.Kind.SFT)
    copy.rename(weights)
    assert moved.identity == artifacts.find_base(str(weights), kind=Run.Kind.SFT).identity


@pytest.mark.parametrize("change", ["content", "name", "addition"])
def test_any_change_of_the_files_changes_the_digest(weights, change):
    before = artifacts.digest(weights)
    if change == "content":
        (weights / "config.json").write_text("{ }")
    elif change == "name":
        (weights / "config.json").rename(weights / "konfig.json")
    else:
        (weights / "extra.txt").touch()
    assert artifacts.digest(weights) != before


def test_weights_changed_after_registering_are_refused(weights):
    registered(weights)
    (weights / "model.safetensors").write_bytes(b"\x01" * 64)
    with pytest.raises(InvalidBase, match="not those that were registered as shop-v1"):
        artifacts.find_base("shop-v1", kind=Run.Kind.SFT)


def test_weights_that_are_gone_are_named(weights):
    registered(weights, path="/nowhere/model")
    with pytest.raises(InvalidBase, match="weights of shop-v1 are gone from /nowhere/model"):
        artifacts.find_base("shop-v1", kind=Run.Kind.SFT)


@pytest.mark.parametrize("name", ["nothing", "./nothing", "/nowhere/at/all", "../a", "~/b", "a/b/c", "", "x" * 300])
def test_a_missing_path_is_answered_with_what_there_is(weights, name):
    registered(weights)
    with pytest.raises(InvalidBase, match=r"no directory and no artifact is called so.*\(shop-v1\)"):
        artifacts.find_base(name, kind=Run.Kind.SFT)


@pytest.mark.parametrize(("kind", "listed"), [(Run.Kind.PPO, r"\(shop-v1\)"), (Run.Kind.RM, r"\(judge, shop-v1\)")])
def test_reward_models_are_listed_where_one_can_be_the_base(weights, kind, listed):
    registered(weights)
    registered(weights, name="judge", kind=Artifact.Kind.REWARD_MODEL)
    with pytest.raises(InvalidBase, match=listed):
        artifacts.find_base("nothing", kind=kind)


def test_a_hub_name_that_was_typed_is_left_to_the_run():
    base = artifacts.find_base("Qwen/Qwen3-0.6B", kind=Run.Kind.SFT)
    assert (base.location, base.is_remote) == ("Qwen/Qwen3-0.6B", True)


def test_a_mistyped_path_under_a_folder_that_exists_is_no_hub_name(weights, monkeypatch):
    monkeypatch.chdir(weights.parent)
    with pytest.raises(InvalidBase, match="There is no base model 'weights/other'"):
        artifacts.find_base("weights/other", kind=Run.Kind.SFT)


def test_a_directory_without_a_model_is_refused(tmp_path):
    with pytest.raises(InvalidBase, match=r"holds no model: it has no config.json"):
        artifacts.find_base(str(tmp_path), kind=Run.Kind.SFT)


def test_pickled_weights_are_refused(weights):
    (weights / "model.safetensors").rename(weights / "pytorch_model.bin")
    with pytest.raises(InvalidBase, match="holds no safetensors"):
        artifacts.find_base(str(weights), kind=Run.Kind.SFT)


def test_a_reward_model_is_a_base_of_reward_models_alone(weights):
    registered(weights, kind=Artifact.Kind.REWARD_MODEL)
    assert artifacts.find_base("shop-v1", kind=Run.Kind.RM).artifact
    with pytest.raises(InvalidBase, match="shop-v1 is a reward model; dpo starts from a policy"):
        artifacts.find_base("shop-v1", kind=Run.Kind.DPO)


@pytest.mark.parametrize("name", ["tiny", "x" * 201, "a\nb"])
def test_names_that_would_mislead_are_refused(name):
    with pytest.raises(TrainingError, match="--name"):
        artifacts.check_name(name)


def test_a_name_is_given_once(weights):
    registered(weights)
    with pytest.raises(TrainingError, match="There is an artifact 'shop-v1' already"):
        artifacts.check_name("shop-v1")


def test_registering_twice_changes_nothing(weights, tmp_path):
    parent = registered(weights)
    run = Run.objects.create(name="dpo-1", kind="dpo", directory=str(tmp_path), base=str(weights), seed=1)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").touch()
    first, again = (artifacts.register(run, name="shop-v2") for _ in range(2))
    assert first == again
    assert (first.kind, first.parent, first.path) == (Artifact.Kind.POLICY, parent, str(tmp_path / "model"))


def test_an_adapter_is_no_base(weights):
    (weights / "adapter_config.json").write_text("{}")
    with pytest.raises(InvalidBase, match=r"holds an adapter .*merge it into its base"):
        artifacts.find_base(str(weights), kind=Run.Kind.SFT)
