"""What the address of a page asks for. What it asks for in vain is not done, and the page says so in a sentence."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.text import Truncator
from django.utils.translation import gettext

LONGEST = 60  # characters of a value that a sentence repeats


@dataclass(frozen=True)
class Asked:
    """`wrong`: a sentence for each value that means nothing here. `names`: what the page has asked about; whatever
    else its address says means nothing either."""

    query: QueryDict
    wrong: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        self.names.append(name)
        if len(self.query.getlist(name)) > 1:
            self.complain(gettext("The address says “%(name)s” more than once: the last one counts."), name=name)
        return self.query.get(name, "")

    def choice(self, name: str, among: Collection[str], *, instead: str) -> str:
        """One of these, `instead` where the address says none."""
        said = self.text(name)
        if said and said not in among:
            self.left_out(gettext("“%(value)s” is none of %(among)s"), name, value=said, among=", ".join(among))
        return said if said in among else instead

    def number(self, name: str) -> int | None:
        said = self.text(name)
        is_one = said.isascii() and said.isdecimal() and len(said) < 19
        if said and not is_one:
            self.left_out(gettext("“%(value)s” is no number"), name, value=said)
        return int(said) if is_one else None

    def day(self, name: str) -> date | None:
        said = self.text(name)
        try:
            found = parse_date(said)
        except ValueError:  # a day that no calendar has
            found = None
        if said and found is None:
            self.left_out(gettext("“%(value)s” is no day, as 2026-01-31 is one"), name, value=said)
        return found

    def flag(self, name: str) -> bool:
        return self.choice(name, ["1"], instead="") == "1"

    def page(self, found: Paginator, name: str = "page") -> Page:  # type: ignore[type-arg]  # rows of any kind
        """The one that is asked for; what is no number leads to the first, too great a one to the last."""
        number = self.number(name)
        page = found.get_page(number)
        if number is not None and number != page.number:
            sentence = gettext("There is no page %(number)s: this is page %(shown)s.")
            self.complain(sentence, number=number, shown=page.number)
        return page

    def left_out(self, why: str, name: str, **values: object) -> None:
        self.complain(gettext("%(why)s: “%(name)s” is left out.") % {"why": shortened(why, values), "name": name})

    def complain(self, sentence: str, **values: object) -> None:
        self.wrong.append(shortened(sentence, values) if values else sentence)

    def sentences(self) -> list[str]:
        """All that is wrong, once the page has asked for everything that it knows."""
        return [*self.wrong, *(self._unknown(name) for name in self.query if name not in self.names)]

    def _unknown(self, name: str) -> str:
        sentence = gettext("“%(name)s” means nothing on this page, whose address may say %(names)s.")
        return shortened(sentence, {"name": name, "names": ", ".join(unique(self.names))})


def shortened(sentence: str, values: dict[str, object]) -> str:
    """What somebody typed may be of any length; what is listed stays whole."""
    listed = ("among", "names")
    return sentence % {
        name: value if name in listed else Truncator(str(value).replace("\x00", "")).chars(LONGEST)
        for name, value in values.items()
    }


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
