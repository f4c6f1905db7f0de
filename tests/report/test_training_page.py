"""The page that shows what the student learns: every token with its colour, nothing foreign, nothing loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.report.training import summary, write_training_page
from pipeline.student.shown import Proven, Shown, Token
from tests.report import in_chromium
from tests.report.test_page import HOSTILE, Outline

PROVEN = Proven(examples={"train": 1500, "dev": 20}, tokens=4000, trained=1000, longest=70, limit=2048)


def token(text: str, **marks: bool) -> Token:
    return Token(**{"text": text, "trained": False, "answer": False, "special": False} | marks)


def shown(number: int, view: str, *tokens: Token, **fields: Any) -> Shown:
    given = {
        "id": f"e{number}", "task_id": "t1", "method": "chain_of_thought", "view": view, "split": "train", "weight": 0.5,
        "negative": False, "pair": None, "length": 9, "trained": 4, "tokens": tokens,
    }  # fmt: skip
    return Shown(**given | fields)


def page(folder: Path, *examples: Shown) -> Outline:
    path = write_training_page(folder, PROVEN, list(examples))
    assert path == folder / "training.html" and [each.name for each in folder.iterdir()] == ["training.html"]
    outline = Outline(path.read_text(encoding="utf-8"))
    assert not outline.unclosed
    return outline


def classes(outline: Outline) -> list[str]:
    """The marks of the tokens, without those of the legend."""
    return [
        attributes["class"] or "" for tag, attributes in outline.elements if tag == "span" and attributes["class"] != "what"
    ][4:]


def test_each_token_has_its_marks(tmp_path: Path) -> None:
    tokens = [
        token("<|user|>", special=True), token("How"), token("19", trained=True, answer=True),
        token("<|end|>", trained=True, special=True),
    ]  # fmt: skip
    outline = page(tmp_path, shown(1, "rationale", *tokens))
    assert classes(outline) == ["t special", "t", "t trained answer", "t trained special"]


def test_the_figures_and_what_each_example_is_stand_there(tmp_path: Path) -> None:
    text = page(tmp_path, shown(1, "rationale", token("a"), pair="p7", negative=True), shown(2, "label", token("b"))).text
    assert "1,520" in text and "1,500 train, 20 dev" in text and "25.0 % of them" in text and "of 2,048 tokens at most" in text
    assert "chain_of_thought, rationale" in text and "chain_of_thought, label" in text
    assert "train, weight 0.5, 4 of 9 tokens trained, pair p7, negative: it shows what is wrong; task t1" in text
    assert "train, weight 0.5, 4 of 9 tokens trained; task t1" in text


def test_line_breaks_are_seen_and_kept(tmp_path: Path) -> None:
    write_training_page(tmp_path, PROVEN, [shown(1, "rationale", token(".\n\n", trained=True))])
    assert '<span class="t trained">.<i>⏎</i>\n<i>⏎</i>\n</span>' in (tmp_path / "training.html").read_text(encoding="utf-8")


def test_hostile_text_stays_text_and_nothing_is_loaded(tmp_path: Path) -> None:
    outline = page(tmp_path, shown(1, HOSTILE, token(HOSTILE), method=HOSTILE, id=HOSTILE, task_id=HOSTILE, pair=HOSTILE))
    assert not {"script", "img", "link"} & {tag for tag, _ in outline.elements}
    assert 'alert("x")' in outline.text
    policies = [each["content"] for tag, each in outline.elements if tag == "meta" and "http-equiv" in each]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_what_acts_or_cannot_be_seen_is_written_out(tmp_path: Path) -> None:
    text = page(tmp_path, shown(1, "rationale", token("\x1b[2J\x00\u202e\u200b"), method="a\u2066b")).text
    assert "\\x1b[2J\\x00\\u202e\\u200b" in text and "a\\u2066b" in text
    assert not any(each in text for each in "\x1b\x00\u202e\u200b\u2066")


def test_the_summary_is_one_line() -> None:
    assert summary(PROVEN) == (
        "1,520 examples (1,500 train, 20 dev): 1,000 of 4,000 tokens are trained, 25.0%; the longest has 70 of 2,048"
    )


@pytest.mark.slow
@in_chromium.needed
@pytest.mark.parametrize(("width", "scheme"), in_chromium.DEVICES)
def test_it_can_be_used_by_everybody(tmp_path: Path, width: int, scheme: str) -> None:
    tokens = [token("<|user|>", special=True), token(HOSTILE + "x" * 5000), token("19", trained=True, answer=True)]
    path = write_training_page(tmp_path, PROVEN, [shown(number, view, *tokens) for number, view in enumerate(("a", "b"))])
    with in_chromium.opened(path.as_uri(), width, scheme) as (opened, said, asked):
        assert in_chromium.violations(opened) == []
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert said == [] and asked == [path.as_uri()]
