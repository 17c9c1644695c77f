"""The loss of a reward model, knob by knob, worked out by hand; and what is scored how often."""

import math
from collections.abc import Callable
from math import exp, log
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.training.ml import builders
from training.exceptions import InvalidRelease
from training.ml import preferences, ranking, reward, rewards
from training.ml.data import groups, releases
from training.ml.ranking import Reading
from training.ml.reward import RewardLoss
from training.ml.run.jobs import Job
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training

OpensJob = Callable[..., Job[Any]]

PACKED = Reading(packed=True, shared=True, why_not=None, pad=0)
A, B, C = 0.5, -0.25, 0.1  # rewards of the three answers to the one prompt
D, E = 1.0, 0.0  # and of the two to the other


def won(ahead: float) -> float:
    return log(1 + exp(-ahead))


def tied(ahead: float) -> float:
    return (won(ahead) + won(-ahead)) / 2


def listed(*rewards: float) -> float:
    """-log P of this order (Plackett-Luce)."""
    return sum(log(sum(map(exp, rewards[i:]))) - reward for i, reward in enumerate(rewards))


def davidson(ahead: float, *, width: float, tie: bool = False) -> float:
    nu = exp(width) - 1
    return -log((nu if tie else exp(ahead / 2)) / (exp(ahead / 2) + exp(-ahead / 2) + nu))


def rao_kupper(ahead: float, *, width: float, tie: bool = False) -> float:
    win, loss = (1 / (1 + exp(width - sign * ahead)) for sign in (1, -1))
    return -log(1 - win - loss if tie else win)


@pytest.fixture(scope="module")
def disputed(tmp_path_factory: pytest.TempPathFactory) -> ReleaseReference:
    """One prompt on which three people disagree (a > b > c; b > a; a = b), and one that is plain (d > e)."""
    several = builders.row("Why?", ["a", "b", "c"], [[0], [1], [2]], strength=3)
    several["judgements"] += [builders.judgement([[1], [0]]), builders.judgement([[0, 1]])]
    rows = [several, builders.row("Plain?", ["d", "e"], [[0], [1]])]
    return builders.release(tmp_path_factory.mktemp("disputed") / "release", rows)


ONE_PROMPT = [
    ({}, (won(A - B) + won(A - C) + won(B - C) + won(B - A)) / 4),
    ({"labels": "shares"}, (tied(A - B) + won(A - C) + won(B - C)) / 3),
    ({"labels": "majority"}, (won(A - C) + won(B - C)) / 2),
    ({"labels": "majority", "ties": "half"}, (tied(A - B) + won(A - C) + won(B - C)) / 3),
    ({"ties": "half"}, (won(A - B) + won(A - C) + won(B - C) + won(B - A) + tied(A - B)) / 5),
    (
        {"ties": "davidson", "tie_width": "0.7"},
        (sum(davidson(d, width=0.7) for d in (A - B, A - C, B - C, B - A)) + davidson(A - B, width=0.7, tie=True))
        / 5,
    ),
    (
        {"ties": "rao-kupper", "tie_width": "0.4"},
        (sum(rao_kupper(d, width=0.4) for d in (A - B, A - C, B - C, B - A)) + rao_kupper(A - B, width=0.4, tie=True))
        / 5,
    ),
    ({"margin": "strength"}, (won(A - B - 2 / 3) + won(A - C - 2 / 3) + won(B - C - 2 / 3) + won(B - A)) / 4),
    ({"loss": "plackett-luce"}, (listed(A, B, C) + listed(B, A)) / 2),
    ({"loss": "plackett-luce", "ties": "half"}, (listed(A, B, C) + listed(B, A) + 2 * tied(A - B) - log(2)) / 3),
    ({"loss": "plackett-luce", "labels": "majority"}, (listed(A, B, C) + listed(B, A)) / 2),
]


@pytest.mark.parametrize(("values", "expected"), ONE_PROMPT, ids=lambda value: str(value)[:60])
def test_what_people_said_of_a_prompt_becomes_its_loss(
    reward_job: OpensJob, disputed: ReleaseReference, values: dict[str, str], expected: float
) -> None:
    job = reward_job(disputed, centering="0", **values)
    assert loss(job, of_prompt="Why?", scores=[A, B, C]) == pytest.approx(expected, rel=1e-6)


PER_PROMPT = (won(A - B) + won(A - C) + won(B - C) + won(B - A)) / 4
SQUARES = [(A + B) ** 2, (A + C) ** 2, (B + C) ** 2, (B + A) ** 2]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (won(D - E) + PER_PROMPT) / 2),
        ({"weighting": "comparison"}, (won(D - E) + 4 * PER_PROMPT) / 5),
        ({"loss": "plackett-luce"}, (won(D - E) + (listed(A, B, C) + listed(B, A)) / 2) / 2),
        ({"loss": "plackett-luce", "weighting": "comparison"}, (won(D - E) + listed(A, B, C) + listed(B, A)) / 3),
    ],
    ids=str,
)
@pytest.mark.parametrize("centering", [0.0, 0.5])
def test_prompts_or_comparisons_weigh_the_same_and_rewards_are_drawn_to_zero(
    reward_job: OpensJob,
    disputed: ReleaseReference,
    values: dict[str, str],
    expected: float,
    centering: float,
) -> None:
    """The pull towards zero has the weights of what it goes with: 1 : 1, 1 : 4, and 1 : 2 for rankings."""
    job = reward_job(disputed, centering=str(centering), **values)
    plain, several = (D + E) ** 2, sum(SQUARES) / 4
    rankings = 2 if "loss" in values else 4
    pull = (plain + rankings * several) / (1 + rankings) if "weighting" in values else (plain + several) / 2
    found = loss(job, scores=[D, E, A, B, C])
    assert found == pytest.approx(expected + centering * pull, rel=1e-6)


def test_the_batch_as_a_whole_is_drawn_to_zero_by_choice(reward_job: OpensJob, disputed: ReleaseReference) -> None:
    """The square of the mean of all five answers, and in a step of twice the weight half of it."""
    job = reward_job(disputed, centering="0.5", centering_kind="batch")
    pull = ((A + B + C + D + E) / 5) ** 2
    assert loss(job, scores=[D, E, A, B, C]) == pytest.approx((won(D - E) + PER_PROMPT) / 2 + 0.5 * pull, rel=1e-6)
    found = RewardLoss(knobs=job.knobs, reading=PACKED)
    items = ranking.encode(job, groups.of_rows(job.release.rows), knobs=job.knobs)
    scores = torch.tensor([D, E, A, B, C])
    whole = found.of_scores(scores, items, total=found.weight(items)).item()
    assert found.of_scores(scores, items, total=2 * found.weight(items)).item() == pytest.approx(whole / 2, rel=1e-6)


def loss(job: Job[Any], *, scores: list[float], of_prompt: str = "") -> float:
    rows = [row for row in job.release.rows if not of_prompt or row.prompt[0]["content"] == of_prompt]
    items = ranking.encode(job, groups.of_rows(rows), knobs=job.knobs)
    found = RewardLoss(knobs=job.knobs, reading=PACKED)
    return found.of_scores(torch.tensor(scores), items, total=found.weight(items)).item()


def test_a_release_in_which_every_pair_is_outvoted_evenly_is_refused(tmp_path: Path, reward_job: OpensJob) -> None:
    reference = builders.release(tmp_path / "r", [builders.row("p", ["a", "b"], [[0], [1]], [[1], [0]])])
    job = reward_job(reference, labels="majority")
    with pytest.raises(InvalidRelease, match="each has its opposite"):
        preferences.rankings_of(job, job.knobs)


def test_held_out_answers_are_scored_once_whatever_pairs_they_stand_in(
    tmp_path: Path, reward_job: OpensJob, reward_model: RunDirectory
) -> None:
    held_out = builders.row("p", ["one", "two", "three", "four"], [[2], [0], [3], [1]], split="test")
    reference = builders.release(tmp_path / "r", [held_out, builders.row("q", ["a", "b"], [[0], [1]])])
    job = reward_job(reference)
    pairs = preferences.rankings_of(job, job.knobs).held_out
    judge = rewards.opened(reward_model.model)
    model = judge.model
    read: list[int] = []
    model.register_forward_pre_hook(lambda *call: read.append(len(call[2]["input_ids"])), with_kwargs=True)
    scores = reward.scores_of(judge, pairs)
    assert (len(pairs), sum(read)) == (6, 4)
    ((offset,),) = judge.record.offsets
    for pair, score in zip(pairs, scores, strict=True):
        alone = [model(input_ids=torch.tensor([tokens.ids])).logits.item() for tokens in (pair.chosen, pair.rejected)]
        assert list(score) == pytest.approx([logit - offset for logit in alone], abs=1e-5)


def rankings_of_four(train: int = 40, test: int = 10) -> list[dict[str, Any]]:
    """Two answers that say thanks, tied, over two that do not; by two people, of whom one sees a difference."""
    return [
        builders.row(
            f"Question {number}?",
            [f"No. Go away {number}!", f"Thank you, {number} it is.", f"Thank you for {number}.", f"Not {number}."],
            [[1, 2], [0, 3]],
            [[2], [1], [3], [0]],
            split="train" if number < train else "test",
        )
        for number in range(train + test)
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"loss": "plackett-luce"},
        {"ties": "davidson", "labels": "shares", "weighting": "comparison", "max_tokens": "40", "accumulate": "3"},
    ],
    ids=str,
)
def test_a_reward_model_learns_from_rankings_and_is_a_plain_model_afterwards(
    tmp_path: Path, policy: RunDirectory, reward_job: OpensJob, values: dict[str, str]
) -> None:
    reference = builders.release(tmp_path / "r", rankings_of_four())
    run = builders.make_run(
        tmp_path / "run", "rm", reference=reference, base=str(policy.model), values={"epochs": "2", **values}
    )
    report = builders.train(run)
    assert report["train"]["examples"] == report["batches"]["prompts"] == 40
    assert report["batches"]["responses"] == 160
    assert (report["batches"]["split_prompts"] > 0) == ("max_tokens" in values)
    assert report["batches"]["token_ceiling"] > 2
    assert report["resolved"]["epochs"] == 2
    assert report["train"]["loss_last"] < report["train"]["loss_first"]
    job = reward_job(reference)
    tokenizer = AutoTokenizer.from_pretrained(run.model)
    assert tokenizer.get_vocab() == job.base.tokenizer.get_vocab()
    rows = releases.read(Path(reference.path), expected_hash=reference.hash).rows
    items = ranking.encode(job, groups.of_rows(rows), knobs=job.knobs)[:5]
    model = AutoModelForSequenceClassification.from_pretrained(run.model)
    packed = PACKED.scores(model, items).tolist()
    plain = [model(torch.tensor([one.prompt + answer])).logits.item() for one in items for answer in one.answers]
    assert packed == pytest.approx(plain, abs=1e-5)
    thanks = [reward for number, reward in enumerate(plain) if number % 4 in (1, 2)]
    assert math.fsum(thanks) / 10 > math.fsum(plain) / 20
