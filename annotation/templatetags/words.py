"""The texts that scripts show: `words("key", { name })` in static/js/words.js fills the %(name)s."""

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

register = template.Library()

WORDS: dict[str, StrPromise] = {
    # reading.js
    "text_size": _("Text size %(step)s of %(steps)s"),
    # the desk: ranking.js, ladder.js, cards.js, layout.js
    "and": _("%(names)s and %(last)s"),
    "needs_place": _("%(names)s still needs a place."),
    "need_place": _("%(names)s still need a place."),
    "say_better": _("Say which answer is better."),
    "say_line": _("Say which answers are good enough to send."),
    "as_shown": _("This is the order as shown. Press Enter again to send it."),
    "answer": _("Answer %(letter)s"),
    "answer_placed": _("Answer %(letter)s, place %(place)s"),
    "token_unplaced": _("%(letter)s, no place yet"),
    "token_placed": _("%(letter)s, place %(place)s"),
    "none_missing": _("All have a place."),
    "one_missing": _("1 still needs a place."),
    "some_missing": _("%(n)s still need a place."),
    "line_none": _("Nothing is good enough to send."),
    "line_at": _("Good enough down to place %(line)s."),
    "show_all": _("Show all"),
    "fold": _("Fold"),
    "view_side": _("Side by side"),
    "view_stacked": _("Stacked"),
    "undo": _("Undo"),
    "reopen_last": _("Last submission"),
    # the desk: submission.js, drafts.js, notice.js
    "done_next": _("Done. Here is the next one."),
    "revision_kept": _("Your revision is kept."),
    "skip_why": _("Say why you skip this task."),
    "skipped_next": _("Skipped. Here is the next one."),
    "draft_kept": _("Draft kept"),
    "draft_away": _("Kept in this browser; the server does not answer"),
    "away": _("The server does not answer. Your work stays here; press Enter to send it again."),
    "signed_out": _("Your session has ended. Your work stays here: sign in, then send it again."),
    "sign_in_again": _("Sign in (new tab)"),
    # the desk: help.js
    "help_better": _("%(letter)s is much, clearly, slightly better"),
    "help_better_last": _("%(letter)s is slightly, clearly, much better"),
    "help_equal": _("both are equally good"),
    "help_place": _("place the marked answer and go to the next one without a place"),
    "help_place_ties": _(
        "place the marked answer and go to the next one without a place; the same digit twice is a tie"
    ),
    "help_unplace": _("take its place away"),
    "help_line": _("move the line under what is good enough to send"),
    "help_all_bad": _("nothing is good enough"),
    "help_letters": _("mark an answer"),
    "help_arrows": _("go from answer to answer"),
    "help_enter": _("submit, or go to what is missing; in a text Ctrl+Enter submits and Escape goes back"),
    "help_f": _("flag the marked answer or the prompt"),
    "help_e": _("edit the best answer into an ideal one"),
    "help_r": _("write down why"),
    "help_d": _("mark what differs from the marked answer"),
    "help_h": _("highlight the selected words"),
    "help_u": _("show long answers whole, or fold them"),
    "help_v": _("answers side by side or stacked"),
    "help_z": _("undo; with nothing to undo, open your last submission"),
    "help_y": _("redo"),
    "help_s": _("skip this task"),
    "help_g": _("guidelines"),
    "help_help": _("this help"),
    "foot_f": _("Flag"),
    "foot_e": _("Edit"),
    "foot_r": _("Why"),
    "foot_d": _("Difference"),
    "foot_h": _("Highlight"),
    # the desk: ratings.js, reason.js, written.js, edit.js, difference.js, highlights.js
    "help_t": _("rate the marked answer; there a digit rates and goes on"),
    "help_w": _("write your answer"),
    "rating_missing": _("%(letter)s has no rating for %(criterion)s."),
    "rated_all": _("Everything is rated."),
    "reason_missing": _("Say why: this project asks for a reason."),
    "with_reason": _("with a reason"),
    "written_missing": _("Write your answer: there is none here to judge."),
    "edited": _("edited"),
    "not_in": _("underlined: not in %(letter)s"),
    "difference_on": _("Underlined is what the others have and %(letter)s has not."),
    "difference_off": _("The differences are no longer marked."),
    "quotes": _("highlights: %(count)s"),
    "quotes_full": _("%(most)s highlights are the most that can be kept."),
    "not_quotable": _("Select words within one answer."),
    "edit_title": _("Edit %(letter)s into an ideal answer"),
}


@register.simple_tag
def words() -> SafeString:
    """All of them, once per page, in the language of the page."""
    return json_script(WORDS, "words")
