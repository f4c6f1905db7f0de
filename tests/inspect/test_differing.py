"""Items on which two models differ: those that were asked greedily, of the first training, each in its case."""

from __future__ import annotations

from pathlib import Path

from pipeline.inspect.differing import CASES, graded, read_differing
from tests.report.grades import make_grade, written


def test_only_what_was_asked_greedily_counts(tmp_path: Path) -> None:
    sampled = [make_grade("i", "distilled", False, mode="sampled", text="sampled", sample=n) for n in range(2)]
    greedy = [make_grade("i", name, True, text=f"greedy {name}") for name in ("distilled", "teacher")]
    written(tmp_path, [*sampled, *greedy, make_grade("i", "nobody", True, mode="swapped", benchmark="other:test")])
    assert graded(tmp_path) == (["distilled", "teacher"], ["mini:test"])
    found = read_differing(tmp_path, "distilled", "teacher", "both")
    assert [(pair.first["text"], pair.second["text"]) for pair in found.pairs] == [("greedy distilled", "greedy teacher")]


def test_the_first_training_counts(tmp_path: Path) -> None:
    seeds = [make_grade("i", "distilled", seed == 0, seed=seed, text=f"seed {seed}") for seed in (2, 0, 1)]
    written(tmp_path, [*seeds, make_grade("i", "teacher", True)])
    [pair] = read_differing(tmp_path, "distilled", "teacher", "both").pairs
    assert pair.first["text"] == "seed 0"


def test_every_case_has_its_items(tmp_path: Path) -> None:
    """Of each case another number of items, so that none can stand for another."""
    right = {"both": (True, True), "first": (True, False), "second": (False, True), "neither": (False, None)}
    many = {"first": 1, "second": 2, "both": 4, "neither": 8}
    rows = [
        make_grade(f"{case}{number}", model, word, prediction=model if case == "first" else "5")
        for case, words in right.items()
        for number in range(many[case])
        for model, word in zip(("distilled", "teacher"), words, strict=True)
    ]
    written(tmp_path, rows)
    assert read_differing(tmp_path, "distilled", "teacher", "both").counts == many | {"differ": 3, "answers": 1}
    for case in CASES:
        found = read_differing(tmp_path, "distilled", "teacher", case)
        assert len(found.pairs) == found.counts[case] and not found.more
    differ = read_differing(tmp_path, "distilled", "teacher", "differ")
    assert {pair.task_id for pair in differ.pairs} == {"first0", "second0", "second1"}
