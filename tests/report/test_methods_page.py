"""The page on methods is what the code says."""

from __future__ import annotations

import typing

from pipeline.methods.distillation import Distillation
from pipeline.methods.union import Method
from pipeline.report.catalogue import catalogue, members
from pipeline.report.methods_page import FAMILIES, PAGE, page


def test_the_file_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make docs writes it again"


def test_every_method_is_in_it_once_under_its_family_with_its_source() -> None:
    text = page()
    for member in members(Method):
        assert issubclass(member, Distillation) and member.family in FAMILIES and member.source
        name = typing.get_args(member.model_fields["method"].annotation)[0]
        [line] = [line for line in text.splitlines() if line.startswith(f"| `{name}`")]
        assert member.source in line
        before = text[: text.index(line)]
        assert before.rpartition("## ")[2].partition("\n")[0].lower() == member.family


def test_defaults_are_shown_where_they_differ() -> None:
    [line] = [line for line in page().splitlines() if line.startswith("| `symbolic_knowledge`⁺")]
    assert "`trim` 0.2" in line and "`sampling` top_p 0.5" in line and "template" not in line
    assert "`kinds`" not in line and "`kinds`" in page().partition("##")[0]


def test_the_list_in_the_terminal_says_family_and_what_all_take_once() -> None:
    lines = catalogue(Method, "method").splitlines()
    assert sum(line.split()[:1] == ["tag_place"] for line in lines) == 1
    place = next(number for number, line in enumerate(lines) if line.startswith("symbolic_knowledge:"))
    assert lines[place + 1].split()[0] == "family" and "symbolic and counterfactual" in lines[place + 1]
    assert lines[place + 2].split()[0] == "from"
    own = lines[place:]
    assert any(line.split()[:1] == ["sampling"] and "0.5" in line for line in own)
