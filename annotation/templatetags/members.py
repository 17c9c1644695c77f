from django import template
from django.contrib.auth.models import User

from annotation import permissions

register = template.Library()


@register.simple_tag
def pages_of(user: User) -> permissions.Pages:
    """Which links the head of every page has."""
    return permissions.pages_of(user)
