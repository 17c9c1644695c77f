"""Supervised fine-tuning on files and mixtures, packed, in order, stopped in time, and what was forgotten."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import SequentialSampler
from transformers import AutoTokenizer
from trl import SFTConfig

from tests.training.ml import builders, conversations, tiny_models
from training.exceptions import InvalidRelease, InvalidRun
from training.ml import demonstrations, forgetting, imitation, knobs, mixing, sft
from training.ml.backbones import bases
from training.ml.data.conversations import Tokens
from training.ml.imitation import ImitationTrainer
from training.ml.ranking import without_dropout
from training.ml.run import jobs
from training.ml.run.jobs import Job
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training
Opens = Callable[..., Job[Any]]


@pytest.fixture
def opened(tmp_path: Path, demonstrations: ReleaseReference, policy: RunDirectory) -> Opens:
    """Opens a job of kind sft on the tiny policy, with knobs as texts."""

    def job(files: Any = (), **values: str) -> Job[Any]:
        values = {"lora": "false"} | values
        run = builders.make_run(
            tmp_path / "job", "sft", reference=demonstrations, base=str(policy.model), values=values, files=files
        )
        config = run.read_config()
        return jobs.opened(run, config, knobs.from_json("sft", config.knobs))

    return job


def trainer_of(job: Job[Any], *, packed: bool = False) -> ImitationTrainer:
    shown = demonstrations.demonstrations_of(job)
    mix = mixing.mix_of(job, own=len(shown.train))
    job.seed()
    model = bases.load_causal(job.base, machine=job.machine)
    return sft.trainer_of(job, model, sft.Material(shown=shown, mix=mix, packed=packed))


def gradients(trainer: ImitationTrainer, rows: list[int]) -> tuple[float, torch.Tensor]:
    """Loss and all gradients, flat, of a batch of the trainer's own rows."""
    batch = trainer.data_collator([trainer.train_dataset[row] for row in rows])
    trainer.model.train()
    found = trainer.compute_loss(trainer.model, batch)
    found.backward()
    return found.item(), torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None])


@pytest.mark.parametrize("lora", ["false", "true"])
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # peft's, as in builders.train
def test_a_packed_batch_has_the_loss_and_the_gradient_of_a_padded_one(
    tmp_path: Path, opened: Opens, lora: str
) -> None:
    """Of very different lengths, so that padding, positions and what a conversation sees would all show."""
    pairs = [(f"Say {n}." * (1 + n % 5), "Thank you! " * (1 + n % 4)) for n in range(40)]
    job = opened([conversations.written(tmp_path / "a.json", pairs, role="data")], lora=lora)
    padded, packed = trainer_of(job), trainer_of(job, packed=True)
    rows = [*range(3), *range(60, 72)]
    batch = packed.data_collator([packed.train_dataset[row] for row in rows])
    assert batch["input_ids"].shape[0] == 1
    (loss, expected), (found, gradient) = gradients(padded, rows), gradients(packed, rows)
    assert found == pytest.approx(loss, rel=1e-5)
    assert expected.norm() > 0.01
    assert (gradient - expected).norm() <= 1e-5 * expected.norm()


@pytest.mark.parametrize("name", tiny_models.DECODERS)
def test_packing_is_exact_for_every_kind_of_decoder(tmp_path: Path, policy: RunDirectory, name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(policy.model)
    numbers = [list(range(5, 8 + length)) for length in (9, 1, 30, 4)]
    shown = [Tokens(prompt=ids, answer=ids[: 1 + n]) for n, ids in enumerate(numbers)]
    found = []
    for packed in (False, True):
        trainer = ImitationTrainer(
            held_out=[],
            pad=0,
            model=tiny_models.language_model(tiny_models.DECODERS[name]()).eval(),
            args=SFTConfig(
                output_dir=str(tmp_path),
                padding_free=packed,
                dataset_kwargs={"skip_prepare_dataset": True},
                use_cpu=True,
                bf16=False,
                report_to="none",
                max_length=None,
                activation_checkpointing=False,
            ),
            train_dataset=sft.dataset(shown),
            processing_class=tokenizer,
        )
        without_dropout(trainer.model)
        found.append(gradients(trainer, [0, 1, 2, 3])[1])
    assert (found[1] - found[0]).norm() <= 1e-5 * found[0].norm()


def test_without_our_attention_a_packed_row_would_be_another_batch(opened: Opens) -> None:
    """What the test above relies on: conversations that see each other have another loss."""
    packed = trainer_of(opened(), packed=True)
    batch = packed.data_collator([packed.train_dataset[row] for row in range(4)])
    whole = {"input_ids": batch["input_ids"], "labels": batch["labels"]}
    with torch.no_grad():
        mixed_up = packed.model(**whole).loss.item()
        kept_apart = packed.compute_loss(packed.model, batch).item()
    assert abs(mixed_up - kept_apart) > 1e-3 * kept_apart  # a hundred times what equality allows


def test_a_packed_run_learns_as_a_padded_one(
    tmp_path: Path, demonstrations: ReleaseReference, policy: RunDirectory
) -> None:
    reports = []
    for packing, again in (("false", "false"), ("true", "false"), ("true", "true")):
        values = {"packing": packing, "gradient_checkpointing": again, "max_steps": "6", "lora": "false"}
        run = builders.make_run(
            tmp_path / f"{packing}-{again}", "sft", reference=demonstrations, base=str(policy.model), values=values
        )
        reports.append(builders.train(run))
    padded, packed, computed_twice = reports
    assert (padded["resolved"]["packing"], packed["resolved"]["packing"]) == (False, True)
    for report in (packed, computed_twice):
        assert report["held_out"]["loss_after"] == pytest.approx(padded["held_out"]["loss_after"], rel=1e-3)
    assert packed["held_out"]["loss_after"] < packed["held_out"]["loss_before"]


@pytest.mark.parametrize("release", [True, False])
def test_files_are_learnt_from_beside_a_release_or_instead_of_one(
    tmp_path: Path, demonstrations: ReleaseReference, release: bool
) -> None:
    file = conversations.general(tmp_path / "a.json", role="data", count=40)
    (tmp_path / "b.jsonl").write_text('{"instruction": "Hello?", "output": "Hi."}\nbroken\n')
    broken = conversations.FileReference(
        role="data", path=str(tmp_path / "b.jsonl"), hash=conversations.fingerprint(tmp_path / "b.jsonl")
    )
    run = builders.make_run(
        tmp_path / "run",
        "sft",
        reference=demonstrations if release else None,
        values={"max_steps": "2"},
        files=[file, broken],
    )
    report = builders.train(run)
    described = report["data"]["files"]
    assert [part["conversations"] for part in described] == [40, 1]
    assert report["data"]["train_answers"] + report["held_out"]["n"] == 41 + (80 if release else 0)
    assert report["data"]["answers"] == ("demonstrations" if release else "files")
    assert (report["data"]["release_hash"] is not None) == release
    left_out = f"of a file (data, sha256 {broken.hash[:12]}) records were left out: 1 with no JSON object"
    assert left_out in report["warnings"]


def test_a_share_of_general_examples_is_mixed_in_by_the_seed(tmp_path: Path, opened: Opens) -> None:
    file = conversations.general(tmp_path / "general.json")
    job = opened([file], mix="general.json", mix_ratio="0.25")
    mix = mixing.mix_of(job, own=60)
    assert mix is not None
    assert (mix.wanted, len(mix.examples)) == (20, 20)
    assert mix.describe(demonstrations.demonstrations_of(job).train)["share_of_examples"] == 0.25
    assert mixing.mix_of(job, own=60) == mix
    held_out = {row.responses[0].text for row in job.files["mix"][0].of("test")}
    answers = {job.base.tokenizer.decode(item.answer, skip_special_tokens=True).strip() for item in mix.examples}
    assert len(answers) == 20
    assert not answers & held_out


def test_another_seed_mixes_in_others(tmp_path: Path, opened: Opens) -> None:
    rows = opened([conversations.general(tmp_path / "general.json")], mix="general.json").files["mix"][0].rows
    drawn = [list(mixing.shuffled(rows, seed=seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_file_too_small_for_the_share_is_told(tmp_path: Path, opened: Opens) -> None:
    file = conversations.general(tmp_path / "general.json", count=10)
    mix = mixing.mix_of(opened([file], mix="general.json", mix_ratio="0.5"), own=60)
    assert mix is not None
    assert 0 < len(mix.examples) < 11
    assert mix.warnings() == [
        f"only {len(mix.examples)} general examples could be mixed in where mix_ratio asks for 60"
    ]


def test_a_run_without_the_file_that_a_knob_names_is_refused(opened: Opens) -> None:
    with pytest.raises(InvalidRun, match=r"mix=general\.json: config\.json has no file for it"):
        mixing.mix_of(opened(mix="general.json"), own=60)


def test_a_curriculum_gives_short_conversations_first(tmp_path: Path, opened: Opens) -> None:
    pairs = [(f"Say {n}.", "Yes! " * (20 - n)) for n in range(20)]
    job = opened([conversations.written(tmp_path / "a.json", pairs, role="data")], curriculum="length")
    trainer = trainer_of(job)
    lengths = [len(row["input_ids"]) for row in trainer.train_dataset]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]
    assert isinstance(trainer._get_train_sampler(), SequentialSampler)


def test_a_curriculum_gives_first_what_the_base_finds_likely(tmp_path: Path, opened: Opens) -> None:
    pairs = [(f"Word {n}?", f"{n} zebra quartz jukebox") for n in range(20)]  # the policy never saw the like
    job = opened([conversations.written(tmp_path / "a.json", pairs, role="data")], curriculum="difficulty")
    trainer = trainer_of(job)
    answers = [job.base.tokenizer.decode([i for i in row["labels"] if i >= 0]) for row in trainer.train_dataset]
    strange = ["zebra" in answer for answer in answers]
    assert strange == sorted(strange)
    assert set(strange) == {False, True}


def overfitted(path: Path, demonstrations: ReleaseReference, policy: RunDirectory) -> RunDirectory:
    """A run whose held-out loss falls and then rises."""
    values = {"learning_rate": "0.02", "epochs": "20", "eval_steps": "2", "patience": "3", "lora": "false"}
    return builders.make_run(path, "sft", reference=demonstrations, base=str(policy.model), values=values)


def test_training_stops_in_time_and_keeps_the_best_checkpoint(
    tmp_path: Path, demonstrations: ReleaseReference, policy: RunDirectory
) -> None:
    run = overfitted(tmp_path / "run", demonstrations, policy)
    report = builders.train(run)
    losses = {line["step"]: line["held_out_loss"] for line in run.read_metrics() if "held_out_loss" in line}
    best = min(losses, key=lambda step: losses[step])
    assert list(losses) == list(range(2, best + 2 * 3 + 1, 2))
    assert report["resolved"]["best_step"] == best
    assert report["resolved"]["stopped_early"]
    assert report["train"]["steps"] == best + 6
    assert report["held_out"]["loss_after"] == pytest.approx(losses[best], rel=1e-5)


def test_a_run_that_measures_needs_something_held_out(tmp_path: Path, policy: RunDirectory) -> None:
    shown = builders.release(tmp_path / "release", builders.demonstration_rows(8, 0))
    run = builders.make_run(tmp_path / "run", "sft", reference=shown, values={"patience": "1"})
    with pytest.raises(InvalidRelease, match="patience and eval_steps need held-out answers"):
        builders.train(run)


def test_what_was_forgotten_is_measured_and_told(
    tmp_path: Path, demonstrations: ReleaseReference, policy: RunDirectory
) -> None:
    """General: what the base does well, held out; then it is taught to answer with other words."""
    own = conversations.written(
        tmp_path / "own.json", [(f"Question {n}?", "zebra quartz jukebox") for n in range(80)], role="data"
    )
    known = [(f"Question {n}?", f"Thank you, {n} it is.") for n in range(100, 180)]
    general = conversations.written(tmp_path / "general.json", known, role="general")
    run = builders.make_run(
        tmp_path / "run",
        "sft",
        reference=None,
        base=str(policy.model),
        values={"general": "general.json", "lora": "false", "epochs": "3"},
        files=[own, general],
    )
    report = builders.train(run)
    found = report["held_out"]["forgetting"]
    assert 5 < found["general"]["n"] < 30
    assert found["general"]["change"] > 10 * found["general"]["standard_error"] > 0
    assert found["general"]["loss_after"] - found["general"]["loss_before"] == pytest.approx(
        found["general"]["change"]
    )
    assert set(found["probes"]["kinds"]) >= {"facts", "arithmetic", "formats"}
    assert sum(part["n"] for part in found["probes"]["kinds"].values()) == found["probes"]["n"]
    assert any(warning.startswith("the model lost something: its loss on general") for warning in report["warnings"])


def test_a_base_from_nothing_has_nothing_to_forget(policy: RunDirectory) -> None:
    assert builders.report_of(policy)["held_out"]["forgetting"] is None


def test_a_change_and_its_error_are_those_of_a_ratio_of_sums() -> None:
    """Changes of 2, 0 and 1 nats over 2, 1 and 1 tokens: 3/4 a token; residuals 0.5, -0.75 and 0.25."""
    measure = forgetting.Measure(
        examples=[Tokens(prompt=[1], answer=[1] * length) for length in (2, 1, 1)], kinds=["a", "a", "b"]
    )
    found = forgetting.compared(measure, [1.0, 1.0, 1.0], [3.0, 1.0, 2.0])
    assert (found["loss_before"], found["loss_after"], found["change"]) == (0.75, 1.5, 0.75)
    assert found["standard_error"] == pytest.approx((3 / 2 * (0.25 + 0.5625 + 0.0625)) ** 0.5 / 4)
    assert found["kinds"]["a"]["change"] == pytest.approx(2 / 3)
    assert found["kinds"]["b"]["standard_error"] is None


def test_every_probe_is_short_and_of_a_known_shape() -> None:
    lines = forgetting.PROBES.read_text(encoding="utf-8").splitlines()
    probes = [forgetting.json.loads(line) for line in lines]
    assert len({probe["prompt"] for probe in probes}) == len(probes) >= 40
    assert all(set(probe) == {"kind", "prompt", "answer"} for probe in probes)
    assert max(len(probe["prompt"]) + len(probe["answer"]) for probe in probes) < 100


def test_the_held_out_loss_is_a_mean_over_tokens(opened: Opens) -> None:
    job = opened()
    examples = demonstrations.demonstrations_of(job).held_out[:5]
    model = bases.load_causal(job.base, machine=job.machine)
    apart = [imitation.loss(model, [example], pad=job.pad) or 0.0 for example in examples]
    lengths = [len(example.answer) for example in examples]
    mean = sum(loss * length for loss, length in zip(apart, lengths, strict=True)) / sum(lengths)
    assert imitation.loss(model, examples, pad=job.pad) == pytest.approx(mean, rel=1e-5)
    assert imitation.loss(model, [], pad=job.pad) is None
