"""The reference's log-probabilities on disk: computed once, whoever asks, and never half written."""

import copy
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.training.ml import builders
from training.exceptions import RunFailed
from training.ml import reference, reference_cache
from training.ml.data.batches import Item
from training.ml.data.groups import Edge
from training.ml.packed import packing
from training.ml.reference import Rows
from training.ml.reference_cache import Cache
from training.ml.run.machine import Machine
from training.ml.run.rundir import RunDirectory

CPU = Machine(device="cpu", precision="fp32", threads=1)


def item(prompt: list[int], *answers: list[int]) -> Item:
    edges = [Edge(better=0, worse=place, tie=False, margin=0.0, weight=1.0) for place in range(1, len(answers))]
    return Item(prompt=prompt, answers=list(answers), edges=edges, rankings=[])


ITEMS = [item([1, 2], [3], [4, 5], [6]), item([1, 2, 3], [3], [4]), item([2], [9, 9, 9], [8])]


class Asked:
    """Stands in for a model: an answer's value is known from its tokens, and every row is remembered."""

    def __init__(self) -> None:
        self.rows: list[list[tuple[list[int], list[list[int]]]]] = []

    def __call__(self, row: Sequence[Item]) -> list[float]:
        self.rows.append([(each.prompt, each.answers) for each in row])
        return [-sum(each.prompt) - sum(answer) / 10 for each in row for answer in each.answers]

    @property
    def answers(self) -> int:
        return sum(len(answers) for row in self.rows for _, answers in row)


def found(
    items: Sequence[Item], path: Path, *, asked: Asked, name: bytes = b"one", budget: int = 100, alone: bool = True
) -> reference.Reference:
    cache = Cache(path, reference=name)
    rows = Rows(budget=budget, shared=True, alone=alone)
    return reference.log_probs(items, cache=cache, compute=asked, rows=rows)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / reference_cache.NAME


def test_every_answer_gets_the_value_of_its_conversation(path: Path) -> None:
    first = found(ITEMS, path, asked=Asked())
    assert first.of(ITEMS) == Asked()(ITEMS)
    assert first.of(ITEMS[::-1]) == Asked()(ITEMS[::-1])
    assert first.describe() == {"answers": 7, "known": 0}


def test_what_one_run_computed_another_finds(path: Path) -> None:
    first, later = Asked(), Asked()
    before = found(ITEMS, path, asked=first)
    after = found(ITEMS, path, asked=later)
    assert (first.answers, later.answers) == (7, 0)
    assert after.of(ITEMS) == before.of(ITEMS)
    assert after.describe() == {"answers": 7, "known": 7}


def test_of_a_prompt_with_a_new_answer_that_one_alone_is_computed(path: Path) -> None:
    found(ITEMS, path, asked=Asked())
    asked = Asked()
    more = [item([1, 2], [3], [7, 7], [6]), *ITEMS[1:]]
    now = found(more, path, asked=asked)
    assert asked.rows == [[([1, 2], [[7, 7]])]]
    assert now.of(more) == Asked()(more)
    assert now.describe() == {"answers": 7, "known": 6}


def test_the_same_answer_to_another_prompt_or_of_another_reference_is_another_value(path: Path) -> None:
    found(ITEMS, path, asked=Asked())
    asked = Asked()
    found(ITEMS[:1], path, asked=asked, name=b"two")
    found([item([1], [2, 3], [4, 5])], path, asked=asked)
    assert asked.answers == 5


def test_on_a_cpu_a_row_is_one_prompt_and_elsewhere_as_many_as_the_budget_allows(path: Path) -> None:
    apart, together = Asked(), Asked()
    found(ITEMS, path, asked=apart)
    found(ITEMS, path, asked=together, name=b"two", alone=False)
    assert sorted(map(len, apart.rows)) == [1, 1, 1]
    assert sorted(map(len, together.rows)) == [3]


def test_a_prompt_over_the_budget_is_computed_in_parts(path: Path) -> None:
    asked = Asked()
    now = found(ITEMS, path, asked=asked, budget=5)
    assert now.of(ITEMS) == Asked()(ITEMS)
    sizes = [len(prompt) + sum(map(len, answers)) for row in asked.rows for prompt, answers in row]
    assert max(sizes) == 5
    assert asked.answers == 7


def test_of_two_processes_with_one_value_both_go_on_with_the_first(path: Path) -> None:
    cache = Cache(path, reference=b"one")
    assert cache.write({b"answer": -1.0}) == {b"answer": -1.0}
    assert cache.write({b"answer": -1.5, b"other": -2.0}) == {b"answer": -1.0, b"other": -2.0}
    assert cache.read([b"answer", b"other", b"third"]) == {b"answer": -1.0, b"other": -2.0}


def test_a_value_comes_back_to_the_last_bit_and_in_any_number(path: Path) -> None:
    values = {number.to_bytes(2): -1 / (3 + number) for number in range(1200)}
    cache = Cache(path, reference=b"one")
    cache.write(values)
    assert cache.read(list(values)) == values


WRITES = """
import sys
from pathlib import Path
from training.ml.reference_cache import Cache
cache = Cache(Path(sys.argv[1]), reference=b"one")
start, number = int(sys.argv[2]), 0
while number < int(sys.argv[3]):
    cache.write({(start + number + i).to_bytes(4): -float(start + number + i) for i in range(10)})
    number += 10
    print(number, flush=True)
"""


def writing(path: Path, *, start: int, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITES, str(path), str(start), str(count)],
        cwd=builders.ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_write_side_by_side_and_a_kill_loses_no_written_value(path: Path) -> None:
    with writing(path, start=0, count=10**6) as killed, writing(path, start=10**7, count=300) as whole:
        assert killed.stdout is not None
        said = [next(killed.stdout) for _ in range(20)]
        os.kill(killed.pid, signal.SIGKILL)
        rest = killed.stdout.read().split()
        whole.communicate()
    assert whole.returncode == 0
    cache = Cache(path, reference=b"one")
    last = int((rest or said)[-1])
    for start, count in ((0, last), (10**7, 300)):
        wanted = {number.to_bytes(4): -float(number) for number in range(start, start + count)}
        assert cache.read(list(wanted)) == wanted
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM log_probs").fetchone()[0] % 10 == 0


def test_a_file_that_is_no_cache_is_said_to_be_deletable(path: Path) -> None:
    path.write_text("What I always wanted to write down. " * 100)
    with pytest.raises(RunFailed, match=r"reference\.sqlite3.* cannot be used .*delete it"):
        found(ITEMS, path, asked=Asked())


def test_the_file_lies_beside_the_runs_or_in_the_run_where_that_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory(tmp_path / "runs" / "one")
    run.path.mkdir(parents=True)
    assert reference_cache.path_of(run) == (tmp_path / "runs" / reference_cache.NAME).resolve()
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != run.path.parent.resolve() and allowed(path, mode))
    assert reference_cache.path_of(run) == run.path / reference_cache.NAME


def llama(**options: int) -> LlamaForCausalLM:
    torch.manual_seed(3)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=64, max_position_embeddings=64, **(sizes | options))).eval()


def test_a_reference_is_its_weights_its_architecture_and_how_it_computes() -> None:
    model = llama()
    own = reference.fingerprint(model, machine=CPU, shared=True)
    moved, turned = copy.deepcopy(model), copy.deepcopy(model)
    moved.lm_head.weight.data[5, 7] += 1e-6
    turned.config.rms_norm_eps = 1e-3
    others = [
        reference.fingerprint(moved, machine=CPU, shared=True),
        reference.fingerprint(turned, machine=CPU, shared=True),
        reference.fingerprint(model, machine=CPU, shared=False),
        reference.fingerprint(model, machine=Machine(device="cpu", precision="bf16", threads=1), shared=True),
        reference.fingerprint(model, machine=Machine(device="cpu", precision="fp32", threads=2), shared=True),
    ]
    assert own == reference.fingerprint(copy.deepcopy(model), machine=CPU, shared=True)
    assert len({own, *others}) == 6


def test_a_value_hangs_on_no_other_answer_of_the_run(path: Path) -> None:
    """Bit by bit on a CPU: what a run finds is what it would have computed."""
    model = llama()

    def compute(row: Sequence[Item]) -> list[float]:
        packed = packing.pack([(each.prompt, each.answers) for each in row], share=True, device="cpu")
        with torch.no_grad():
            return [float(value) for value in packing.answer_log_probs(model, packed)]

    def computed(items: Sequence[Item], name: bytes) -> reference.Reference:
        cache = Cache(path, reference=name)
        rows = Rows(budget=64, shared=True, alone=True)
        return reference.log_probs(items, cache=cache, compute=compute, rows=rows)

    alone = [value for each in ITEMS for value in computed([each], b"apart").of([each])]
    assert computed(ITEMS[::-1], b"together").of(ITEMS) == alone
