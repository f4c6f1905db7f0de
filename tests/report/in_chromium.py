"""A page that was written to be mailed, in a real Chromium, whose path `CHROMIUM` names; skipped where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
needed = pytest.mark.skipif(not Path(CHROMIUM).is_file(), reason=f"no Chromium at {CHROMIUM}")
DEVICES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser."""
    browsers = pytest.importorskip("playwright.sync_api")
    with browsers.sync_playwright() as player:
        started = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def opened(address: str, width: int, scheme: str) -> Iterator[tuple[Any, list[str], list[str]]]:
    """The page on a device, what it says and what it asks for."""
    said: list[str] = []
    asked: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        yield page, said, asked


def violations(page: Any) -> list[tuple[str, str]]:
    """What axe finds against a page, and where first."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found]
