"""`distill why` of a graded reply: its key leads to the item, also where an outside harness keeps the item to itself."""

from __future__ import annotations

from pathlib import Path

from pipeline.publication import write_table
from pipeline.report.fate import fate
from tests.report.grades import make_grade
from tests.rows import make_task


def test_the_key_of_a_grade(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id="aaaa", split="test", prompt="How many?")])
    rows = [make_grade("aaaa", "base", False, key="0123"), make_grade("bbbb", "base", True, key="4567", benchmark="harness:t")]
    write_table(tmp_path, "6_evaluation", rows)
    ours, theirs = fate(tmp_path, "01"), fate(tmp_path, "4567")
    assert ours[0] == "01 is a row of 6_evaluation" and "  prompt: How many?" in ours
    assert "mini:test: base was wrong" in ours and "harness:t: base was right" not in ours
    assert theirs == ["4567 is a row of 6_evaluation", "harness:t: base was right", "  said: The answer is 5."]
