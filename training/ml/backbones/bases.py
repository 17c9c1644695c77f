"""What a run starts from: `tiny`, a directory with safetensors, or a model of the hub that the user named.

Pickled weights and remote code are never loaded. Every tokenizer leaves here with a chat template, an end token and a
padding token of its own: with pad = end, a sequence classifier reads its score one token too early.
"""

import copy
import hashlib
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from training.exceptions import InvalidBase
from training.ml.backbones import sources, tiny
from training.ml.backbones.sources import TINY, is_hub_name
from training.ml.data import conversations
from training.ml.data.releases import Release
from training.ml.knobs import FoundingKnobs, MachineKnobs
from training.ml.run.machine import Machine
from training.ml.run.rundir import Config, RunDirectory

PAD = "<|pad|>"
SMALL = 20_000_000  # parameters under which our own learning rates, not published ones, are the defaults
NO_LIMIT = 1_000_000  # a tokenizer that names a larger length names none


@dataclass
class Base:
    """A located base with its tokenizer; `warnings` go into the report."""

    source: str  # as the user named it
    kind: str  # tiny, path or hub
    path: Path
    config: Any
    tokenizer: Any
    warnings: list[str] = field(default_factory=list)

    @property
    def starts_from_nothing(self) -> bool:
        return self.kind == TINY

    @property
    def is_encoder(self) -> bool:
        return self.config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES

    @property
    def holds_reward_model(self) -> bool:
        return any(name.endswith("ForSequenceClassification") for name in self.config.architectures or [])

    def context(self, wanted: int) -> int:
        """The longest conversation: `wanted`, or what the base can take if that is less."""
        limits = [wanted, getattr(self.config, "max_position_embeddings", None), self.tokenizer.model_max_length]
        return min(int(limit) for limit in limits if limit and limit < NO_LIMIT)

    def describe(self) -> dict[str, Any]:
        """For the report: what it was, without where it lay."""
        record: dict[str, Any] = {"kind": self.kind, "model_type": self.config.model_type}
        if self.kind == "hub":
            record |= {"name": self.source, "revision": self.path.name}  # the cache calls a snapshot by its commit
        return record | {"sha256": hash_of_weights(self.path)}


def make_or_find(config: Config, *, knobs: FoundingKnobs, release: Release, directory: RunDirectory) -> Base:
    """
    Raises:
        InvalidBase: one sentence on why this cannot be trained.
    """
    if config.base == TINY:
        tiny.make(directory.base, release=release, knobs=knobs, seed=config.seed)
        return read(directory.base, source=str(directory.base), kind=TINY, knobs=knobs)
    return find(config, knobs=knobs)


def find(config: Config, *, knobs: MachineKnobs) -> Base:
    """A base that exists already: a directory, else a name of the hub at the commit that was planned with."""
    name = config.base
    if Path(name).exists() or not is_hub_name(name):
        sources.check_directory(Path(name))
        sources.check_readable(Path(name))
        return read(Path(name), source=name, kind="path", knobs=knobs)
    path = sources.fetch(name, revision=config.revision)
    sources.check_directory(path)
    sources.check_readable(path)
    base = read(path, source=name, kind="hub", knobs=knobs)
    if not config.revision:
        base.warnings.append(
            f"the commit of {name} was not known when this run was planned: another run may start from others"
        )
    return base


def read(path: Path, *, source: str, kind: str, knobs: MachineKnobs) -> Base:
    """Config and tokenizer, made whole; the weights are loaded when it is known what they are to be."""
    config = attempt(source, lambda: AutoConfig.from_pretrained(path, trust_remote_code=False))
    tokenizer = read_tokenizer(path, source=source)
    if config.is_encoder_decoder:
        raise InvalidBase(f"base {source}: encoder-decoder models are not supported; take a decoder, or an encoder")
    base = Base(source=source, kind=kind, path=path, config=config, tokenizer=tokenizer)
    give_template(base, knobs.chat_template)
    give_end(base)
    give_pad(base)
    return base


def read_tokenizer(path: Path, *, source: str) -> Any:
    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception:  # its library raises bare ones for a file that is not as it expects
        raise InvalidBase(
            f"base {source}: its tokenizer cannot be read; tokenizer.json is missing, damaged, or of a kind that is "
            "not known here. Save the tokenizer again with `save_pretrained`."
        ) from None


def attempt(source: str, load: Callable[[], Any]) -> Any:
    """What `load` gives; what the libraries say of a model they cannot read becomes a sentence."""
    try:
        return load()
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, SafetensorError) as error:
        reason = textwrap.shorten(str(error), 300, placeholder=" …")
        raise InvalidBase(f"base {source} cannot be loaded: {reason}") from None


def give_template(base: Base, wanted: str) -> None:
    if wanted == "chatml":
        base.tokenizer.chat_template = conversations.chatml(base.tokenizer)
    elif base.tokenizer.chat_template is None and base.is_encoder:
        base.tokenizer.chat_template = conversations.ENCODER_TEMPLATE
    elif base.tokenizer.chat_template is None:
        raise InvalidBase(
            f"base {base.source}: its tokenizer has no chat template; give it one with --set chat_template=chatml"
        )


def give_end(base: Base) -> None:
    if base.tokenizer.eos_token_id is None and base.tokenizer.sep_token_id is None:
        raise InvalidBase(
            f"base {base.source}: its tokenizer has no end-of-sequence token; set one and save it again"
        )


def give_pad(base: Base) -> None:
    tokenizer = base.tokenizer
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id != tokenizer.eos_token_id:
        return
    why = "no padding token" if tokenizer.pad_token_id is None else "its end token as padding token"
    tokenizer.add_special_tokens({"pad_token": PAD})
    base.warnings.append(f"the base's tokenizer has {why}: {PAD} was added, and a row to the embeddings if needed")


def load_causal(base: Base, *, machine: Machine) -> Any:
    """The language model with room for every token, its padding and end known to its config.

    Raises:
        InvalidBase: an encoder, a reward model, or unreadable weights.
    """
    if base.is_encoder:
        raise InvalidBase(
            f"base {base.source} is an encoder ({base.config.model_type}): it can only become a reward model"
        )
    if base.holds_reward_model:
        raise InvalidBase(f"base {base.source} is a reward model, not a policy; name a language model")
    model = load(base, AutoModelForCausalLM, machine=machine)[0]
    model.generation_config.pad_token_id = base.tokenizer.pad_token_id
    return model


def load_classifier(
    base: Base, *, machine: Machine, heads: Sequence[str] = (), quantization: Any = None
) -> tuple[Any, list[str]]:
    """The model with one score per conversation, or one for each head, and the names of its modules that start at
    random.

    Raises:
        InvalidBase: a reward model with other heads, or unreadable weights.
    """
    check_heads(base, heads)
    if heads:
        base.config.id2label = dict(enumerate(heads))
        base.config.label2id = {name: number for number, name in enumerate(heads)}
    else:
        base.config.num_labels = 1
    model, missing = load(base, AutoModelForSequenceClassification, machine=machine, quantization=quantization)
    return model, sorted({name.rpartition(".")[0] for name in missing})


def check_heads(base: Base, heads: Sequence[str]) -> None:
    if not base.holds_reward_model:
        return
    known = [base.config.id2label[number] for number in range(base.config.num_labels)]
    if len(known) == max(1, len(heads)) and (not heads or known == list(heads)):
        return
    raise InvalidBase(
        f"base {base.source} is a reward model with {len(known)} heads ({', '.join(known)}), and this run trains "
        f"{', '.join(heads) or 'one'}: start from the policy below it, or say heads as they were"
    )


def load(base: Base, auto: Any, *, machine: Machine, quantization: Any = None) -> tuple[Any, set[str]]:
    """`quantization`: a configuration of transformers; such a model is placed while it is loaded."""
    placed = {"quantization_config": quantization, "device_map": {"": machine.device}} if quantization else {}
    base.config.pad_token_id = base.tokenizer.pad_token_id
    model, info = attempt(
        base.source,
        lambda: auto.from_pretrained(
            base.path,
            config=copy.deepcopy(base.config) if placed else base.config,  # it is marked as quantised
            dtype=torch.float32,  # bf16 is autocast over fp32 weights
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **placed,
        ),
    )
    if len(base.tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(base.tokenizer), mean_resizing=False)
    return model if placed else model.to(machine.device), set(info["missing_keys"])


def hash_of_weights(path: Path) -> str:
    """SHA-256 over names and bytes of weights, tokenizer and config: the same anywhere."""
    sha = hashlib.sha256()
    for file in sorted([*path.glob("*.safetensors"), *path.glob("tokenizer.json"), *path.glob("config.json")]):
        sha.update(file.name.encode())
        with file.open("rb") as stream:
            sha.update(hashlib.file_digest(stream, "sha256").digest())
    return sha.hexdigest()
