"""The page of two runs: closed elements, no foreign text obeyed, nothing loaded; in a real Chromium for all devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.records import Message
from pipeline.report.compare import compare
from pipeline.report.compare_page import write_compare_page
from tests.report import in_chromium
from tests.report.grades import make_grade, written
from tests.report.test_compare import drawn, make_run
from tests.report.test_page import HOSTILE, Outline

NASTY = f"\x1b[31mred\x1b[0m \u202egnihton\u2066\x00\u200b</pre></script>{HOSTILE}" + "x" * 20_000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two runs with all sections, whose texts mean harm."""
    folder = tmp_path_factory.mktemp("pages")
    for seed, name in enumerate("ab"):
        asked = [Message(role="user", content=f"{name} {NASTY}")]
        run = make_run(folder / name, drawn(seed, 0.2 + 0.3 * seed), lambda passes: f"{passes} {NASTY}", messages=asked)
        written(run, (make_grade(f"i{number}", "distilled", number < 30 * (seed + 1)) for number in range(60)))
        (run / "recipe.yaml").write_text(f"name: {name}\nteacher: {{model: 'x{seed}<script>'}}\n")
    return write_compare_page(compare(folder / "a", folder / "b"), folder / "b")


def test_it_holds_the_figures_and_obeys_no_text(page: Path) -> None:
    written_page = page.read_text(encoding="utf-8")
    outline = Outline(written_page)
    assert not outline.unclosed
    assert not {"script", "img", "link"} & {tag for tag, _ in outline.elements}
    policies = [each["content"] for tag, each in outline.elements if tag == "meta" and "http-equiv" in each]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert "b beside a is better by samples accepted" in outline.text
    assert "distill compare a b" in outline.text and "teacher.model x0<script> x1<script>" in outline.text
    assert "\\x1b[31mred" in outline.text and "\\u202egnihton\\u2066\\x00\\u200b" in outline.text
    assert not {"\x1b", "\u202e", "\u2066", "\x00", "\u200b"} & set(written_page)
    assert len(written_page) < 500_000, "long texts are cut"
    assert [path.name for path in page.parent.glob("*.unfinished")] == []


def test_a_tile_tells_the_change_of_its_measure(tmp_path: Path) -> None:
    """A share in points, tokens in percent, and students in points of their benchmark."""
    for name, share, right in (("a", 20, 10), ("b", 60, 50)):
        run = make_run(tmp_path / name, [(f"t{n:02}", [n < share]) for n in range(80)])
        written(run, (make_grade(f"i{n}", "distilled", n < right) for n in range(60)))
    text = Outline(write_compare_page(compare(tmp_path / "a", tmp_path / "b"), tmp_path / "b").read_text("utf-8")).text
    for tile in (
        "samples accepted +50.0 points better", "tasks with an accepted sample +50.0 points better",
        "tokens for an accepted sample -66.7 % better", "students on mini:test +66.7 points better",
    ):  # fmt: skip
        assert tile in text


def test_every_drawing_has_its_words(page: Path) -> None:
    labels = Outline(page.read_text(encoding="utf-8")).labels()
    assert len(labels) >= 3
    assert all(each.startswith(("samples accepted", "tasks with", "kept")) and "points" in each for each in labels)


@pytest.mark.slow
@in_chromium.needed
@pytest.mark.parametrize(("width", "scheme"), in_chromium.DEVICES)
def test_it_can_be_used_by_everybody(page: Path, width: int, scheme: str) -> None:
    with in_chromium.opened(page.as_uri(), width, scheme) as (opened, said, asked):
        assert opened.title() == "b beside a"
        opened.keyboard.press("Tab")
        assert opened.evaluate("document.activeElement.textContent") == "Accepted"
        summary = opened.locator("#outputs details summary").nth(3)
        assert not summary.evaluate("each => each.parentElement.open")
        summary.focus()
        opened.keyboard.press("Enter")
        assert summary.evaluate("each => each.parentElement.open"), "the keyboard opens a row"
        opened.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert in_chromium.violations(opened) == []
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert said == [] and asked == [page.as_uri()]
