"""Execute the run in a directory: `python -m training.ml runs/<name>`, alone or under `accelerate launch`.

Reads config.json, leaves report.json. No database is needed. A killed or stopped run goes on with the same command.
"""

import importlib
import logging
import signal
import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from training.exceptions import RunBusy, TrainingError
from training.ml import knobs
from training.ml.run import disks, environment
from training.ml.run.rundir import RunDirectory, read_json, write_json

USAGE = "usage: python -m training.ml RUN_DIRECTORY (which holds config.json)"
MODULES = {  # imported when needed: each brings its own part of torch's world
    "sft": "training.ml.sft",
    "rm": "training.ml.reward",
    "dpo": "training.ml.dpo",
    "ppo": "training.ml.rl.ppo",
    "rloo": "training.ml.rl.rloo",
    "best_of_n": "training.ml.best_of_n",
    "sample": "training.ml.sample",
}
FAILED, USER_MISTAKE, INTERRUPTED = 1, 2, 130


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stderr)
        return USER_MISTAKE if arguments[:1] not in (["-h"], ["--help"]) else 0
    directory = RunDirectory(Path(arguments[0]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        execute(directory)
    except TrainingError as error:
        if directory.config.is_file() and not isinstance(error, RunBusy):
            directory.write_error(str(error))
        print(f"Error: {error}", file=sys.stderr)
        return USER_MISTAKE
    except KeyboardInterrupt:
        print(
            f"\nStopped. `python -m training.ml {directory.path}` goes on from the last checkpoint.", file=sys.stderr
        )
        return INTERRUPTED
    except Exception as error:
        logging.getLogger(__name__).exception("the run failed")
        if not disks.is_full(error):
            raise
        say_full(directory)
        return FAILED
    return 0


def say_full(directory: RunDirectory) -> None:
    """On a disk without a byte left neither the sentence nor the file that is the screen may have a place."""
    sentence = disks.sentence(directory)
    with suppress(OSError):
        disks.make_room(directory)
        directory.write_error(sentence)
    with suppress(OSError):
        print(f"\nError: {sentence}", file=sys.stderr)


def execute(directory: RunDirectory) -> None:
    """
    Raises:
        TrainingError: a mistake of the user's, in one sentence.
    """
    config = directory.read_config()
    values = knobs.from_json(config.kind, config.knobs)
    with directory.locked() if environment.is_main_process() else nullcontext():
        if (report := directory.read_report()) is not None:
            print(f"Done before: {report['headline']}", file=sys.stderr)
            return
        if environment.is_main_process():
            directory.clear_unfinished()
        environment.prepare(base=config.base, log=directory.log, track=getattr(values, "track", ""))
        started = time.time()
        importlib.import_module(MODULES[config.kind]).run(directory, config, values)
        if environment.is_main_process():
            finish(directory, started=started)
    environment.leave()


def finish(directory: RunDirectory, *, started: float) -> None:
    timing: dict[str, Any] = {"started": started, "seconds": round(time.time() - started, 3)}
    write_json(directory.timing, (read_json(directory.timing) or {}) | timing)
    report = read_json(directory.report) or {}
    print(report["headline"], file=sys.stderr)
    for warning in report["warnings"]:
        print(f"Warning: {warning}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
