"""What is measured of a run beside its result: tokens, padding, memory, and the time that is left."""

import re
from pathlib import Path

import torch

from tests.training.ml import builders
from training.ml.data.batches import Item
from training.ml.run import progress, throughput
from training.ml.run.rundir import ReleaseReference, RunDirectory, read_json
from training.ml.run.throughput import Meter


def test_tokens_and_padding_are_those_of_the_batches() -> None:
    meter = Meter(processes=2)
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])
    collate = meter.counting(lambda rows: {"input_ids": torch.zeros(len(rows), 4), "attention_mask": mask})
    batch = collate([None, None])
    assert batch["attention_mask"] is mask
    found = meter.describe()
    assert (found["training_tokens"], found["padding_share"]) == (2 * 4, 0.5)
    assert found["tokens_per_second"] > 0


def test_a_packed_row_has_no_padding_and_a_prompt_with_its_answers_counts_once() -> None:
    item = Item(prompt=[1, 2, 3], answers=[[4], [5, 6]], edges=[], rankings=[])
    assert throughput.size_of({"items": [item, item]}) == (12, 0)
    assert throughput.size_of({"input_ids": torch.zeros(1, 7)}) == (7, 7)


def test_a_run_that_read_nothing_has_no_speed_but_a_size() -> None:
    found = Meter().describe()
    assert set(found) == {"peak_memory_mb"}
    assert 50 < found["peak_memory_mb"] < 1_000_000  # a process with torch in it, in MB and not in kB or bytes


def test_the_speed_between_two_lines_is_that_of_the_tokens_between_them() -> None:
    meter = Meter()
    meter.tokens = 500
    assert meter.recent() > 0
    assert meter.recent() == 0


def test_every_line_has_a_speed_and_timing_tells_the_whole(tmp_path: Path, comparisons: ReleaseReference) -> None:
    run = builders.make_run(tmp_path / "run", "sft", reference=comparisons, values={"answers": "best", "epochs": "1"})
    builders.train(run)
    assert all(line["tokens_per_second"] > 0 for line in run.read_metrics())
    timing = read_json(run.timing) or {}
    assert 0 <= timing["padding_share"] < 0.9
    assert timing["training_tokens"] == builders.report_of(run)["data"]["train_tokens"]


def test_a_resumed_bar_reckons_with_its_own_steps_alone(capsys) -> None:  # type: ignore[no-untyped-def]
    """Sixty of a hundred steps were done before; ten more took ten seconds, so thirty are left to wait."""
    bar = progress.bar(total=100, what="Fine-tuning", unit="step", done=60)
    bar.smoothing = 0
    bar.start_t = bar.last_print_t = bar.start_t - 10
    bar.update(10)
    shown = bar.format_meter(**bar.format_dict)
    bar.close()
    assert re.search(r"70/100 \[00:1\d<00:(29|3\d),", shown), shown


def test_members_of_an_ensemble_tell_their_speed_to_the_run(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    values = {"ensemble": "2", "max_steps": "1"}
    run = builders.make_run(tmp_path / "run", "rm", reference=comparisons, base=str(policy.model), values=values)
    builders.train(run)
    assert {"tokens_per_second", "padding_share", "peak_memory_mb"} <= set(read_json(run.timing) or {})
