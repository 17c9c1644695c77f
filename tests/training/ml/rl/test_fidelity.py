"""A reward model that is not what its report is of is refused, and the sentence says what differs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.training.ml import builders
from training.exceptions import InvalidRun
from training.ml import rewards
from training.ml.backbones import bases
from training.ml.backbones.bases import Base
from training.ml.backbones.tiny import TEMPLATE
from training.ml.data.conversations import Tokenizer
from training.ml.knobs import MachineKnobs
from training.ml.knobs.rl import RewardingKnobs
from training.ml.rl import fidelity
from training.ml.rl.fidelity import Check
from training.ml.run.machine import Machine
from training.ml.run.rundir import ReleaseReference, RewardReference, RunDirectory

pytestmark = [
    pytest.mark.training,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),  # peft's, as in builders.train
]
CPU = Machine(device="cpu", precision="fp32", threads=1)


@pytest.fixture
def judge(tmp_path: Path, reward_model: RunDirectory) -> RunDirectory:
    """The reward model's run, to be altered."""
    shutil.copytree(reward_model.path, tmp_path / "judge")
    return RunDirectory(tmp_path / "judge")


@pytest.fixture(scope="module")
def train(
    tmp_path_factory: pytest.TempPathFactory, comparisons: ReleaseReference, policy: RunDirectory
) -> Callable[..., RunDirectory]:
    """Trains another reward model on the same base."""

    def trained(seed: int = 17, **values: str) -> RunDirectory:
        folder = tmp_path_factory.mktemp("others") / "other"
        run = builders.make_run(folder, "rm", reference=comparisons, base=str(policy.model), seed=seed, values=values)
        builders.train(run)
        return run

    return trained


def tokenizer_of(policy: RunDirectory) -> Tokenizer:
    return base_of(policy).tokenizer


def base_of(policy: RunDirectory) -> Base:
    return bases.read(policy.model, source="policy", kind="path", knobs=MachineKnobs())


def reference_to(path: Path) -> RewardReference:
    return RewardReference(source=str(path), weight=1.0, hash="x")


def check(path: Path, tokenizer: Tokenizer) -> Check:
    return fidelity.check(reference_to(path), model=rewards.opened(path), tokenizer=tokenizer)


def alter(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_reward_model_that_is_what_it_was_says_what_its_report_says(
    judge: RunDirectory, policy: RunDirectory
) -> None:
    assert check(judge.model, tokenizer_of(policy)) == Check(
        name="judge", n_pairs=20, answers=40, changed=0, accuracy=1.0
    )


def test_another_template_is_refused(judge: RunDirectory, policy: RunDirectory) -> None:
    (judge.model / "chat_template.jinja").write_text(
        TEMPLATE.replace("+ message['content']", "+ ' ' + message['content']")
    )
    with pytest.raises(
        InvalidRun, match=r"judge is not .*: its chat template is not the one that it was trained with\."
    ):
        check(judge.model, tokenizer_of(policy))


def test_another_template_is_told_by_the_scores_where_no_copy_of_the_right_one_is_left(
    judge: RunDirectory, policy: RunDirectory
) -> None:
    for folder in (judge.model, judge.adapter):
        (folder / "chat_template.jinja").write_text(TEMPLATE.replace("'<|assistant|>'", "'<|tool|>'"))
    with pytest.raises(InvalidRun, match=r"its mean confidence is 0\.\d+ and its report says 0\.\d+ \(20 pairs\)"):
        check(judge.model, tokenizer_of(policy))


@pytest.mark.parametrize(("token", "what"), [("pad_token", "padding token"), ("eos_token", "end token")])
def test_another_padding_or_end_token_is_refused(
    judge: RunDirectory, policy: RunDirectory, token: str, what: str
) -> None:
    before = json.loads((judge.model / "tokenizer_config.json").read_text())[token]
    alter(judge.model / "tokenizer_config.json", **{token: "<|tool|>"})
    with pytest.raises(InvalidRun) as found:
        check(judge.model, tokenizer_of(policy))
    assert f"its {what} is <|tool|> and was {before}" in str(found.value)


def test_an_altered_template_of_a_model_without_adapter_is_held_against_its_base(
    train: Callable[..., RunDirectory], policy: RunDirectory
) -> None:
    whole = train(lora="false")
    assert not whole.adapter.exists()
    assert check(whole.model, tokenizer_of(policy)).accuracy == 1.0
    (whole.model / "chat_template.jinja").write_text(TEMPLATE + " ")
    with pytest.raises(InvalidRun, match="its chat template is not the one that it was trained with"):
        check(whole.model, tokenizer_of(policy))


def test_weights_of_another_run_are_refused(
    judge: RunDirectory, policy: RunDirectory, train: Callable[..., RunDirectory]
) -> None:
    other = train(seed=18)
    shutil.copy(other.model / "model.safetensors", judge.model)
    with pytest.raises(InvalidRun, match=r"its mean confidence is .* and its report says"):
        check(judge.model, tokenizer_of(policy))
    shutil.copy(other.model / "config.json", judge.model)
    with pytest.raises(InvalidRun, match=r"its zero is -?\d\.\d+ and was -?\d\.\d+"):
        check(judge.model, tokenizer_of(policy))


def test_a_head_that_says_the_opposite_is_refused_by_its_accuracy(judge: RunDirectory, policy: RunDirectory) -> None:
    file = judge.model / "model.safetensors"
    weights = load_file(file)
    save_file(weights | {"score.weight": -weights["score.weight"]}, file, metadata={"format": "pt"})
    with pytest.raises(InvalidRun, match=r"held-out accuracy is 0\.0000 and its report says 1\.0000") as found:
        check(judge.model, tokenizer_of(policy))
    assert "its mean confidence" not in str(found.value)  # a margin is as large with either sign
    assert "--set check_reward=false" in str(found.value)


def test_another_longest_conversation_is_refused(judge: RunDirectory, policy: RunDirectory) -> None:
    config = json.loads((judge.model / "config.json").read_text())
    alter(judge.model / "config.json", reward=config["reward"] | {"max_length": 64})
    with pytest.raises(InvalidRun, match="its longest conversation in tokens is 64 and was 128"):
        check(judge.model, tokenizer_of(policy))


def test_of_an_ensemble_the_members_are_held_against_the_report_too(
    train: Callable[..., RunDirectory], policy: RunDirectory
) -> None:
    run = train(ensemble="2")
    tokenizer = tokenizer_of(policy)
    assert check(run.model, tokenizer).warnings == []
    report = builders.report_of(run)
    ensemble = report["held_out"]["ensemble"]
    report["held_out"]["ensemble"] = ensemble | {"spread": 2 * ensemble["spread"]}
    alter(run.report, **report)
    with pytest.raises(InvalidRun, match="not what its report is of: the spread of its members is"):
        check(run.model, tokenizer)
    config = json.loads((run.model / "config.json").read_text())
    alter(run.model / "config.json", reward=config["reward"] | {"penalty": 0.0})
    with pytest.raises(InvalidRun, match=r"its penalty for what its members differ by is 0\.0 and was 1\.0"):
        check(run.model, tokenizer)


def test_a_report_or_a_release_that_is_gone_is_asked_for(
    judge: RunDirectory, policy: RunDirectory, tmp_path: Path
) -> None:
    tokenizer = tokenizer_of(policy)
    config = json.loads(judge.config.read_text())
    alter(judge.config, release=config["release"] | {"path": str(tmp_path / "gone")})
    with pytest.raises(InvalidRun, match=r"cannot be held against its report: .*gone.*check_reward=false"):
        check(judge.model, tokenizer)
    alter(judge.config, release=config["release"] | {"hash": "0" * 64})
    with pytest.raises(InvalidRun, match="is another release than this run was made for"):
        check(judge.model, tokenizer)
    judge.report.unlink()
    with pytest.raises(InvalidRun, match=r"the reward model judge has no report\.json .*check_reward=false"):
        check(judge.model, tokenizer)


def test_a_reward_model_of_elsewhere_is_let_pass_with_a_warning(
    judge: RunDirectory, policy: RunDirectory, tmp_path: Path
) -> None:
    moved = judge.model.rename(tmp_path / "moved")
    (warning,) = check(moved, tokenizer_of(policy)).warnings
    assert warning.startswith("moved was made elsewhere")


def policy_with(template: str, policy: RunDirectory) -> Tokenizer:
    tokenizer = tokenizer_of(policy)
    tokenizer.chat_template = template
    return tokenizer


def test_a_policy_whose_template_adds_a_space_is_told_of_and_let_pass(
    judge: RunDirectory, policy: RunDirectory
) -> None:
    spaced = policy_with(TEMPLATE.replace("+ message['content']", "+ ' ' + message['content']"), policy)
    found = check(judge.model, spaced)
    assert (found.changed, found.accuracy) == (40, 1.0)
    (warning,) = found.warnings
    assert warning == (
        "40 of 40 held-out answers of judge come out of the policy's tokenizer as other texts, such as "
        "' Thank you, 60 it is.' for 'Thank you, 60 it is.'"
    )


def test_a_policy_that_cannot_write_the_answers_is_refused(judge: RunDirectory) -> None:
    """It knows no word of them: all come out as nothing, and nothing is better than nothing."""
    words = RustTokenizer(models.WordLevel({"[UNK]": 0, "[END]": 1, "[PAD]": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    unknowing = PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", eos_token="[END]", pad_token="[PAD]", chat_template=TEMPLATE
    )
    with pytest.raises(InvalidRun, match=r"40 of 40 .* accuracy is 0\.5000 where its report says 1\.0000\. Start"):
        check(judge.model, unknowing)


def test_every_reward_model_is_checked_and_no_function(judge: RunDirectory, policy: RunDirectory) -> None:
    references = [RewardReference(source="os.path:join", weight=1.0, hash=""), reference_to(judge.model)]
    base = base_of(policy)
    assert fidelity.check_all(references, base=base, knobs=RewardingKnobs(), machine=CPU) == []
    (judge.model / "chat_template.jinja").write_text(TEMPLATE + " ")
    open_already = {str(judge.model): rewards.opened(judge.model)}
    for models_ in (None, open_already):
        with pytest.raises(InvalidRun, match="its chat template is not"):
            fidelity.check_all(references, base=base, knobs=RewardingKnobs(), machine=CPU, models=models_)
    (warning,) = fidelity.check_all(references, base=base, knobs=RewardingKnobs(check_reward=False), machine=CPU)
    assert warning == "check_reward=false: judge not held against any report"
