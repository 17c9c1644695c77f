"""Write .env from .env.example with fresh secrets, readable by its owner only. An existing .env is left alone."""

import os
import secrets
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    target = ROOT / ".env"
    text = (ROOT / ".env.example").read_text()
    for name in ("SECRET_KEY", "PSEUDONYM_KEY"):
        text = text.replace(f"\n{name}=\n", f"\n{name}={secrets.token_urlsafe(48)}\n", 1)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(".env is there already and stays as it is.")
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    print("Wrote .env with fresh secrets.")


if __name__ == "__main__":
    main()
