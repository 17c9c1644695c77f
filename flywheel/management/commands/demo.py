from typing import Any

from django.core.management.base import BaseCommand

from flywheel.actions import demo
from flywheel.actions.gates import accuracy_in_words
from flywheel.demo.rubric import MAXIMUM


class Command(BaseCommand):
    help = (
        "Make the demo: people, a project of invented support questions, a tiny policy trained from nothing, and one "
        "real turn with simulated annotators, marked so. A second call changes nothing. Example: manage.py demo"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        made = demo.seed(say=self.say)
        self.say("reward model", self.reward_model(made.held_out))
        self.say("policy", f"mean score on the simulated rubric, 0 to {MAXIMUM:.0f}:")
        self.say("  before", str(made.before))
        self.say("  after", str(made.after))
        self.say("waiting", f"{made.tasks_open} head-to-head tasks for people; simulated votes do not count there.")
        self.stdout.write("\nSign in as")
        for login in made.logins:
            self.stdout.write(f"  {login.name:6} {login.password}  ({login.role})")
        self.stdout.write(
            "\nana and ben rank the new policy against the old one; then: "
            f"manage.py turn --project {made.project.slug}"
        )

    def say(self, name: str, sentence: str) -> None:
        self.stdout.write(f"{name:13} {sentence}")
        self.stdout.flush()

    def reward_model(self, held_out: dict[str, Any]) -> str:
        accuracy = held_out.get("accuracy") or {}
        if accuracy.get("low") is None:
            return "too few held-out pairs to say how good it is."
        baselines = ", ".join(
            f"{name} {numbers['value']:.0%}" for name, numbers in held_out["baselines"].items() if numbers
        )
        return f"right on {accuracy_in_words(accuracy)}; baselines: {baselines}."
