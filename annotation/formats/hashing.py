"""Content hashes. They are the identity of prompts, rows and releases, on every database and in every version."""

import hashlib
import json
from typing import Any

HELD_OUT_SHARE = 0.2


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 over `canonical_json(value)`, as 64 hexadecimal characters."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def split_of(prompt_hash: str) -> str:
    """`test` for one prompt in five, by its hash alone: no prompt is ever on both sides."""
    return "test" if int(prompt_hash[:8], 16) / 0x1_0000_0000 < HELD_OUT_SHARE else "train"
