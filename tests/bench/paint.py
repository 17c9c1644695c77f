"""The page as a browser gets it: what its scripts and styles weigh, and when a task can be read."""

import os
import shutil
import statistics
from typing import Any

from playwright.sync_api import Page, Response, expect, sync_playwright

# Put into the page before its own scripts: when the next task could be seen after the key that submitted this one.
WATCH = """
addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const sent = event.timeStamp, from = document.querySelector("#judgement")?.action;
  const watch = new MutationObserver(() => {
    const now = document.querySelector("#judgement")?.action;
    if (!now || now === from) return;
    watch.disconnect();
    requestAnimationFrame(() => { const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        (window.painted ??= []).push(performance.now() - sent);
        document.documentElement.dataset.painted = window.painted.length;
      };
      port2.postMessage(null); });
  });
  watch.observe(document.documentElement, { childList: true, subtree: true });
}, { capture: true });
"""
PAINTED = """() => new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))
  .observe({ type: "largest-contentful-paint", buffered: true }))"""
WEIGHT = """() => performance.getEntriesByType("resource").filter((r) => /[.](js|css)$/.test(r.name))
  .map((r) => ({ name: r.name.split("/").at(-1), bytes: r.encodedBodySize }))"""
TASKS = 21
OPENINGS = 9


def measure(address: str, slug: str, cookie: str) -> dict[str, Any]:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])
        context.add_init_script(WATCH)
        page = context.new_page()
        first = []
        for _ in range(OPENINGS):
            with page.expect_response(is_reserve):
                page.goto(f"{address}/projects/{slug}/desk/")
            first.append(page.evaluate(PAINTED))
        found = {"version": browser.version, "files": page.evaluate(WEIGHT), "first": first}
        found["after"] = after_submit(page)
        browser.close()
    return found


def is_reserve(response: Response) -> bool:
    return "?after=" in response.url


def after_submit(page: Page) -> list[float]:
    """Rank by keys and submit as soon as the task after it lies ready, and wait until that was painted."""
    for done in range(1, TASKS + 1):
        expect(page.locator("[data-desk][data-kept]")).to_be_attached()
        expect(page.locator(".answer.is-current")).to_be_visible()
        for place in "4321":
            page.keyboard.press(place)
        page.keyboard.press("Enter")
        expect(page.locator("html")).to_have_attribute("data-painted", str(done))
    return list(page.evaluate("() => window.painted"))


def described(found: dict[str, Any]) -> str:
    weight = sum(file["bytes"] for file in found["files"])
    warm, after = found["first"][1:], found["after"]
    return (
        f"\nChromium {found['version']}, four answers: JavaScript and CSS {weight / 1000:.1f} kB compressed in "
        f"{len(found['files'])} files; first task painted after {found['first'][0]:.0f} ms with an empty cache, "
        f"{statistics.median(warm):.0f} ms with a full one (n = {len(warm)}); after Enter the next one after "
        f"{statistics.median(after):.0f} ms (at most {max(after):.0f}, n = {len(after)})\n"
    )
