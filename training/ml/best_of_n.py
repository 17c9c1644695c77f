"""The best of n answers by the reward: what a policy could gain without being trained, and how far from it that is.

    E[best of k]  = Σ_i C(i - 1, k - 1) / C(n, k) · value_(i)    i = 1 … n: the answers by rising reward
    KL            ≤ log k - (k - 1) / k

The first is the mean over all ways to take k of the n answers drawn, which is unbiased and wastes none of them; so
one run gives the whole curve of k = 1, 2, 4, …, n, to be laid beside those of trained policies. The second holds
exactly where no two answers are equally good, and is a bound else (2401.01879); it is a distance from the policy as
it was sampled from, at this temperature and top_p. Sources: WebGPT (2112.09332, appendix) and Gao et al.
2210.10760. Answers are drawn as for kind sample, each by its own stream of random numbers, and a killed run goes on
with those that are missing.

    python -m training.ml runs/<name>        # config.json: {"kind": "best_of_n", …}, prompts.jsonl

Leaves answers.jsonl (the tokens of every answer) and responses.jsonl (the best to each prompt).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from training.ml import sample
from training.ml.backbones import bases
from training.ml.knobs import BestOfNKnobs
from training.ml.reporting import means, reports
from training.ml.rl import evaluation, judges, measured, setting
from training.ml.rl import report as rl_reports
from training.ml.rl.judges import Judge, Verdict
from training.ml.rl.rollouts import Prompt, Rollout, rollout_of
from training.ml.rl.setting import Setting
from training.ml.run.progress import bar
from training.ml.run.rundir import Config, RunDirectory, append_line, line_of, read_lines, write_json, write_text
from training.ml.sample import Wanted

INTERVALS = ("score", "reward", "gold")

Tokens = dict[tuple[str, int], list[int]]  # of the index-th answer to a prompt


@dataclass(frozen=True, kw_only=True)
class Answers:
    """To one prompt, in the order in which they were drawn."""

    rollouts: list[Rollout]
    verdicts: list[Verdict]
    golds: list[float] | None

    def ranked(self) -> list[int]:
        """Places by rising reward; of equals the one drawn first is the best."""
        return sorted(range(len(self.verdicts)), key=lambda place: (self.verdicts[place].reward, -place))

    def best(self, first: int) -> int:
        """The place of the best of those drawn first."""
        return max(range(first), key=lambda place: (self.verdicts[place].reward, -place))

    def values(self) -> dict[str, list[float]]:
        """What is known of each answer."""
        found = {
            "score": [verdict.score for verdict in self.verdicts],
            "reward": [verdict.reward for verdict in self.verdicts],
            "spread": [verdict.spread for verdict in self.verdicts],
            "length": [float(len(rollout.answer)) for rollout in self.rollouts],
            "ended": [float(rollout.ended) for rollout in self.rollouts],
            "cut": [float(verdict.cut) for verdict in self.verdicts],
            "repetition": [measured.repetition(measured.words_of(rollout)) for rollout in self.rollouts],
        }
        return found | ({"gold": self.golds} if self.golds is not None else {})


def run(directory: RunDirectory, config: Config, knobs: BestOfNKnobs) -> None:
    found = setting.opened(directory, config, knobs)
    found.seed()
    prompts = evaluation.chosen(found.prompts.test, n=knobs.prompts_at_most)
    tokens = drawn(found, prompts)
    rollouts = [
        [rollout_of(prompt, tokens[prompt.id, index], found.base.tokenizer) for index in range(knobs.n)]
        for prompt in prompts
    ]
    answers = judged(rollouts, judge=found.judge, gold=found.gold)
    write_text(directory.responses, "".join(line_of(response_of(one, found)) for one in answers))
    report(found, answers)


def drawn(found: Setting[BestOfNKnobs], prompts: Sequence[Prompt]) -> Tokens:
    """All answers; what an earlier attempt drew is not drawn again."""
    knobs, tokenizer, path = found.knobs, found.base.tokenizer, path_of(found.directory)
    wanted = [Wanted(id=prompt.id, index=index, prompt=prompt.ids) for prompt in prompts for index in range(knobs.n)]
    tokens = kept(path)
    left = [item for item in wanted if (item.id, item.index) not in tokens]
    model = bases.load_causal(found.base, machine=found.machine) if left else None
    progress = bar(total=len(wanted), what="Sampling", unit="answer", done=len(wanted) - len(left))
    for batch in sample.batches(left, size=knobs.batch_size):
        ids = sample.drawn(model, tokenizer, batch, knobs=knobs, seed=found.config.seed)
        for item, answer in zip(batch, ids, strict=True):
            tokens[item.id, item.index] = rollout_of(prompt_of(item), answer, tokenizer).answer
            record = {"id": item.id, "index": item.index, "answer": tokens[item.id, item.index]}
            append_line(path, record)
            progress.update()
    progress.close()
    return tokens


def prompt_of(item: Wanted) -> Prompt:
    return Prompt(id=item.id, messages=[], ids=item.prompt)


def path_of(directory: RunDirectory) -> Path:
    return directory.path / "answers.jsonl"


def kept(path: Path) -> Tokens:
    """What an earlier attempt wrote whole; the rest of a cut line is removed."""
    records = list(read_lines(path))
    write_text(path, "".join(map(line_of, records)))
    return {(record["id"], record["index"]): record["answer"] for record in records}


def judged(rollouts: Sequence[Sequence[Rollout]], *, judge: Judge, gold: Judge | None) -> list[Answers]:
    """All answers at once: the reward models sort them by length themselves. The base's answers are the scale."""
    everything = [rollout for some in rollouts for rollout in some]
    judge = judge.calibrated(everything) if judge.knobs.normalise else judge
    verdicts = iter(judge.of(everything))
    golds = iter(verdict.score for verdict in gold.of(everything)) if gold else None
    return [
        Answers(
            rollouts=list(some),
            verdicts=[next(verdicts) for _ in some],
            golds=None if golds is None else [next(golds) for _ in some],
        )
        for some in rollouts
    ]


def response_of(answers: Answers, found: Setting[BestOfNKnobs]) -> dict[str, Any]:
    """The best answer as kind sample writes one, with what it was chosen by."""
    knobs = found.knobs
    place = answers.best(len(answers.rollouts))
    rollout, verdict = answers.rollouts[place], answers.verdicts[place]
    sampling = {
        "temperature": knobs.temperature,
        "top_p": knobs.top_p,
        "max_new_tokens": knobs.max_new_tokens,
        "seed": found.config.seed,
        "index": place,
        "finish": "stop" if rollout.ended else "length",
        "best_of": knobs.n,
        "reward": verdict.reward,
        "score": verdict.score,
    }
    return {"id": rollout.prompt.id, "index": place, "text": rollout.text, "sampling": sampling}


def kl(k: int) -> float:
    """Nats between the best of k answers and a single one, at most."""
    return math.log(k) - (k - 1) / k


def sizes(n: int) -> Iterator[int]:
    """1, 2, 4, … and n itself."""
    k = 1
    while k < n:
        yield k
        k *= 2
    yield n


@lru_cache
def shares(n: int, k: int) -> tuple[float, ...]:
    """Of all ways to take k of n answers, the share in which each is the best one, by rising rank: (n,)"""
    return tuple(math.comb(below, k - 1) / math.comb(n, k) for below in range(n))


def expected(answers: Answers, *, k: int) -> dict[str, float]:
    """What is known of the best of k, in the mean over all ways to take k of these answers."""
    ranked = answers.ranked()
    chances = shares(len(ranked), k)
    return {
        name: math.fsum(chance * values[place] for chance, place in zip(chances, ranked, strict=True))
        for name, values in answers.values().items()
    }


def curve(answers: Sequence[Answers], *, seed: int) -> list[dict[str, Any]]:
    """Of the best of k for each k: means over prompts with intervals, under the names that PPO's measurements have.

    How many of its n-grams are distinct is a matter of all answers together, of which the first k to each prompt
    stand for the others.
    """
    return [point(answers, k=k, seed=seed) for k in sizes(len(answers[0].rollouts))]


def point(answers: Sequence[Answers], *, k: int, seed: int) -> dict[str, Any]:
    by_prompt = [expected(one, k=k) for one in answers]
    columns = {name: [values[name] for values in by_prompt] for name in by_prompt[0]}
    words = [measured.words_of(one.rollouts[one.best(k)]) for one in answers]
    return {
        "best_of": k,
        "kl": kl(k),
        "sqrt_kl": math.sqrt(kl(k)),
        "n": len(answers),
        **{name: measured.mean(values) for name, values in columns.items()},
        **{
            f"{name}_interval": list(means.interval(columns[name], seed=seed))
            for name in INTERVALS
            if name in columns
        },
        "distinct_1": measured.distinct(words, 1),
        "distinct_2": measured.distinct(words, 2),
    }


def gains(answers: Sequence[Answers], *, seed: int) -> dict[str, dict[str, Any] | None]:
    """Of the best answer over a single one, prompt by prompt."""
    single = [expected(one, k=1) for one in answers]
    best = [expected(one, k=len(one.rollouts)) for one in answers]
    return {
        name: rl_reports.gain(
            [values[name] for values in single if name in values],
            [values[name] for values in best if name in values],
            seed=seed,
        )
        for name in INTERVALS
    }


def report(found: Setting[BestOfNKnobs], answers: Sequence[Answers]) -> None:
    points = curve(answers, seed=found.config.seed)
    gained = gains(answers, seed=found.config.seed)
    knobs, machine = found.knobs, found.machine
    assembled = reports.assemble(
        config=found.config,
        headline=headline(points, gained),
        warnings=[
            *found.notes,
            *rl_reports.few(gained.values()),
            *warnings(points, knobs),
            *reports.length_warnings(found.prompts.lengths),
        ],
        base=found.base.describe(),
        resolved={"device": machine.device, "precision": machine.precision, "threads": machine.threads},
        held_out={"single": points[0], "best": points[-1], "gain": gained},
        curve=points,
        data={"held_out_prompts": len(answers), "answers": len(answers) * knobs.n, **found.prompts.lengths},
        rewards=judges.described(found.config.rewards),
    )
    write_json(found.directory.report, assembled)


def headline(points: Sequence[Mapping[str, Any]], gained: Mapping[str, dict[str, Any] | None]) -> str:
    single, best = points[0], points[-1]
    judging = gained["gold"] or gained["score"]
    verdict = "" if judging and rl_reports.is_shown(judging) else "Not shown to be better than a single answer. "
    told = "score " + change("score", single, best, gained)
    if gained["gold"]:
        told += ", held-out reward " + change("gold", single, best, gained)
    return (
        f"{verdict}Best of {best['best_of']}: {told}, at most {best['kl']:.2f} nats from the base, on "
        f"{rl_reports.prompts(best['n'])}."
    )


def change(name: str, single: Mapping[str, Any], best: Mapping[str, Any], gained: Mapping[str, Any]) -> str:
    return f"{single[name]:.3f} -> {best[name]:.3f} ({rl_reports.span(gained[name])})"


def warnings(points: Sequence[Mapping[str, Any]], knobs: BestOfNKnobs) -> list[str]:
    single = points[0]
    found = []
    if single["ended"] < 1:
        found.append(f"{1 - single['ended']:.1%} of the answers reached max_new_tokens before they ended")
    if single["cut"]:
        found.append(
            f"{single['cut']:.1%} of the answers were longer than a reward model reads: it saw their beginning"
        )
    if knobs.top_p < 1:
        found.append(
            f"top_p={knobs.top_p:g}: the KL is to the base cut off there, not to the base that trained policies are "
            "compared with"
        )
    if "gold" not in single:
        found.append(
            "no reward was held out (--held-out-reward): nothing here tells a better answer from one that the reward "
            "model takes for better"
        )
    return found
