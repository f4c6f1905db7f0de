"""Selection: the cap, what becomes of undecided samples, splits by task, and a control of the same size."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.answers.final import final_answer
from pipeline.errors import UserError
from pipeline.filters.length import Length
from pipeline.filters.verdicts import filter_names
from pipeline.publication import write_table
from pipeline.recipe import parse_recipe
from pipeline.records import Example, Sample, Task, Verdict
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.filter import filter_samples
from pipeline.stages.select import examples, select
from pipeline.student.tokens import token_counter
from pipeline.tables import CORPORA, made_of, read_frame, read_rows, table_path
from tests.rows import make_sample, make_task

TASKS = [make_task(id=f"t{n}", split="dev" if n < 3 else "train", answer=str(n)) for n in range(20)]
SAMPLES = [
    make_sample(
        f"The answer is {task.id[1:] if number % 2 == 0 else 'x'}.", id=f"{task.id}s{number}{view}", task_id=task.id, view=view
    )
    for task in TASKS
    for number in range(6)
    for view in ("a", "b")[: 1 + (number < 2)]
]


@pytest.fixture
def student(tmp_path: Path) -> str:
    """A model folder whose tokenizer makes a token of each word."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    (tmp_path / "student").mkdir()
    tokenizer.save(str(tmp_path / "student" / "tokenizer.json"))
    return str(tmp_path / "student")


def judged(folder: Path, student: str, tasks: list[Task] = TASKS, samples: list[Sample] = SAMPLES, **parts: Any) -> Run:
    """A run whose samples were filtered."""
    given = {
        "source": {"kind": "mini"}, "teacher": {"backend": "local", "model": "m"}, "student": {"model": student},
        "methods": [{"method": "chain_of_thought"}], "filters": ["finished", "answer_matches"], "decontaminate": False,
    }  # fmt: skip
    run = Run(parse_recipe(given | parts, "run", "run"), load_settings(data=str(folder)))
    run.folder.mkdir(parents=True, exist_ok=True)
    write_table(run.folder, "1_tasks", tasks)
    write_table(run.folder, "3_samples", samples)
    asyncio.run(filter_samples(run))
    return run


def selected(run: Run) -> tuple[list[Example], list[Example]]:
    asyncio.run(select(run))
    return tuple(list(read_rows(run.folder, name, Example)) for name in ("5_corpus", "5_control"))  # type: ignore[return-value]


def test_all_that_passed_without_a_cap(tmp_path: Path, student: str) -> None:
    corpus, _ = selected(judged(tmp_path, student))
    assert [each.sample_id for each in corpus] == [each.id for each in SAMPLES if "x" not in each.target]
    assert {each.split for each in corpus if each.task_id in ("t0", "t1", "t2")} == {"dev"}
    assert {each.split for each in corpus if each.task_id not in ("t0", "t1", "t2")} == {"train"}


def test_the_cap_is_for_each_task_and_view(tmp_path: Path, student: str) -> None:
    corpus, _ = selected(judged(tmp_path, student, selection={"per_task": 2}))
    assert set(Counter((each.task_id, each.view) for each in corpus).items()) == {
        ((task.id, view), count) for task in TASKS for view, count in (("a", 2), ("b", 1))
    }
    assert [each.sample_id for each in corpus if each.task_id == "t5"] == ["t5s0a", "t5s0b", "t5s2a"]


def test_the_control_has_the_same_size_from_all_training_samples(tmp_path: Path, student: str) -> None:
    corpus, control = selected(judged(tmp_path, student, selection={"per_task": 2}))
    train = [each for each in corpus if each.split == "train"]
    assert Counter(each.view for each in control) == Counter(each.view for each in train)
    assert {each.split for each in control} == {"train"}
    assert any("x" in each.messages[-1].content for each in control)
    _, again = selected(judged(tmp_path, student, selection={"per_task": 2}))
    _, other = selected(judged(tmp_path, student, selection={"per_task": 2, "seed": 1}))
    assert again == control != other


def answered(right: str) -> list[Sample]:
    """The samples, each with the answer that is in it."""
    return [each.model_copy(update={"answer": final_answer(each.target) if right in each.target else None}) for each in SAMPLES]


def test_bare_answers_to_every_question_of_the_corpus(tmp_path: Path, student: str) -> None:
    run = judged(tmp_path, student, samples=answered(""), filters=["finished"], selection={"per_task": 2})
    corpus, _ = selected(run)
    gold, teacher = (list(read_rows(run.folder, name, Example)) for name in ("5_gold_labels", "5_teacher_labels"))
    assert [each.task_id for each in gold] == [each.task_id for each in teacher] == [task.id for task in TASKS]
    assert [each.messages[-1].content for each in gold] == [f"The answer is {number}." for number in range(20)]
    first = {each.task_id: each for each in reversed(corpus)}
    assert [(each.sample_id, each.split, each.messages[:-1]) for each in gold] == [
        (first[task.id].sample_id, task.split, first[task.id].messages[:-1]) for task in TASKS
    ]
    assert [(each.id, each.tokens) for each in gold] == [(each.id, each.tokens) for each in teacher]  # the teacher was right
    assert len({made_of(run.folder, name) for name in CORPORA}) == 1


def test_no_table_of_bare_answers_where_there_are_none(
    tmp_path: Path, student: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = judged(tmp_path, student, samples=answered(""), filters=["finished"])
    selected(run)
    assert table_path(run.folder, "5_gold_labels").exists() and table_path(run.folder, "5_teacher_labels").exists()
    unsolved = [task.model_copy(update={"answer": None}) for task in TASKS]
    run = judged(tmp_path, student, unsolved, SAMPLES, filters=["finished"])
    capsys.readouterr()
    selected(run)
    assert not table_path(run.folder, "5_gold_labels").exists() and not table_path(run.folder, "5_teacher_labels").exists()
    said = capsys.readouterr().err
    assert "no 5_gold_labels, since of no task in the corpus the right answer is known" in said
    assert "no 5_teacher_labels" in said


def test_of_many_tasks_each_has_one_bare_answer(tmp_path: Path, student: str) -> None:
    """More samples than are written at a time: no task is cut in two."""
    tasks = [make_task(id=f"t{n:03}", answer="1") for n in range(190)]
    samples = [make_sample(f"{n}: 1", id=f"{task.id}s{n}", task_id=task.id, answer="1") for task in tasks for n in range(7)]
    run = judged(tmp_path, student, tasks, samples, filters=["finished"])
    corpus, _ = selected(run)
    assert [each.sample_id for each in corpus] == [each.id for each in samples]
    assert [each.sample_id for each in read_rows(run.folder, "5_gold_labels", Example)] == [f"{task.id}s0" for task in tasks]


def test_nothing_is_written_twice(tmp_path: Path, student: str) -> None:
    run = judged(tmp_path, student, samples=answered("0"), filters=["finished"])
    selected(run)
    before = {name: table_path(run.folder, name).stat().st_mtime_ns for name in CORPORA}
    selected(run)
    assert {name: table_path(run.folder, name).stat().st_mtime_ns for name in CORPORA} == before
    write_table(run.folder, "5_gold_labels", [])  # of another corpus, as a kill between two tables leaves it
    selected(run)
    assert len(list(read_rows(run.folder, "5_gold_labels", Example))) == len(TASKS)


@pytest.mark.parametrize(("choice", "rows"), [("drop", 0), ("keep", 1)])
def test_undecided_samples(tmp_path: Path, student: str, choice: str, rows: int) -> None:
    tasks = [make_task(id="t0", answer="1"), make_task(id="t1")]
    samples = [make_sample("1", id="s0", task_id="t0"), make_sample("1", id="s1", task_id="t1")]
    corpus, _ = selected(judged(tmp_path, student, tasks, samples, selection={"unverifiable": choice}))
    assert [each.task_id for each in corpus].count("t1") == rows


def test_nothing_passed(tmp_path: Path, student: str) -> None:
    run = judged(tmp_path, student, [make_task(answer="1")], [make_sample("2")])
    with pytest.raises(UserError, match=r"none of 1 samples passed.*\n.*distill status run"):
        asyncio.run(select(run))
    assert not (run.folder / "5_corpus.parquet").exists()


def test_an_example(student: str) -> None:
    (row,) = examples([(make_sample("The answer.", reasoning=" One two. ", weight=0.5), "train")], student)
    assert [message.role for message in row.messages] == ["user", "assistant"]
    assert row.messages[-1].content == "<think>\nOne two.\n</think>\n\nThe answer."
    assert (row.tokens, row.weight, row.split) == (2 + 6, 0.5, "train")


def test_verdicts_of_every_filter(tmp_path: Path, student: str) -> None:
    """Row filters judge all, table filters the survivors; a filter limited to kinds says nothing of the others."""
    tasks = [make_task(id="t0", answer="1"), make_task(id="t1", kind="other")]
    samples = [
        make_sample("1", id="wrong", task_id="t0", finish="length"),
        make_sample("1", id="first", task_id="t0"),
        make_sample("1", id="second", task_id="t0"),
        make_sample("2", id="other", task_id="t1"),
    ]
    filters = ["finished", {"filter": "answer_matches", "kinds": ["question"]}, "no_duplicates", "no_duplicates"]
    run = judged(tmp_path, student, tasks, samples, filters=filters)
    words = [(row.filter, row.sample_id, row.decision) for row in read_rows(run.folder, "4_verdicts", Verdict)]
    assert words == [
        ("finished", "wrong", "drop"),
        ("finished", "first", "keep"),
        ("finished", "second", "keep"),
        ("finished", "other", "keep"),
        ("answer_matches", "wrong", "keep"),
        ("answer_matches", "first", "keep"),
        ("answer_matches", "second", "keep"),
        ("no_duplicates", "first", "keep"),
        ("no_duplicates", "second", "drop"),
        ("no_duplicates", "other", "keep"),
        ("no_duplicates_2", "first", "keep"),
        ("no_duplicates_2", "other", "keep"),
    ]
    assert filter_names(run.recipe.filters) == ["finished", "answer_matches", "no_duplicates", "no_duplicates_2"]


def test_no_corpus_of_earlier_verdicts_is_left(tmp_path: Path, student: str) -> None:
    """A stricter filter that lets nothing pass must not leave the old corpus to be trained on."""
    run = judged(tmp_path, student)
    selected(run)
    write_table(run.folder, "6_evaluation", [])
    stricter = replace(
        run, recipe=run.recipe.model_copy(update={"filters": (Length(filter="length", max_tokens=1, tokenizer=student),)})
    )
    asyncio.run(filter_samples(stricter))
    with pytest.raises(UserError, match="nothing to train on"):
        asyncio.run(select(stricter))
    for name in (*CORPORA, "6_evaluation"):
        assert not table_path(run.folder, name).exists()


def test_another_tokenizer_in_the_same_folder_judges_anew(tmp_path: Path, student: str) -> None:
    run = judged(tmp_path, student, filters=[{"filter": "length", "max_tokens": 3, "tokenizer": student}])
    assert made_of(run.folder, "4_verdicts") is not None
    before = read_frame(run.folder, "4_verdicts")
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(f"{student}/tokenizer.json")
    token_counter.cache_clear()
    asyncio.run(filter_samples(run))
    assert not read_frame(run.folder, "4_verdicts")["score"].equals(before["score"])
