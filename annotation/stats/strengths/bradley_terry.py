"""Strengths of policies from comparisons of two, ties with a probability of their own.

    P(i better) : P(tie) : P(j better) = exp(d / 2) : ν : exp(-d / 2),   d = θ_i - θ_j

(Bradley and Terry, Biometrika 39, 1952; Davidson, JASA 65, 1970.) exp(d) is the odds of i against j where there is no
tie. Fitted by Newton's method on the table of all who met whom; standard errors let the comparisons of one task hang
together.
"""

import numpy as np

from annotation.stats.said import Floats
from annotation.stats.shares import summed
from annotation.stats.strengths import fits
from annotation.stats.strengths.fits import Strengths
from annotation.stats.strengths.matches import Matches
from annotation.stats.votes import LEFT, RIGHT, TIE

HALF = np.array([0.5, 0.0, 0.5])  # of a comparison each way, where somebody never lost or never won


def bradley_terry(matches: Matches) -> Strengths:
    """The strengths of all `matches.size` policies.

    Raises:
        NotComparable: some policies were never compared with the others, even through others.
        NoFit: Newton's steps did not settle.
    """
    table = matches.table()  # (P, P, 3)
    met = table.sum(axis=2) > 0
    fits.require_met(met)
    separated = not fits.is_connected(table[:, :, LEFT])  # ties link nobody: ν grows along with a gap
    if separated:
        table = table + met[:, :, None] * HALF
    tied = bool(table[:, :, TIE].any())
    found = fits.newton(np.zeros(matches.size + 1), lambda at: _step(at, table=table, tied=tied))
    bread = np.linalg.inv(_step(found, table=table, tied=tied)[1])
    covariance = bread @ _meat(found, matches=matches, tied=tied) @ bread
    policies = np.concatenate([matches.first, matches.second])
    return fits.described(
        found[:-1],
        covariance[:-1, :-1],
        n=summed(policies, np.tile(matches.n, 2), size=matches.size),
        groups=fits.groups_of(policies, np.tile(matches.clusters, 2), size=matches.size),
        separated=separated,
    )


def chances(gap: Floats, log_tie: float, *, tied: bool) -> Floats:
    """(3, …): of the first, of neither, of the second, by the gap of strengths."""
    scores = np.stack([gap / 2, np.full_like(gap, log_tie if tied else -np.inf), -gap / 2])
    likely = np.exp(scores - scores.max(axis=0))
    return np.asarray(likely / likely.sum(axis=0))


def _step(at: Floats, *, table: Floats, tied: bool) -> tuple[Floats, Floats]:
    """Gradient (P + 1,) and information (P + 1, P + 1) in θ and log ν. The mean of θ is held at 0 by a term that does
    not touch differences; without ties ν is 0 and its row a dummy."""
    strengths = at[:-1]
    p = chances(strengths[:, None] - strengths[None, :], at[-1], tied=tied)  # (3, P, P)
    n = table.sum(axis=2)
    lead = (table[:, :, LEFT] - table[:, :, RIGHT] - n * (p[LEFT] - p[RIGHT])) / 2
    spread = n * (p[LEFT] + p[RIGHT] - (p[LEFT] - p[RIGHT]) ** 2) / 4  # information of each gap
    cross = -n * p[TIE] * (p[LEFT] - p[RIGHT]) / 2  # of gap and log ν
    size = strengths.size
    information = np.zeros((size + 1, size + 1))
    information[:size, :size] = np.diag(spread.sum(axis=1)) - spread + 1 / size
    information[:size, size] = information[size, :size] = cross.sum(axis=1)
    information[size, size] = (n * p[TIE] * (1 - p[TIE])).sum() / 2 if tied else 1.0
    tie = (table[:, :, TIE] - n * p[TIE]).sum() / 2 if tied else 0.0  # each two stand in the table twice
    return np.append(lead.sum(axis=1) - strengths.mean(), tie), information


def _meat(at: Floats, *, matches: Matches, tied: bool) -> Floats:
    p = chances(at[matches.first] - at[matches.second], at[-1], tied=tied)  # (3, M)
    lead = (matches.counts[:, LEFT] - matches.counts[:, RIGHT] - matches.n * (p[LEFT] - p[RIGHT])) / 2
    tie = matches.counts[:, TIE] - matches.n * p[TIE]
    return fits.clustered_meat(
        np.tile(matches.clusters, 3),
        np.concatenate([matches.first, matches.second, np.full(lead.size, matches.size)]),
        np.concatenate([lead, -lead, tie]),
        size=matches.size + 1,
    )
