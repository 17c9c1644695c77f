"""report.json of a run that learned from rewards: what it gained, and at what distance from its base."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from training.ml.reporting import means, reports
from training.ml.rl import curve, judges
from training.ml.rl.course import LISTS, Course
from training.ml.rl.setting import Setting
from training.ml.run.rundir import read_lines, write_json

LEAST_ENDED = 0.5  # of answers; ours
LEAST_TELLING = 6  # prompts: were all of fewer on one side, chance alone would do it more often than 5 % (sign test)


def write(
    setting: Setting[Any], course: Course, *, what: str, train: dict[str, Any], resolved: dict[str, Any]
) -> None:
    best = course.best()
    start, kept, end = (course.told(place) for place in (0, best, len(course.history) - 1))
    gains = {name: gain(start.get(name), kept.get(name), seed=setting.config.seed) for name in LISTS.values()}
    points = [short(entry) for entry in course.history]
    write_json(
        setting.directory.report,
        reports.assemble(
            config=setting.config,
            headline=headline(what, start, kept, gains, stopped=course.stopped),
            warnings=[
                *setting.notes,
                *course.judge.notes(),
                *warnings(course, kept, gains),
                *reports.length_warnings(setting.prompts.lengths),
            ],
            held_out={
                "start": short(start),
                "best": short(kept),
                "end": short(end),
                "gain": {"score": gains["scores"], "gold": gains["golds"]},
            },
            curve=points,
            over_optimisation=curve.describe(points),
            alarms=course.alarms,
            samples=samples(setting, step=kept["step"]),
            train=train,
            data={
                "prompts": len(setting.prompts.train),
                "held_out_prompts": len(setting.prompts.test),
                "choosing_prompts": course.choosing(),
                **setting.prompts.lengths,
            },
            rewards=judges.described(setting.config.rewards),
            base=setting.base.describe(),
            resolved=resolved,
        ),
    )


def short(entry: dict[str, Any]) -> dict[str, Any]:
    """Without what is of every answer, too long for a report."""
    return {name: value for name, value in entry.items() if name not in LISTS.values()}


def gain(before: Sequence[float] | None, after: Sequence[float] | None, *, seed: int) -> dict[str, Any] | None:
    """The mean difference prompt by prompt, with a 95 % bootstrap interval over prompts."""
    if not before or not after:
        return None
    differences = [b - a for a, b in zip(before, after, strict=True)]
    low, high = means.interval(differences, seed=seed)
    n = len(differences)
    return {"value": math.fsum(differences) / n, "low": low, "high": high, "n": n}


def headline(what: str, start: dict[str, Any], kept: dict[str, Any], gains: dict[str, Any], *, stopped: bool) -> str:
    """What came out, with the bad news first."""
    verdict = "Stopped by a guard. " if stopped else ""
    found = gains["golds"] or gains["scores"]
    if kept["step"] == 0:
        verdict += "No better than the base, which is kept. "
    elif not is_shown(found):
        verdict += "Not shown to be better than the base. "
    told = f"{what}: score {start['score']:.3f} -> {kept['score']:.3f} ({span(gains['scores'])})"
    if gains["golds"]:
        told += f", held-out reward {start['gold']:.3f} -> {kept['gold']:.3f} ({span(gains['golds'])})"
    return f"{verdict}{told}, {kept['kl']:.2f} nats from the base, on {prompts(found['n'])}."


def is_shown(found: dict[str, Any]) -> bool:
    """Whether this gain is above zero, as far as 95 % can tell."""
    return bool(found["low"] > 0 and found["n"] >= LEAST_TELLING)


def few(gains: Iterable[dict[str, Any] | None]) -> list[str]:
    """A warning where no gain can be shown, however large it is."""
    n = min((found["n"] for found in gains if found), default=LEAST_TELLING)
    if n >= LEAST_TELLING:
        return []
    return [f"the gain is told by {prompts(n)}; with fewer than {LEAST_TELLING} nothing can be shown"]


def prompts(n: int) -> str:
    return f"{n} held-out prompt{'' if n == 1 else 's'}"


def span(found: dict[str, Any]) -> str:
    return f"{found['value']:+.3f}, {found['low']:+.3f} to {found['high']:+.3f}"


def warnings(course: Course, kept: dict[str, Any], gains: dict[str, Any]) -> list[str]:
    found = [*few(gains.values()), *course.guards().idle()]
    found += [f"step {alarm['step']}: {alarm['sentence']}" for alarm in last_of_each(course.alarms)]
    if kept["step"] not in (0, course.history[-1]["step"]):
        found.append(f"the policy of step {kept['step']} is kept, the best within the budget; the last one is not")
    if kept["ended"] < LEAST_ENDED:
        found.append(
            f"only {kept['ended']:.0%} of the answers ended within max_new_tokens: raise it, or teach the base to "
            "end (train_sft)"
        )
    if gains["golds"] is None:
        found.append(
            "no reward was held out (--held-out-reward): nothing here tells a better policy from one that has "
            "learned the reward model's mistakes"
        )
    return found


def last_of_each(alarms: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One sentence a kind: the latest."""
    return list({alarm["name"]: alarm for alarm in alarms}.values())


def samples(setting: Setting[Any], *, step: int) -> list[dict[str, Any]]:
    """What the base and the kept policy answered to the same prompts."""
    lines = list(read_lines(setting.directory.completions))
    before, after = ([line for line in lines if line["step"] == number] for number in (0, step))
    return [
        {
            "prompt": old["prompt"],
            "before": old["text"],
            "after": new["text"],
            "score_before": old["score"],
            "score_after": new["score"],
        }
        for old, new in zip(before, after, strict=False)
    ]
