"""Serve the site on one local port: `python deploy/serve.py PORT WORKERS`. If it is up already, only say so."""

import os
import socket
import sys
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


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
    os.chdir(ROOT)
    os.execv(gunicorn, [gunicorn, *arguments, "--workers", workers])  # noqa: S606


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
