"""One score and one head for each criterion of the rubric: who learns what, and what is left of it on disk."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from tests.training.ml import builders
from tests.training.ml.test_reward import PACKED, won
from tests.training.ml.test_rewards import ASKED, plain_scores
from training.exceptions import InvalidBase, InvalidRelease
from training.ml import ranking, rewards
from training.ml.data import batches, groups, releases
from training.ml.data.batches import Item
from training.ml.data.groups import Edge
from training.ml.knobs import RewardKnobs
from training.ml.reward import RewardLoss
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = [
    pytest.mark.training,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),  # peft's, as in builders.train
]


def rated_rows(train: int = 60, test: int = 20) -> list[dict[str, Any]]:
    """Answers that say thanks are preferred and polite; of these the others are more honest."""
    rows = []
    for number in range(train + test):
        texts = [f"Thank you, {number} it is.", f"No. Go away {number}!"]
        polite, honest = [5, 1], [1.5, None] if number % 10 == 0 else [2, 4]
        good = 0
        if number % 2:
            texts, polite, honest, good = texts[::-1], polite[::-1], honest[::-1], 1
        rows.append(
            builders.row(
                f"Question {number}?",
                texts,
                [[good], [1 - good]],
                split="train" if number < train else "test",
                ratings={"polite": polite, "honest": honest},
            )
        )
    return rows


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> ReleaseReference:
    return builders.release(tmp_path_factory.mktemp("rated") / "release", rated_rows())


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory, rated: ReleaseReference, policy: RunDirectory) -> RunDirectory:
    values = {"heads": "rubric", "epochs": "2"}
    directory = tmp_path_factory.mktemp("heads") / "run"
    run = builders.make_run(directory, "rm", reference=rated, base=str(policy.model), values=values)
    builders.train(run)
    return run


def test_each_head_learns_its_own_criterion(several: RunDirectory) -> None:
    held_out = builders.report_of(several)["held_out"]
    assert list(held_out["heads"]) == ["honest", "polite"]
    assert held_out["heads"]["polite"]["n_pairs"] == 20
    assert held_out["heads"]["honest"]["n_pairs"] == 18  # two were rated by one answer alone
    for found in (held_out["accuracy"], *held_out["heads"].values()):
        assert found["value"] >= 0.9
        assert found["low"] <= found["value"] <= found["high"]


def test_heads_contradict_each_other_where_the_ratings_did(several: RunDirectory) -> None:
    judge = rewards.opened(several.model)
    assert judge.heads == ("preference", "honest", "polite")
    thanks, rude, _ = judge.rewards(ASKED[:3])
    assert thanks.heads["polite"] > rude.heads["polite"]
    assert thanks.heads["honest"] < rude.heads["honest"]
    assert thanks.value == thanks.heads["preference"] > rude.value


def test_the_score_is_the_first_of_the_plain_models_logits(several: RunDirectory) -> None:
    model: Any = AutoModelForSequenceClassification.from_pretrained(several.model)
    assert model.config.id2label == {0: "preference", 1: "honest", 2: "polite"}
    judge = rewards.opened(several.model)
    offset = judge.record.offsets[0][0]
    assert [logit - offset for logit in plain_scores(several.model, ASKED)] == pytest.approx(
        judge.score(ASKED), rel=1e-5, abs=1e-6
    )


def test_members_of_an_ensemble_have_all_heads(tmp_path: Path, rated: ReleaseReference, policy: RunDirectory) -> None:
    values = {"heads": "rubric", "ensemble": "2"}
    run = builders.make_run(tmp_path / "run", "rm", reference=rated, base=str(policy.model), values=values)
    report = builders.train(run)
    assert len(report["held_out"]["ensemble"]["members"]) == 2
    assert set(report["held_out"]["heads"]) == {"honest", "polite"}
    judge = rewards.opened(run.model)
    assert [len(offsets) for offsets in judge.record.offsets] == [3, 3]
    assert set(judge.rewards(ASKED[:1])[0].heads) == {"preference", "honest", "polite"}


def test_the_loss_of_a_criterion_counts_prompts_without_ratings_too() -> None:
    """Two prompts of two answers: both compared, one rated; scores by hand."""
    edge = Edge(better=0, worse=1, tie=False, margin=0.0, weight=1.0)
    turned = Edge(better=1, worse=0, tie=False, margin=0.0, weight=3.0)
    rated, silent = (
        Item(prompt=[1], answers=[[2], [3]], edges=[edge], rankings=[], criteria=criteria)
        for criteria in ({"honest": [turned]}, {})
    )
    found = RewardLoss(
        knobs=RewardKnobs(centering=0.0, head_weight=0.5), reading=PACKED, criteria=("honest", "polite")
    )
    scores = torch.tensor([[0.5, 0.1, 9.0], [0.0, 0.4, 9.0], [1.0, 7.0, 9.0], [0.0, 7.0, 9.0]])
    apart = found.of_criteria(scores[:, 1:], [rated, silent], total=2.0).item()
    assert apart == pytest.approx(won(0.3) / 2 / 2, rel=1e-6)


def test_persons_are_compared_with_themselves_alone() -> None:
    """One rates 4 and 5, another 1 and 2, the other way round; a third leaves one out."""
    row = builders.row("p", ["a", "b"], [[0], [1]], ratings={"honest": [5, 4]})
    row["judgements"] += [
        builders.judgement([[0], [1]], ratings={"honest": [1, 2]}, weight=2.0),
        builders.judgement([[0], [1]], ratings={"honest": [1, None], "polite": [3, 3]}),
    ]
    (group,) = groups.of_rows([releases.row_of(row)])
    assert groups.rated(group, labels="votes") == {
        "honest": [
            Edge(better=0, worse=1, tie=False, margin=0.0, weight=1.0),
            Edge(better=1, worse=0, tie=False, margin=0.0, weight=2.0),
        ]
    }
    assert groups.rated(group, labels="majority")["honest"] == [
        Edge(better=1, worse=0, tie=False, margin=0.0, weight=1.0)
    ]


def test_ratings_of_a_prompt_that_is_split_go_with_the_comparison_of_the_same_answers() -> None:
    pairs = [(0, 1), (1, 2), (0, 2)]
    edges = [Edge(better=low, worse=high, tie=False, margin=0.0, weight=1.0) for low, high in pairs]
    turned = [Edge(better=high, worse=low, tie=False, margin=0.0, weight=1.0) for low, high in pairs]
    item = Item(prompt=[1], answers=[[2] * 9] * 3, edges=edges, rankings=[], criteria={"honest": turned})
    parts = batches.split(item, budget=20)
    assert len(parts) == 3
    for part in parts:
        (compared,), (rated,) = part.edges, part.criteria["honest"]
        assert (compared.better, compared.worse) == (rated.worse, rated.better)


def test_a_copy_that_fills_a_step_rates_nothing() -> None:
    edge = Edge(better=0, worse=1, tie=False, margin=0.0, weight=1.0)
    item = Item(prompt=[1], answers=[[2], [3]], edges=[edge], rankings=[], criteria={"honest": [edge]})
    assert ranking.silent(item).criteria == {}


def test_a_release_without_ratings_is_refused(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    values = {"heads": "rubric"}
    run = builders.make_run(tmp_path / "run", "rm", reference=comparisons, base=str(policy.model), values=values)
    with pytest.raises(
        InvalidRelease, match="heads=rubric: no judgement of the train split rates two of its answers"
    ):
        builders.train(run)


def test_a_reward_model_with_other_heads_is_no_base(
    tmp_path: Path, rated: ReleaseReference, several: RunDirectory
) -> None:
    run = builders.make_run(tmp_path / "run", "rm", reference=rated, base=str(several.model))
    with pytest.raises(InvalidBase, match=r"3 heads \(preference, honest, polite\), and this run trains one"):
        builders.train(run)
