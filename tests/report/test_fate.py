"""`distill why` of a graded reply: its key leads to the item, also where an outside harness keeps the item to itself."""

from __future__ import annotations

from pathlib import Path

from pipeline.publication import write_table
from pipeline.report.fate import fate
from tests.report.grades import make_grade
from tests.rows import make_response, make_sample, make_task


def test_the_key_of_a_grade(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id="aaaa", split="test", prompt="How many?")])
    rows = [make_grade("aaaa", "base", False, key="0123"), make_grade("bbbb", "base", True, key="4567", benchmark="harness:t")]
    write_table(tmp_path, "6_evaluation", rows)
    ours, theirs = fate(tmp_path, "01"), fate(tmp_path, "4567")
    assert ours[0] == "01 is a row of 6_evaluation" and "  prompt: How many?" in ours
    assert "mini:test: base was wrong" in ours and "harness:t: base was right" not in ours
    assert theirs == ["4567 is a row of 6_evaluation", "harness:t: base was right", "  said: The answer is 5."]


def test_a_reply_says_what_it_was_asked_by(tmp_path: Path) -> None:
    """Else nobody could tell the calls of a method that asks many things of one task."""
    write_table(tmp_path, "1_tasks", [make_task(id="aaaa", prompt="How many?")])
    replies = [make_response("4", key=name * 16, task_id="aaaa", template=f"scott/{name}") for name in ("b", "c")]
    write_table(tmp_path, "2_responses", replies)
    told = [line for line in fate(tmp_path, "aaaa") if line.startswith("  response ")]
    assert [line.split(" · ")[2] for line in told] == ["scott/b", "scott/c"]


def test_what_came_of_a_reply(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id="aaaa"), make_task(id="bbbb")])
    write_table(tmp_path, "2_responses", [make_response("5", key=name * 64, task_id="aaaa") for name in "cd"])
    write_table(tmp_path, "3_samples", [make_sample("5", id="0123", task_id="bbbb", response_keys=["e" * 64, "d" * 64])])
    assert fate(tmp_path, "d")[:2] == ["d is a row of 2_responses", "  samples that rest on it: 0123"], "of another task, too"
    assert fate(tmp_path, "c")[1].startswith("  no sample rests on it")
    assert fate(tmp_path, "aaaa")[-1] == "no samples: no method could make one of these replies"


def test_a_task_without_a_text(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id="aaaa"), make_task(id="bbbb"), make_task(id="cccc", split="test")])
    refused = make_response("", key="c" * 64, task_id="aaaa").model_copy(
        update={"text": None, "finish": "error", "error": "too long"}
    )
    write_table(tmp_path, "2_responses", [refused])
    assert [fate(tmp_path, name)[-1] for name in ("aaaa", "bbbb", "cccc")] == [
        "no samples: no reply says anything", "no samples", "no samples: it is kept for evaluation",
    ]  # fmt: skip
