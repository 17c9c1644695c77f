"""The figures that matter most, as lines for a terminal."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
WIDTH = 34
MOST_COUPLES, MOST_POLICIES = 3, 6
SHARES = (
    ("pairs", "agreement on pairs"),
    ("strict", "… where both prefer one"),
    ("exact", "… where a tie is no half"),
    ("unanimous", "all say the same of a pair"),
    ("top_1", "the same answer in front"),
    ("ceiling", "a perfect model of the majority"),
)
VERDICTS = {
    "good": "good enough to train on",
    "fair": "good enough with care",
    "poor": "not good enough yet",
    "unknown": "too little is known",
}
REASONS = {
    "few_tasks": "few tasks were judged by two people",
    "no_variety": "everybody always says the same",
    "pairs_low": "people agree on too few pairs",
    "near_chance": "people agree little better than chance",
    "ratings_low": "people agree too little on some ratings",
    "known_low": "known answers are missed",
}
COEFFICIENTS = (("alpha", "Krippendorff's alpha"), ("fleiss", "Fleiss' kappa"), ("tau_b", "Kendall's tau-b"))


def lines(content: Json) -> Iterator[str]:
    yield from about(content)
    agreement = content["agreement"]
    if said(agreement["pairs"]) or not content["ratings"]:
        for name, title in SHARES:
            yield from line(title, share(agreement.get(name)))
        for name, title in COEFFICIENTS:
            yield from line(title, coefficient(agreement.get(name)))
    for two in agreement["cohen"][:MOST_COUPLES]:
        yield from line(f"Cohen's kappa {two['a'][-6:]}, {two['b'][-6:]}", coefficient(two))
    for criterion, levels in content["ratings"].items():
        for level, figure in levels.items():
            if said(figure):
                yield from line(f"{criterion}, {level} alpha", coefficient(figure))
    if said(content["ranks_alpha"]):
        yield from line("ranks, interval alpha", coefficient(content["ranks_alpha"]))
    yield from line("known answers", share(content["known"]))
    yield from line("the same when asked again", share(content["repeats"]))
    for policy in content.get("policies", {}).get("ranked", [])[:MOST_POLICIES]:
        yield from line(f"{policy['name'][:20]} wins", share(policy["win_rate"]))


def more_lines(more: Json) -> Iterator[str]:
    for method, figure in more.get("against_known", {}).items():
        yield from line(f"{method} against what is known", share(figure))
    for response in sorted(more.get("responses", []), key=lambda response: -response["best_worst"]):
        yield f"{response['best_worst']:+.3f}  {response['policy']}: {response['text']}"


def about(content: Json) -> Iterator[str]:
    progress = content["progress"]
    tasks = sum(progress["tasks"].values())
    yield (
        f"{progress['judgements']:,} judgements of {tasks:,} tasks by {progress['annotators']:,} annotators"
        + (f" and others without a name ({progress['unnamed']:,})" if progress["unnamed"] else "")
        + f", {progress['left']:,} places left"
    )
    if ends := progress["forecast"]["ends"]:
        yield from line("done by", f"{ends} ({progress['forecast']['earliest']} to {progress['forecast']['latest']})")
    if verdict := content.get("verdict"):
        reasons = [REASONS[code] for code in verdict["reasons"]]
        yield from line("labels", "; ".join([VERDICTS[verdict["code"]], *reasons]))
        for name, code in verdict["criteria"].items():
            yield from line(f"… by {name}", VERDICTS[code])


def line(title: str, text: str) -> Iterator[str]:
    if text:
        yield f"{title:<{WIDTH}} {text}"


def said(figure: Json) -> bool:
    return figure["value"] is not None


def share(figure: Json | None) -> str:
    return shown(figure, form=".1%")


def coefficient(figure: Json | None) -> str:
    return shown(figure, form=".3f")


def shown(figure: Json | None, *, form: str) -> str:
    """With its interval and n, or why there is none."""
    if figure is None:
        return ""
    if not said(figure):
        return str(figure["missing"])
    return f"{figure['value']:{form}} ({between(figure, form)}), n = {figure['n']:,} {figure['what']}"


def between(figure: Json, form: str) -> str:
    if figure["low"] is None or figure["high"] is None:
        return "no interval"
    return f"{figure['low']:{form}} to {figure['high']:{form}}"
