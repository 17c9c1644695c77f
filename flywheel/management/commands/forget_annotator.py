from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import pluralize

from flywheel.actions import forgetting
from flywheel.actions.forgetting import Person, Traces


class Command(BaseCommand):
    help = (
        "Forget a person: cut their account from what they judged, which stays or is withdrawn from later releases. "
        "Example: manage.py forget_annotator maria --withdraw --delete-account"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="their pseudonym or their username")
        choice = parser.add_mutually_exclusive_group(required=True)
        choice.add_argument("--keep", action="store_true", help="what they judged stays and counts, unlinked")
        choice.add_argument("--withdraw", action="store_true", help="it counts no more, in no figure and no release")
        parser.add_argument("--delete-account", action="store_true", help="delete the account as well")
        parser.add_argument("--yes", action="store_true", help="ask nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        person = forgetting.named(options["name"])
        asked = {"withdraw": options["withdraw"], "delete_account": options["delete_account"]}
        self.stdout.write(foretold(person, forgetting.traces_of(person), **asked))
        if not options["yes"] and not agreed():
            raise CommandError("Nothing was changed.")
        forgetting.forget(person, by=None, **asked)
        self.stdout.write("Done: nothing that is stored here says any more whose it was.")


def agreed() -> bool:
    try:
        return input("This cannot be undone. Type yes to go on: ").strip() == "yes"
    except EOFError:  # nobody is there to answer
        return False


def foretold(person: Person, traces: Traces, *, withdraw: bool, delete_account: bool) -> str:
    n = traces.counting if withdraw else traces.judgements
    what = "will count no more, in no figure and in no later release" if withdraw else "will stay, linked to nobody"
    account = "will be deleted" if delete_account else "will stay, as a member of no project"
    return "\n".join(
        [
            f"{n:,} judgement{pluralize(n)} in {listed([project.slug for project in traces.projects])} {what}.",
            f"The account {account}." if person.user else "No account stands behind this name.",
            f"Releases that hold something of theirs stay as they are: {listed([r.name for r in traces.releases])}.",
            f"Models that learned from it stay as they are: {listed(traces.names_of_models)}.",
        ]
    )


def listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
