"""Where alerts may be posted: over https, to hosts that whoever runs the installation has named, and nowhere else."""

import re
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext

from annotation.exceptions import UnusableWebhook

# So narrow that no two readers of addresses see another host in it: no user, no escapes in the host, no fragment.
ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!$-;=?-Z_a-z~]*)?"
)
PORTS = {"https": 443, "http": 80}
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True, kw_only=True)
class Target:
    url: str
    host: str


def target_of(address: str) -> Target:
    """
    Raises:
        UnusableWebhook: no address, or not one of those that are allowed.
    """
    found = ADDRESS.fullmatch(address.strip())
    if found is None:
        raise UnusableWebhook(gettext("This is no address such as https://hooks.example.org/path."))
    scheme, host = found["scheme"], found["host"]
    port = int(found["port"] or PORTS[scheme])
    if scheme != "https" and not (settings.DEBUG and host in LOOPBACK):
        raise UnusableWebhook(gettext("Alerts are posted over https only."))
    named = f"{host}:{port}" in settings.WEBHOOK_HOSTS
    if not named and not (port == PORTS[scheme] and host in settings.WEBHOOK_HOSTS):
        sentence = gettext(
            "Nothing may be posted to %(host)s: whoever runs the site names the hosts in WEBHOOK_HOSTS."
        )
        raise UnusableWebhook(sentence % {"host": host if port == PORTS[scheme] else f"{host}:{port}"})
    return Target(url=found[0], host=host)
