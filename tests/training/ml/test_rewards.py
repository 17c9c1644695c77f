"""One reward for one text, whoever asks: what is saved, what plain transformers make of it, where zero lies."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.training.ml import builders
from tests.training.ml.test_training import encoder
from training.exceptions import AnswerTooLong, InvalidBase
from training.ml import rewards
from training.ml.data import releases
from training.ml.data.conversations import tokens_of
from training.ml.rewards import Conversation
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training

ASKED: list[Conversation] = [
    ([{"role": "user", "content": f"Question {number}?"}], answer)
    for number in (3, 14)
    for answer in ("Thank you.", "No. Go away!", "Thank you, 3 it is, and that is all that there is to say of it.")
]


def plain_scores(path: Path, conversations: list[Conversation]) -> list[float]:
    """By transformers alone, one conversation at a time."""
    model: Any = AutoModelForSequenceClassification.from_pretrained(path)
    tokenizer = AutoTokenizer.from_pretrained(path)
    ids = [tokens_of(tokenizer, prompt, answer).ids for prompt, answer in conversations]
    with torch.no_grad():
        return [model(input_ids=torch.tensor([one])).logits[0, 0].item() for one in ids]


def training_answers(reference: ReleaseReference) -> list[Conversation]:
    rows = releases.read(Path(reference.path)).rows
    return [(row.prompt, response.text) for row in rows if row.split == "train" for response in row.responses]


def test_a_decoder_reloads_with_plain_transformers_to_the_same_score_less_what_its_config_names(
    reward_model: RunDirectory,
) -> None:
    judge = rewards.opened(reward_model.model)
    ((offset,),) = judge.model.config.reward["offsets"]
    expected = [logit - offset for logit in plain_scores(reward_model.model, ASKED)]
    assert judge.score(ASKED) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert builders.report_of(reward_model)["held_out"]["shift"] == {
        "offset": round(offset, 6),
        "kept_in": "config",
    }


def test_training_answers_have_mean_zero(reward_model: RunDirectory, comparisons: ReleaseReference) -> None:
    scores = rewards.opened(reward_model.model).score(training_answers(comparisons))
    assert len(scores) == 120
    assert abs(math.fsum(scores) / 120) < 1e-5
    assert max(map(abs, scores)) > 0.1


@pytest.fixture(scope="module")
def encoders(
    tmp_path_factory: pytest.TempPathFactory, comparisons: ReleaseReference, policy: RunDirectory
) -> dict[str, RunDirectory]:
    """One encoder with its zero moved, and one without."""
    folder = tmp_path_factory.mktemp("encoders")
    base, runs = encoder(folder / "bert", policy), {}
    for shift in ("true", "false"):
        runs[shift] = builders.make_run(
            folder / shift,
            "rm",
            reference=comparisons,
            base=str(base),
            values={"shift": shift, "lora": "false", "centering": "0"},
        )
        builders.train(runs[shift])
    return runs


def test_an_encoder_keeps_its_zero_in_its_bias_and_reloads_with_plain_transformers_to_the_same_score(
    encoders: dict[str, RunDirectory], comparisons: ReleaseReference
) -> None:
    path = encoders["true"].model
    assert rewards.opened(path).score(ASKED) == pytest.approx(plain_scores(path, ASKED), rel=1e-5, abs=1e-6)
    scores = plain_scores(path, training_answers(comparisons))
    assert abs(math.fsum(scores) / len(scores)) < 1e-5
    assert builders.report_of(encoders["true"])["held_out"]["shift"]["kept_in"] == "bias"


def test_moving_zero_moves_every_score_by_the_same_and_no_accuracy(encoders: dict[str, RunDirectory]) -> None:
    moved, left = (rewards.opened(encoders[shift].model).score(ASKED) for shift in ("true", "false"))
    steps = [one - other for one, other in zip(left, moved, strict=True)]
    assert abs(steps[0]) > 1e-3
    assert steps == pytest.approx([steps[0]] * len(steps), abs=1e-5)
    with_shift, without = (builders.report_of(encoders[shift])["held_out"] for shift in ("true", "false"))
    assert with_shift["accuracy"] == without["accuracy"]
    assert "shift" not in without


def test_a_score_hangs_on_nothing_else_that_is_asked_for(reward_model: RunDirectory) -> None:
    judge = rewards.opened(reward_model.model)
    assert judge.score(ASKED[::-1] + ASKED)[6:] == pytest.approx(judge.score(ASKED), abs=1e-5)
    assert judge.score([]) == []
    (found,) = judge.rewards(ASKED[:1])
    assert (found.value, found.spread, found.conservative) == (found.members[0], 0, found.value)


def test_a_long_prompt_loses_its_beginning_and_a_long_answer_is_refused(reward_model: RunDirectory) -> None:
    judge = rewards.opened(reward_model.model)
    long: Conversation = ([{"role": "user", "content": "x" * 500 + "Question 3?"}], "Thank you.")
    longer: Conversation = ([{"role": "user", "content": "x" * 600 + "Question 3?"}], "Thank you.")
    assert len(set(judge.score([long, longer]))) == 1
    with pytest.raises(AnswerTooLong, match=r"an answer of 900 characters leaves no room .* reads 128 tokens"):
        judge.score([([{"role": "user", "content": "Question 3?"}], "y" * 900)])


def test_a_policy_is_no_reward_model(policy: RunDirectory) -> None:
    with pytest.raises(InvalidBase, match="is no reward model"):
        rewards.opened(policy.model)


def test_a_reward_model_of_elsewhere_is_read_as_it_is(tmp_path: Path, reward_model: RunDirectory) -> None:
    model: Any = AutoModelForSequenceClassification.from_pretrained(reward_model.model)
    del model.config.reward
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(reward_model.model).save_pretrained(tmp_path)
    assert rewards.opened(tmp_path).score(ASKED) == pytest.approx(plain_scores(tmp_path, ASKED), abs=1e-5)
