"""Answers of a policy to prompts: from weights, in a process of its own, or from a server by its URL.

Either way it is a run with a directory, so that what was interrupted goes on with the same call.
"""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from training.actions import artifacts, plans, provenance, runs
from training.actions.artifacts import Base
from training.actions.endpoints import Endpoint, Message
from training.actions.launchers import LOCAL
from training.actions.plans import Plan
from training.actions.texts import storable
from training.exceptions import InvalidRun
from training.ml import knobs
from training.ml.knobs import SampleKnobs
from training.ml.run.rundir import Config, RunDirectory, append_line, line_of, read_lines, write_json, write_text
from training.models import Run

REQUESTS_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class SampledResponse:
    text: str
    sampling: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One answer that is wanted: the `index`-th to the prompt called `id`."""

    id: str
    index: int
    messages: list[Message]
    seed: int


def sample(
    *,
    location: str,
    prompts: Sequence[list[Message]],
    n: int,
    values: Mapping[str, str] | None = None,
    seed: int = plans.DEFAULT_SEED,
    model_name: str = "",
    terminal: TextIO | None = None,
) -> list[list[SampledResponse]]:
    """`n` answers to each prompt, in the order of the prompts; none to a prompt that was dropped as too long.

    `location`: a directory of weights or the name of an artifact, or the http(s) address of an OpenAI-compatible
    server, of which `model_name` may name the model. The same call goes on where it was interrupted; from the same
    weights a finished one is not computed again.

    Raises:
        InvalidBase, InvalidKnob, EndpointFailed, RunFailed
    """
    if not prompts:
        return []
    chosen = knobs.parse(Run.Kind.SAMPLE, {**(values or {}), "n": str(n)})
    config = Config(
        name="",
        kind=Run.Kind.SAMPLE,
        release=None,
        base=location,
        seed=plans.checked_seed(seed),
        knobs=knobs.as_json(chosen),
        commit=provenance.commit(),
        project_version=provenance.project_version(),
    )
    text = prompt_lines(prompts)
    screen = terminal or sys.stderr
    if location.startswith(("http://", "https://")):
        run = from_server(config, text=text, model_name=model_name, terminal=screen)
    else:
        run = from_weights(config, text=text, terminal=screen)
    return responses_of(run, count=len(prompts))


def prompt_lines(prompts: Sequence[list[Message]]) -> str:
    lines = (line_of({"id": str(place), "messages": messages}) for place, messages in enumerate(prompts))
    return storable("".join(lines))


def from_weights(config: Config, *, text: str, terminal: TextIO) -> Run:
    base = artifacts.find_base(config.base, kind=Run.Kind.SAMPLE)
    wanted = Plan(config=replace(config, base=base.location, revision=base.revision), base=base, prompts=text)
    for run in Run.objects.filter(config_hash=wanted.hash, state=Run.State.DONE):
        if RunDirectory(Path(run.directory)).responses.is_file():
            return run  # the same weights, prompts, knobs and seed
    return runs.finish(runs.begin(wanted), name="", launcher=LOCAL, online=base.is_remote, terminal=terminal)


def from_server(config: Config, *, text: str, model_name: str, terminal: TextIO) -> Run:
    """Ask the server for what is still missing. A finished run is not taken again: its model may be another today."""
    with Endpoint(url=config.base) as endpoint:
        model = endpoint.model(model_name)
        base = Base(location=endpoint.url, identity=f"server:{model}")
        run = runs.begin(Plan(config=replace(config, base=endpoint.url), base=base, prompts=text))
        directory = RunDirectory(Path(run.directory))
        with runs.keep_state(run), directory.locked():
            ask(endpoint, directory=directory, model=model, terminal=terminal)
            write_json(directory.report, server_report(directory, model=model))
    return runs.register(run, report=directory.read_report() or {}, name="")


def ask(endpoint: Endpoint, *, directory: RunDirectory, model: str, terminal: TextIO) -> None:
    """Send every request without an answer yet, a few at once, and write each answer down as it comes."""
    config = directory.read_config()
    chosen = knobs.from_json(config.kind, config.knobs)
    if not isinstance(chosen, SampleKnobs):
        raise InvalidRun(f"{directory.path} is of kind {config.kind}, not a run that samples.")
    drop_half_line(directory)
    missing = missing_requests(directory, chosen=chosen, seed=config.seed)
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool, tqdm(total=len(missing), file=terminal, unit="answer") as bar:
        asked = {pool.submit(endpoint.chat, body_of(one, model=model, chosen=chosen)): one for one in missing}
        try:
            for answer in as_completed(asked):
                append_line(
                    directory.responses, record_of(asked[answer], answer.result(), model=model, chosen=chosen)
                )
                bar.update()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def drop_half_line(directory: RunDirectory) -> None:
    """What a kill cut off would spoil the next line."""
    if directory.responses.exists():
        write_text(directory.responses, "".join(map(line_of, read_lines(directory.responses))))


def missing_requests(directory: RunDirectory, *, chosen: SampleKnobs, seed: int) -> list[Request]:
    answered = {(line["id"], line["index"]) for line in read_lines(directory.responses)}
    return [
        Request(id=line["id"], index=index, messages=line["messages"], seed=(seed + place * chosen.n + index) % 2**31)
        for place, line in enumerate(read_lines(directory.prompts))
        for index in range(chosen.n)
        if (line["id"], index) not in answered
    ]


def body_of(request: Request, *, model: str, chosen: SampleKnobs) -> dict[str, Any]:
    return {
        "model": model,
        "messages": request.messages,
        "max_tokens": chosen.max_new_tokens,
        "temperature": chosen.temperature,
        "top_p": chosen.top_p,
        "seed": request.seed,
    }


def record_of(request: Request, answer: tuple[str, str], *, model: str, chosen: SampleKnobs) -> dict[str, Any]:
    text, finish = answer
    sampling = {
        "model": model,
        "max_new_tokens": chosen.max_new_tokens,
        "temperature": chosen.temperature,
        "top_p": chosen.top_p,
        "seed": request.seed,
        "finish": finish,
    }
    return {"id": request.id, "index": request.index, "text": text, "sampling": sampling}


def server_report(directory: RunDirectory, *, model: str) -> dict[str, Any]:
    answers = sum(1 for _ in read_lines(directory.responses))
    prompts = sum(1 for _ in read_lines(directory.prompts))
    return {"kind": "sample", "headline": f"{answers} answers of {model} to {prompts} prompts.", "model": model}


def responses_of(run: Run, *, count: int) -> list[list[SampledResponse]]:
    """The answers to each of `count` prompts, by index."""
    lines = sorted(
        read_lines(RunDirectory(Path(run.directory)).responses), key=lambda line: (line["id"], line["index"])
    )
    found: list[list[SampledResponse]] = [[] for _ in range(count)]
    for line in sorted(lines, key=lambda line: (line["id"], line["index"])):
        found[int(line["id"])].append(SampledResponse(text=storable(line["text"]), sampling=line["sampling"]))
    return found
