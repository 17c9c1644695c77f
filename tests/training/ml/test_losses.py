"""Losses of rankings against values worked by hand; test_losses_compared.py holds them against choix and TRL."""

import math
from collections.abc import Callable, Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from training.exceptions import InvalidKnob
from training.ml import losses
from training.ml.data.batches import Item
from training.ml.data.groups import Edge

LOG3 = math.log(3)
TIES = ("drop", "half", "davidson", "rao-kupper")
Ranking = tuple[tuple[int, ...], ...]


def edge(better: int, worse: int, *, tie: bool = False, margin: float = 0.0, weight: float = 1.0) -> Edge:
    return Edge(better=better, worse=worse, tie=tie, margin=margin, weight=weight)


def item(answers: int, *edges: Edge, rankings: Sequence[tuple[Ranking, float]] = (), share: float = 1.0) -> Item:
    return Item(
        prompt=[1],
        answers=[[2] for _ in range(answers)],
        edges=list(edges),
        rankings=list(rankings),
        share=share,
    )


def edges_of(*items: Item, per: str = "comparison") -> losses.Edges:
    return losses.edges_of(items, per=per, device="cpu")


def one(**fields: Any) -> losses.Edges:
    return edges_of(item(2, edge(0, 1, **fields)))


def by_comparison(*items: Item) -> losses.Rankings:
    return losses.rankings_of(items, per="comparison", device="cpu")


def rankings_of(answers: int, *rankings: Ranking, per: str = "comparison") -> losses.Rankings:
    weighted = [(ranking, 1.0) for ranking in rankings]
    return losses.rankings_of([item(answers, rankings=weighted)], per=per, device="cpu")


def scores(*worths: float) -> Tensor:
    """The scores of answers that are worth so much: exp(score) = worth."""
    return torch.tensor(worths, dtype=torch.float64).log().requires_grad_()


def pairwise(values: Tensor, edges: losses.Edges, *, ties: str = "half", tie_width: float = LOG3) -> Tensor:
    return losses.pairwise(values, edges, ties=ties, tie_width=tie_width)


def preference(values: Tensor, edges: losses.Edges, **fields: Any) -> Tensor:
    asked = {"loss": "sigmoid", "beta": 0.1, "label_smoothing": 0.0, "ties": "half", "tie_width": LOG3} | fields
    return losses.preference(values, edges, **asked)


def likelihood(loss: Tensor) -> float:
    return math.exp(-loss.item())


# Comparisons as indices and weights.


def test_comparisons_point_at_the_answers_of_the_whole_batch() -> None:
    edges = edges_of(item(3, edge(2, 0)), item(2), item(4, edge(1, 3, tie=True, margin=0.5)))
    assert (edges.better.tolist(), edges.worse.tolist()) == ([2, 6], [0, 8])
    assert (edges.tie.tolist(), edges.margin.tolist()) == ([False, True], [0.0, 0.5])


def test_by_prompt_each_item_weighs_its_share_however_often_it_was_judged() -> None:
    often = item(3, edge(0, 1), edge(0, 2), edge(1, 2, weight=2.0))
    edges = edges_of(often, item(2, edge(0, 1, weight=7.0), share=0.5), per="prompt")
    assert edges.weight.tolist() == [0.25, 0.25, 0.5, 0.5]


def test_by_comparison_weights_stay_as_they_are() -> None:
    edges = edges_of(item(2, edge(0, 1, weight=0.75), edge(1, 0, weight=0.25), share=0.5))
    assert edges.weight.tolist() == [0.75, 0.25]


def test_an_item_whose_comparisons_weigh_nothing_counts_for_nothing() -> None:
    assert edges_of(item(2, edge(0, 1, weight=0.0)), per="prompt").weight.tolist() == [0.0]


# Bradley-Terry and its ties.


def test_three_times_the_worth_wins_three_times_out_of_four() -> None:
    assert likelihood(pairwise(scores(3, 1), one())) == pytest.approx(3 / 4, abs=1e-15)


def test_a_lost_cause_keeps_all_its_digits() -> None:
    found = pairwise(torch.tensor([0.0, 20.5], dtype=torch.float64), one()).item()
    assert found == pytest.approx(20.5 + math.log1p(math.exp(-20.5)), rel=1e-15)


def test_a_margin_is_taken_off_before() -> None:
    assert likelihood(pairwise(scores(3, 1), one(margin=LOG3))) == pytest.approx(1 / 2, abs=1e-15)


def test_vote_shares_are_soft_labels() -> None:
    edges = edges_of(item(2, edge(0, 1, weight=0.8), edge(1, 0, weight=0.2)))
    assert pairwise(scores(3, 1), edges).item() == pytest.approx(-0.8 * math.log(3 / 4) - 0.2 * math.log(1 / 4))


def test_all_pairs_of_a_ranking_are_instructgpts_mean_over_k_choose_2() -> None:
    values = scores(5, 3, 2, 0.5)
    pairs = list(combinations(range(4), 2))
    found = pairwise(values, edges_of(item(4, *(edge(*pair) for pair in pairs)), per="prompt"))
    assert found.item() == pytest.approx(sum(softplus(values[b] - values[a]).item() for a, b in pairs) / 6)


@pytest.mark.parametrize(
    ("ties", "win", "tie", "loss"), [("davidson", 4 / 9, 4 / 9, 1 / 9), ("rao-kupper", 52 / 91, 32 / 91, 7 / 91)]
)
def test_tie_models_by_hand(ties: str, win: float, tie: float, loss: float) -> None:
    """Worths 4 and 1. Davidson, ν = 2: 4, 2·√4 and 1 of 9. Rao-Kupper, θ = 3: 4/(4+3), 8·4/(7·13), 1/(1+12)."""
    found = [
        likelihood(pairwise(values, one(tie=tied), ties=ties))
        for values, tied in [(scores(4, 1), False), (scores(4, 1), True), (scores(1, 4), False)]
    ]
    assert found == pytest.approx([win, tie, loss], abs=1e-15)


@pytest.mark.parametrize("ties", losses.TIE_MODELS)
@pytest.mark.parametrize("width", [1e-6, 0.1, 1.0, 5.0, 60.0])
@pytest.mark.parametrize("ahead", [0.0, 0.3, 4.0, 40.0])
def test_win_tie_and_loss_have_probabilities_that_sum_to_one(ties: str, width: float, ahead: float) -> None:
    values = torch.tensor([ahead, 0.0], dtype=torch.float64)
    cases = [(values, False), (values, True), (-values, False)]
    found = [likelihood(pairwise(given, one(tie=tied), ties=ties, tie_width=width)) for given, tied in cases]
    assert sum(found) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("width", [0.2, 1.0, 3.0])
def test_both_tie_models_say_the_same_of_equals(width: float) -> None:
    found = [
        likelihood(pairwise(scores(1, 1), one(tie=True), ties=ties, tie_width=width)) for ties in losses.TIE_MODELS
    ]
    assert found == pytest.approx([math.tanh(width / 2)] * 2, abs=1e-15)


@pytest.mark.parametrize("ties", losses.TIE_MODELS)
def test_a_tie_draws_two_answers_together(ties: str) -> None:
    values = scores(4, 1)
    pairwise(values, one(tie=True), ties=ties).backward()
    assert values.grad is not None
    assert values.grad[0] == pytest.approx(-values.grad[1].item())
    assert values.grad[0] > 0.1


def test_half_a_win_each_way() -> None:
    found = pairwise(scores(3, 1), one(tie=True)).item()
    assert found == pytest.approx(-(math.log(3 / 4) + math.log(1 / 4)) / 2)


def test_a_margin_is_not_asked_of_a_tie() -> None:
    plain, asked = pairwise(scores(3, 1), one(tie=True)), pairwise(scores(3, 1), one(tie=True, margin=2.0))
    assert plain.item() == asked.item()


def test_dropped_ties_change_neither_loss_nor_gradient() -> None:
    values = scores(3, 1, 2)
    edges = edges_of(item(3, edge(0, 1), edge(0, 2, tie=True, weight=5.0)))
    found = pairwise(values, edges, ties="drop")
    found.backward()
    assert values.grad is not None
    assert (likelihood(found), values.grad[2].item()) == (pytest.approx(3 / 4), 0.0)


# Plackett-Luce.


def test_a_ranking_of_three_by_hand() -> None:
    """Worths 3, 2, 1: 3/6 to be first of all, 2/3 to be first of the rest."""
    assert likelihood(losses.listwise(scores(3, 2, 1), rankings_of(3, ((0,), (1,), (2,))))) == pytest.approx(1 / 3)


def test_a_tie_at_the_top_by_hand() -> None:
    """Worths 1, 2 tied before 3: 1·2 over 6 · (6 - 3/2)."""
    assert likelihood(losses.listwise(scores(1, 2, 3), rankings_of(3, ((0, 1), (2,))))) == pytest.approx(2 / 27)


def test_ties_are_efrons_product() -> None:
    worths = np.random.default_rng(3).uniform(0.2, 5, 9)
    groups: Ranking = ((4,), (0, 7, 2), (5, 1), (3, 8))
    expected = 1.0
    for at, group in enumerate(groups):
        rest, tied = sum(worths[i] for later in groups[at:] for i in later), sum(worths[i] for i in group)
        for gone, index in enumerate(group):
            expected *= worths[index] / (rest - gone / len(group) * tied)
    assert likelihood(losses.listwise(scores(*worths), rankings_of(9, groups))) == pytest.approx(expected, rel=1e-12)


def test_probabilities_of_all_orders_sum_to_one() -> None:
    values = scores(0.1, 2, 3, 7)
    orders = [tuple((index,) for index in order) for order in permutations(range(4))]
    assert sum(likelihood(losses.listwise(values, rankings_of(4, order))) for order in orders) == pytest.approx(1)


def test_a_ranking_of_two_is_bradley_terry() -> None:
    values = scores(3, 1, 2)
    assert losses.listwise(values, rankings_of(3, ((2,), (1,)))).item() == pytest.approx(
        pairwise(values, edges_of(item(3, edge(2, 1)))).item()
    )


def test_two_tied_answers_are_drawn_together_twice_as_much_as_by_half_a_win_each_way() -> None:
    values = scores(3, 1)
    expected = 2 * pairwise(values, one(tie=True)).item() - math.log(2)
    assert losses.listwise(values, rankings_of(2, ((0, 1),))).item() == pytest.approx(expected)


def test_rankings_of_different_length_and_weight_average_over_the_batch() -> None:
    first = item(3, rankings=[(((0,), (1,), (2,)), 3.0)])
    second = item(3, rankings=[(((2,), (0,)), 1.0), (((1,),), 100.0)])
    found = losses.listwise(scores(3, 2, 1, 1, 9, 3), by_comparison(first, second))
    assert found.item() == pytest.approx(-(3 * math.log(1 / 3) + math.log(3 / 4)) / 4)


def test_rankings_of_a_prompt_share_its_weight() -> None:
    rankings = rankings_of(3, ((0,), (1,), (2,)), ((1,), (2,)), ((1,),), per="prompt")
    assert (rankings.weight.tolist(), rankings.total.item()) == ([0.5, 0.5, 0.5], 1.0)


# Centring.


def test_the_batch_is_centred_by_the_square_of_its_mean() -> None:
    assert losses.centering(torch.tensor([1.0, 2.0, 6.0])).item() == 9.0


def test_pairs_are_centred_by_their_squared_sums() -> None:
    edges = edges_of(item(3, edge(0, 1, weight=3.0), edge(1, 2)))
    assert losses.centering(torch.tensor([1.0, 2.0, -4.0]), edges).item() == pytest.approx((3 * 9 + 4) / 4)


# Preference losses on log-ratios.


def test_ipo_and_hinge_by_hand() -> None:
    values = torch.tensor([3.0, 1.0], dtype=torch.float64)
    assert preference(values, one(), loss="ipo").item() == pytest.approx((2 - 1 / 0.2) ** 2)
    assert preference(values, one(), loss="hinge").item() == pytest.approx(1 - 0.2)


@pytest.mark.parametrize("loss", ["sigmoid", "ipo", "hinge"])
def test_smoothed_labels_are_votes_the_other_way(loss: str) -> None:
    values = torch.tensor([3.0, 1.0], dtype=torch.float64)
    votes = edges_of(item(2, edge(0, 1, margin=0.3, weight=0.8), edge(1, 0, margin=0.3, weight=0.2)))
    smoothed = preference(values, one(margin=0.3), loss=loss, label_smoothing=0.2)
    assert smoothed.item() == pytest.approx(preference(values, votes, loss=loss).item())


def test_smoothed_labels_are_conservative_dpo() -> None:
    found = preference(torch.tensor([3.0, 1.0], dtype=torch.float64), one(), label_smoothing=0.1).item()
    assert found == pytest.approx(0.9 * math.log1p(math.exp(-0.2)) + 0.1 * math.log1p(math.exp(0.2)))


@pytest.mark.parametrize("loss", ["sigmoid", "ipo", "hinge"])
def test_a_margin_is_in_units_of_the_implicit_reward(loss: str) -> None:
    ahead, less = torch.tensor([5.0, 0.0]).double(), torch.tensor([2.0, 0.0]).double()
    asked = preference(ahead, one(margin=0.3), loss=loss).item()
    assert asked == pytest.approx(preference(less, one(), loss=loss).item())


@pytest.mark.parametrize("ties", losses.TIE_MODELS)
def test_tie_models_see_the_implicit_reward(ties: str) -> None:
    values = torch.tensor([3.0, 1.0], dtype=torch.float64)
    for tied in (False, True):
        assert preference(values, one(tie=tied), ties=ties).item() == pytest.approx(
            pairwise(0.1 * values, one(tie=tied), ties=ties).item()
        )


# What holds of all of them.


def every_loss() -> dict[str, Callable[[Tensor, losses.Edges, losses.Rankings], Tensor]]:
    found: dict[str, Callable[[Tensor, losses.Edges, losses.Rankings], Tensor]] = {
        "listwise": lambda values, edges, rankings: losses.listwise(values, rankings),
        "centering the batch": lambda values, edges, rankings: losses.centering(values),
        "centering pairs": lambda values, edges, rankings: losses.centering(values, edges),
        "ipo": lambda values, edges, rankings: preference(values, edges, loss="ipo", beta=0.5, label_smoothing=0.1),
        "hinge": lambda values, edges, rankings: preference(values, edges, loss="hinge", beta=0.5),
        "smoothed": lambda values, edges, rankings: preference(
            values, edges, label_smoothing=0.1, ties="davidson", beta=0.5
        ),
    }
    for ties in TIES:
        found[ties] = lambda values, edges, rankings, ties=ties: pairwise(values, edges, ties=ties)  # type: ignore[misc]
    return found


ALL = every_loss()


def mixed() -> tuple[losses.Edges, losses.Rankings]:
    """Two prompts of four and two answers, with ties, margins and fractional weights."""
    items = [
        item(
            4,
            edge(0, 1, margin=0.3),
            edge(1, 2, tie=True, weight=0.4),
            edge(3, 0, weight=0.7),
            rankings=[(((3,), (0, 2), (1,)), 0.6), (((1, 0),), 1.0)],
        ),
        item(2, edge(1, 0, margin=1.0), rankings=[(((1,), (0,)), 2.0)], share=0.5),
    ]
    return edges_of(*items, per="prompt"), losses.rankings_of(items, per="prompt", device="cpu")


@pytest.mark.parametrize("name", ALL)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    values = torch.randn(6, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    edges, rankings = mixed()
    assert torch.autograd.gradcheck(lambda given: ALL[name](given, edges, rankings), (values,))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("per", losses.PER)
def test_nothing_said_is_no_loss_and_no_gradient(name: str, per: str) -> None:
    values = torch.zeros(3, requires_grad=True)
    nothing = [item(3)]
    found = ALL[name](values, edges_of(*nothing, per=per), losses.rankings_of(nothing, per=per, device="cpu"))
    found.backward()
    assert found.item() == 0
    assert values.grad is not None
    assert values.grad.tolist() == [0, 0, 0]


def test_a_batch_without_answers_is_no_loss() -> None:
    edges, rankings = edges_of(), losses.rankings_of([], per="prompt", device="cpu")
    found = {name: loss(torch.zeros(0, requires_grad=True), edges, rankings).item() for name, loss in ALL.items()}
    assert found == dict.fromkeys(ALL, 0.0)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [1e3, 1e6])
def test_large_scores_stay_finite(name: str, size: float) -> None:
    values = (torch.tensor([-1.0, 1.0, 0.5, -0.5, 1.0, -1.0]) * size).requires_grad_()
    found = ALL[name](values, *mixed())
    found.backward()
    assert found.isfinite()
    assert values.grad is not None
    assert values.grad.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_half_precision_scores_give_a_loss_in_single(name: str) -> None:
    values = torch.tensor([1.0, 2.0, 0.5, -0.5, 1.5, -1.0])
    found, single = ALL[name](values.bfloat16(), *mixed()), ALL[name](values, *mixed())
    assert found.dtype == torch.float32
    assert found.item() == single.item()


def test_the_parts_of_a_step_add_up_to_the_step() -> None:
    first = item(2, edge(0, 1), rankings=[(((1,), (0,)), 1.0)])
    second = item(3, edge(0, 1), edge(2, 1, weight=0.5), rankings=[(((1,), (0,), (2,)), 3.0)])
    values = scores(3, 1, 2, 5, 4)
    edges, rankings = edges_of(first, second), by_comparison(first, second)
    parts = [(values[:2], first), (values[2:], second)]
    pairs = [losses.pairwise(v, edges_of(i), ties="half", tie_width=1.0, total=edges.total).item() for v, i in parts]
    lists = [losses.listwise(v, by_comparison(i), total=rankings.total).item() for v, i in parts]
    assert sum(pairs) == pytest.approx(pairwise(values, edges).item())
    assert sum(lists) == pytest.approx(losses.listwise(values, rankings).item())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ties": "elo"}, "ties=elo: expected one of drop, half, davidson, rao-kupper"),
        ({"loss": "kto"}, "loss=kto: expected one of sigmoid, hinge, ipo"),
        ({"ties": "davidson", "loss": "ipo"}, "tie models need loss=sigmoid"),
        ({"ties": "rao-kupper", "tie_width": 0.0}, "tie_width=0.0: expected above 0"),
        ({"beta": 0.0}, "beta=0.0: expected above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidKnob, match=message):
        preference(scores(3, 1), one(), **fields)


def test_an_unknown_weighting_is_refused() -> None:
    with pytest.raises(InvalidKnob, match="per=vote: expected one of prompt, comparison"):
        edges_of(item(2, edge(0, 1)), per="vote")
