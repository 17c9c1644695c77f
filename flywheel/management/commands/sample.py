from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.template.defaultfilters import pluralize

from annotation.models import Prompt
from flywheel.actions import lookup, policies, responses


class Command(BaseCommand):
    help = (
        "Have a policy answer a project's prompts; prompts that it has answered so before are left out. What "
        "train_sft, train_dpo, train_ppo or train_rloo made is a policy, by its own name or its run's. A policy "
        "may also be a server, with #model behind its address if it serves several. "
        "Example: manage.py sample --policy demo-g1 --project demo -n 4 --set temperature=0.7"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--policy",
            required=True,
            metavar="P",
            help="Name of the policy, artifact or run.",
        )
        parser.add_argument("--project", required=True, metavar="J", help="The project's short name.")
        parser.add_argument("-n", "--answers", type=int, required=True, metavar="K", help="Answers to each prompt.")
        parser.add_argument("--limit", type=int, metavar="N", help="At most so many prompts.")
        parser.add_argument("--split", choices=Prompt.Split.values, default="", help="Only prompts of this split.")
        parser.add_argument("--seed", type=int, default=17, metavar="S", help="Decides the answers (default 17).")
        parser.add_argument(
            "--set",
            action="extend",
            nargs="+",
            default=[],
            metavar="NAME=VALUE",
            help="Knobs, such as temperature=0.7 top_p=0.9.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = lookup.project(options["project"])
        policy = policies.named(options["policy"])
        lookup.check_has_prompts(project)
        done = responses.sample(
            list(responses.prompts_of(project, split=options["split"], limit=options["limit"])),
            policy=policy,
            n=options["answers"],
            values=responses.parse_values(options["set"]),
            seed=options["seed"],
        )
        self.stdout.write(
            f"{done.new} new answer{pluralize(done.new)} of {policy} to {done.asked} prompt{pluralize(done.asked)}; "
            f"{done.skipped} prompt{pluralize(done.skipped)} had theirs already."
        )
        if done.unanswered:
            self.stdout.write(
                f"{done.unanswered} prompt{pluralize(done.unanswered)} too long for it and got no answer."
            )
        self.stdout.write(f"Next: manage.py create_tasks --project {project.slug} --responses 2 --overlap 1")
