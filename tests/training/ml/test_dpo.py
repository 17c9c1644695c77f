"""DPO on rankings: what the loss is of, what every knob changes, and what a run finds of its reference."""

import math
import sqlite3
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, MistralConfig, MistralForCausalLM

from tests.training.ml import builders, tiny_models
from tests.training.ml.test_processes import launch
from training.exceptions import InvalidKnob
from training.ml import __main__ as program
from training.ml import dpo, knobs, preferences, reference, reference_cache
from training.ml.data.batches import Item
from training.ml.data.conversations import Tokens
from training.ml.data.groups import Edge
from training.ml.data.pairs import Pair
from training.ml.knobs import DpoKnobs
from training.ml.preferences import TokenPair
from training.ml.ranking import Reading
from training.ml.reference import Reference
from training.ml.run.jobs import opened
from training.ml.run.rundir import ReleaseReference, RunDirectory, read_json, write_json

PACKED = Reading(packed=True, shared=True, why_not=None, pad=0)
PADDED = Reading(packed=False, shared=False, why_not="so that it is tried", pad=0)


def parsed(**values: object) -> DpoKnobs:
    found = knobs.parse("dpo", {name: str(value) for name, value in values.items()})
    assert isinstance(found, DpoKnobs)
    return found


def strict(better: int, worse: int, *, margin: float = 0.0, weight: float = 1.0) -> Edge:
    return Edge(better=better, worse=worse, tie=False, margin=margin, weight=weight)


TIE = Edge(better=0, worse=1, tie=True, margin=0.0, weight=1.0)


def item(prompt: list[int], answers: list[list[int]], *edges: Edge) -> Item:
    return Item(prompt=prompt, answers=answers, edges=list(edges), rankings=[])


def reference_for(items: Sequence[Item], values: Sequence[float]) -> Reference:
    keys = [key for each in items for key in reference.keys_of(each)]
    return Reference(values=dict(zip(keys, values, strict=True)), known=0)


# The loss of what a policy says of a batch.

PAIR = ([5], [[6], [7, 8, 9]])  # one token against three
LOG_PROBS, BASE = [-2.0, -9.0], [-4.0, -6.0]  # log-ratios 2 and -3, for a token 2 and -1


def loss(*edges: Edge, **values: object) -> float:
    items = [item(*PAIR, *edges)]
    found = dpo.PreferenceLoss(knobs=parsed(**values), reading=PACKED, base=reference_for(items, BASE))
    return float(found.of_log_probs(torch.tensor(LOG_PROBS, dtype=torch.float64), items))


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_the_loss_is_that_of_the_paper() -> None:
    assert loss(strict(0, 1)) == pytest.approx(softplus(-0.1 * 5))
    assert loss(strict(1, 0)) == pytest.approx(softplus(0.1 * 5))


def test_beta_scales_the_log_ratios() -> None:
    assert loss(strict(0, 1), beta=0.3) == pytest.approx(softplus(-0.3 * 5))


@pytest.mark.parametrize("name", ["sigmoid", "hinge"])
def test_label_smoothing_believes_some_comparisons_to_be_the_wrong_way_round(name: str) -> None:
    right, wrong = loss(strict(0, 1), loss=name), loss(strict(1, 0), loss=name)
    assert loss(strict(0, 1), loss=name, label_smoothing=0.2) == pytest.approx(0.8 * right + 0.2 * wrong)
    assert right < 0.8 * right + 0.2 * wrong < wrong


def test_hinge_asks_for_a_lead_of_one() -> None:
    assert loss(strict(0, 1), loss="hinge") == pytest.approx(1 - 0.1 * 5)


def test_ipo_compares_means_over_the_tokens_of_an_answer() -> None:
    assert loss(strict(0, 1), loss="ipo", beta=0.25) == pytest.approx((3 - 1 / (2 * 0.25)) ** 2)


def test_a_margin_is_to_be_won_by() -> None:
    assert loss(strict(0, 1, margin=2 / 3)) == pytest.approx(softplus(-(0.1 * 5 - 2 / 3)))


def test_a_tie_model_gives_ties_a_probability_of_the_width_that_was_asked_for() -> None:
    half_a_win = (softplus(-0.5) + softplus(0.5)) / 2
    assert loss(TIE, ties="half") == pytest.approx(half_a_win)
    for width in (0.5, 2.0):
        nu = math.exp(width) - 1
        tied = nu / (math.exp(0.25) + math.exp(-0.25) + nu)
        assert loss(TIE, ties="davidson", tie_width=width) == pytest.approx(-math.log(tied))


def test_by_prompt_a_prompt_counts_once_and_by_comparison_as_often_as_it_was_judged() -> None:
    once, often = item([5], [[6], [7]], strict(0, 1)), item([5], [[8], [9]], strict(0, 1, weight=3.0))
    ahead = torch.tensor([10.0, 0.0, 0.0, 0.0])  # 1 for once, 0 for often
    found = {}
    for weighting in ("prompt", "comparison"):
        base = reference_for([once, often], [0.0] * 4)
        whole = dpo.PreferenceLoss(knobs=parsed(weighting=weighting), reading=PACKED, base=base)
        found[weighting] = float(whole.of_log_probs(ahead, [once, often]))
        assert whole.weight([once, often]) == pytest.approx(2 if weighting == "prompt" else 4)
    assert found["prompt"] == pytest.approx((softplus(-1) + math.log(2)) / 2)
    assert found["comparison"] == pytest.approx((softplus(-1) + 3 * math.log(2)) / 4)


@pytest.mark.parametrize(("name", "ahead"), [("sigmoid", 0.3 * 5), ("ipo", 0.3 * 3)])
def test_an_implicit_reward_is_how_far_an_answer_moved_from_the_base(name: str, ahead: float) -> None:
    items = [item(*PAIR)]
    now, before = (reference_for(items, said).values for said in (LOG_PROBS, BASE))
    rewards = dpo.rewards_of(items, after=now, before=before, knobs=parsed(loss=name, beta=0.3))
    first, second = (Tokens(prompt=PAIR[0], answer=answer) for answer in PAIR[1])
    told = Pair(prompt=(("user", "Which?"),), chosen="this", rejected="that")
    assert dpo.items_of([first, second, first]) == items
    pairs = [TokenPair(pair=told, chosen=a, rejected=b) for a, b in ((first, second), (second, first))]
    assert [better - worse for better, worse in dpo.scores_of(pairs, rewards)] == pytest.approx([ahead, -ahead])


def test_a_tie_model_beside_a_loss_without_probabilities_is_refused() -> None:
    with pytest.raises(InvalidKnob, match="with loss=ipo say drop or half"):
        parsed(loss="ipo", ties="davidson")
    assert parsed(loss="ipo", ties="half").ties == "half"


# What the model says: the same in a row, padded, and pair by pair.


def rankings(seed: int) -> list[Item]:
    """Complete orders, the first answer best."""
    return [
        item(prompt, answers, *(strict(better, worse) for better, worse in combinations(range(len(answers)), 2)))
        for prompt, answers in tiny_models.items(seed, answers=(2, 4, 9))
    ]


def alone(model: Any, prompt: list[int], answer: list[int]) -> Tensor:
    """log p(answer | prompt) by the model's own forward."""
    ids = torch.tensor([prompt + answer])
    found = model(ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])
    return found[len(prompt) - 1 :].sum()


def gradients(model: Any, value: Tensor) -> Tensor:
    model.zero_grad()
    value.backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_gradients_are_those_of_the_pairs_one_by_one(name: str) -> None:
    model = tiny_models.language_model(tiny_models.DECODERS[name](), torch.float64)
    items = rankings(seed=3)
    with torch.no_grad():
        said = [float(alone(model, each.prompt, answer)) for each in items for answer in each.answers]
    base = reference_for(items, [value - place % 3 for place, value in enumerate(said)])
    by_prompt = [
        torch.stack([-torch.nn.functional.logsigmoid(0.1 * lead(model, base, each, edge)) for edge in each.edges])
        for each in items
    ]
    wanted = gradients(model, torch.stack([found.mean() for found in by_prompt]).mean())
    ours = dpo.PreferenceLoss(knobs=parsed(), reading=PACKED, base=base)
    total = torch.tensor(4.0 * len(items))  # as if the step had three batches more
    assert (4 * gradients(model, ours(model, items, total)) - wanted).norm() <= 1e-10 * wanted.norm()


def lead(model: Any, base: Reference, of: Item, edge: Edge) -> Tensor:
    """The log-ratio of the better answer less that of the worse."""
    better, worse = (
        alone(model, of.prompt, of.answers[place]) - base.values[reference.key(of.prompt, of.answers[place])]
        for place in (edge.better, edge.worse)
    )
    return better - worse


def test_padded_batches_say_what_packed_rows_say() -> None:
    model = tiny_models.language_model(tiny_models.DECODERS["qwen2"]())
    items = rankings(seed=4)
    rows, batch = dpo.log_probs(model, items, PACKED), dpo.log_probs(model, items, PADDED)
    assert torch.allclose(rows, batch, rtol=1e-5)
    weights = torch.linspace(-1, 1, len(rows))
    wanted = gradients(model, batch @ weights)
    again = dpo.log_probs(model, items, PACKED)
    assert (gradients(model, again @ weights) - wanted).norm() <= 1e-5 * wanted.norm()


# Whole runs.

POLITE = ["Thank you, {} it is.", "It is {}, thank you.", "It is {}.", "No. Go away {}!"]
SHORT = {"max_steps": "4", "logging_steps": "1", "learning_rate": "1e-3"}


def polite_rankings(prompts: range) -> list[dict[str, Any]]:
    """Four answers to each prompt, ranked by two people who agree; one prompt in five is held out."""
    return [
        builders.row(
            f"Question {number}?",
            [text.format(number) for text in POLITE],
            [[0], [1], [2], [3]],
            [[0], [1], [2], [3]],
            split="test" if number % 5 == 0 else "train",
        )
        for number in prompts
    ]


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> ReleaseReference:
    return builders.release(tmp_path_factory.mktemp("release") / "ranked", polite_rankings(range(20)))


def run_of(path: Path, release: ReleaseReference, base: RunDirectory, **values: str) -> RunDirectory:
    run = builders.make_run(path, "dpo", reference=release, base=str(base.model), values=SHORT | values)
    builders.train(run)
    return run


def known(run: RunDirectory) -> dict[str, int]:
    return (read_json(run.timing) or {})["reference"]


trains = pytest.mark.training


def test_what_was_known_of_the_reference_stays_beside_the_time_that_a_run_took(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    write_json(run.timing, {"reference": {"answers": 2, "known": 1}})
    write_json(run.report, {"headline": "Done.", "warnings": []})
    program.finish(run, started=0.0)
    found = read_json(run.timing)
    assert found is not None
    assert found["reference"] == {"answers": 2, "known": 1}
    assert found["seconds"] > 0


@trains
@pytest.mark.parametrize("lora", ["true", "false"])
def test_a_run_starts_at_its_reference_and_moves_from_it(
    tmp_path: Path, ranked: ReleaseReference, policy: RunDirectory, lora: str
) -> None:
    report = builders.report_of(run_of(tmp_path / "run", ranked, policy, lora=lora))
    assert report["train"]["loss_first"] == pytest.approx(math.log(2), abs=1e-6)
    assert report["train"]["loss_last"] < report["train"]["loss_first"]
    assert report["train"]["examples"] == 16
    assert report["batches"]["comparisons"] == 16 * 6
    assert report["batches"]["responses"] == 16 * 4
    assert report["held_out"]["accuracy"]["n_pairs"] == 4 * 12


@trains
def test_the_next_run_on_a_base_computes_no_reference_but_for_what_is_new(
    tmp_path: Path, ranked: ReleaseReference, policy: RunDirectory
) -> None:
    first = run_of(tmp_path / "first", ranked, policy)
    assert known(first) == {"answers": 80, "known": 0}
    other_knobs = run_of(tmp_path / "other", ranked, policy, beta="0.5", lora="false")
    assert known(other_knobs) == {"answers": 80, "known": 80}
    grown = builders.release(tmp_path / "grown", polite_rankings(range(22)))
    assert known(run_of(tmp_path / "more", grown, policy)) == {"answers": 88, "known": 80}
    assert known(run_of(tmp_path / "next", ranked, first)) == {"answers": 80, "known": 0}


@trains
def test_a_run_that_finds_its_reference_ends_as_one_that_computes_it(
    tmp_path: Path, ranked: ReleaseReference, policy: RunDirectory
) -> None:
    cold = run_of(tmp_path / "cold" / "run", ranked, policy)
    run_of(tmp_path / "warm" / "other", ranked, policy, batch_size="3", max_tokens="100", lora="false")
    warm = run_of(tmp_path / "warm" / "run", ranked, policy)
    assert (known(cold)["known"], known(warm)["known"]) == (0, 80)
    assert warm.report.read_bytes() == cold.report.read_bytes()
    weights = "model.safetensors"
    assert (warm.model / weights).read_bytes() == (cold.model / weights).read_bytes()


@trains
def test_two_processes_share_the_reference_and_give_the_losses_of_one(
    tmp_path: Path, ranked: ReleaseReference, policy: RunDirectory
) -> None:
    one = run_of(tmp_path / "one" / "run", ranked, policy, batch_size="4", accumulate="2")
    values = SHORT | {"batch_size": "4"}
    two = builders.make_run(tmp_path / "two" / "run", "dpo", reference=ranked, base=str(policy.model), values=values)
    launch(two, config="ddp")
    losses = [[line["loss"] for line in run.read_metrics()] for run in (one, two)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    assert len(set(losses[0])) > 2
    assert known(two) == {"answers": 80, "known": 0}


@trains
def test_in_half_precision_a_run_starts_at_its_reference_as_well(
    tmp_path: Path, ranked: ReleaseReference, policy: RunDirectory
) -> None:
    report = builders.report_of(run_of(tmp_path / "run", ranked, policy, precision="bf16"))
    assert report["train"]["loss_first"] == pytest.approx(math.log(2), abs=2e-3)
    assert report["train"]["loss_last"] < report["train"]["loss_first"]


@trains
def test_a_reference_that_is_not_the_base_is_seen(
    tmp_path: Path, ranked: ReleaseReference, policy: RunDirectory
) -> None:
    """What is on disk is used: so wrong values there change the first loss."""
    run_of(tmp_path / "first", ranked, policy)
    with sqlite3.connect(tmp_path / reference_cache.NAME) as database:
        database.execute("UPDATE log_probs SET value = value - unicode(hex(conversation))")
    database.close()
    report = builders.report_of(run_of(tmp_path / "second", ranked, policy))
    assert report["train"]["loss_first"] != pytest.approx(math.log(2), abs=0.01)


@trains
def test_a_base_with_a_sliding_window_is_trained_on_padded_batches_and_the_report_says_so(
    tmp_path: Path, ranked: ReleaseReference, policy: RunDirectory
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(policy.model)
    torch.manual_seed(5)
    shape = tiny_models.SHAPE | {"vocab_size": len(tokenizer), "max_position_embeddings": 128}
    special = {name: getattr(tokenizer, name) for name in tiny_models.SPECIAL}
    base = RunDirectory(tmp_path / "base")
    config = MistralConfig(sliding_window=16, num_key_value_heads=2, **shape | special)
    MistralForCausalLM(config).save_pretrained(base.model)
    tokenizer.save_pretrained(base.model)
    run = run_of(tmp_path / "run", ranked, base)
    report = builders.report_of(run)
    assert report["train"]["loss_first"] == pytest.approx(math.log(2), abs=1e-5)
    assert any("sliding window" in warning for warning in report["warnings"])
    assert AutoModelForCausalLM.from_pretrained(run.model).config.sliding_window == 16


@trains
@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, [(0, 1, False, 0.0, 2.0), (1, 0, False, 0.0, 1.0)]),
        ({"labels": "shares"}, [(0, 1, False, 0.0, 2 / 3), (1, 0, False, 0.0, 1 / 3)]),
        ({"labels": "majority"}, [(0, 1, False, 0.0, 1.0)]),
        ({"ties": "half"}, [(0, 1, False, 0.0, 2.0), (1, 0, False, 0.0, 1.0), (0, 1, True, 0.0, 1.0)]),
        ({"margin": "strength"}, [(0, 1, False, 2 / 3, 2.0), (1, 0, False, 2 / 3, 1.0)]),
    ],
    ids=str,
)
def test_what_people_said_is_read_as_the_knobs_have_it(
    tmp_path: Path, policy: RunDirectory, values: dict[str, str], wanted: list[tuple[Any, ...]]
) -> None:
    row = builders.row("Which?", ["This.", "That."], [[0], [1]], [[0], [1]], [[1], [0]], [[0, 1]], strength=3)
    release = builders.release(tmp_path / "release", [row])
    run = builders.make_run(tmp_path / "run", "dpo", reference=release, base=str(policy.model), values=values)
    config = run.read_config()
    asked = knobs.from_json("dpo", config.knobs)
    assert isinstance(asked, DpoKnobs)
    (found,) = preferences.rankings_of(opened(run, config, asked), asked).train
    edges = [(edge.better, edge.worse, edge.tie, edge.margin, edge.weight) for edge in found.edges]
    assert sorted(edges) == [pytest.approx(edge) for edge in sorted(wanted)]


@trains
@pytest.mark.parametrize("lora", ["true", "false"])
def test_the_losses_of_trl_are_within_reach(
    tmp_path: Path, ranked: ReleaseReference, policy: RunDirectory, lora: str
) -> None:
    report = builders.report_of(
        run_of(tmp_path / "run", ranked, policy, trainer="trl", loss="apo_zero", lora=lora, max_steps="3")
    )
    assert report["train"]["loss_first"] == pytest.approx(1.0, abs=1e-5)  # half for each of the two answers
    assert report["train"]["loss_last"] < 1
    assert report["train"]["examples"] == 16 * 12
    assert report["held_out"]["accuracy"]["n_pairs"] == 4 * 12


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"loss": "apo_zero"}, "say trainer=trl"),
        ({"trainer": "trl", "labels": "shares"}, "leave it at votes"),
        ({"trainer": "trl", "label_smoothing": "0.1"}, "loss sigmoid has none"),
        ({"trainer": "trl", "loss": "exo_pair"}, "needs label_smoothing above 0"),
        ({"trainer": "trl", "loss": "robust", "label_smoothing": "0.5"}, "below 0.5"),
    ],
    ids=str,
)
def test_what_a_trainer_cannot_do_is_refused_before_it_starts(values: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidKnob, match=reason):
        knobs.parse("dpo", values)
