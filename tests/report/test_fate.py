"""`distill why`: from an id of any table, or words of a question, to everything that became of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.publication import write_table
from pipeline.records import Example, Message, Verdict
from pipeline.report.fate import fate
from pipeline.report.history import read_history
from pipeline.terminal import json_line
from tests.report.grades import make_grade
from tests.rows import make_response, make_sample, make_task

TASK, LEAKED, TEST = "aaaa000000000001", "aaaa000000000002", "aaaa000000000003"
FIRST, AGAIN, UNDECIDED, LEAK = "bbbb000000000001", "bbbb000000000002", "bbbb000000000003", "bbbb000000000004"


def lines(folder: Path, wanted: str) -> list[str]:
    return [str(each) for each in fate(folder, wanted)]


def verdict(sample: str, name: str, decision: str, detail: str = "") -> Verdict:
    return Verdict(sample_id=sample, filter=name, decision=decision, reason=f"{name} says {decision}", detail=detail)  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run in which a task has a sample in the corpus, one like it and one undecided, and another task leaks an item."""
    tasks = [
        make_task(id=TASK, prompt="How many\n apples has Ann?", constraints=[{"id": "x:y"}], extra={"level": 3}),
        make_task(id=LEAKED, prompt="How many pears has Bob?"),
        make_task(id=TEST, prompt="The item itself", split="test"),
    ]
    samples = [
        make_sample("Five apples.", id=FIRST, task_id=TASK),
        make_sample("Five  apples.", id=AGAIN, task_id=TASK),
        make_sample("Perhaps.", id=UNDECIDED, task_id=TASK),
        make_sample("Six pears.", id=LEAK, task_id=LEAKED, response_keys=["k2"]),
    ]
    verdicts = [
        verdict(FIRST, "answer_matches", "keep"),
        verdict(AGAIN, "no_duplicates", "drop", FIRST),
        verdict(UNDECIDED, "judge", "unverifiable"),
        verdict(LEAK, "not_contaminated", "drop", f"mini test {TEST} prompt: the item itself"),
    ]
    example = Example(
        id="cccc000000000001", sample_id=FIRST, task_id=TASK, method="chain_of_thought", view="rationale", split="train",
        messages=[Message(role="user", content="?"), Message(role="assistant", content="Five apples.")], weight=1.0, tokens=9,
    )  # fmt: skip
    write_table(tmp_path, "1_tasks", tasks)
    write_table(tmp_path, "2_responses", [make_response("Five apples.", task_id=TASK, reasoning="I think.\nSo.")])
    write_table(tmp_path, "3_samples", samples)
    write_table(tmp_path, "4_verdicts", verdicts)
    write_table(tmp_path, "5_corpus", [example])
    return tmp_path


def test_the_key_of_a_grade(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id="aaaa", split="test", prompt="How many?")])
    rows = [make_grade("aaaa", "base", False, key="0123"), make_grade("bbbb", "base", True, key="4567", benchmark="harness:t")]
    write_table(tmp_path, "6_evaluation", rows)
    ours, theirs = lines(tmp_path, "01"), lines(tmp_path, "4567")
    assert ours[0] == "01 is a row of 6_evaluation" and "  prompt: How many?" in ours
    assert "mini:test: base was wrong" in ours and "harness:t: base was right" not in ours
    assert theirs == ["4567 is a row of 6_evaluation", "harness:t: base was right", "  said: The answer is 5."]


def test_what_became_of_each_sample(run: Path) -> None:
    told = lines(run, TASK)
    assert "1 of 3 samples in the corpus · dropped by no_duplicates: 1 · unverifiable: 1" in told
    assert "  prompt: How many\n           apples has Ann?" in told
    assert "    thought: I think.\n             So." in told
    assert "  in the corpus as cccc000000000001, split train, weight 1" in told
    again = told.index(f"  drop         no_duplicates: no_duplicates says drop: {FIRST}")
    assert told[again + 1] == f"{' ' * 15}{FIRST}: Five apples." and told[again + 2] == "  not in the corpus: dropped"
    assert "  not in the corpus: unverifiable (selection.unverifiable)" in told


def test_what_selection_leaves_and_takes(run: Path) -> None:
    (run / "recipe.yaml").write_text("selection: {unverifiable: keep}")
    assert "  not in the corpus: it passed, and selection took others (selection)" in lines(run, UNDECIDED)
    (run / "4_verdicts.parquet").unlink()
    assert "  not filtered yet" in lines(run, UNDECIDED)


def test_the_item_that_is_leaked_stands_beside(run: Path) -> None:
    told = lines(run, LEAK)
    assert told[0] == f"{LEAK} is a row of 3_samples" and f"{' ' * 15}{TEST}: The item itself" in told
    assert "no samples: it is kept for evaluation" in lines(run, TEST)


@pytest.mark.parametrize("words", ["how many apples", "How many\n\tapples has ANN?", "apples"])
def test_by_words_of_the_question(run: Path, words: str) -> None:
    assert lines(run, words)[0].startswith(f"task {TASK} ")


def test_a_whole_id_wins_over_longer_ones(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id="aa", prompt="this"), make_task(id="aab", prompt="that")])
    assert "  prompt: this" in lines(tmp_path, "aa")


@pytest.mark.parametrize(
    ("wanted", "what", "remedy"),
    [
        ("", "no id is given", "its first characters"),
        ("aaaa", "aaaa: several rows of 1_tasks begin so", f"{TASK}, {LEAKED}"),
        ("many", "'many': 2 questions of 1_tasks have these words", f"\n    {TASK}  How many apples has Ann?"),
        ("oranges", "'oranges': no row of ", "source.limit"),
        ("z" * 5_000, "z…': no row of ", "make show TABLE=tasks"),
    ],
)
def test_what_is_not_one_row(run: Path, wanted: str, what: str, remedy: str) -> None:
    with pytest.raises(UserError) as caught:
        fate(run, wanted)
    assert what in caught.value.what and remedy in caught.value.remedy and len(str(caught.value)) < 700


def test_a_run_without_tables_and_one_of_another_version(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"does not exist\n.*make generate"):
        fate(tmp_path, "aa")
    write_table(tmp_path, "1_tasks", [make_task(id="aa")])
    (tmp_path / "3_samples.parquet").write_bytes((tmp_path / "1_tasks.parquet").read_bytes())
    with pytest.raises(UserError, match=r"3_samples\.parquet: this table cannot be read: it has no column 'task_id'"):
        fate(tmp_path, "aa")
    (tmp_path / "3_samples.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(UserError, match=r"3_samples\.parquet: this table cannot be read"):
        fate(tmp_path, "aa")


def test_as_json(run: Path) -> None:
    told = json.loads(json_line(asdict(read_history(run, TASK))))
    assert told["task"]["constraints"] == [{"id": "x:y"}] and told["task"]["extra"] == {"level": 3}
    assert [each["end"] for each in told["candidates"]] == ["in the corpus", "dropped", "unverifiable"]
    assert told["candidates"][1]["like"] == {FIRST: "Five apples."}
    assert told["candidates"][0]["corpus"]["tokens"] == 9 and told["responses"][0]["reasoning"] == "I think.\nSo."


def test_a_reply_says_what_it_was_asked_by(tmp_path: Path) -> None:
    """Else nobody could tell the calls of a method that asks many things of one task."""
    write_table(tmp_path, "1_tasks", [make_task(id="aaaa", prompt="How many?")])
    replies = [make_response("4", key=name * 16, task_id="aaaa", template=f"scott/{name}") for name in ("b", "c")]
    write_table(tmp_path, "2_responses", replies)
    told = [each for each in lines(tmp_path, "aaaa") if each.startswith("  response ")]
    assert [each.split(" · ")[2] for each in told] == ["scott/b", "scott/c"]


def test_what_came_of_a_reply(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id="aaaa"), make_task(id="bbbb")])
    write_table(tmp_path, "2_responses", [make_response("5", key=name * 64, task_id="aaaa") for name in "cd"])
    write_table(tmp_path, "3_samples", [make_sample("5", id="0123", task_id="bbbb", response_keys=["e" * 64, "d" * 64])])
    assert lines(tmp_path, "d")[:2] == ["d is a row of 2_responses", "  samples that rest on it: 0123"], "of another task, too"
    assert lines(tmp_path, "c")[1].startswith("  no sample rests on it")
    assert lines(tmp_path, "aaaa")[-1] == "no samples: no method could make one of these replies"


def test_a_task_without_a_text(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task(id="aaaa"), make_task(id="bbbb"), make_task(id="cccc", split="test")])
    refused = make_response("", key="c" * 64, task_id="aaaa").model_copy(
        update={"text": None, "finish": "error", "error": "too long"}
    )
    write_table(tmp_path, "2_responses", [refused])
    assert [lines(tmp_path, name)[-1] for name in ("aaaa", "bbbb", "cccc")] == [
        "no samples: no reply says anything", "no samples", "no samples: it is kept for evaluation",
    ]  # fmt: skip


def test_bare_labels_belong_to_the_story(run: Path) -> None:
    bare = Example(
        id="dddd000000000001", sample_id="", task_id=TASK, method="gold_labels", view="answer", split="train", weight=1.0,
        messages=[Message(role="user", content="?"), Message(role="assistant", content="5")], tokens=2,
    )  # fmt: skip
    assert read_history(run, TASK).labels == {}
    write_table(run, "5_gold_labels", [bare, bare.model_copy(update={"id": "dddd000000000002", "task_id": LEAKED})])
    assert {name: [row["id"] for row in rows] for name, rows in read_history(run, TASK).labels.items()} == {
        "5_gold_labels": ["dddd000000000001"]
    }
    write_table(run, "5_teacher_labels", [bare])
    found = read_history(run, "dddd000000000001")
    assert list(found.labels) == ["5_gold_labels", "5_teacher_labels"] and found.table == "5_gold_labels"
