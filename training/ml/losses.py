"""Losses of rankings: each reads the scores of a batch's answers once, however many comparisons were made of them.

    pairwise    -log P(better beats worse) over all comparisons: Bradley-Terry 1952, InstructGPT (2203.02155, §3.5);
                ties after Davidson 1970 or Rao and Kupper 1967, margins after Llama 2 (2307.09288)
    listwise    -log P(order) of whole rankings: Luce 1959, Plackett 1975; tied answers after Efron 1977
    centering   rewards near zero: the batch's mean (2505.07271) or every pair's sum (2312.09244)
    preference  the same comparisons for a policy, on log π/ref: DPO (2305.18290), IPO (2310.12036), hinge (SLiC,
                2305.10425), label smoothing (cDPO, Mitchell 2023), ties as in 2409.17431

Scores are one flat vector (R,) over the answers of a batch, prompt after prompt; `edges_of` and `rankings_of` turn
what people said into indices into it. Half precision is raised to float32 first. Every loss is a weighted mean over
its comparisons (rankings), 0 where there are none. A batch that is one part of an optimiser step, because gradients
are accumulated or several processes share it, passes the weight of the whole step as `total`: then the parts add up
to the loss of the step.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.exceptions import InvalidKnob
from training.ml.data.batches import Item

PER = ("prompt", "comparison")
TIE_MODELS = ("davidson", "rao-kupper")
TIES = ("drop", "half", *TIE_MODELS)

Groups = Sequence[Sequence[int]]  # tied answers together, best first
Kernel = Callable[[Tensor], Tensor]  # how far ahead the better one is (E,) -> loss (E,)
KERNELS: dict[str, Callable[[float], Kernel]] = {
    "sigmoid": lambda beta: lambda ahead: -functional.logsigmoid(ahead),
    "hinge": lambda beta: lambda ahead: functional.relu(1 - ahead),
    "ipo": lambda beta: lambda ahead: ((ahead - 0.5) / beta) ** 2,
}


@dataclass(frozen=True, kw_only=True)
class Edges:
    """Comparisons of two answers each, as indices into a batch's scores (R,)."""

    better: Tensor  # (E,) long
    worse: Tensor  # (E,) long
    tie: Tensor  # (E,) bool: neither was better
    margin: Tensor  # (E,) in units of the score; none is asked of a tie
    weight: Tensor  # (E,) may be fractions

    @property
    def total(self) -> Tensor:
        return self.weight.sum()


@dataclass(frozen=True, kw_only=True)
class Rankings:
    """Whole rankings as the choices that Plackett and Luce see in them: the best of all, the best of the rest, …"""

    members: Tensor  # (S, L) long: the answers still to choose from, padded with any
    log_share: Tensor  # (S, L) 0; log of the share that Efron leaves of a tied answer; -inf for padding
    chosen: Tensor  # (S,) long
    weight: Tensor  # (S,) of the choice's ranking
    total: Tensor  # () weight of all rankings


def edges_of(items: Sequence[Item], *, per: str, device: torch.device | str | None) -> Edges:
    """The comparisons of a batch.

    `per="prompt"`: the weights of an item sum to its share of its prompt (InstructGPT's 1/C(K,2)), so that a prompt
    counts once however often it was judged. `per="comparison"`: weights as they are. Ties that a loss is to drop are
    best left out of the items: dropped there, they take their part of the prompt's weight along.

    Raises:
        InvalidKnob: an unknown `per`.
    """
    rows: list[tuple[int, int, bool, float, float]] = []
    for item, first in zip(items, firsts(items), strict=True):
        scale = scale_of(item, [edge.weight for edge in item.edges], per=per)
        rows.extend(
            (first + edge.better, first + edge.worse, edge.tie, edge.margin, edge.weight * scale)
            for edge in item.edges
        )
    return Edges(
        better=torch.tensor([row[0] for row in rows], dtype=torch.long, device=device),
        worse=torch.tensor([row[1] for row in rows], dtype=torch.long, device=device),
        tie=torch.tensor([row[2] for row in rows], dtype=torch.bool, device=device),
        margin=torch.tensor([row[3] for row in rows], dtype=precise(device), device=device),
        weight=torch.tensor([row[4] for row in rows], dtype=precise(device), device=device),
    )


def rankings_of(items: Sequence[Item], *, per: str, device: torch.device | str | None) -> Rankings:
    """The rankings of a batch that place two answers or more; weights as in `edges_of`.

    Raises:
        InvalidKnob: an unknown `per`.
    """
    rows: list[tuple[int, list[int], list[float], float]] = []
    total = 0.0
    for item, first in zip(items, firsts(items), strict=True):
        kept = [(groups, weight) for groups, weight in item.rankings if sum(map(len, groups)) > 1]
        scale = scale_of(item, [weight for _, weight in kept], per=per)
        for groups, weight in kept:
            total += weight * scale
            flat = [[first + index for index in group] for group in groups]
            rows.extend((*choice, weight * scale) for choice in choices(flat))
    longest = max((len(row[1]) for row in rows), default=1)
    padded = [(row[1] + [0] * longest, row[2] + [-math.inf] * longest) for row in rows]
    return Rankings(
        members=torch.tensor([row[0][:longest] for row in padded], device=device).long().view(-1, longest),
        log_share=torch.tensor([row[1][:longest] for row in padded], device=device)
        .to(precise(device))
        .view(-1, longest),
        chosen=torch.tensor([row[0] for row in rows], dtype=torch.long, device=device),
        weight=torch.tensor([row[3] for row in rows], dtype=precise(device), device=device),
        total=torch.tensor(total, dtype=precise(device), device=device),
    )


def firsts(items: Sequence[Item]) -> list[int]:
    """Where each item's answers begin in the batch."""
    begins = [0]
    for item in items:
        begins.append(begins[-1] + len(item.answers))
    return begins[: len(items)]


def scale_of(item: Item, weights: Sequence[float], *, per: str) -> float:
    if per not in PER:
        raise InvalidKnob(f"per={per}: expected one of {', '.join(PER)}")
    if per == "comparison":
        return 1.0
    whole = sum(weights)
    return item.share / whole if whole else 0.0


def choices(groups: Groups) -> Iterator[tuple[int, list[int], list[float]]]:
    """For each place, but a last one that leaves no choice: who took it, out of whom, the log of each one's share.

    Efron: of m tied answers, the l-th to be taken (from 0) is chosen when l/m of the tied ones' weight has gone.
    """
    for at, group in enumerate(groups):
        later = [index for worse in groups[at + 1 :] for index in worse]
        if len(group) + len(later) == 1:
            return
        for gone, index in enumerate(group):
            left = math.log1p(-gone / len(group))
            yield index, [*group, *later], [left] * len(group) + [0.0] * len(later)


def pairwise(
    scores: Tensor, edges: Edges, *, ties: str, tie_width: float, total: Tensor | float | None = None
) -> Tensor:
    """Bradley-Terry over all comparisons: scores (R,) -> ().

    `ties`: drop; half (half a win each way); davidson or rao-kupper, which give a tie a probability of its own.
    `tie_width` is how far ahead, in units of the score, the better answer must be to be told from the worse: Rao and
    Kupper's log θ. Davidson's ν is e^width - 1, so that both say tanh(width/2) for a tie between equals: one half at
    log 3, as in 2409.17431. Towards 0 both become Bradley-Terry.

    Raises:
        InvalidKnob: unknown `ties`, or a tie model with a width of 0 or less.
    """
    return preference(
        scores,
        edges,
        loss="sigmoid",
        beta=1.0,
        label_smoothing=0.0,
        ties=ties,
        tie_width=tie_width,
        total=total,
    )


def preference(
    logratios: Tensor,
    edges: Edges,
    *,
    loss: str,
    beta: float,
    label_smoothing: float,
    ties: str,
    tie_width: float,
    total: Tensor | float | None = None,
) -> Tensor:
    """DPO on all comparisons of a ranking: log π/ref of each answer (R,) -> ().

    `loss`: sigmoid (DPO), ipo, hinge. Margins and `tie_width` are in units of the implicit reward β · log π/ref. For
    ipo the log-ratios are to be means over an answer's tokens (so its authors, and so TRL), else sums.
    `label_smoothing`: the share of strict comparisons believed to be the wrong way round, for every loss (TRL 1.16
    reads it for none of these three).
    Plackett-Luce DPO is `listwise(beta * logratios, rankings)`.

    Raises:
        InvalidKnob: a name that is unknown, a tie model (it needs sigmoid) beside another loss, a width or β of 0
            or less.
    """
    check(loss=loss, beta=beta, ties=ties, tie_width=tie_width)
    logratios = exact(logratios)
    ahead = beta * (logratios[edges.better] - logratios[edges.worse])  # (E,)
    margin = edges.margin.to(ahead.dtype).masked_fill(edges.tie, 0)  # (E,)
    outcome = outcome_of(KERNELS[loss](beta), tie=edges.tie, ties=ties, tie_width=tie_width)
    losses = (1 - label_smoothing) * outcome(ahead - margin)  # (E,)
    if label_smoothing:
        losses = losses + label_smoothing * outcome(-ahead - margin)
    weight = edges.weight.masked_fill(edges.tie, 0) if ties == "drop" else edges.weight
    return weighted_mean(losses, weight, total=weight.sum() if total is None else total)


def outcome_of(kernel: Kernel, *, tie: Tensor, ties: str, tie_width: float) -> Kernel:
    """The loss of what was said, given how far ahead the better one is; a tie is the same in both directions."""
    if ties == "davidson":
        return lambda ahead: davidson(ahead, tie, width=tie_width)
    if ties == "rao-kupper":
        return lambda ahead: rao_kupper(ahead, tie, width=tie_width)
    return lambda ahead: torch.where(tie, (kernel(ahead) + kernel(-ahead)) / 2, kernel(ahead))


def davidson(ahead: Tensor, tie: Tensor, *, width: float) -> Tensor:
    """-log of π1 / (π1 + π2 + ν √(π1 π2)), or for a tie of ν √(π1 π2) over the same; π = exp(score): (E,)."""
    log_nu = torch.full_like(ahead, log_expm1(width))
    whole = torch.stack([ahead / 2, -ahead / 2, log_nu]).logsumexp(0)
    return whole - torch.where(tie, log_nu, ahead / 2)


def rao_kupper(ahead: Tensor, tie: Tensor, *, width: float) -> Tensor:
    """-log of π1 / (π1 + θ π2), or for a tie of (θ² - 1) π1 π2 / ((π1 + θ π2) (π2 + θ π1)); π = exp(score): (E,)."""
    won = -functional.logsigmoid(ahead - width)
    return torch.where(tie, won - functional.logsigmoid(-ahead - width) - log_expm1(2 * width), won)


def log_expm1(x: float) -> float:
    """log(e^x - 1) for x > 0, of any size."""
    return x + math.log(-math.expm1(-x))


def listwise(scores: Tensor, rankings: Rankings, *, total: Tensor | float | None = None) -> Tensor:
    """Plackett-Luce: scores (R,) -> (), the mean over rankings of -log P(ranking).

    Tied answers enter as Efron (1977) has it for events at the same time (the likelihood is Cox's): all have the same
    chance to be chosen first, and the l-th of m (from 0) is chosen when l/m of their summed weight has gone. It costs
    no more than an order without ties and draws tied answers together. Between two answers a ranking without a
    tie gives the loss of `pairwise`, a tie twice that of `ties="half"` less log 2.
    """
    scores = exact(scores)
    left = scores[rankings.members] + rankings.log_share.to(scores.dtype)  # (S, L)
    losses = left.logsumexp(-1) - scores[rankings.chosen]  # (S,)
    return weighted_mean(losses, rankings.weight, total=rankings.total if total is None else total)


def centering(scores: Tensor, edges: Edges | None = None, *, total: Tensor | float | None = None) -> Tensor:
    """What keeps rewards near zero, which comparisons alone leave open: scores (R,) -> ().

    Without `edges` the square of the batch's mean (sum-to-zero regularisation, 2505.07271, as its authors' code has
    it); with `edges` the weighted mean of (better + worse)² (2312.09244, TRL's `center_rewards_coefficient`), ties as
    well.
    """
    scores = exact(scores)
    if edges is None:
        return (scores.sum() / max(len(scores), 1)) ** 2
    squares = (scores[edges.better] + scores[edges.worse]) ** 2  # (E,)
    return weighted_mean(squares, edges.weight, total=edges.total if total is None else total)


def exact(scores: Tensor) -> Tensor:
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def weighted_mean(losses: Tensor, weight: Tensor, *, total: Tensor | float) -> Tensor:
    """0 where nothing has weight."""
    return share_of((losses * weight.to(losses.dtype)).sum(), total=total)


def share_of(part: Tensor, *, total: Tensor | float) -> Tensor:
    """part / total, 0 where nothing has weight."""
    whole = torch.as_tensor(total, dtype=part.dtype, device=part.device)
    return part / whole.masked_fill(whole == 0, 1)


def precise(device: torch.device | str | None) -> torch.dtype:
    """Of weights and margins: float64, which Apple's GPUs lack."""
    return torch.float32 if device is not None and torch.device(device).type == "mps" else torch.float64


def check(*, loss: str, beta: float, ties: str, tie_width: float) -> None:
    if loss not in KERNELS:
        raise InvalidKnob(f"loss={loss}: expected one of {', '.join(KERNELS)}")
    if ties not in TIES:
        raise InvalidKnob(f"ties={ties}: expected one of {', '.join(TIES)}")
    if ties in TIE_MODELS and loss != "sigmoid":
        raise InvalidKnob(f"ties={ties} with loss={loss}: tie models need loss=sigmoid; use drop or half")
    if ties in TIE_MODELS and not tie_width > 0:
        raise InvalidKnob(f"tie_width={tie_width}: expected above 0 with ties={ties}, else ties are impossible")
    if not beta > 0:
        raise InvalidKnob(f"beta={beta}: expected above 0")
