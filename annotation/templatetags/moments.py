from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import pgettext

register = template.Library()


@register.filter
def moment(value: datetime) -> str:
    """A day and a time as the reader's language writes them."""
    return date_format(timezone.localtime(value), pgettext("a date and a time, in Django's letters", "j F Y, H:i"))
