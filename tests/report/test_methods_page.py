"""The page on methods, the README's count of them and the list in the terminal are what the code says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from pipeline.benchmarks.union import Benchmark
from pipeline.filters.union import Filter
from pipeline.methods.distillation import Distillation
from pipeline.methods.union import Method
from pipeline.report.catalogue import FAMILIES, PARTS, catalogue, first_line, members, name_of, parts_of
from pipeline.report.methods_page import PAGE, README, methods, page, readme, summary

ARXIV = re.compile(r"\d{4}\.\d{5}")
CODE = re.compile(r"code ([\w-]+/[\w-]+)")


def test_the_files_are_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make docs writes it again"
    text = README.read_text(encoding="utf-8")
    assert summary() in text and readme(text) == text, "make docs writes it again"


def test_every_method_is_in_it_once_under_its_family() -> None:
    text = page()
    assert len(methods()) == len(members(Method))
    for member in methods():
        assert member.family in FAMILIES and member.source
        name = name_of(member, "method")
        [before, after] = text.split(f"### `{name}`")
        families = [line[3:].lower() for line in before.splitlines() if line.startswith("## ")]
        assert families[-1] == member.family
        assert f"[`{name}_mini`](../recipes/{name}_mini.yaml)" in after.partition("### ")[0] or name in PLAIN
        assert f"`{name}`" in summary()


PLAIN = ("chain_of_thought", "instruction_following")
"""Methods of the recipe `mini`."""


@pytest.mark.parametrize("member", methods(), ids=lambda each: name_of(each, "method"))
def test_every_method_says_all_that_one_chooses_by(member: type[Distillation]) -> None:
    parts = parts_of(member)
    assert tuple(parts) == PARTS and all(parts.values())
    own = " ".join((inspect.getdoc(inspect.getmodule(member)) or "").split())
    for pattern in (ARXIV, CODE):
        assert set(pattern.findall(member.source)) <= set(pattern.findall(own)), "two names of one source"
    named = set(re.findall(r"`([a-z_]+)`", parts["Filters"]))
    fields = {name for each in [*methods(), *members(Filter)] for name in each.model_fields}
    assert named <= {name_of(each, "filter") for each in members(Filter)} | fields


def test_defaults_are_shown_where_they_differ() -> None:
    section = page().partition("### `symbolic_knowledge`⁺")[2].partition("### ")[0]
    assert "| `trim` | 0.2 |" in section and "| `sampling` | top_p 0.5 |" in section
    assert "| `kinds` |" not in section and page().count("| `kinds` |") == 1
    assert "[symbolic_knowledge/tails](../prompts/symbolic_knowledge/tails.jinja)" in section


def test_what_the_page_links_to_is_there() -> None:
    links = re.findall(r"\]\((\.\./[^)]+)\)", page())
    assert len(links) > 100 and all((PAGE.parent / link).is_file() for link in links)
    assert all(f'<a id="{name}"></a>' in page() for name in re.findall(r"\]\(#([a-z_]+)\)", page()))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(("union", "tag"), [(Method, "method"), (Filter, "filter"), (Benchmark, "benchmark")])
def test_the_list_in_the_terminal_fits_it(union: object, tag: str, width: int) -> None:
    lines = catalogue(union, tag, width).splitlines()
    assert max(map(len, lines)) <= width
    assert all(any(line.startswith(f"{name_of(each, tag)}: ") for line in lines) for each in members(union))


def test_the_list_in_the_terminal_says_family_and_what_all_take_once() -> None:
    lines = catalogue(Method, "method", 120).splitlines()
    assert [line for line in lines if line.isupper()] == [family.upper() for family in FAMILIES]
    assert sum(line.split()[:1] == ["tag_place"] for line in lines) == 1
    place = next(number for number, line in enumerate(lines) if line.startswith("symbolic_knowledge:"))
    assert [line for line in lines[:place] if line.isupper()][-1] == "SYMBOLIC AND COUNTERFACTUAL"
    own = lines[place : lines.index("", place)]
    words = " ".join(" ".join(own).split())
    assert first_line(next(each for each in methods() if name_of(each, "method") == "symbolic_knowledge")) in words
    assert "for commonsense knowledge" in words and "from West et al. 2022, arXiv 2110.07178" in words
    assert any(line.split()[:3] == ["sampling", "top_p", "0.5"] for line in own)


def test_a_page_that_is_not_up_to_date_is_noticed(tmp_path: Path) -> None:
    """CI runs the first test of this file; it compares whole texts."""
    old = tmp_path / "README.md"
    old.write_text("<!-- methods -->\n\n3 methods in 1 family\n\n<!-- /methods -->\n", encoding="utf-8")
    text = old.read_text(encoding="utf-8")
    assert readme(text) != text and summary() in readme(text) and "3 methods" not in readme(text)
