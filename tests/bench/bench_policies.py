"""PPO, RLOO, DPO and best-of-n side by side, on the demo's support desk or on the transcripts of HH.

    .venv/bin/python -m tests.bench.bench_policies FOLDER [--desk transcripts] [--plot FILE] [--json FILE]

`ostrel`: one base, trained on the demo's demonstrations; its answers, ranked by the demo's simulated annotators, are
two releases that share no question. `transcripts`: a base trained on the preferred answers of people's dialogues with
assistants (`../shared/data/hh-rlhf-harmless`), and their preferences in two releases.

Reward model A learns from the first release, and so do all policies: DPO from its rankings, PPO, RLOO and best-of-n
from A. Reward model B learns from the second, with another seed, and no policy learns from it; PPO and RLOO are
measured by it on the way, which decides the checkpoint that is kept, on other questions than those of the table. The
rubric, by which the demo's annotators judge, is seen by none of them. One more run of PPO, with hardly any KL
penalty, is measured by the rubric on the way (by B, where there is none), to see where the gain stops being real.

Every part is a run in FOLDER, with the config.json that the commands write; what is done there is not done again, and
a killed call goes on. Prints a row a policy: means over questions that nobody learnt from, with 95 % intervals by
bootstrap over questions; then where over-optimisation begins.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import distances, ostrel, transcripts
from tests.bench.distances import Line
from tests.bench.works import SEED, Desk, Merit, Works, reference
from training.ml import best_of_n, knobs
from training.ml.backbones import bases
from training.ml.best_of_n import Answers
from training.ml.knobs.rl import BestOfNKnobs
from training.ml.packed import sharing
from training.ml.reporting import means
from training.ml.rl import evaluation, measured, setting
from training.ml.rl.evaluation import Evaluation
from training.ml.rl.rollouts import Local, Rollout, rollout_of
from training.ml.rl.setting import Setting
from training.ml.rl.states import How
from training.ml.run.rundir import RunDirectory, write_json

DRAWS = 2  # answers of a policy to each question
ANSWERS = {"max_new_tokens": "160", "temperature": "0.9"}
ONLINE = ANSWERS | {"learning_rate": "1e-3", "rollout_size": "32", "batch_size": "32", "eval_prompts": "48"}
POLICIES: dict[str, tuple[str, dict[str, str]]] = {
    "PPO": ("ppo", ONLINE | {"max_steps": "40", "ppo_epochs": "2"}),
    "RLOO": ("rloo", ONLINE | {"max_steps": "40"}),
}
HARDLY_HELD = "PPO, hardly held"
TOO_FAR = ONLINE | {"max_steps": "40", "ppo_epochs": "2", "beta": "0.002"}
BEST_OF = (4, 16)
COLOURS = {"PPO": "#1f6feb", "RLOO": "#1a7f37", "PPO, hardly held": "#bc4c00", "best of n": "#8250df"}
JUDGES = {"a": "reward A", "b": "held-out B", "rubric": "rubric"}
REST = ("KL", "tokens", "ended", "distinct-1", "distinct-2")
DESKS: dict[str, Callable[[Works], Desk]] = {
    "ostrel": ostrel.desk,
    "transcripts": transcripts.desk,
    "transcripts, encoder": partial(transcripts.desk, encoder=True),
}


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--desk", choices=DESKS, default="ostrel")
    parser.add_argument("--seed", type=int, default=SEED, help="of every training but that of B")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--plot", type=Path, help="SVG: rewards over the distance from the base")
    parser.add_argument("--json", type=Path, help="every mean, for further work")
    return parser.parse_args(given)


@dataclass(frozen=True, kw_only=True)
class Made:
    """Directories of the policies by name; `far`: the run that is hardly held; `chosen`: that of best-of-n."""

    policies: dict[str, RunDirectory]
    far: RunDirectory
    chosen: RunDirectory


def made(works: Works, desk: Desk) -> Made:
    start, own = str(desk.base.model), desk.values
    rewards = (reference(desk.judge), replace(reference(desk.gold), held_out=True))
    policies = {"base": desk.base}
    for name, (kind, values) in POLICIES.items():
        policies[name] = works.run(
            kind, kind, values | own, base=start, rewards=rewards, train=desk.train, test=desk.course
        )
    policies["DPO"] = works.run("dpo", "dpo", desk.dpo, base=start, release=desk.release)
    best = ANSWERS | {"n": str(max(BEST_OF))} | {name: own[name] for name in own if name in ANSWERS}
    chosen = works.run("best-of-n", "best_of_n", best, base=start, rewards=rewards, test=desk.final)
    true = (rewards[0], desk.true or rewards[1])
    far = works.run("ppo-far", "ppo", TOO_FAR | own, base=start, rewards=true, train=desk.train, test=desk.course)
    return Made(policies=policies, far=far, chosen=chosen)


@dataclass(frozen=True, kw_only=True)
class Row:
    """`values`: by judge, the mean of each question's answers."""

    name: str
    values: dict[str, list[float]]
    kl: float
    length: float
    ended: float
    distinct: tuple[float, float]
    bound: bool = False

    def cells(self) -> list[str]:
        return [
            self.name,
            *(with_interval(values) for values in self.values.values()),
            f"{'at most ' if self.bound else ''}{self.kl:.2f}",
            f"{self.length:.0f}",
            f"{self.ended:.1%}",
            *(f"{share:.3f}" for share in self.distinct),
        ]

    def gains(self, base: "Row") -> list[str]:
        """Question by question."""
        return [
            self.name,
            *(
                with_interval([now - then for now, then in zip(values, base.values[judge], strict=True)])
                for judge, values in self.values.items()
            ),
        ]

    def as_json(self) -> dict[str, Any]:
        judged = {
            judge: {"mean": measured.mean(of), "interval": list(means.interval(of, seed=SEED))}
            for judge, of in self.values.items()
        }
        return judged | {"kl": self.kl, "length": self.length, "ended": self.ended, "distinct": list(self.distinct)}


def with_interval(values: Sequence[float]) -> str:
    low, high = means.interval(values, seed=SEED)
    return f"{measured.mean(values):.2f} ({low:.2f} to {high:.2f})"


def policy_row(
    name: str, run: RunDirectory, found: Setting[BestOfNKnobs], *, reference: Any, merit: Merit | None
) -> Row:
    """`DRAWS` answers of the policy to each question, drawn with the same random numbers for every policy."""
    knobs, tokenizer = found.knobs, found.base.tokenizer
    model = opened(run, found)
    how = How(packed=sharing.packable(model), pad=found.pad)
    local = Local(
        model=model,
        tokenizer=tokenizer,
        max_new_tokens=knobs.max_new_tokens,
        temperature=knobs.temperature,
        seed=SEED,
        batch_size=knobs.batch_size,
    )
    seen = Evaluation(prompts=found.prompts.test * DRAWS, judge=found.judge, gold=found.gold, size=32).measure(
        local,
        policy=evaluation.says(model, how=how, temperature=knobs.temperature),
        reference=evaluation.says(reference, how=how, temperature=knobs.temperature),
    )
    count = len(found.prompts.test)
    by_judge = seen.by_answer()
    each = {"a": by_judge["scores"], "b": by_judge["golds"]}
    each |= {"rubric": merits(merit, seen.rollouts)} if merit else {}
    return Row(
        name=name,
        values={judge: by_question(values, count=count) for judge, values in each.items()},
        kl=seen.measured.kl,
        length=seen.measured.length,
        ended=seen.measured.ended,
        distinct=distinct(seen.rollouts[:count]),
    )


def opened(run: RunDirectory, found: Setting[Any]) -> Any:
    """The policy that the run left."""
    base = bases.find(replace(found.config, base=str(run.model)), knobs=found.knobs)
    return bases.load_causal(base, machine=found.machine)


def merits(merit: Merit, rollouts: Sequence[Rollout]) -> list[float]:
    return merit([rollout.prompt.messages for rollout in rollouts], [rollout.text for rollout in rollouts])


def by_question(values: Sequence[float], *, count: int) -> list[float]:
    """Means of values whose questions come round again and again."""
    return [measured.mean(values[place::count]) for place in range(count)]


def distinct(rollouts: Sequence[Rollout]) -> tuple[float, float]:
    """Of one answer to each question: it falls with the number of answers."""
    words = [measured.words_of(rollout) for rollout in rollouts]
    return measured.distinct(words, 1), measured.distinct(words, 2)


def answers_of(run: RunDirectory, found: Setting[BestOfNKnobs]) -> list[Answers]:
    """All that best-of-n drew, judged."""
    tokens = best_of_n.kept(best_of_n.path_of(run))
    rollouts = [
        [rollout_of(prompt, tokens[prompt.id, index], found.base.tokenizer) for index in range(found.knobs.n)]
        for prompt in found.prompts.test
    ]
    return best_of_n.judged(rollouts, judge=found.judge, gold=found.gold)


def best_row(answers: Sequence[Answers], *, k: int, merit: Merit | None = None) -> Row:
    means = [best_of_n.expected(one, k=k) for one in answers]
    return Row(
        name=f"best of {k}",
        values={
            "a": [found["score"] for found in means],
            "b": [found["gold"] for found in means],
            **({"rubric": [best_merit(one, k=k, merit=merit) for one in answers]} if merit else {}),
        },
        kl=best_of_n.kl(k),
        length=measured.mean(found["length"] for found in means),
        ended=measured.mean(found["ended"] for found in means),
        distinct=distinct([one.rollouts[one.best(k)] for one in answers]),
        bound=True,
    )


def best_merit(answers: Answers, *, k: int, merit: Merit) -> float:
    """What the rubric says of the one that A likes best, in the mean over all ways to take k of them."""
    values, ranked = merits(merit, answers.rollouts), answers.ranked()
    chances = best_of_n.shares(len(ranked), k)
    return math.fsum(chance * values[place] for chance, place in zip(chances, ranked, strict=True))


def rows(found: Made, *, merit: Merit | None) -> tuple[list[Row], list[Row]]:
    """Of the policies, the base first; and of the best of 1, 2, 4, …"""
    config = found.chosen.read_config()
    values = knobs.from_json(config.kind, config.knobs)
    here: Setting[Any] = setting.opened(found.chosen, config, values)
    reference = opened(found.policies["base"], here)
    policies = [policy_row(name, run, here, reference=reference, merit=merit) for name, run in found.policies.items()]
    answers = answers_of(found.chosen, here)
    return policies, [best_row(answers, k=k, merit=merit) for k in best_of_n.sizes(here.knobs.n)]


def curves(found: Made) -> dict[str, dict[str, Any]]:
    """Reports of the runs that were measured on the way."""
    runs = {name: found.policies[name] for name in POLICIES} | {HARDLY_HELD: found.far}
    return {name: run.read_report() or {} for name, run in runs.items()}


def lines(found: Made, best: Sequence[Row], *, true: str) -> Iterator[Line]:
    """Rewards over the distance, in standard deviations of the base's answers above their mean."""
    for name, report in curves(found).items():
        start = report["curve"][0]
        begins = (report["over_optimisation"]["over_optimised"] or {}).get("sqrt_kl")
        for key, judge in (("score", "A"), ("gold", true if name == HARDLY_HELD else "B")):
            yield Line(
                name=f"{name}: {judge}",
                colour=COLOURS[name],
                points=[
                    (math.sqrt(max(one["kl"], 0.0)), (one[key] - start[key]) / start[f"{key}_std"])
                    for one in report["curve"]
                ],
                dashed=key == "gold",
                begins=begins if key == "gold" else None,
            )
    start = curves(found)["PPO"]["curve"][0]
    for key, spread in (("a", start["score_std"]), ("b", start["gold_std"])):
        middle = measured.mean(best[0].values[key])
        yield Line(
            name=f"best of n: {key.upper()}",
            colour=COLOURS["best of n"],
            points=[(math.sqrt(row.kl), (measured.mean(row.values[key]) - middle) / spread) for row in best],
            dashed=key == "b",
        )


def told(name: str, report: Mapping[str, Any]) -> str:
    """Where over-optimisation begins, and what the run says of itself."""
    begins = report["over_optimisation"]["over_optimised"]
    where = f"from step {begins['step']}, √KL {begins['sqrt_kl']:.2f}" if begins else "not seen"
    return f"{name}: over-optimisation {where}. {report['headline']}"


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def main(given: Sequence[str] | None = None) -> None:
    chosen = options(given)
    works = Works(folder=chosen.folder.resolve(), threads=chosen.threads, seed=chosen.seed)
    desk = DESKS[chosen.desk](works)
    found = made(works, desk)
    policies, best = rows(found, merit=desk.merit)
    judges = [JUDGES[judge] for judge in policies[0].values]
    shown = [*policies, *(row for row in best if row.name in {f"best of {k}" for k in BEST_OF})]
    print(table(["policy", *judges, *REST], [row.cells() for row in shown]), "\n")
    print(table(["gain over the base", *judges], [row.gains(policies[0]) for row in shown[1:]]), "\n")
    print(*(told(name, report) for name, report in curves(found).items()), sep="\n")
    if chosen.plot:
        across, up = "√KL to the base, nats an answer", "gain in the base's standard deviations"
        chosen.plot.write_text(
            distances.drawing(list(lines(found, best, true="rubric" if desk.merit else "B")), across=across, up=up),
            encoding="utf-8",
        )
    if chosen.json:
        write_json(chosen.json, {row.name: row.as_json() for row in (*policies, *best)})


if __name__ == "__main__":
    main()
