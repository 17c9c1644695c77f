"""The conditions on promotion. Each is a verdict with its numbers; none counts a simulated vote."""

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext, pgettext

from annotation.stats.win_rates import MINIMUM_PROMPTS, WinRate
from flywheel.actions import votes
from flywheel.actions.votes import Standing
from flywheel.models import Gate, Generation

MINIMUM_VOTES = 20
REWARD_MODEL = "reward model"
WIN_RATE = "blind human win rate"
EVEN = 0.5


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`undecided`: not passed, and only more votes can tell. `sentence`: the evidence, without the outcome."""

    name: str
    passed: bool
    sentence: str
    numbers: dict[str, Any] = field(default_factory=dict)
    undecided: bool = False

    @property
    def title(self) -> str:
        names = {REWARD_MODEL: gettext("reward model"), WIN_RATE: gettext("blind human win rate")}
        return names.get(self.name, self.name)

    @property
    def in_words(self) -> str:
        outcome = "passed" if self.passed else "undecided" if self.undecided else "not passed"
        return f"{outcome}: {self.sentence}"


def verdicts(generation: Generation, *, standing: Standing) -> list[Verdict]:
    """Every gate as it stands now, nothing stored."""
    return [reward_model_gate(generation), win_rate_gate(generation, standing)]


@transaction.atomic
def record(generation: Generation) -> list[Verdict]:
    """Decide every gate on what is known now and keep the evidence."""
    found = verdicts(generation, standing=votes.standing(generation))
    for verdict in found:
        Gate.objects.update_or_create(
            generation=generation,
            name=verdict.name,
            defaults={
                "passed": verdict.passed,
                "evidence": {"sentence": verdict.sentence, "undecided": verdict.undecided, **verdict.numbers},
            },
        )
    return found


def reward_model_gate(generation: Generation) -> Verdict:
    """The reward model must beat the best baseline on held-out prompts with the whole of its interval."""
    model = generation.reward_model
    held_out = model.run.report.get("held_out", {}) if model and model.run else {}
    accuracy = held_out.get("accuracy") or {}
    baselines = {name: numbers for name, numbers in held_out.get("baselines", {}).items() if numbers}
    if accuracy.get("low") is None or not baselines:
        untried = gettext("its reward model was tried on no held-out pairs.")
        why = gettext("it has no reward model.") if model is None else untried
        return Verdict(name=REWARD_MODEL, passed=False, sentence=why)
    best = max(baselines, key=lambda name: float(baselines[name]["value"]))
    passed = accuracy["low"] > baselines[best]["value"]
    sentence = gettext(
        "the reward model is right on %(accuracy)s; "
        "its interval must lie above the best baseline (%(baseline)s, %(value)s)."
    ) % {"accuracy": accuracy_in_words(accuracy), "baseline": best, "value": percent(baselines[best]["value"])}
    return Verdict(
        name=REWARD_MODEL,
        passed=passed,
        sentence=sentence,
        numbers={"accuracy": accuracy, "baselines": baselines, "best_baseline": best},
    )


def win_rate_gate(generation: Generation, standing: Standing) -> Verdict:
    """People who did not know which was which must prefer it to its parent, with the whole interval above a half."""
    rate = standing.win_rate
    numbers = {
        **vars(rate),
        "votes": standing.votes,
        "simulated": standing.simulated,
        "tasks_open": standing.tasks_open,
    }
    if standing.votes < MINIMUM_VOTES or rate.value is None or rate.low is None:
        sentence = f"{too_few(standing)}."
        if standing.tasks_decided:
            sentence += f" {how_to_file_more(generation)}"
        return Verdict(name=WIN_RATE, passed=False, sentence=sentence, numbers=numbers, undecided=True)
    passed = rate.low > EVEN
    sentence = gettext("people prefer it to %(opponent)s in %(rate)s; the interval must lie above %(even)s.") % {
        "opponent": generation.parent.policy.name if generation.parent else gettext("its parent"),
        "rate": rate_in_words(rate),
        "even": percent(EVEN),
    }
    return Verdict(
        name=WIN_RATE,
        passed=passed,
        sentence=sentence,
        numbers=numbers,
        undecided=not passed and not standing.tasks_decided,
    )


def how_to_file_more(generation: Generation) -> str:
    """Without an open task no vote can come, and the gate would stay as it is for ever."""
    project, parent = generation.project.slug, generation.parent
    names = [generation.policy.name, *([parent.policy.name] if parent else [])]
    sample = pgettext("between two commands", " and ").join(
        f"`manage.py sample --policy {name} --project {project} -n 1`" for name in names
    )
    push = f"`manage.py push_generation --project {project} --policy {generation.policy.name}`"
    if parent:
        push = f"{push[:-1]} --against {parent.policy.name}`"
    return gettext(
        "No head-to-head task is open, so none will come: file more challenges with %(sample)s, then %(push)s."
    ) % {"sample": sample, "push": push}


def too_few(standing: Standing) -> str:
    """Why there is no number yet, in words."""
    if standing.votes < MINIMUM_VOTES:
        return gettext("not enough votes by people yet (%(votes)s of %(wanted)s)") % {
            "votes": standing.votes,
            "wanted": MINIMUM_VOTES,
        }
    return gettext("votes on too few prompts yet (%(prompts)s of %(wanted)s)") % {
        "prompts": standing.win_rate.prompts,
        "wanted": MINIMUM_PROMPTS,
    }


def percent(share: float) -> str:
    return gettext("%(number)s%%") % {"number": f"{share * 100:.0f}"}


def counted(number: int) -> str:
    return number_format(number, use_l10n=True, force_grouping=True)


def rate_in_words(rate: WinRate) -> str:
    if rate.value is None or rate.low is None or rate.high is None:
        return gettext("not enough: %(prompts)s of the %(wanted)s prompts that a number needs") % {
            "prompts": rate.prompts,
            "wanted": MINIMUM_PROMPTS,
        }
    return gettext("%(value)s (95 %% interval %(low)s to %(high)s, n = %(n)s)") % {
        "value": percent(rate.value),
        "low": percent(rate.low),
        "high": percent(rate.high),
        "n": rate.n,
    }


def accuracy_in_words(accuracy: dict[str, Any]) -> str:
    pairs, prompts = accuracy.get("n_pairs", 0), accuracy.get("n_prompts", 0)
    return gettext(
        "%(value)s of held-out pairs (95 %% interval %(low)s to %(high)s, n = %(pairs)s of %(prompts)s)"
    ) % {
        "value": percent(accuracy["value"]),
        "low": percent(accuracy["low"]),
        "high": percent(accuracy["high"]),
        "pairs": ngettext("%(n)s pair", "%(n)s pairs", pairs) % {"n": counted(pairs)},
        "prompts": ngettext("%(n)s prompt", "%(n)s prompts", prompts) % {"n": counted(prompts)},
    }
