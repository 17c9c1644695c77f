"""The commands that learn from rewards take a project's prompts too: only this floor knows projects."""

from typing import Any

from django.core.management.base import CommandParser

from flywheel.actions import lookup, responses
from training.actions import prompts
from training.actions.prompts import Prompts
from training.management.rewarded import RewardedCommand


class LearningCommand(RewardedCommand):
    def add_prompts(self, parser: CommandParser) -> None:
        super().add_prompts(parser)
        parser.add_argument("--project", metavar="P", help="answer all prompts of this project, its splits kept")

    def places(self) -> dict[str, Any]:
        return {**super().places(), "project": of_project}


def of_project(slug: str) -> Prompts:
    project = lookup.project(slug)
    lookup.check_has_prompts(project)
    return prompts.of_rows((prompt.messages, prompt.split) for prompt in responses.prompts_of(project))
