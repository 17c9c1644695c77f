"""Serve the site on one local port, and keep the figures of its quality pages up to date beside it:
`python deploy/serve.py PORT WORKERS`. If it is up already, only say so."""

import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOOK = 5.0  # seconds between two looks at whether the keeper still runs


def main() -> None:
    port, workers = int(sys.argv[1]), sys.argv[2]
    address = f"http://127.0.0.1:{port}"
    if in_use(port):
        if is_ours(address):
            print(f"The site is up already at {address}")
            return
        sys.exit(f"Error: port {port} belongs to another program. Choose another one: make serve PORT={port + 1}")
    print(f"The site is at {address}  (Ctrl-C stops it)", flush=True)
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    arguments = ["flywheel.wsgi", "--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{port}"]
    site = subprocess.Popen([gunicorn, *arguments, "--workers", workers], cwd=ROOT)
    signal.signal(signal.SIGTERM, lambda *_: site.terminate())
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches all three; the site says when it has ended
    sys.exit(beside(site))


def beside(site: subprocess.Popen[bytes]) -> int:
    """The keeper, started again whenever it ends, until the site does; how that ended."""
    keeper = started_keeper()
    while True:
        with suppress(subprocess.TimeoutExpired):
            code = site.wait(timeout=LOOK)
            keeper.terminate()
            keeper.wait()
            return code
        if keeper.poll() is not None:
            keeper = started_keeper()


def started_keeper() -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "manage.py", "measure"], cwd=ROOT, stdin=quiet, stdout=quiet)


def in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_ours(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/accounts/login/", timeout=5) as page:  # noqa: S310
            return "· Flywheel".encode() in page.read()
    except OSError:
        return False


if __name__ == "__main__":
    main()
