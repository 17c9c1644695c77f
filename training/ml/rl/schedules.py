"""How the learning rate goes, for PPO and RLOO alike. Torch-free."""


def share(step: int, *, steps: int, warmup: int, final: float) -> float:
    """Of the rate, in the step after `step` of them: up over `warmup` steps, the first of which learns too, then down
    in a line to `final`. Source: 2403.17031 (to 0)."""
    if step < warmup:
        return (step + 1) / warmup
    return final + (1 - final) * (1 - (step - warmup) / max(steps - warmup, 1))
