from django import template
from django.contrib.auth.models import User

from annotation import permissions

register = template.Library()


@register.simple_tag
def may_see_flywheel(user: User) -> bool:
    return permissions.may_see_loop(user)
