"""Where a base comes from, and what a directory of weights must hold: one rule before a run and in it. Torch-free.

A name of the hub stands for what its owner put there last; the commit that it stood for is what identifies a base.
"""

import re
from pathlib import Path

from safetensors import SafetensorError, safe_open

from training.exceptions import InvalidBase

TINY = "tiny"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_SECONDS = 10.0
# All that a model needs, and nothing that is pickled: such a file is not even downloaded.
FETCHED = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]
IN_FOLDERS = ["*/*"]
# tokenizer_config.json alone will not do for most; of what it needs beside it, only its own library can tell.
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "spiece.model", "vocab.*")


def is_hub_name(base: str) -> bool:
    """`owner/name`, unless a folder of that owner's name stands here: then it is a path, perhaps mistyped."""
    return bool(HUB_NAME.fullmatch(base)) and not base.startswith(".") and not is_directory(Path(base).parent)


def is_directory(path: Path) -> bool:
    """Whether there is such a directory; a name that the file system refuses is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def check_directory(path: Path) -> None:
    """That the directory holds a whole model which loads without running code of strangers.

    Raises:
        InvalidBase: one sentence on what is missing or must not be there.
    """
    if not is_directory(path):
        raise InvalidBase(
            f"base {path}: no such directory; name one with config.json and safetensors, a model of the hub as "
            f"owner/name, or {TINY}."
        )
    if not (path / "config.json").is_file():
        raise InvalidBase(f"{path} holds no model: it has no config.json.")
    if (path / "adapter_config.json").exists():
        raise InvalidBase(
            f"{path} holds an adapter (adapter_config.json), whose weights would be loaded from wherever it says: "
            "merge it into its base, save the whole model, and name that."
        )
    if not any(path.glob("*.safetensors")):
        raise InvalidBase(
            f"{path} holds no safetensors, and pickled weights are not loaded because they can run code: "
            "save the model again with `save_pretrained`."
        )


def check_readable(path: Path) -> None:
    """That a tokenizer is there and every file of weights is whole: what libraries say of these helps nobody.

    Raises:
        InvalidBase: one sentence on which of them is missing or damaged.
    """
    if not any(file for pattern in TOKENIZER_FILES for file in path.glob(pattern)):
        raise InvalidBase(
            f"{path} holds no tokenizer: neither tokenizer.json nor tokenizer_config.json is there. Save the "
            "tokenizer of the model beside it with `save_pretrained`."
        )
    for file in sorted(path.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy"):
                pass
        except (SafetensorError, OSError):
            raise InvalidBase(
                f"{file} is damaged: it is no whole safetensors file. Copy, download or save the model again."
            ) from None


def commit_of(name: str) -> str:
    """The commit that a name of the hub stands for now: as the hub says, else the local cache; else empty."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - slow to import, and reads the environment when it is
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled  # noqa: PLC0415

    try:
        return HfApi().model_info(name, timeout=HUB_SECONDS).sha or ""
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code in (401, 403, 404):
            return cached_commit(name)
    except (OfflineModeIsEnabled, OSError, ValueError):
        pass
    except Exception as error:  # the client behind it brings its own kinds of "no connection"
        if not type(error).__module__.startswith(("httpx", "httpcore", "requests")):
            raise
    return cached_commit(name)


def cached_commit(name: str) -> str:
    """What the cache calls `main`, or the only commit that it holds; empty if there is none or a choice."""
    from huggingface_hub import constants  # noqa: PLC0415

    folder = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    try:
        found = [(folder / "refs" / "main").read_text(encoding="utf-8").strip()]
    except (OSError, ValueError):
        found = [path.name for path in (folder / "snapshots").glob("*")]
    return found[0] if len(found) == 1 and COMMIT.fullmatch(found[0]) else ""


def fetch(name: str, *, revision: str) -> Path:
    """A model of the hub as a directory of the local cache, downloaded if it is not there.

    Raises:
        InvalidBase: there is no such model or commit, or neither the hub nor the cache can be asked.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    try:
        found = snapshot_download(name, revision=revision or None, allow_patterns=FETCHED, ignore_patterns=IN_FOLDERS)
    except Exception as error:  # the hub's client raises its own, the network's and the file system's
        reason = " ".join(str(error).split())[:300]
        raise InvalidBase(
            f"base {name} cannot be fetched from the hub or found in the local cache: {reason}"
        ) from None
    return Path(str(found))
