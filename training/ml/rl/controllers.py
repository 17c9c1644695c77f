"""How much a nat of KL costs. Torch-free."""

from dataclasses import dataclass, replace

BOUND = 0.2  # of the relative error that one step answers to


@dataclass(frozen=True, kw_only=True)
class Controller:
    """Adaptive: proportional control of log beta towards `target` nats an answer; without a target it stays.

        e = clip(KL / target - 1, -0.2, 0.2)        beta ← beta · (1 + e · n / horizon)

    Source: 1909.08593, §2.2.
    """

    beta: float
    target: float | None = None
    horizon: int = 10_000

    def after(self, kl: float, *, answers: int) -> "Controller":
        """What it is after a step with this mean KL of so many answers."""
        if self.target is None:
            return self
        error = min(max(kl / self.target - 1, -BOUND), BOUND)
        return replace(self, beta=self.beta * (1 + error * answers / self.horizon))
