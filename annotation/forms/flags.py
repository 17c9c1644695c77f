"""What flags are called, at the desk and where they are reviewed."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: dict[str, Promise] = {
    "harmful": _("Harmful"),
    "personal_data": _("Personal data"),
    "off_topic": _("Off-topic"),
    "broken": _("Broken"),
    "other": _("Something else"),
    "unclear": _("Unclear"),
    "needs_expert": _("Needs an expert"),
}
