"""The page of a run in a real Chromium: it sorts, obeys no text, asks nobody, and is for keyboards, phones and the dark.

Skipped without playwright, axe and a Chromium, whose path `CHROMIUM` names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.page import SCRIPT, write_page
from tests.report.in_chromium import DEVICES, chromium, needed
from tests.report.test_page import table, whole_run
from tests.report.test_page import verdict as word

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [pytest.mark.slow, needed]
NASTY = "\x1b[31mred\x1b[0m \u202eright to left\u202c \u2066 \x00 \u200b </script><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run with every section, and with text that wants to do harm wherever text of others stands."""
    folder = whole_run(tmp_path_factory.mktemp("runs") / "mini")
    nasty = [word(number, f"f{name}", "drop", NASTY, NASTY + "x" * 1_000_000) for number, name in enumerate("101122222")]
    table(folder, "4_verdicts", nasty)
    with (folder / "recipe.yaml").open("ab") as file:
        file.write(b"# \xff\xfe \x1b[2J \xe2\x80\xae\n")
    log = json.loads((folder / "run.json").read_text())
    log["starts"] += [{"verb": NASTY, "outcome": "\ud800" + NASTY, "seconds": 3.0}]
    (folder / "run.json").write_text(json.dumps(log))
    return write_page(folder).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


class Opened:
    """The page on a device, and all that it said and asked for."""

    def __init__(self, browser: Any, address: str, width: int = 1280, scheme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)

    def column(self, place: int) -> list[str]:
        """The texts of a column of the table of filters."""
        cells = self.page.locator("#filters .wide > table").first.locator(f"tbody tr td:nth-child({place})")
        return [str(text).split("\n")[0] for text in cells.all_inner_texts()]


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Opened]:
    found = Opened(browser, address)
    yield found
    found.page.close()


@pytest.mark.parametrize(("width", "scheme"), DEVICES)
def test_it_can_be_used_by_everybody(browser: Any, address: str, width: int, scheme: str) -> None:
    opened = Opened(browser, address, width, scheme)
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = axe.Axe().run(opened.page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in ("serious", "critical")] == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.said == [] and opened.asked == [address]
    paper = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(23, 25, 28)")
    opened.page.close()


def test_a_column_is_sorted_and_back(opened: Opened) -> None:
    before = opened.column(2)
    assert before == ["3", "1", "5"]
    head = opened.page.locator("#filters .wide > table").first.locator("thead th").nth(1)
    order = []
    for _ in range(3):
        head.locator("button").click()
        order.append((head.get_attribute("aria-sort"), opened.column(2)))
    assert order == [("descending", sorted(before, reverse=True)), ("ascending", sorted(before)), (None, before)]


def test_numbers_are_sorted_as_numbers_and_what_is_none_stays_last(opened: Opened) -> None:
    opened.page.set_content(
        "<div class=wide><table><thead><tr><th class=n>x</th></tr></thead>"
        + "".join(f"<tr><td class=n>{text}<small>9</small></td></tr>" for text in ("1:05:00", "–", "900", "1,190", "7 of 40"))
        + "</table></div>"
    )
    opened.page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    seen = []
    for _ in range(2):
        opened.page.locator("th button").click()
        seen.append(opened.page.evaluate("[...document.querySelectorAll('td')].map(each => each.firstChild.textContent)"))
    assert seen == [["1:05:00", "1,190", "900", "7 of 40", "–"], ["7 of 40", "900", "1,190", "1:05:00", "–"]]


def test_the_keyboard_reaches_and_sorts(opened: Opened) -> None:
    head = opened.page.locator("#filters .wide > table").first.locator("thead th").nth(1)
    for _ in range(80):
        opened.page.keyboard.press("Tab")
        if head.locator("button").evaluate("each => each === document.activeElement"):
            break
    else:
        pytest.fail("the button of a column cannot be reached")
    assert head.locator("button").evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
    opened.page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"


def test_nasty_text_is_only_shown(opened: Opened) -> None:
    assert opened.page.title() == "mini: report"
    text = opened.page.locator("body").text_content()
    assert "\\x1b[31mred" in text and "\\u202eright to left" in text and "</script><script>document.title" in text
    assert not any(each in text for each in "\x1b\u202e\u2066\x00\u200b\x9b")
    assert opened.page.locator("script").count() == 1
    assert len(opened.page.content()) < 2_000_000
    assert opened.said == []


def test_no_other_script_runs(opened: Opened) -> None:
    """The policy of the page refuses what an editor of the file, or a hole in it, would put in."""
    opened.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))")
    opened.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 2\">')")
    opened.page.wait_for_timeout(200)
    assert opened.page.title() == "mini: report"
    assert any("Content Security Policy" in each for each in opened.said)


def test_every_figure_and_table_names_its_command(opened: Opened) -> None:
    """Behind the latest heading before it there stands a command, except in what others wrote."""
    without = opened.page.evaluate(
        """() => [...document.querySelectorAll('main figure, main .wide')].filter(each => {
             let heading = null;
             for (const head of document.querySelectorAll('main h2, main h3'))
               if (head.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING) heading = head;
             let next = heading && heading.nextElementSibling;
             return !(next && next.matches('.source') && /make \\w+ RECIPE=/.test(next.textContent));
           }).map(each => each.outerHTML.slice(0, 80))"""
    )
    assert without == []


def test_every_drawing_has_words_and_a_table(opened: Opened) -> None:
    without = opened.page.evaluate(
        """() => [...document.querySelectorAll('svg[role=img]')].filter(each =>
             !each.querySelector(':scope > title')?.textContent || !each.querySelector(':scope > desc')?.textContent
             || !each.closest('section').querySelector('table')).length"""
    )
    assert without == 0 and opened.page.locator("svg[role=img]").count() > 5


def test_a_telephone_breaks_no_word_and_shows_where_a_table_goes_on(browser: Any, tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "mini")
    table(folder, "4_verdicts", [word(0, "not_contaminated", "drop", "contaminated")])
    opened = Opened(browser, write_page(folder).as_uri(), 390)
    cell = opened.page.locator("#filters td", has_text="not_contaminated").first
    text = "each => { const all = document.createRange(); all.selectNodeContents(each); return all.getClientRects().length }"
    assert cell.evaluate(text) == 1
    wide = opened.page.locator("#filters .wide").first
    assert "local" in wide.evaluate("each => getComputedStyle(each).backgroundAttachment")
    opened.page.close()


def test_it_prints(opened: Opened, tmp_path: Path) -> None:
    opened.page.emulate_media(media="print")
    assert not opened.page.locator("nav").is_visible()
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = opened.page.pdf(format="A4")
    assert printed.startswith(b"%PDF") and printed.count(b"/Type /Page\n") < 30
