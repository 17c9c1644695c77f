"""The same crowd at the desk's own page: each keeps the task after the one on the desk, drafts, skips and revises."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx
from django.test import Client

from annotation.forms.letters import LETTERS
from annotation.models import Judgement, Slot
from tests.annotation.stress.people import TIMEOUT, Person, run_out
from tests.bench.desks import NOTHING, Page

SCRIPT = {"HX-Request": "true"}
FORM = {**SCRIPT, "Content-Type": "application/x-www-form-urlencoded"}


class PersonAtThePage(Person):
    def __post_init__(self) -> None:
        signed_in = Client()
        signed_in.force_login(self.user)
        self.client = httpx.Client(
            base_url=self.address, cookies={"sessionid": signed_in.cookies["sessionid"].value}, timeout=TIMEOUT
        )

    def work(self) -> None:
        """Until nothing waits for them."""
        shown, kept = self.arrive(), NOTHING
        while shown.slot:
            kept = kept if kept.slot else self.ahead_of(shown)
            shown, kept = self.go_on(shown, kept)

    def arrive(self) -> Page:
        return Page(self.sent("page", "GET", f"/projects/{self.project.slug}/desk/").text)

    def ahead_of(self, shown: Page) -> Page:
        return Page(self.sent("ahead", "GET", shown.next, headers=SCRIPT).text)

    def go_on(self, shown: Page, kept: Page) -> tuple[Page, Page]:
        """What is on the desk next, and what lies ready."""
        if self.chance.random() < 0.2:
            self.posted("draft", f"{shown.address}draft/", shown)
        if self.chance.random() < 0.15:
            run_out(Slot.objects.filter(token__in=[shown.slot, kept.slot or shown.slot]))
            if self.chance.random() < 0.3:
                return self.arrive(), NOTHING  # away, and back
        if self.chance.random() < 0.03:
            self.posted("skip", f"{shown.address}skip/", shown, reason="knowledge")
            return self.arrive(), NOTHING
        answer = self.judged(shown, kept)
        if self.chance.random() < 0.15:
            self.revise(shown)
        if answer.status_code != 200:
            return self.arrive(), NOTHING
        came = Page(answer.text)
        return (kept, came) if answer.headers.get("Desk-Next") == kept.slot and kept.slot else (came, NOTHING)

    def judged(self, shown: Page, kept: Page) -> httpx.Response:
        """Sent once, or by an impatient person three times at once."""
        times = 3 if self.chance.random() < 0.2 else 1
        said = self.ranks()
        headers = {name.replace("_", "-"): value for name, value in kept.as_kept().items()}

        def submit(_: int) -> httpx.Response:
            answer = self.posted("submission", f"{shown.address}submit/", shown, headers=headers, **said)
            if answer.status_code == 200:
                self.acknowledge(shown, said)
            return answer

        with ThreadPoolExecutor(max_workers=times) as impatient:
            answers = list(impatient.map(submit, range(times)))
        return min(answers, key=lambda answer: answer.status_code)

    def revise(self, shown: Page) -> None:
        """Open what they have just judged and say something else, if it was theirs to judge."""
        address = shown.address
        page = Page(self.sent("reopened", "GET", address).text)
        if "revises" not in page.fields:
            return
        said = self.ranks()
        if self.posted("revision", f"{address}submit/", page, **said).status_code == 200:
            self.acknowledge(page, said)

    def ranks(self) -> dict[str, int]:
        first = self.chance.randrange(2)
        return {"rank_A": 1 + first, "rank_B": 2 - first}

    def acknowledge(self, page: Page, said: dict[str, int]) -> None:
        with self.tally.lock:
            self.tally.in_letters[page.fields["submission_key"]] = "AB" if said["rank_A"] == 1 else "BA"

    def posted(
        self, what: str, path: str, page: Page, *, headers: dict[str, str] | None = None, **said: object
    ) -> httpx.Response:
        body = urlencode({**page.fields, **said})
        return self.sent(what, "POST", path, content=body, headers={**FORM, **(headers or {})})


def in_letters(judgement: Judgement) -> str:
    """ "BA": what was sent, for the order that was shown."""
    shown = judgement.shown or []
    return "".join(LETTERS[shown.index(position)] for group in judgement.ranking for position in group)
