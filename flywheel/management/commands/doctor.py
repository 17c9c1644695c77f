import sys
from typing import Any

from django.core.management.base import BaseCommand

from flywheel.actions import machine


class Command(BaseCommand):
    help = "Check this machine and say what is missing and what that costs. Example: manage.py doctor"
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        findings = machine.look()
        for finding in findings:
            mark = "ok     " if finding.ok else "MISSING" if finding.needed else "without"
            self.stdout.write(f"{mark}  {finding.name:<11} {finding.found}")
            if not finding.ok:
                self.stdout.write(f"{'':9}{'':<12}{finding.cost}")
        if broken := [finding.name for finding in findings if finding.needed and not finding.ok]:
            sys.exit(f"Error: not ready: {', '.join(broken)}.")
        self.stdout.write("Ready.")
