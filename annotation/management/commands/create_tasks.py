import argparse
import sys
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from annotation.actions import audiences, projects, tasks

RESPONSES_HELP = "how many each task shows: 2 to 9 to rank, 1 to rate and edit, 0 to answer (default: the project's)"


class Command(BaseCommand):
    help = "Put prompts that have enough responses in the annotators' queue; the same call again adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = (
            "examples:\n  manage.py create_tasks --project qa --responses 4 --overlap 3\n"
            "  manage.py create_tasks --project qa --responses 2 --skills-from-tags lang: --audience-group night"
        )
        parser.add_argument("--project", required=True, help=projects.PROJECT_HELP)
        parser.add_argument("--responses", type=int, help=RESPONSES_HELP)
        parser.add_argument("--overlap", type=int, help="how many people judge each (default: as the project says)")
        parser.add_argument("--strategy", default="random", help=f"one of: {', '.join(sorted(tasks.STRATEGIES))}")
        parser.add_argument("--limit", type=int, help="file tasks for at most this many prompts")
        parser.add_argument("--seed", type=int, default=0, help="another seed chooses other prompts and responses")
        parser.add_argument("--purpose", default="label", choices=tasks.CHOSEN, help="what the judgements are for")
        add = partial(parser.add_argument, action="append", default=[], metavar="NAME")
        add("--audience-group", help="only for this group of members; once for each of several, any of which will do")
        add("--audience-person", help="only for this annotator, by pseudonym; once for each of several, as above")
        add("--audience-skill", help="only for who has this skill; once for each of several, all of which it takes")
        parser.add_argument(
            "--skills-from-tags",
            default="",
            metavar="PREFIX",
            help="prompts' tags that begin so are asked for as skills",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = projects.named(options["project"])
        with tqdm(unit=" tasks", disable=not sys.stderr.isatty()) as bar:
            found = tasks.create_for_prompts(
                project,
                responses=project.responses_per_task if options["responses"] is None else options["responses"],
                overlap=project.overlap if options["overlap"] is None else options["overlap"],
                strategy=options["strategy"],
                seed=options["seed"],
                limit=options["limit"],
                purpose=options["purpose"],
                audience=audiences.of(
                    project,
                    people=options["audience_person"],
                    groups=options["audience_group"],
                    skills=options["audience_skill"],
                ),
                skills_from_tags=options["skills_from_tags"],
                progress=bar.update,
            )
        self.stdout.write(in_words(found))
        for sentence in found.warnings:
            self.stderr.write(self.style.WARNING(sentence))


def in_words(found: tasks.TasksCreated) -> str:
    made = f"{found.made:,} task{'' if found.made == 1 else 's'} made"
    others = f", {found.others:,} left as they are: they are for another audience" if found.others else ""
    prompts = "1 prompt has" if found.too_few_responses == 1 else f"{found.too_few_responses:,} prompts have"
    return (
        f"{made}, {found.known:,} known ({found.reopened:,} of them got new slots{others}), "
        f"{prompts} too few different responses."
    )
