"""Where the pictures lie and how one is made."""

from pathlib import Path

from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
MAX_BYTES = 250_000
DEVICES = {"": DESKTOP, "-phone": PHONE}


def keep(page: Page, name: str, *, full_page: bool = False) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.png"
    page.evaluate("document.fonts.ready")
    page.screenshot(path=path, full_page=full_page, animations="disabled", caret="hide")
    assert path.stat().st_size < MAX_BYTES
