"""The page in a real browser: open, filter, open a row, move the slider; by keyboard, in the dark, on a telephone.

Skipped without playwright, axe and a Chromium, whose path `CHROMIUM` names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import acting
from tests.inspect.runs import TOKEN, held, sample_id, served, task_id, whole_run
from tests.report.in_chromium import chromium, needed

browsers = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [pytest.mark.slow, needed]
PAGES = (
    "/", "/tables?table=3_samples", "/tables?where=nope", f"/row?id={sample_id(59)}", f"/row?id={sample_id(40)}",
    "/dropped?filter=judge&reason=too+bad", "/evaluation", "/compare", "/compare?other=nothing", "/calls", "/row?id=nothing",
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    runs = tmp_path_factory.mktemp("runs")
    whole_run(runs / "before", asks="Quickly!", bar=0.9)
    with served(whole_run(runs / "run")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


class Opened:
    """A page on a device, and all that it said and asked for."""

    def __init__(self, browser: Any, base: str, width: int = 1280, scheme: str = "light") -> None:
        self.base = base
        self.page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text) if "400 (Bad" not in message.text else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{base}/?token={TOKEN}")
        self.complete()

    def go(self, path: str) -> None:
        self.page.goto(self.base + path)
        self.complete()

    def complete(self) -> None:
        """Waits until every part is there."""
        browsers.expect(self.page.locator("[aria-busy=true]")).to_have_count(0, timeout=60_000)

    def away(self) -> list[str]:
        """What was asked of anybody else."""
        return [each for each in self.asked if not each.startswith((self.base, "data:"))]


@pytest.fixture
def opened(browser: Any, base: str) -> Iterator[Opened]:
    found = Opened(browser, base)
    yield found
    assert (found.said, found.away()) == ([], [])
    found.page.context.close()


def test_filter_sort_and_open_a_row(opened: Opened) -> None:
    page = opened.page
    page.get_by_role("link", name="Tables", exact=True).click()
    page.fill("#where", "finish = 'stop' AND target LIKE 'It is 10%'")
    page.get_by_role("button", name="Show").click()
    opened.complete()
    assert "5 rows fit" in page.inner_text("main")
    page.get_by_role("link", name="id", exact=True).click()  # sorted up, then down
    page.get_by_role("link", name="id ▲").click()
    opened.complete()
    assert page.locator("th[aria-sort=descending]").inner_text() == "id ▼"
    assert page.locator("tbody tr").first.locator("td").nth(1).inner_text() == sample_id(54)
    page.get_by_role("link", name="Open row 55").click()
    assert page.locator("h1").inner_text() == sample_id(54) and "In the corpus." in page.inner_text("main")
    assert page.locator(".trained.answer").first.inner_text() == "108"


def test_another_table_has_its_own_columns(opened: Opened) -> None:
    opened.go("/tables?table=3_samples&sort=target")
    opened.page.get_by_text("Columns: which are shown").click()
    opened.page.get_by_label("weight").check()
    opened.page.get_by_role("button", name="Show").click()
    opened.complete()
    assert opened.page.get_by_role("columnheader", name="weight").count() == 1
    opened.page.select_option("#table", "4_verdicts")
    opened.page.get_by_role("button", name="Show").click()
    opened.complete()
    assert opened.page.get_by_role("columnheader", name="decision").count() == 1
    assert opened.page.get_by_role("alert").count() == 0


def test_the_slider_counts_what_is_kept(opened: Opened) -> None:
    opened.go("/dropped?filter=judge")
    slider = opened.page.get_by_role("slider", name="Threshold")
    browsers.expect(opened.page.locator("#kept")).to_contain_text("would keep 30 of 60")
    slider.focus()
    slider.press("ArrowRight")
    browsers.expect(opened.page.locator("#kept")).to_contain_text("would keep 29 of 60")
    assert slider.get_attribute("aria-valuetext") == opened.page.inner_text("#at-value") == "0.516667"
    slider.press("Home")
    browsers.expect(opened.page.locator("#kept")).to_contain_text("would keep 60 of 60 samples (100.0 %), +30 to now")
    opened.page.get_by_role("link", name=sample_id(0)).first.click()
    assert opened.page.locator("h1").inner_text() == sample_id(0)


def test_by_keyboard_alone(opened: Opened) -> None:
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.focus("#find-words")
    page.keyboard.type("how much is 21 and 21?")
    page.keyboard.press("Enter")
    page.wait_for_url("**/row?**")
    assert task_id(21) in page.inner_text("main")


def test_models_side_by_side(opened: Opened) -> None:
    opened.go("/evaluation")
    article = opened.page.locator("#differing ~ article")
    assert article.count() == 1 and "Surely 7." in article.inner_text() and "onerror=alert(1)" in article.inner_text()
    opened.page.select_option("#case", "both")
    opened.page.get_by_role("button", name="Show").click()
    opened.complete()
    assert "Surely 7." not in opened.page.inner_text("main")


def test_another_run_beside_this_one(opened: Opened) -> None:
    opened.page.get_by_role("link", name="Compare", exact=True).click()
    opened.complete()
    assert opened.page.locator("h1").inner_text() == "run beside before"
    assert "run beside before is better by samples accepted" in opened.page.inner_text(".finding")
    assert opened.page.locator("ins", has_text="Think.").count() and opened.page.locator("del", has_text="Quickly!").count()
    opened.page.get_by_role("link", name="Swap them").click()
    opened.complete()
    assert opened.page.locator("h1").inner_text() == "before beside run"
    assert "before beside run is worse by samples accepted" in opened.page.inner_text(".finding")
    assert opened.page.url.endswith("/compare?other=before&swapped=yes")
    assert opened.page.locator("#outputs article").count() > 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_read_every_page(browser: Any, base: str, width: int, scheme: str) -> None:
    opened = Opened(browser, base, width, scheme)
    for path in PAGES:
        opened.go(path)
        found = axe.Axe().run(opened.page).response["violations"]
        assert not [(each["id"], [node["html"] for node in each["nodes"]]) for each in found], path
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert (opened.said, opened.away()) == ([], [])
    opened.page.context.close()


def test_it_refreshes_while_a_command_works(browser: Any, tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "run", 20)
    lock = folder / ".lock"
    lock.write_text(str(os.getpid()))
    with served(folder) as port:
        quiet = Opened(browser, f"http://127.0.0.1:{port}")
        assert quiet.page.get_by_label("refresh every 10 s").count() == 0
        with held(lock):
            opened = Opened(browser, f"http://127.0.0.1:{port}")
            assert "A command works in this run." in opened.page.inner_text("header")
            whole_run(folder, 40, anew=True)
            browsers.expect(opened.page.get_by_role("row", name="3_samples")).to_contain_text("40", timeout=30_000)
            opened.page.get_by_label("refresh every 10 s").uncheck()
            opened.go("/")
            assert not opened.page.get_by_label("refresh every 10 s").is_checked(), "it is kept from page to page"
        assert (opened.said, opened.away()) == ([], [])


def test_text_of_models_does_nothing(opened: Opened) -> None:
    opened.page.on("dialog", lambda dialog: opened.said.append(dialog.message))
    for number in range(12):
        opened.go(f"/row?id={sample_id(number)}&table=3_samples&number={number}")
        assert not acting(opened.page.inner_text("main"))
        assert opened.page.locator("main img, main script, main iframe, main [onerror]").count() == 0


def test_should_a_script_slip_in_the_policy_stops_it(browser: Any, base: str) -> None:
    opened = Opened(browser, base)
    opened.page.locator("main").evaluate(
        'main => { main.innerHTML = \'<img src="http://127.0.0.1:9/x.png"><img src=x onerror="document.title=1">\' }'
    )
    opened.page.wait_for_timeout(500)
    assert opened.page.title() != "1" and any("Content Security Policy" in each for each in opened.said)
    opened.page.context.close()
