"""What no log may hold."""

import logging
import re

INVITATION = re.compile(r"(/projects/join/)[^/?\s]+")


class WithoutInvitations(logging.Filter):
    """Takes the tokens out of the addresses of invitations: who reads a log could join with one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = INVITATION.sub(r"\1…", record.getMessage()), ()
        return True
