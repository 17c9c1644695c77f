"""Labels from several people: what consensus is worth over the majority, and how many votes it needs.

    .venv/bin/python -m tests.bench.bench_overlap [--seeds 5]

First a simulated crowd, 30 % careless and 10 % adversarial: how often consensus and majority order two answers as
their merits do, with 95 % intervals over seeds. Then adaptive overlap replayed on UKPConvArg1's gold pairs with its
real votes in the order of the file: lead rules, and ours at several thresholds. To show that a threshold chosen on
some pairs holds on others, each half of the pairs (even and odd rows) takes the one that was the cheapest to reach
the majority of five on the other half.
"""

import argparse
import math
import statistics
from collections.abc import Sequence

import numpy as np

from annotation.stats import reliability
from annotation.stats.agreement.pairs import votes_of
from annotation.stats.labels.consensus_ranking import consensus_ranking, measured
from annotation.stats.labels.stopping import Replay, Rule, replay, replay_lead
from annotation.stats.said import Said
from tests.annotation.stats.crowds import crowd
from tests.annotation.stats.said import native_rows, said_of_native

TASKS, OVERLAP = 1000, 5
SURE = (0.93, 0.94, 0.95, 0.955)


def credit(lead: np.ndarray, better: np.ndarray) -> np.ndarray:
    """1 where the lead is for the better side, 1 or -1; half where it is for none."""
    return (np.sign(np.round(lead, 9)) * better + 1) / 2


def crowd_row(*, size: int, seed: int) -> dict[str, float]:
    said, merit = crowd(tasks=TASKS, size=size, seed=seed, overlap=OVERLAP, careless=0.3, adversarial=0.1)
    votes, counts = votes_of(said)
    better = np.sign(merit[counts.tasks, counts.first] - merit[counts.tasks, counts.second])
    found = {"majority": credit((counts.counts[:, 0] - counts.counts[:, 2]).astype(float), better).mean()}
    for method in reliability.METHODS:
        labels = consensus_ranking(said, trust=measured(reliability.estimate(votes, method=method)))
        likely = labels.pairs.reshape(-1, 3)
        found[method] = credit(likely[:, 0] - likely[:, 2], better).mean()
    return found


def with_interval(values: Sequence[float]) -> str:
    reach = 2.776 * statistics.stdev(values) / math.sqrt(len(values))  # Student's t for five seeds
    mean = statistics.fmean(values)
    return f"{mean:.1%} ({mean - reach:.1%} to {mean + reach:.1%})"


def gold_pairs() -> tuple[Said, np.ndarray]:
    rows = [
        row
        for row in native_rows("ukpconvarg")
        if len({response["text"] for response in row["responses"]}) == 2 and row["metadata"]["gold"] in ("a1", "a2")
    ]
    return said_of_native(rows, size=2), np.array([1 if row["metadata"]["gold"] == "a1" else -1 for row in rows])


def show(name: str, found: Replay, said: Said, better: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    right, votes = by_pair(found, said, better)
    print(f"| {name} | {right.mean():.2%} | {votes.mean():.2f} |", flush=True)
    return right, votes


def by_pair(found: Replay, said: Said, better: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    votes = np.bincount(said.tasks[found.asked], minlength=better.size)
    return credit(found.lead[:, 0] - found.lead[:, 1], better), votes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    print("| simulated crowd | majority of 5 | consensus, Dawid-Skene | consensus, MACE |\n|---|---|---|---|")
    for size in (2, 4):
        rows = [crowd_row(size=size, seed=seed) for seed in range(seeds)]
        cells = [with_interval([row[name] for row in rows]) for name in ("majority", *reliability.METHODS)]
        print(f"| {size} answers | {' | '.join(cells)} |", flush=True)
    said, better = gold_pairs()
    print(f"\n{better.size} pairs\n\n| rule | right | votes a pair |\n|---|---|---|")
    five, _ = show("all five", replay_lead(said, lead=OVERLAP + 1, maximum=OVERLAP), said, better)
    show("lead of three", replay_lead(said, lead=3, maximum=OVERLAP), said, better)
    show("lead of two", replay_lead(said, lead=2, maximum=OVERLAP), said, better)
    curve = {
        sure: show(
            f"sure to {sure:.1%}", replay(said, rule=Rule(minimum=2, maximum=OVERLAP, sure=sure)), said, better
        )
        for sure in SURE
    }
    halves = [np.arange(better.size) % 2 == half for half in (0, 1)]
    total, spent = np.zeros(better.size), np.zeros(better.size)
    for here, there in (halves, halves[::-1]):
        reached = [sure for sure in SURE if curve[sure][0][there].mean() >= five[there].mean()]
        sure = min(reached or [SURE[-1]])
        total[here], spent[here] = (values[here] for values in curve[sure])
        print(f"| chosen on the other half: {sure:.1%} | {total[here].mean():.2%} | {spent[here].mean():.2f} |")
    print(f"| both halves | {total.mean():.2%} | {spent.mean():.2f} |")


if __name__ == "__main__":
    main()
