"""The table and sentences of a comparison, from grades whose figures are known by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.records import Grade
from pipeline.report.comparison import PAIRS, as_text, differences
from pipeline.report.scores import MODELS, accuracy, ordered, shares
from pipeline.statistics import mcnemar, wilson
from tests.report.grades import counts, make_grade, written

SHARE = {"base": 1, "gold_labels": 3, "teacher_labels": 2, "control": 6, "distilled": 7, "teacher": 8}
"""Of ten items so many are right."""


def ten(models: dict[str, int], **fields: object) -> Iterator[Grade]:
    """Ten items; the first ones are right."""
    for model, right in models.items():
        for item in range(10):
            yield make_grade(f"t{item}", model, item < right, kind=("word_problem", "induction")[item % 2], **fields)


def test_accuracy(tmp_path: Path) -> None:
    scores = accuracy(written(tmp_path, ten(SHARE)))
    found = counts(scores)
    assert found["all", "distilled"] == (7, 10)
    assert (found["word_problem", "distilled"], found["induction", "distilled"]) == ((4, 5), (3, 5))
    (teacher,) = [score for score in scores if (score.kind, score.model) == ("all", "teacher")]
    assert (teacher.share, teacher.items, teacher.seeds, teacher.interval) == (0.8, 10, 1, wilson(8, 10))


def test_an_item_nobody_could_grade_counts_for_nobody(tmp_path: Path) -> None:
    """On a, only the teacher says something that can be compared: the base is wrong there. b counts for nobody."""
    rows = [make_grade("a", "teacher", True), make_grade("b", "teacher", None)]
    rows += [make_grade("a", "base", None), make_grade("b", "base", None)]
    assert counts(accuracy(written(tmp_path, rows))) == {
        (kind, model): (right, 1) for kind in ("word_problem", "all") for model, right in (("base", 0), ("teacher", 1))
    }


def test_other_modes_are_no_answers_at_temperature_0(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    written(folder, [*ten({"base": 2}), *ten({"base": 10}, mode="sampled"), *ten({"base": 10}, mode="swapped")])
    (line,) = [line for line in as_text(folder).splitlines() if line.startswith("mini:test all (10)")]
    assert line.split()[3:] == ["20.0", "[6,", "51]"]


def test_several_seeds_are_a_mean(tmp_path: Path) -> None:
    """Of two seeds one has 4 of 10, one 8: 60 percent. The interval holds both, as a draw may take one of them alone."""
    seeds = [*ten({"distilled": 4}, seed=0), *ten({"distilled": 8}, seed=1)]
    (score,) = [each for each in accuracy(written(tmp_path, seeds)) if each.kind == "all"]
    assert (score.right, score.of, score.items, score.seeds, score.share) == (12, 20, 10, 2, 0.6)
    assert score.interval[0] < 0.3 and score.interval[1] > 0.85


def test_an_owed_reply_of_one_seed(tmp_path: Path) -> None:
    """Three replies to two items, two right."""
    rows = [make_grade("a", "distilled", True), make_grade("b", "distilled", False), make_grade("a", "distilled", True, seed=1)]
    (score,) = [each for each in accuracy(written(tmp_path, rows)) if each.kind == "all"]
    assert (score.right, score.of, score.items) == (2, 3, 2)


def test_difference_of_one_seed(tmp_path: Path) -> None:
    """The first 7 against the first 1 of ten items: six are right for the first alone, p = 2 / 64."""
    (found,) = [each for each in differences(written(tmp_path, ten(SHARE)), (("distilled", "base"),)) if each.kind == "all"]
    assert (found.points, found.p_value, found.items, found.seeds) == (pytest.approx(60), mcnemar(6, 0), 10, 1)
    assert found.kept == pytest.approx(7)
    # of 12 draws, 1 by 6.5 / 12 and -1 by 0.5 / 12: their sum is
    # below 2 by 0.015, below 3 by 0.044, above 9 by 0.032, above 10 by 0.007
    assert found.interval == pytest.approx((100 * 2 / 12, 100 * 10 / 12))
    assert found.sentence == "distilled is better than base (+60.0 points, p = 0.0312, 95 % [+16.7, +83.3], 10 items)"


def test_differences_only_of_shared_items(tmp_path: Path) -> None:
    rows = [*ten({"distilled": 10}), make_grade("t0", "base", True), make_grade("elsewhere", "base", False)]
    (found,) = [each for each in differences(written(tmp_path, rows), PAIRS) if each.kind == "all"]
    assert (found.points, found.items, found.p_value) == (0, 1, 1.0)
    assert found.sentence.startswith("distilled is not told apart from base (+0.0 points")


def test_models_without_a_shared_item(tmp_path: Path) -> None:
    rows = [make_grade("a", "distilled", True), make_grade("b", "base", True)]
    assert differences(written(tmp_path, rows), PAIRS) == []


def test_difference_of_several_seeds(tmp_path: Path) -> None:
    """Three seeds that are all right, against a base that never is: no draw has the other sign.

    Of 12 draws, 1 by 10.5 / 12 and -1 by 0.5 / 12: the sum is below 6 by 0.011, below 7 by 0.032, below 8 by 0.078.
    """
    rows = [*ten({"base": 0}), *(grade for seed in range(3) for grade in ten({"distilled": 10}, seed=seed))]
    (found,) = [each for each in differences(written(tmp_path, rows), (("distilled", "base"),)) if each.kind == "all"]
    assert (found.points, found.interval[1], found.seeds, found.kept) == (100, 100, 3, None)
    assert found.interval[0] in (pytest.approx(100 * 6 / 12), pytest.approx(100 * 7 / 12))
    assert found.sentence.startswith("distilled is better than base (+100.0 points, p <= 0.0010, 95 % [+5")
    assert found.sentence.endswith(", +100.0], 10 items, 3 seeds)")


def test_seeds_that_disagree_tell_less(tmp_path: Path) -> None:
    """40 of 100 against 60 is clear on the same items, but not where one of two seeds is as bad as the base."""
    rows = [make_grade(f"t{item}", "base", item < 40) for item in range(100)]
    rows += [
        make_grade(f"t{item}", "distilled", item < right, seed=seed)
        for seed, right in ((0, 40), (1, 80))
        for item in range(100)
    ]
    (found,) = [each for each in differences(written(tmp_path, rows), (("distilled", "base"),)) if each.kind == "all"]
    assert found.points == pytest.approx(20) and found.p_value > 0.2 and mcnemar(0, 20) < 0.0001


def test_what_a_terminal_shows(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    typos = ten({"base": 0, "distilled": 5}, benchmark="mini:test+typos")
    written(folder, [*ten(SHARE), *ten({"distilled@25%": 4}), *typos])
    lines = as_text(folder).splitlines()
    assert lines[0].split() == [*MODELS]
    assert lines[1].startswith("mini:test word_problem (5)") and lines[3].startswith("mini:test all (10)")
    assert " 70.0 [40, 89] " in lines[3] and "25%" not in "".join(lines)
    assert lines[4].startswith("mini:test+typos all (10)") and lines[4].count("-") == 4
    assert lines[5] == "right in percent, with 95 % Wilson intervals"
    assert [line.split(" (")[0] for line in lines[6:-1]] == [
        "mini:test: distilled is better than base", "mini:test: distilled is not told apart from control",
        "mini:test: distilled is not told apart from gold_labels", "mini:test: distilled is not told apart from teacher_labels",
        "mini:test: distilled is not told apart from teacher",
    ]  # fmt: skip
    assert lines[-1].startswith("mini:test: distilled keeps 87.5 % [")
    assert max(len(line) for line in lines) <= 150


def test_the_terminal_says_what_seeds_there_are(tmp_path: Path) -> None:
    written(tmp_path / "run", [grade for seed in range(3) for grade in ten({"distilled": 5}, seed=seed)])
    assert "means over 3 seeds" in as_text(tmp_path / "run")


def test_nothing_graded(tmp_path: Path) -> None:
    assert differences(written(tmp_path / "run", []), PAIRS) == []
    assert as_text(tmp_path / "run").endswith("right in percent, with 95 % Wilson intervals")


def test_a_weight_counts_as_many(tmp_path: Path) -> None:
    """Of a prompt's three parts two, of another's one none; one without parts is no item at all.

    Beside them one of one and none of one: of 4 draws all are without a right part by 0.06, more than 3 of 4 are right by 0.02.
    """
    frame = written(tmp_path, [make_grade(name, "base", True) for name in "abc"])
    (score,) = shares(
        frame.with_columns(
            value=frame["task_id"].replace_strict({"a": 2, "b": 0, "c": 0}),
            weight=frame["task_id"].replace_strict({"a": 3, "b": 1, "c": 0}),
        )
    )
    assert (score.right, score.of, score.items) == (2, 4, 2)
    assert score.interval == (0.0, pytest.approx(3 / 4))


def test_cells_of_a_terminal_do_not_run_together(tmp_path: Path) -> None:
    """All of 1,000 right: `100.0 [100, 100]` is the widest cell there is."""
    models = ("base", "distilled")
    written(tmp_path / "run", [make_grade(f"t{item}", model, True) for model in models for item in range(1000)])
    assert as_text(tmp_path / "run").splitlines()[1].endswith(" 100.0 [100, 100] 100.0 [100, 100]")


def test_order_of_models() -> None:
    names = ["distilled@50%", "teacher", "control-seed1", "distilled@5%", "base", "other", "control"]
    assert ordered(names) == ["base", "control", "control-seed1", "teacher", "distilled@5%", "distilled@50%", "other"]
