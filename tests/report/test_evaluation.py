"""The figures of the evaluation page, each against what follows by hand from a few made-up rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.publication import write_table
from pipeline.records import Grade, Item
from pipeline.report.charts import efficiency_chart, sampled_charts
from pipeline.report.evaluation import read_evaluation
from pipeline.report.fidelity import SAME, SAME_WRONG, agreement, cells, failures
from pipeline.report.forms import constraints, efficiency, forms, levels
from pipeline.report.robustness import adversarial, changed, elsewhere, faithfulness, read_items
from pipeline.report.sampled import read_sampled
from pipeline.report.scores import accuracy, greedy
from tests.report.grades import counts, make_grade, written


def make_item(name: str, benchmark: str = "mini:test", **fields: Any) -> Item:
    given = {"id": name, "source": "mini", "split": "test", "kind": "word_problem", "prompt": f"What is {name}?", "answer": "5"}
    return Item(**given | {"benchmark": benchmark} | fields)


def test_forms(tmp_path: Path) -> None:
    """Five items: right as asked, right only leniently, wrong, and twice no answer, once cut, once not comparable.

    A task with constraints has no such form, and where no reply is read strictly nothing is said.
    """
    rows = [
        make_grade("a", "base", True),
        make_grade("b", "base", True, strict=False),
        make_grade("c", "base", False, prediction="6"),
        make_grade("d", "base", False, prediction=None, finish="length"),
        make_grade("e", "base", True, met=[True], met_loosely=[True]),
        make_grade("f", "base", True, strict=None, loose=None, benchmark="elsewhere"),
        make_grade("g", "base", None, prediction=None),
        make_grade("g", "teacher", True),
    ]
    found = counts(forms(written(tmp_path, rows)))
    assert {kind: figure for (kind, model), figure in found.items() if model == "base"} == {
        "right, in the form asked for": (1, 5),
        "right": (2, 5),
        "right, but not in that form": (1, 5),
        "no answer found": (2, 5),
        "cut off": (1, 5),
    }


def test_constraints(tmp_path: Path) -> None:
    """Two prompts with three constraints and one; a constraint nobody could check is not met."""
    rows = [
        make_grade("a", "base", False, loose=True, met=[True, False, None], met_loosely=[True, True, True]),
        make_grade("b", "base", True, loose=True, met=[True], met_loosely=[True]),
        make_grade("c", "base", True),
    ]
    assert counts(constraints(written(tmp_path, rows))) == {
        ("prompts, strict", "base"): (1, 2),
        ("prompts, loose", "base"): (2, 2),
        ("instructions, strict", "base"): (2, 4),
        ("instructions, loose", "base"): (4, 4),
    }


def test_levels_stand_in_their_order(tmp_path: Path) -> None:
    said = [("10", True), ("2", False), ("hard", True), ("2", True), (None, True)]
    rows = [make_grade(f"t{place}", "base", right, level=level) for place, (level, right) in enumerate(said)]
    found = counts(levels(written(tmp_path, rows)))
    assert list(found.items()) == [(("2", "base"), (1, 2)), (("10", "base"), (1, 1)), (("hard", "base"), (1, 1))]


def test_efficiency(tmp_path: Path) -> None:
    models = {"distilled": True, "distilled@50%": True, "distilled@2.5%": False, "base": False, "control": True}
    rows = [make_grade("a", model, right) for model, right in models.items()]
    rows += [make_grade("a", model, True, benchmark="other") for model in ("base", "distilled")]
    scores = [score for score in accuracy(written(tmp_path, rows)) if score.kind == "all"]
    found = efficiency(scores)
    assert {name: [(share, score.right) for share, score in points] for name, points in found.items()} == {
        "mini:test": [(0.0, 0), (2.5, 0), (50.0, 1), (100.0, 1)]
    }
    chart = efficiency_chart("mini:test", found["mini:test"])
    assert chart.lines[0].path == "0.0,100.0 2.5,100.0 50.0,0.0 100.0,0.0"
    assert chart.ticks[1] == (2.5, "2.5") and chart.lines[0].points[2].label == "50 % of the corpus: 100.0 % right"


def sampled(item: str, answers: str, model: str = "base", **fields: Any) -> Iterator[Grade]:
    """A reply an answer; `5` is right, `-` is no answer."""
    for number, said in enumerate(answers):
        prediction = None if said == "-" else said
        yield make_grade(item, model, said == "5", mode="sampled", sample=number, prediction=prediction, **fields)


def test_sampled(tmp_path: Path) -> None:
    """a: 2 of 4 right, its vote is right from the first reply on; b: 1 of 4, outvoted by two 6 in the end, first a tie."""
    (found,) = read_sampled(written(tmp_path, [*sampled("a", "5517"), *sampled("b", "5667"), make_grade("a", "base", True)]))
    assert (found.benchmark, found.model, found.items, found.voting_items) == ("mini:test", "base", 2, 2)
    # pass@1: (2/4 + 1/4) / 2; pass@2: 1 - 1/6 of a, 1 - 3/6 of b; pass@4: both
    assert found.passes == {1: pytest.approx(0.375), 2: pytest.approx((5 / 6 + 1 / 2) / 2), 4: 1.0}
    assert found.votes == {1: 1.0, 2: 1.0, 4: 0.5}
    assert found.calibration is not None  # both votes have half of the replies, one is right
    assert (found.calibration.ece, found.calibration.brier) == (0.0, 0.25)


def test_votes_are_of_equal_answers(tmp_path: Path) -> None:
    """5, 5.0 and 5.00 outvote 6, though no two are spelled alike; replies without an answer vote for nothing, but count."""
    said = ["6", "5.0", None, "5", "5.00"]
    rows = [
        make_grade("a", "base", text is not None and text.startswith("5"), mode="sampled", sample=number, prediction=text)
        for number, text in enumerate(said)
    ]
    (found,) = read_sampled(written(tmp_path, rows))
    assert (found.votes[1], found.votes[5]) == (0.0, 1.0)
    assert found.calibration is not None and [each.confidence for each in found.calibration.bins] == [pytest.approx(0.6)]


def test_sampled_items_that_are_not_whole(tmp_path: Path) -> None:
    """b lacks a reply and is left out; c has constraints and no vote; the second seed was not asked for."""
    more = [*sampled("c", "55", met=[True]), *sampled("a", "66", seed=1)]
    (found,) = read_sampled(written(tmp_path, [*sampled("a", "56"), *sampled("b", "6"), *more]))
    assert (found.items, found.voting_items, found.passes) == (2, 1, {1: 0.75, 2: 1.0})


def test_no_votes_at_all(tmp_path: Path) -> None:
    (silent,) = read_sampled(written(tmp_path / "silent", sampled("a", "--")))
    assert silent.votes == {1: 0.0, 2: 0.0} and silent.calibration is not None and silent.calibration.ece == 0.0
    (found,) = read_sampled(written(tmp_path / "constraints", sampled("a", "55", met=[True])))
    assert (found.votes, found.calibration) == ({}, None)
    assert [chart.title for chart in sampled_charts([found])] == ["pass@k"]


def test_sampled_charts(tmp_path: Path) -> None:
    passes, votes, reliability = sampled_charts(read_sampled(written(tmp_path, [*sampled("a", "5517"), *sampled("b", "5667")])))
    assert passes.ticks == [(0.0, "1"), (50.0, "2"), (100.0, "4")]
    assert passes.lines[0].path == "0.0,62.5 50.0,33.33 100.0,0.0"
    assert [point.label for point in votes.lines[0].points] == ["vote@1: 100.0 %", "vote@2: 100.0 %", "vote@4: 50.0 %"]
    assert (reliability.diagonal, reliability.lines[0].path) == (True, "50.0,50.0")


def test_agreement(tmp_path: Path) -> None:
    """The teacher answers three of four items, one wrongly: the student agrees on two of them, on the wrong one too."""
    rows = [
        make_grade("a", "teacher", True, prediction="5.0"), make_grade("a", "distilled", True, prediction="5"),
        make_grade("b", "teacher", False, prediction="7"), make_grade("b", "distilled", False, prediction="7"),
        make_grade("c", "teacher", True, prediction="5"), make_grade("c", "distilled", False, prediction=None),
        make_grade("d", "teacher", False, prediction=None), make_grade("d", "distilled", False, prediction=None),
        make_grade("e", "teacher", True, met=[True]), make_grade("e", "distilled", True, met=[True]),
    ]  # fmt: skip
    found = counts(agreement(written(tmp_path, rows)))
    assert found == {(SAME, "distilled"): (2, 3), (SAME_WRONG, "distilled"): (1, 1)}


def four_cells() -> list[Grade]:
    """Both right, each alone (the teacher twice), neither; a second seed, which is not looked at."""
    right = {"a": (True, True), "b": (True, False), "c": (False, True), "d": (False, True), "e": (False, False)}
    rows = []
    for name, (student, teacher) in right.items():
        rows += [
            make_grade(name, "distilled", student, text=f"student on {name}"),
            make_grade(name, "teacher", teacher, text="T"),
        ]
        rows += [make_grade(name, "distilled", True, seed=1, text="other seed"), make_grade(name, "control", False, text="C")]
    return rows


def test_cells(tmp_path: Path) -> None:
    (found,) = cells(written(tmp_path, four_cells()))
    assert (found.both, found.student, found.teacher, found.neither) == (1, 1, 2, 1)


def test_failures(tmp_path: Path) -> None:
    frame = written(tmp_path, four_cells())
    assert [each.question for each in failures(tmp_path, frame)] == ["", ""]
    write_table(tmp_path, "6_items", [make_item(name, context="Think.") for name in "abcde"])
    first, second = failures(tmp_path, frame)
    assert (first.question, first.expected) == ("Think.\n\nWhat is c?", "5")
    assert first.replies == {"distilled": "student on c", "teacher": "T", "control": "C"}
    assert second.replies["distilled"] == "student on d"


def test_failures_come_from_all_kinds(tmp_path: Path) -> None:
    names = [f"{kind}{number}" for kind in ("x", "y", "z") for number in range(9)]
    rows = [make_grade(name, model, model == "teacher", kind=name[0]) for name in names for model in ("distilled", "teacher")]
    found = failures(tmp_path, written(tmp_path, rows))
    assert sorted(each.kind for each in found) == ["x", "x", "x", "y", "y", "y", "z", "z"]


def test_attacks(tmp_path: Path) -> None:
    """Three items can be changed; two were right, and one of them is wrong after it. An unlinked item tells nothing."""
    original = {"a": True, "b": True, "c": False, "d": True}
    rows = [make_grade(name, "base", right) for name, right in original.items()]
    after = {"a2": True, "b2": False, "c2": True, "odd": True}
    rows += [make_grade(name, "base", right, benchmark="mini:test+typos") for name, right in after.items()]
    links = [make_item(f"{name}2", "mini:test+typos", original=name, change="typos") for name in "abc"]
    write_table(tmp_path, "6_items", [*(make_item(name) for name in "abcd"), *links])
    items = read_items(tmp_path)
    assert items is not None
    assert counts(changed(written(tmp_path, rows), items)) == {
        ("right, unchanged", "base"): (2, 3),
        ("right, changed", "base"): (2, 3),
        ("attack succeeds", "base"): (1, 2),
    }


def test_attacks_pair_the_seeds(tmp_path: Path) -> None:
    """Seed 0 was right and is wrong, seed 1 was wrong and is right: one success of the one answer that was right."""
    rows = [make_grade("a", "distilled", seed == 0, seed=seed) for seed in (0, 1)]
    rows += [make_grade("a2", "distilled", seed == 1, seed=seed, benchmark="mini:test+typos") for seed in (0, 1)]
    write_table(tmp_path, "6_items", [make_item("a"), make_item("a2", "mini:test+typos", original="a", change="typos")])
    items = read_items(tmp_path)
    assert items is not None
    assert counts(changed(written(tmp_path, rows), items))["attack succeeds", "distilled"] == (1, 1)


def test_adversarial_subtasks(tmp_path: Path) -> None:
    """A task of another kind that calls something its subtask is under no attack."""
    right = {"a": True, "b": False, "c": False, "d": True, "e": False}
    subtask = {"a": {"subtask": "sst2"}, "b": {"subtask": "sst2"}, "c": {"subtask": "qqp"}, "d": {}, "e": {"subtask": "sums"}}
    kinds = dict.fromkeys("abcd", "adversarial_glue") | {"e": "word_problem"}
    rows = [make_grade(name, "base", value, benchmark="glue", kind=kinds[name]) for name, value in right.items()]
    frame = written(tmp_path, rows)
    write_table(tmp_path, "6_items", [make_item(name, "glue", extra=extra) for name, extra in subtask.items()])
    items = read_items(tmp_path)
    assert items is not None
    assert counts(adversarial(frame, items)) == {("sst2", "base"): (1, 2), ("qqp", "base"): (1, 1)}


def test_faithfulness(tmp_path: Path) -> None:
    rows = [make_grade(name, "base", name != "a", mode="swapped") for name in "abc"]
    frame = written(tmp_path, [*rows, make_grade("a", "base", True)])
    assert counts(faithfulness(frame)) == {("the answer follows", "base"): (2, 3)}


def test_out_of_distribution(tmp_path: Path) -> None:
    rows = [make_grade("a", "base", True), make_grade("b", "base", False, benchmark="mini:ood")]
    rows += [make_grade("a", "teacher", True), make_grade("c", "base", True, benchmark="svamp")]
    scores = [score for score in accuracy(greedy(written(tmp_path, rows))) if score.kind == "all"]
    ((home, away),) = elsewhere(scores)
    assert (home.benchmark, home.share, away.benchmark, away.share) == ("mini:test", 1.0, "mini:ood", 0.0)


def test_retention(tmp_path: Path) -> None:
    """The base is right on half of one benchmark, and on none of the other."""
    rows = [make_grade(name, model, name == "a") for name in "ab" for model in ("base", "distilled")]
    rows += [make_grade("a", model, model != "base", benchmark="new") for model in ("base", "distilled")]
    written(tmp_path, rows)
    found = read_evaluation(tmp_path, {})
    assert found is not None and [(each.benchmark, each.kind, each.points) for each in found.retained] == [
        ("mini:test", "all", 0.0)
    ]


def test_one_kind_is_all_kinds(tmp_path: Path) -> None:
    rows = [
        make_grade("a", "base", True),
        make_grade("b", "base", True, benchmark="two"),
        make_grade("c", "base", True, benchmark="two", kind="q"),
    ]
    written(tmp_path, rows)
    found = read_evaluation(tmp_path, {})
    assert found is not None
    assert {each.benchmark: list(each.rows) for each in found.benchmarks} == {
        "mini:test": ["all"],
        "two": ["all", "word_problem", "q"],
    }


def test_without_an_evaluation(tmp_path: Path) -> None:
    assert read_evaluation(tmp_path, {}) is None


@pytest.mark.parametrize("correct", [None, True, False])
def test_one_model_and_one_item(tmp_path: Path, correct: bool | None) -> None:
    written(tmp_path, [make_grade("a", "distilled", correct)])
    found = read_evaluation(tmp_path, {})
    assert found is not None and len(found.benchmarks) == (correct is not None)
    assert (found.findings, found.kept, found.cells, found.sampled, found.changed, found.costs.break_even) == (
        [],
        [],
        [],
        {},
        [],
        None,
    )
