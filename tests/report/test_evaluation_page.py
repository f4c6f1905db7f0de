"""The evaluation as the page shows it: each part with its figures and its source, none without figures, text only as text."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.publication import write_table
from pipeline.records import Example, Grade, Item, Message, Speed
from pipeline.report.page import write_page
from tests.report.grades import make_grade
from tests.report.test_page import HOSTILE, Outline
from tests.rows import make_response, make_sample, make_task

STUDENTS = ("gold_labels", "teacher_labels", "control", "distilled")
PARTS = (
    "What is kept of the teacher", "Out of distribution", "Retention", "By level", "Form", "Instructions",
    "Agreement with the teacher", "Faithfulness", "Attacks", "Adversarial sets", "Several replies", "Sample efficiency",
    "Student and teacher, item by item", "Diversity", "Contamination of the corpus",
)  # fmt: skip


def trained(seeds: int) -> list[tuple[str, int]]:
    return [("base", 0), *((name, seed) for name in STUDENTS for seed in range(seeds)), ("teacher", 0)]


def everything(seeds: int, items: int) -> Iterator[Grade]:
    """Every sort of grade there is; an item is right where its number is below a share that grows from model to model."""
    for place, (model, seed) in enumerate(trained(seeds)):
        for number in range(items):
            right = number % 10 < (7 if model == "base" else 8 if model != "teacher" else 9)
            fields = {"seed": seed, "level": str(number % 3), "text": HOSTILE, "prediction": "5" if right else HOSTILE}
            for benchmark in ("mini:test", "mini:ood", "mini:test+typos", "glue"):
                kind = "adversarial_glue" if benchmark == "glue" else "word_problem"
                yield make_grade(f"{benchmark}{number}", model, right, benchmark=benchmark, kind=kind, **fields)
            met = [right, True]
            yield make_grade(f"i{number}", model, right, kind=HOSTILE, met=met, met_loosely=met, **fields)
            if seed == 0 and number < 5:
                yield make_grade(f"mini:test{number}", model, right, mode="swapped", **fields)
                for sample in range(4):
                    yield make_grade(f"mini:test{number}", model, sample < place, mode="sampled", sample=sample, **fields)
    yield from (make_grade(f"mini:test{number}", "distilled@25%", True) for number in range(items))


def whole(folder: Path, seeds: int = 2, items: int = 10) -> str:
    """The page of a run with every sort of grade."""
    folder.mkdir()
    write_table(folder, "1_tasks", [make_task()])
    write_table(folder, "2_responses", [make_response("x", tokens_in=100, tokens_out=23, cost=5.0)])
    write_table(folder, "6_evaluation", list(everything(seeds, items)))
    given = {"source": "mini", "split": "test", "kind": "q", "prompt": HOSTILE, "extra": {"subtask": HOSTILE}}
    names = [(f"{name}{number}", name) for name in ("mini:test", "glue") for number in range(items)]
    typos = "mini:test+typos"
    write_table(folder, "6_items", [
        *(Item(id=name, benchmark=benchmark, **given) for name, benchmark in names),
        *(Item(id=f"{typos}{number}", benchmark=typos, original=f"mini:test{number}", change="typos", **given)
          for number in range(items)),
    ])  # fmt: skip
    learned = make_sample("It is five, so the answer is 5.", messages=[Message(role="user", content=HOSTILE)])
    write_table(folder, "3_samples", [learned])
    said = [*learned.messages, Message(role="assistant", content=learned.target)]
    fields = {"sample_id": "s1", "task_id": "t1", "method": "m", "view": "v", "weight": 1.0, "tokens": 9}
    for corpus in ("5_corpus", "5_control"):
        write_table(folder, corpus, [Example(id="e1", split="train", messages=said, **fields)])
    about = {"device": "cpu", "items": 8, "tokens_per_second": 50.0}
    speeds = [Speed(model="distilled", parameters=1000, latency=0.25, **about)]
    write_table(folder, "6_speed", [*speeds, Speed(model="teacher", parameters=4000, latency=0.75, **about)])
    (folder / "student").mkdir()
    log = [
        {"step": 1, "of": 2, "loss": 1.0},
        {"done": True, "steps": 2, "tokens": 4321, "seconds": 61.0, "peak_bytes": 1 << 29},
    ]
    (folder / "student" / "distilled.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    return write_page(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return whole(tmp_path_factory.mktemp("runs") / "mini")


def headings(page: str) -> list[str]:
    return [part for part in PARTS if f"<h3>{part}</h3>" in page]


def test_every_part_is_there(page: str) -> None:
    assert headings(page) == [*PARTS]
    assert "a teacher to whom the recipe gives no temperature is left to its own" in page and "Agresti and Min 2005" in page
    for table in ("6_evaluation", "6_evaluation and 6_items", "6_speed", "2_responses", "student/*.jsonl"):
        assert f"<code>{table}</code>" in page


def test_figures(page: str) -> None:
    text = Outline(page).text
    assert "means over 2 seeds" in text
    assert "instructions, strict 85.0" in text  # base: 7 of 10 prompts meet both constraints, the others one
    assert "attack succeeds" in text and "the answer follows" in text
    assert text.index("mini:test: distilled keeps 88.9 % [") < text.index("tasks 1 1 train")
    assert "mini:test 16 0 2 2" in text  # of 20 items of two kinds; two seeds would make 40
    assert "vote@4" in text and "5 items, 5 with answers to vote on" in text


def test_diversity_and_contamination(page: str) -> None:
    """it is five so the answer is 5: eight words, seven of them different; every item is what the one example asks."""
    text = Outline(page).text
    assert "5_corpus 1 1 100.0 % of the rows 8.0 of 1 answers 0.875 1.000 1.000 –" in text
    assert "where at least 50 % of its words lie in runs of 8 words that it shares with one training example" in text
    assert "by the measure of the filter not_contaminated, with its own thresholds." in text
    assert "glue 10 10 100.0 % 1 of 1 training examples hold one." in text and "mini:test+typos 10" not in text


def test_charts_say_what_they_show(page: str) -> None:
    labels = Outline(page).labels()
    assert any(label.startswith("pass@k over k: base pass@1: 0.0 %, pass@2: 0.0 %") for label in labels)
    shares = "0 % of the corpus: 70.0 % right, 25 % of the corpus: 100.0 % right, 100 % of the corpus: 80.0 % right"
    assert f"mini:test over percent of the corpus: distilled {shares}" in labels


def test_costs(page: str) -> None:
    text = Outline(page).text
    assert "the teacher, for the corpus 1 100 23 $5.00" in text
    assert "distilled 2 4,321 1:01 0.50 GiB" in text
    assert "distilled cpu 1,000 25.0 % of the teacher’s 0.25 3.00 times as fast as the teacher 50.0 8" in text
    assert "A call costs an unknown amount and took 0.5 s" in text
    assert "cannot be said: what a call of the teacher costs is unknown" in text


def test_text_of_others_is_only_text(page: str) -> None:
    outline = Outline(page)
    assert outline.unclosed == []
    assert not outline.foreign()
    assert "{{ 7 * 7 }}" in page and "nan" not in outline.text.lower().split()


def test_parts_without_figures_are_left_out(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task()])
    write_table(tmp_path, "6_evaluation", [make_grade("a", "base", False, strict=None)])
    page = write_page(tmp_path).read_text(encoding="utf-8")
    assert headings(page) == [] and Outline(page).unclosed == []
    assert "6_items" not in page and "6_speed" not in page and "2_responses" not in page


def test_a_teacher_that_costs_dollars(tmp_path: Path) -> None:
    write_table(tmp_path, "1_tasks", [make_task()])
    write_table(tmp_path, "2_responses", [make_response("x", cost=5.0)])
    write_table(tmp_path, "6_evaluation", [make_grade("a", "teacher", True, cost=0.5)])
    text = Outline(write_page(tmp_path).read_text(encoding="utf-8")).text
    assert (
        "The corpus cost $5.00 of calls. At $0.5 for a call of the teacher the student has paid for that after 10 calls."
        in text
    )


def test_large_evaluations(tmp_path: Path) -> None:
    """14 models, 600 items of each benchmark: the page stays below 2 MB, and takes some seconds at most on a busy machine."""
    started = time.process_time()
    page = whole(tmp_path / "large", seeds=3, items=600)
    assert len(page.encode()) < 2_000_000
    assert time.process_time() - started < 30
