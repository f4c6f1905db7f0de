"""The page of a run, written from real tables: its figures are the tables', it loads nothing, it trusts no text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.publication import write_table
from pipeline.records import Example, Grade, Message, Record, Response, Sample, Task, Verdict
from pipeline.report.curves import plot, read_curves
from pipeline.report.page import SCRIPT, write_page
from pipeline.statistics import wilson

HOSTILE = '<script>alert("x")</script> & \'"><img src=http://evil.example/x.png> {{ 7 * 7 }}'
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Outline(HTMLParser):
    """Every element with its attributes, the words outside of the style, and whether all that was opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.named: list[str] = []
        self.unclosed: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.unclosed[-1:] == ["script"]:
            self.scripts.append(data)
        elif self.unclosed[-2:] in (["svg", "title"], ["svg", "desc"]):
            self.named.append(data)
        elif self.unclosed[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def labels(self) -> list[str]:
        """Name and words of every drawing."""
        assert len(self.named) == 2 * sum(attributes.get("role") == "img" for _, attributes in self.elements)
        return [f"{name}: {words}" for name, words in zip(self.named[::2], self.named[1::2], strict=True)]

    def foreign(self) -> set[str]:
        """Elements that no page of ours has, and scripts other than its own."""
        others = {script for script in self.scripts if script != SCRIPT.read_text(encoding="utf-8")}
        return {"img", "link", "iframe", "object", "b>odd"} & {tag for tag, _ in self.elements} | others


def table(folder: Path, name: str, rows: Sequence[Record]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder, name, rows)


def task(number: int, split: str) -> Task:
    return Task(id=f"t{number}", source="mini", split=split, kind="word_problem", prompt=HOSTILE, answer="5")


def response(number: int) -> Response:
    return Response(
        key=f"r{number}", task_id=f"t{number}", role="teacher", template="chain_of_thought/teacher", template_hash="h",
        provider="here", model="big", sample=0, messages=[Message(role="user", content=HOSTILE)], text=HOSTILE, finish="stop",
        tokens_in=100, tokens_out=23, cost=0.01,
    )  # fmt: skip


def sample(number: int, target: str = HOSTILE) -> Sample:
    asked = [Message(role="system", content="Be brief."), Message(role="user", content=f"{number}: {HOSTILE}")]
    return Sample(
        id=f"s{number}", task_id=f"t{number}", method="chain_of_thought", view="answer", messages=asked, target=target,
        response_keys=[f"r{number}"], finish="stop",
    )  # fmt: skip


def verdict(number: int, name: str, decision: str, reason: str, detail: str = "") -> Verdict:
    return Verdict.model_validate(
        {"sample_id": f"s{number}", "filter": name, "decision": decision, "reason": reason, "detail": detail}
    )


def example(number: int) -> Example:
    return Example(
        id=f"e{number}", sample_id=f"s{number}", task_id=f"t{number}", method="chain_of_thought", view="answer", split="train",
        messages=[Message(role="assistant", content="5")], weight=1, tokens=17,
    )  # fmt: skip


def grade(number: int, model: str, correct: bool | None) -> Grade:
    return Grade(
        benchmark="mini:test", task_id=f"t{number}", kind="word_problem", model=model, mode="greedy", text=HOSTILE,
        prediction=None, expected="5", correct=correct, seconds=0.1, key=f"{model}{number}",
    )  # fmt: skip


def corpus_tables(folder: Path) -> None:
    """1300 tasks, 1200 of them asked; 1190 samples, 7 dropped as wrong, 3 as too long, 2 of these by both; 900 chosen."""
    table(folder, "1_tasks", [task(number, "train" if number < 1200 else "test") for number in range(1300)])
    table(folder, "2_responses", [response(number) for number in range(1200)])
    table(folder, "3_samples", [sample(number) for number in range(1190)])
    wrong = [
        verdict(number, "answer_matches", "drop", "wrong answer", HOSTILE)
        if number < 7
        else verdict(number, "answer_matches", "keep", "right answer")
        for number in range(1190)
    ]
    long = [
        verdict(number, "length", "drop", "too long") if 5 <= number < 8 else verdict(number, "length", "keep", "fits")
        for number in range(1189)
    ]
    undecided = [verdict(1189, "length", "unverifiable", "no tokenizer")]
    table(folder, "4_verdicts", [*wrong, *long, *undecided])
    table(folder, "5_corpus", [example(number) for number in range(100, 1000)])
    table(folder, "5_control", [example(0)])


def evaluation_table(folder: Path) -> None:
    right = {"base": 10, "control": 40, "distilled": 70, "teacher": 90}
    grades = [grade(number, model, number < most) for model, most in right.items() for number in range(100)]
    table(folder, "6_evaluation", [*grades, grade(101, "teacher", None)])


def curve(folder: Path, name: str, *lines: Mapping[str, object]) -> None:
    path = folder / "student" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def whole_run(folder: Path) -> Path:
    corpus_tables(folder)
    evaluation_table(folder)
    first = {"fingerprint": "f"}
    losses = [{"step": step, "of": 40, "loss": 2.0 - step / 25} for step in range(1, 41)]
    curve(folder, "distilled", first, *losses, {"step": 40, "of": 40, "eval_loss": 0.4321}, {"done": True, "steps": 40})
    curve(folder, "control", first, *losses[:12])
    (folder / "recipe.yaml").write_text(
        "teacher: {backend: local, model: big/teacher, sampling: {temperature: 0.7}}\n"
        "methods: [{method: chain_of_thought}]\nstudent: {model: small/student, epochs: 3.0}\n"
    )
    start = {"verb": "generate", "began": "2026-11-23T19:40:02Z", "seconds": 3723.4, "outcome": "done"}
    tally = {"asked": 1201, "remembered": 12, "owed": 8, "tokens_in": 4000, "tokens_out": 321, "cost": None, "last_error": ""}
    log = {"version": "0.1.0", "commit": "3f2a9c1", "python": "3.11.7", "packages": {"polars": "2.1.0", "trl": None}}
    (folder / "run.json").write_text(json.dumps({**log, "starts": [start | tally, start | {"verb": "train"}]}))
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(whole_run(tmp_path_factory.mktemp("runs") / "mini")).read_text(encoding="utf-8")


def test_header(page: str) -> None:
    text = Outline(page).text
    assert "Teacher big/teacher, local; temperature 0.7 Student small/student; epochs 3" in text
    assert "Version 0.1.0, commit 3f2a9c1 Packages Python 3.11.7, polars 2.1.0" in text
    assert "calls 1,200 1,200 stop tokens 147,600 120,000 in, 27,600 out cost $12.00" in text
    assert "2 starts" in text and "1:02:03 1,201 12 8 4,321 unknown" in text


def test_funnel(page: str) -> None:
    outline = Outline(page)
    assert "Rows of the run: 1,300 tasks, 1,200 responses, 1,190 samples, 1,181 passed, 900 corpus" in outline.labels()
    assert "chain_of_thought: 1,190 samples, 1,181 passed, 900 corpus" in outline.labels()
    assert "99.2 % of its samples passed" in outline.text
    assert "900 examples of 900 tasks, 15,300 tokens" in outline.text


def test_filters(page: str) -> None:
    text = Outline(page).text
    assert "answer_matches 1,190 1,183 7 5 only by it 0 – length 1,190 1,186 3 1 only by it 1 – " in text
    assert "7 dropped by answer_matches: wrong answer" in text
    assert "1 unverifiable by length: no tokenizer" in text
    assert text.count("More of it") == 7 + 3 + 1


def test_training(page: str) -> None:
    outline = Outline(page)
    assert "control 12 of 40 1.5200 – not finished distilled 40 of 40 0.4000 0.4321 finished" in outline.text
    assert sum(tag == "polyline" for tag, _ in outline.elements) == 2
    assert "distilled, step 40: dev loss 0.4321" in outline.text


def test_evaluation(page: str) -> None:
    text = Outline(page).text
    low, high = wilson(70, 100)
    assert f"70.0 [{100 * low:.1f}, {100 * high:.1f}] 70 of 100" in text
    assert "90 of 100" in text  # the item nobody could grade does not count
    assert "mini:test: distilled is better than control (+30.0 points, p" in text
    assert "all kinds 100 items" in text and "word_problem 100 items" not in text  # one kind alone is all of them


def test_every_section_names_its_command(page: str) -> None:
    for verb in ("generate", "filter", "train", "evaluate"):
        assert f"<code>make {verb} RECIPE=mini</code>" in page


def test_text_of_others_is_only_text(page: str) -> None:
    outline = Outline(page)
    assert outline.unclosed == []
    assert not outline.foreign()
    assert "&lt;script&gt;alert(" in page and "{{ 7 * 7 }}" in page


def test_nothing_is_loaded(page: str) -> None:
    for _, attributes in Outline(page).elements:
        assert (attributes.get("href") or "#").startswith("#")
        assert not {"src", "srcset", "action", "data"} & set(attributes)
    assert "url(" not in page and "@import" not in page
    assert "default-src 'none'" in page


def test_hostile_names(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    table(folder, "1_tasks", [task(0, HOSTILE)])
    table(
        folder,
        "6_evaluation",
        [grade(0, "base", True).model_copy(update=dict.fromkeys(("benchmark", "kind", "model"), HOSTILE))],
    )
    curve(folder, "<b>odd", {"step": 1, "of": 1, "loss": 1.0})
    outline = Outline(write_page(folder).read_text())
    assert outline.unclosed == []
    assert not outline.foreign() and len(outline.scripts) == 1


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "early"
    table(folder, "1_tasks", [task(0, "train")])
    text = Outline(write_page(folder).read_text()).text
    assert "There are no samples yet. make generate RECIPE=early makes it" in text
    assert "The samples are not filtered yet. make generate RECIPE=early makes it" in text
    assert "No student is trained yet. make train RECIPE=early makes it" in text
    assert "The models are not evaluated yet. make train RECIPE=early makes it" in text


def test_empty_tables(tmp_path: Path) -> None:
    for name in ("1_tasks", "2_responses", "3_samples", "4_verdicts", "5_corpus", "6_evaluation"):
        table(tmp_path / "empty", name, [])
    curve(tmp_path / "empty", "distilled")
    text = Outline(write_page(tmp_path / "empty").read_text()).text
    assert "No filter has judged a sample" in text and "Nothing could be graded" in text


def test_nothing_to_drop(tmp_path: Path) -> None:
    table(tmp_path / "good", "1_tasks", [task(0, "train")])
    table(tmp_path / "good", "3_samples", [sample(0)])
    table(tmp_path / "good", "4_verdicts", [verdict(0, "finished", "keep", "ended by itself")])
    assert "Every filter kept every sample it judged" in Outline(write_page(tmp_path / "good").read_text()).text


def test_no_tasks(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="make generate RECIPE=nowhere"):
        write_page(tmp_path / "nowhere")


def test_the_page_stays_small(tmp_path: Path) -> None:
    folder = tmp_path / "large"
    table(folder, "1_tasks", [task(number, "train") for number in range(3)])
    table(folder, "3_samples", [sample(number, "<" * 100_000) for number in range(3)])
    words = [verdict(number, "f", "drop", f"reason {place}", "&" * 9_999) for place in range(200) for number in range(3)]
    table(folder, "4_verdicts", words)
    path = write_page(folder)
    assert path.stat().st_size < 2_000_000
    text = Outline(path.read_text()).text
    assert "(98,800 more characters)" in text and "3 dropped by f: reason 199" in text


def test_written_whole(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "mini")
    (folder / "report.html").write_text("old")
    before = {path.name for path in folder.iterdir()}
    assert write_page(folder) == folder / "report.html"
    assert {path.name for path in folder.iterdir()} == before
    assert write_page(folder).read_bytes() == (folder / "report.html").read_bytes()


def test_a_curve_that_was_killed_and_went_on(tmp_path: Path) -> None:
    curve(
        tmp_path, "distilled", {"fingerprint": "f"}, {"step": 1, "of": 9, "loss": 3.0}, {"step": 2, "of": 9, "loss": 9.0},
        {"step": 2, "of": 9, "loss": 2.0}, {"step": 3, "of": 9, "loss": float("nan")},
    )  # fmt: skip
    with (tmp_path / "student" / "distilled.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    (read,) = read_curves(tmp_path)
    assert (read.last_step, read.steps, read.done) == (3, 9, False)
    frame = plot([read])
    assert frame.points(read.loss) == [(1, 3.0), (2, 2.0)]
    assert frame.place(9, 0) == (100, 100) and frame.place(0, frame.top) == (0, 0)


def test_a_finished_training_came_to_its_last_step(tmp_path: Path) -> None:
    table(tmp_path, "1_tasks", [task(0, "train")])
    losses, done = [{"step": 5, "of": 12, "loss": 2.0}, {"step": 10, "of": 12, "loss": 1.0}], {"done": True, "steps": 12}
    curve(tmp_path, "control", *losses, done)
    curve(tmp_path, "gold_labels", *losses)
    curve(tmp_path, "distilled", losses[0], {"step": 6, "of": 12, "eval_loss": 3.0}, done | {"steps": 6})  # it stopped early
    page = write_page(tmp_path).read_text()
    text = Outline(page).text
    assert "control 12 of 12 1.0000 – finished" in text and "gold_labels 10 of 12 1.0000 – not finished" in text
    assert "distilled 6 of 12 2.0000 3.0000 finished" in text
    assert page.count("<polyline") == 3 and page.count('<polyline class="on1"') == 1  # the same losses: both are seen


def test_a_student_that_the_recipe_has_no_longer_is_not_shown(tmp_path: Path) -> None:
    for name in ("5_corpus", "5_control", "5_gold_labels"):
        table(tmp_path, name, [])
    names = ["distilled", "distilled-seed4", "distilled-seed5", "distilled@50%", "distilled@25%", "control", "control-seed4"]
    names += ["gold_labels", "teacher_labels", "odd"]
    for name in names:
        curve(tmp_path, name, {"step": 1, "of": 1, "loss": 1.0})
    assert {each.name for each in read_curves(tmp_path)} == set(names)  # nobody says which
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("student: {seed: 3, seeds: 2, curve: [0.5], baselines: [control, teacher_labels]}\n")
    shown = ["control", "control-seed4", "distilled", "distilled-seed4", "distilled@50%"]  # 5_teacher_labels is not there
    assert [each.name for each in read_curves(tmp_path)] == shown
    recipe.write_text("student: {seeds: many}\n")
    assert len(read_curves(tmp_path)) == len(names)


@pytest.mark.parametrize("most", [0.0, 1e-6, 0.03, 0.999, 1.0, 2.1, 7.0, 1234.5])
def test_ticks_hold_all_losses(tmp_path: Path, most: float) -> None:
    curve(tmp_path, "distilled", {"step": 1, "of": 1, "loss": most})
    frame = plot(read_curves(tmp_path))
    assert frame.ticks[0] == 0 and frame.ticks[-1] >= most and 2 <= len(frame.ticks) <= 7
