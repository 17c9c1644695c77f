"""Where a run's answers are drawn: by its own process, or by a server that its adapter is pushed to."""

from typing import Any

from training.ml.rl import setting
from training.ml.rl.rollouts import Local
from training.ml.rl.servers import Remote, Server
from training.ml.rl.setting import Setting


def sampling(found: Setting[Any]) -> dict[str, Any]:
    """What both are told."""
    return {
        "tokenizer": found.base.tokenizer,
        "max_new_tokens": setting.longest_answer(found.base, found.knobs),
        "temperature": found.knobs.temperature,
        "seed": found.config.seed,
    }


def local(found: Setting[Any], model: Any, *, batch_size: int) -> Local:
    return Local(model=model, batch_size=batch_size, **sampling(found))


def remote(found: Setting[Any], model: Any, *, adapter: str) -> Remote | None:
    """None: no server is named. `adapter`: the policy's name in the PEFT model."""
    if not found.knobs.server:
        return None
    return Remote(
        server=Server(url=found.knobs.server),
        model=model,
        adapter=adapter,
        directory=found.directory.path / "served",
        run=found.config.name,
        **sampling(found),
    )
