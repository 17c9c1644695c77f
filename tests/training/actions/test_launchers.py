import pytest
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import DistributedType

from training.actions import launchers
from training.exceptions import InvalidLauncher

KINDS = {
    "ddp": DistributedType.MULTI_GPU,
    "fsdp2": DistributedType.FSDP,
    "zero2": DistributedType.DEEPSPEED,
    "zero3": DistributedType.DEEPSPEED,
}


def test_every_shipped_file_has_its_test():
    assert {path.stem for path in launchers.SHIPPED.glob("*")} == {*KINDS}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_accelerate_takes_every_shipped_file_and_every_key_in_it(name):
    path = launchers.config_file(name)
    config = load_config_from_file(str(path))  # refuses keys at the top that it does not know
    assert config.distributed_type == KINDS[name]
    known = vars(launch_command_parser().parse_args(["train.py"]))
    below = [*config.fsdp_config, *config.deepspeed_config]
    assert not [key for key in below if key not in known]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_number_of_processes_goes_over_what_the_file_says(tmp_path, name):
    command = launchers.find("accelerate", accelerate_config=name, processes=3).command(tmp_path)
    arguments, config, _ = _validate_launch_command(launch_command_parser().parse_args(command[3:]))
    assert (config.num_processes, arguments.num_processes) == (2, 3)
    assert (arguments.training_script, arguments.training_script_args) == ("training.ml", [str(tmp_path)])


def test_a_file_of_ones_own_is_found_from_wherever_the_command_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("distributed_type: NO\n")
    assert launchers.config_file("mine.yaml") == tmp_path / "mine.yaml"


@pytest.mark.parametrize("named", ["../accelerate/ddp", "nothing.yaml", ""])
def test_what_names_no_file_is_refused(named):
    with pytest.raises(InvalidLauncher, match="none of ddp, fsdp2, zero2, zero3"):
        launchers.config_file(named)


def test_alone_is_without_accelerate(tmp_path):
    assert launchers.find("local").command(tmp_path)[1:] == ["-m", "training.ml", str(tmp_path)]
