"""Runs that learn from rewards of their own answers: PPO, RLOO and its kin, and best-of-n, which trains nothing."""

from collections.abc import Mapping, Sequence

from training.actions import plans, prompts, provenance, releases, rewards
from training.actions.plans import Plan
from training.actions.prompts import Prompts
from training.exceptions import InvalidRun
from training.ml import knobs
from training.ml.run.rundir import Config, RewardReference
from training.models import Run


def plan(
    *,
    kind: str,
    asked: Prompts | None,
    base: str | None,
    trained_on: Sequence[str] = (),
    held_out: Sequence[str] = (),
    values: Mapping[str, str] | None = None,
    seed: int | None = None,
    resume: str | None = None,
) -> Plan:
    """The work in full; what is not given comes from the run that is resumed, else from the defaults.

    `asked`: the prompts; `trained_on` and `held_out`: what answers are rewarded by, as `rewards.find` takes it.

    Raises:
        InvalidBase, InvalidKnob, InvalidRelease, InvalidRun, NotFound: before anything was begun.
    """
    before = plans.config_before(resume, kind=kind)
    if asked is None and resume and before:
        asked = prompts.of_run(plans.directory_of(resume), before)
    if asked is None:
        raise InvalidRun(
            "Say which prompts to answer: --release R, --prompts FILE or --project P. " + releases.existing()
        )
    prompts.check(asked, splits=("test",) if kind == Run.Kind.BEST_OF_N else prompts.SPLITS)
    found = plans.find_base(base, kind=kind, before=before)
    chosen = knobs.from_json(kind, before.knobs if before else {}, over=values)
    referred = references(trained_on, held_out, before=before)
    config = Config(
        name="",
        kind=kind,
        release=asked.release,
        base=found.location,
        revision=found.revision,
        seed=plans.checked_seed(seed if seed is not None else (before.seed if before else plans.DEFAULT_SEED)),
        knobs=knobs.as_json(chosen),
        files=(asked.file,) if asked.file else (),
        rewards=referred,
        commit=provenance.commit(),
        project_version=provenance.project_version(),
    )
    return Plan(config=config, base=found, prompts=asked.lines, functions=rewards.files_of(referred))


def references(
    trained_on: Sequence[str], held_out: Sequence[str], *, before: Config | None
) -> tuple[RewardReference, ...]:
    if before and not trained_on and not held_out:
        return tuple(rewards.again(before.rewards))
    return rewards.find(trained_on, held_out)
