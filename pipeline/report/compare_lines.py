"""A comparison of two runs as lines of a terminal: the word on both first, then what it rests on, then texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pipeline.llm.prices import dollars
from pipeline.report.compare import Comparison
from pipeline.report.compared_rows import Measure, Value
from pipeline.report.compared_texts import Output, Pair, Prompts
from pipeline.report.scores import ALL_KINDS, CHANGED
from pipeline.terminal import Line, is_terminal, line
from pipeline.terminal import width as columns
from pipeline.texts.word_diff import diff_lines

COLOURS = {"better": "green", "worse": "red", "more": "", "fewer": "", "not told apart": "dim"}
COLUMN, LONGEST_CHANGE = 22, 62
"""Columns of a value, and of a difference."""
SHOWN = 600
"""Characters of an output that are shown."""


def as_lines(found: Comparison, examples: int = 3) -> list[str | Line]:
    """The whole comparison.

    Args:
        examples: prompts of each template, and pairs of outputs, that are shown.
    """
    tasks = found.tasks
    return [
        line((found.sentence, "bold")),
        f"{tasks.both:,} tasks of which both asked a teacher; {tasks.only_first:,} more in {found.first} alone, "
        f"{tasks.only_second:,} in {found.second} alone",
        *_recipe(found),
        *_all_prompts(found, examples),
        *_measures(found),
        *_evaluation(found),
        *_outputs(found, examples),
    ]


def _recipe(found: Comparison) -> Iterator[str | Line]:
    yield line(("recipes", "bold"), "" if found.recipe else ": the same")
    yield from (f"  {each.path}: {each.first} → {each.second}" for each in found.recipe)


def _all_prompts(found: Comparison, examples: int) -> Iterator[str | Line]:
    same = [each for each in found.prompts if each.first == each.second and not each.differing]
    yield from (each for prompts in found.prompts if prompts not in same for each in _prompts(prompts, examples))
    for reader in dict.fromkeys(each.reader for each in same):
        names = "; ".join(f"{each.second}, {each.same:,} prompts" for each in same if each.reader == reader)
        yield line((f"what the {reader} reads", "bold"), f", the same in both: {names}")


def _prompts(prompts: Prompts, examples: int) -> Iterator[str | Line]:
    names = prompts.second if prompts.first == prompts.second else f"{prompts.first or '–'} → {prompts.second or '–'}"
    of = prompts.same + prompts.differing
    yield line((f"what the {prompts.reader} reads", "bold"), f" ({names}): {prompts.differing:,} of {of:,} prompts differ")
    for example in prompts.examples[:examples]:
        yield f"  task {example.task_id}"
        yield from diff_lines(example.pieces, "    ")


def _measures(found: Comparison) -> Iterator[str | Line]:
    """A row a measure; where the terminal is too narrow for it, two."""
    taken = [each for each in found.taken if each.change is not None]
    rows = [(_name(each), each, False) for each in (*found.accepted, *taken)]
    rows += [(f"kept by {each.name}", each, True) for each in found.filters if not each.is_same]
    width = max(len(name) for name, _, _ in rows)
    narrow = is_terminal(sys.stdout) and columns() < width + 2 * COLUMN + LONGEST_CHANGE
    yield line((f"{'accepted' if narrow else '':{width + 2}}", "bold"), *(
        (f"{name[: COLUMN - 2]:>{COLUMN}}", "bold") for name in (found.first, found.second)
    ))  # fmt: skip
    for name, each, is_filter in rows:
        word = verdict(each, is_filter)
        values = "".join(f"{value(side, each.unit):>{COLUMN}}" for side in (each.first, each.second))
        told = (f"{change(each)} ", (word if each.change is not None else "", COLOURS[word]))
        yield from (
            [line(f"  {name:{width}}{values}"), line("    ", *told)] if narrow else [line(f"  {name:{width}}{values}  ", *told)]
        )
    if same := [f"{each.name} ({each.second.part:,.0f})" for each in found.filters if each.is_same and each.second]:
        yield f"  as many kept by {', '.join(same)}"
    yield "  percent, in 95 % intervals of Wilson, or of a bootstrap over tasks where tasks have several samples"


def _name(each: Measure) -> str:
    return each.what if each.name == "all" else f"  {each.name}"


def verdict(each: Measure, is_filter: bool) -> str:
    """better, worse or not told apart; of a filter more, fewer or not told apart."""
    word = each.word()
    return {"better": "more", "worse": "fewer"}.get(word, word) if is_filter else word


def value(each: Value | None, unit: str) -> str:
    """`42.3 [40.4, 44.3]`, dollars as such; a dash where there is none."""
    if each is None:
        return "–"
    if unit == "$":
        return f"{dollars(each.value)} [{dollars(each.interval[0])}, {dollars(each.interval[1])}]"
    return f"{each.value:.1f} [{each.interval[0]:.1f}, {each.interval[1]:.1f}]"


def change(each: Measure) -> str:
    """`+5.8 points [+5.3, +6.2], p <= 0.0010`."""
    if each.change is None:
        return ""
    unit = "points" if each.unit == "%" else "%"
    return f"{each.change:+.1f} {unit} [{each.interval[0]:+.1f}, {each.interval[1]:+.1f}], {each.p}"


def _evaluation(found: Comparison) -> Iterator[str | Line]:
    told = [each for each in found.evaluation if each.kind == ALL_KINDS and CHANGED not in each.benchmark]
    if told:
        yield line(("evaluation", "bold"), ", on the items of both")
    yield from (f"  {each.benchmark}: {each.sentence}" for each in told)


def _outputs(found: Comparison, examples: int) -> Iterator[str | Line]:
    told = found.outputs
    yield line(("outputs", "bold"), f", by task and method: {told.both:,} with an accepted sample in both, {told.only_first:,} "
               f"in {found.first} alone, {told.only_second:,} in {found.second} alone, {told.neither:,} in neither; "
               f"{told.same_text:,} say the same")  # fmt: skip
    for pair in told.pairs[:examples]:
        yield from _pair(pair, found)


def _pair(pair: Pair, found: Comparison) -> Iterator[str | Line]:
    expected = "" if pair.answer is None else f" · expected {pair.answer}"
    yield f"  task {pair.task_id} · {pair.method}{expected}"
    yield line("    ", ("prompt  ", "dim"), body=_short(pair.prompt))
    for name, output in ((found.first, pair.first), (found.second, pair.second)):
        yield line(f"    {name} ({accepted(output)})  ", body=_short(output.text))
        yield from (line("      ", (words, "dim")) for words in output.words)


def accepted(output: Output) -> str:
    """How many samples were accepted, in words."""
    return f"{output.passed} of {output.samples} accepted"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text) - SHOWN:,} more characters)"
