"""Benchmarks as they are published: every form of file, every row a task whose right answer is graded right."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.answers.constraints import CHECKS, constraint_met
from pipeline.answers.grading import grade
from pipeline.benchmarks.benchmark import AnyBenchmark
from pipeline.benchmarks.rows import file_rows
from pipeline.benchmarks.union import Benchmark
from pipeline.errors import UserError
from pipeline.prompts import render
from pipeline.records import Task
from pipeline.report.catalogue import catalogue
from pipeline.settings import REPOSITORY
from tests.rows import public_data

SVAMP = [
    {"ID": f"chal-{n}", "Body": f"Dan had $ {n} left. If he had $ 9 at the start", "Question": "How much did the candy cost?",
     "Equation": f"( 9.0 - {n}.0 )", "Answer": 9.0 - n, "Type": "Subtraction"}
    for n in (3, 4, 4, 5)
]  # fmt: skip
GLUE = {
    "sst2": [{"idx": 0, "sentence": "it 's a treat .", "label": 1}, {"idx": 1, "sentence": "a bore .", "label": 0}],
    "qqp": [{"idx": 0, "question1": "Who is he ?", "question2": "Who 's he ?", "label": 1}],
    "mnli": [{"idx": 0, "premise": "It rains .", "hypothesis": "It is dry .", "label": 2}],
    "mnli-mm": [{"idx": 0, "premise": "It rains .", "hypothesis": "It is Monday .", "label": 1}],
    "qnli": [{"idx": 0, "question": "When ?", "sentence": "In May .", "label": 0}],
    "rte": [{"idx": 0, "sentence1": "It rains .", "sentence2": "It is dry .", "label": 1}],
}
PUBLIC = {
    "gsm8k": "gsm8k_test.jsonl", "svamp": "svamp.json", "strategyqa": "strategyqa_dev.json", "ifeval": "ifeval_prompts.jsonl",
    "adversarial_glue": "adversarial_glue_dev.json",
}  # fmt: skip
ROWS = {"gsm8k": 1319, "svamp": 1000, "strategyqa": 229, "ifeval": 541, "adversarial_glue": 738}


def named(name: str, **fields: Any) -> AnyBenchmark:
    found: AnyBenchmark = TypeAdapter(Benchmark).validate_python({"benchmark": name, **fields})
    return found


def public(name: str) -> list[Task]:
    """All items of a public file."""
    return list(named(name, path=public_data(PUBLIC[name])).tasks(None))


def wrong(task: Task) -> str:
    """An answer that is not the task's."""
    if task.answer in ("yes", "no"):
        return "no" if task.answer == "yes" else "yes"
    if task.choices:
        return next(each for each in task.choices if each != task.answer)
    return str(float((task.answer or "").replace(",", "")) + 1)


def test_a_bare_word_names_a_benchmark() -> None:
    assert TypeAdapter(Benchmark).validate_python("svamp") == named("svamp")
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        TypeAdapter(Benchmark).validate_python("gsm9k")


def test_svamp(tmp_path: Path) -> None:
    """Body and question are the prompt, the equation is kept; an item that stands there twice is one."""
    (tmp_path / "svamp.json").write_text(json.dumps(SVAMP))
    first, *others = named("svamp", path=tmp_path / "svamp.json").tasks(None)
    assert first.prompt == "Dan had $ 3 left. If he had $ 9 at the start How much did the candy cost?"
    assert (first.answer, first.kind, first.split, first.source) == ("6", "word_problem", "svamp", "svamp")
    assert first.extra == {"ID": "chal-3", "Equation": "( 9.0 - 3.0 )", "Type": "Subtraction"}
    assert [each.answer for each in others] == ["5", "4"]


def test_limits(tmp_path: Path) -> None:
    """The benchmark's own limit wins over that of the evaluation."""
    (tmp_path / "svamp.json").write_text(json.dumps(SVAMP))
    assert len(list(named("svamp", path=tmp_path / "svamp.json").tasks(2))) == 2
    assert len(list(named("svamp", path=tmp_path / "svamp.json", limit=3).tasks(2))) == 3


def test_gsm8k(tmp_path: Path) -> None:
    row = {"question": "He has 3 and gets 4. How many?", "answer": "He has 3+4=<<3+4=7>>7\nTwice <<7*2=14>>14\n#### 1,014"}
    (tmp_path / "test.jsonl.gz").write_bytes(gzip.compress(f"{json.dumps(row)}\n{json.dumps(row)}\n".encode()))
    (task,) = named("gsm8k", path=tmp_path / "test.jsonl.gz").tasks(None)
    assert (task.answer, task.extra["steps"], task.extra["solution"]) == ("1,014", 2, row["answer"])
    assert grade(task, "The answer is 1014.").correct is True


def test_strategyqa(tmp_path: Path) -> None:
    rows = [{"qid": "a", "question": "Is it?", "answer": True}, {"qid": "b", "question": "Was it?", "answer": False}]
    (tmp_path / "dev.json").write_text(json.dumps(rows))
    yes, no = named("strategyqa", path=tmp_path / "dev.json").tasks(None)
    assert (yes.answer, no.answer) == ("yes", "no")
    assert grade(yes, "It was so. The answer is yes.").correct is True
    assert grade(no, "It was so. The answer is yes.").correct is False


def test_ifeval(tmp_path: Path) -> None:
    """Arguments that are null, as the hub's table has them, are not said."""
    row = {"key": 7, "prompt": "Write. Use no commas.", "instruction_id_list": ["punctuation:no_comma", "keywords:existence"],
           "kwargs": [{"keywords": None, "num_words": None}, {"keywords": ["sun"], "num_words": None}]}  # fmt: skip
    (tmp_path / "prompts.jsonl").write_text(json.dumps(row))
    (task,) = named("ifeval", path=tmp_path / "prompts.jsonl").tasks(None)
    assert task.constraints == [{"kind": "punctuation:no_comma"}, {"kind": "keywords:existence", "keywords": ["sun"]}]
    assert [grade(task, text).correct for text in ("The sun shines.", "The sun, again.")] == [True, False]


def test_adversarial_glue(tmp_path: Path) -> None:
    """Subtasks take turns, and each label says what GLUE means by it."""
    (tmp_path / "dev.json").write_text(json.dumps(GLUE))
    tasks = list(named("adversarial_glue", path=tmp_path / "dev.json").tasks(None))
    assert [each.extra["subtask"] for each in tasks] == ["sst2", "qqp", "mnli", "mnli-mm", "qnli", "rte", "sst2"]
    assert [each.answer for each in tasks] == ["positive", "yes", "contradiction", "neutral", "yes", "no", "negative"]
    assert tasks[0].choices == ["negative", "positive"] and tasks[1].choices is None
    assert tasks[5].prompt.startswith("Premise: It rains .\nHypothesis: It is dry .\nDoes the hypothesis follow")
    assert all(grade(each, f"The answer is {each.answer}.").correct is True for each in tasks)
    assert all(grade(each, f"The answer is {wrong(each)}.").correct is False for each in tasks)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[]", "there is nothing in it"),
        (b"", "there is nothing in it"),
        (b'{"ID": 1}\n{"ID"', "line 1: this is no row of svamp: KeyError: 'Body'"),
        (b'[{"ID": 1, "Body": "a", "Question": "b", "Equation": "", "Type": "", "Answer": "x"}]', "item 1: this is no row"),
        (b"[1]", "item 1: a int, not an object"),
        (b'{"Body": \n', "not JSON"),
        (rb'[{"ID": 1, "Body": "\ud83d", "Question": "b", "Equation": "", "Type": "", "Answer": 1}]', "UnicodeEncodeError"),
        (b"\xff\xfe", "not JSON"),
        (b'[{"Body": "\xed\xa0\x80"}]', "not JSON"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "some.json").write_bytes(content)
    with pytest.raises(UserError) as raised:
        list(named("svamp", path=tmp_path / "some.json").tasks(None))
    assert said in str(raised.value) and str(tmp_path / "some.json") in str(raised.value)


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        *(("adversarial_glue", {"subtask": "sst2", "sentence": "bad", "label": label}, f"label is {label!r}, none of 0 to 1")
          for label in (-1, 2, True, "0", None)),
        *(("svamp", SVAMP[0] | {"Answer": answer}, f"Answer is {float(answer)}") for answer in ("nan", "-inf")),
        *(("gsm8k", {"question": "How many?", "answer": answer}, "no #### with the answer behind it")
          for answer in ("7", "3+4=7\n#### ", "####")),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(tmp_path: Path, name: str, row: dict[str, Any], said: str) -> None:
    (tmp_path / "some.json").write_text(json.dumps([row]))
    with pytest.raises(UserError, match=rf"item 1: this is no row of {name}: ValueError") as raised:
        list(named(name, path=tmp_path / "some.json").tasks(None))
    assert said in str(raised.value)


def test_a_long_answer_of_svamp_is_whole(tmp_path: Path) -> None:
    (tmp_path / "svamp.json").write_text(json.dumps([SVAMP[0] | {"Answer": 123456789012.5}]))
    assert [task.answer for task in named("svamp", path=tmp_path / "svamp.json").tasks(None)] == ["123456789012.5"]


def test_a_file_that_is_not_there_or_torn(tmp_path: Path) -> None:
    (tmp_path / "torn.json.gz").write_bytes(gzip.compress(b"[" + b" " * 9999)[:-20])
    for name, said in (("none.json", "there is no such file"), ("torn.json.gz", "cannot be read")):
        with pytest.raises(UserError, match=f"{name}: {said}"):
            list(file_rows(tmp_path / name))


def test_forms_of_a_file(tmp_path: Path) -> None:
    """JSON lines, spaced as people may, one line alone, JSON over many lines, and CSV."""
    forms = {
        '{ "a": 1}\n\n{ "a": 2}\n': [1, 2], '{"a": 1}': [1], '[\n {"a": 1},\n {"a": 2}\n]': [1, 2],
        '{\n "x": [{"a": 1}, {"a": 3}],\n "y": [{"a": 2}]\n}': [1, 2, 3], '{"x": [{"a": 1}], "y": [{"a": 2}]}': [1, 2],
    }  # fmt: skip
    for text, wanted in forms.items():
        (tmp_path / "some.json").write_text(text)
        assert [row["a"] for _, row in file_rows(tmp_path / "some.json")] == wanted, text
    (tmp_path / "some.csv").write_text("a,b\n1,x\n2,y\n")
    assert [row["a"] for _, row in file_rows(tmp_path / "some.csv")] == ["1", "2"]


def test_a_line_alone_is_a_row_where_the_file_is_called_jsonl(tmp_path: Path) -> None:
    """Elsewhere an object of lists is rows by name."""
    for name, wanted in (("some.jsonl", [["x"]]), ("some.JSONL.gz", [["x"]]), ("some.json", ["x", None])):
        text = b'{"x": [{"x": "x"}, {"x": null}]}' if name == "some.json" else b'{"x": ["x"]}\n'
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
        assert [row["x"] for _, row in file_rows(tmp_path / name)] == wanted


def test_json_lines_are_read_one_at_a_time(tmp_path: Path) -> None:
    """What is wrong with a later line is said when it is reached, so that a large file need not fit into memory."""
    (tmp_path / "some.json").write_text('{"a": 1}\n{"a": 2}\n{"a"\n')
    rows = file_rows(tmp_path / "some.json")
    assert [next(rows)[1], next(rows)[1]] == [{"a": 1}, {"a": 2}]
    with pytest.raises(UserError, match=r"some\.json, line 3: not JSON"):
        next(rows)


def test_the_catalogue_says_what_each_is_and_where_it_is_from() -> None:
    first, *others = catalogue(Benchmark, "benchmark").split("\n\n")
    assert first.splitlines()[0] == "every benchmark takes" and first.splitlines()[1].split()[0] == "limit"
    for name, licence in (("gsm8k", "MIT"), ("ifeval", "Apache-2.0"), ("adversarial_glue", "CC BY-SA 4.0")):
        (told,) = [each for each in others if each.startswith(f"{name}: ")]
        assert licence in " ".join(told.split())
        starts = [line.split()[0] for line in told.splitlines() if line[2:3].strip()]
        assert starts[-3:] == ["from", "path", "revision"]


HUB = """
import sys
from typing import ClassVar
from pipeline.benchmarks.svamp import Svamp
from pipeline.errors import UserError

class Here(Svamp):
    dataset: ClassVar[str] = sys.argv[1]

class Nowhere(Svamp):
    dataset: ClassVar[str] = sys.argv[1] + "/none"

print([task.answer for task in Here(benchmark="svamp").tasks(None)])
try:
    list(Nowhere(benchmark="svamp").tasks(None))
except UserError as error:
    print(error.remedy)
"""


def test_the_hub(tmp_path: Path) -> None:
    """Through `datasets`, which reads a folder of files just as it reads the hub; both splits are one benchmark."""
    (tmp_path / "data").mkdir()
    for split, rows in (("train", SVAMP[:2]), ("test", SVAMP[2:])):
        (tmp_path / "data" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    environment = {**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", HUB, str(tmp_path / "data")],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "['6', '5', '4']",
        "Is the hub reachable? The published file will do: --set evaluation.benchmarks.N.path=…, counted from 0.",
    ]  # fmt: skip


PINNED = """
from pydantic import TypeAdapter
from pipeline.benchmarks.union import Benchmark
from pipeline.errors import UserError

for given in ({"benchmark": "gsm8k"}, {"benchmark": "svamp"}, {"benchmark": "strategyqa"}, {"benchmark": "ifeval"},
              {"benchmark": "adversarial_glue"}, {"benchmark": "svamp", "revision": "main"}):
    benchmark = TypeAdapter(Benchmark).validate_python(given)
    try:
        list(benchmark.tasks(None))
    except UserError as error:
        print(benchmark.dataset, benchmark.revision, f"Revision '{benchmark.revision}' doesn't exist" in error.what)
"""


class Hub(BaseHTTPRequestHandler):
    """A hub that knows no revision of anything, and remembers which were asked for."""

    asked: ClassVar[set[tuple[str, str]]] = set()

    def do_HEAD(self) -> None:
        owner, name, _, revision, *_ = self.path.removeprefix("/datasets/").split("/")
        self.asked.add((f"{owner}/{name}", revision))
        self.send_response(404)
        self.send_header("X-Error-Code", "RevisionNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def test_the_hub_is_asked_for_the_pinned_commit(tmp_path: Path) -> None:
    """Or for the one the recipe names."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
    done = subprocess.run(
        [sys.executable, "-c", PINNED], cwd=REPOSITORY, env=environment | {"HF_HUB_OFFLINE": "0"}, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip
    server.shutdown()
    assert done.returncode == 0, done.stderr
    said = [line.split() for line in done.stdout.splitlines()]
    assert {(dataset, revision) for dataset, revision, _ in said} == Hub.asked and len(Hub.asked) == 6
    assert {refused for _, _, refused in said} == {"True"}
    assert ["ChilleD/SVAMP", "main", "True"] in said
    assert all(re.fullmatch("[0-9a-f]{40}", revision) for _, revision, _ in said[:5])


@pytest.mark.parametrize("name", PUBLIC)
def test_public_items(name: str) -> None:
    """Every row is a task, and all can be put by the benchmark's own template."""
    tasks = public(name)
    assert len(tasks) == len({task.id for task in tasks}) == ROWS[name]
    assert all(task.split == name for task in tasks)
    prompt = render(named(name).template, tasks[0]).messages[-1].content
    assert tasks[0].prompt.strip() in prompt


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "ifeval"])
def test_public_labels(name: str) -> None:
    """Graded on the right answers everything is right, on wrong ones nothing."""
    tasks = public(name)
    assert all(grade(task, f"So the answer is {task.answer}.").correct is True for task in tasks)
    assert all(grade(task, f"So the answer is {wrong(task)}.").correct is False for task in tasks)


def test_public_constraints() -> None:
    """834 of 25 kinds, all of which are checked here, with arguments that are understood."""
    constraints = [each for task in public("ifeval") for each in task.constraints or []]
    assert len(constraints) == 834
    assert {each["kind"] for each in constraints} == CHECKS.keys() and len(CHECKS) == 25
    undecided = [each for each in constraints if constraint_met("This is a plain reply of a few words.", each) is None]
    assert not undecided


def test_public_subtasks() -> None:
    counts = Counter(task.extra["subtask"] for task in public("adversarial_glue"))
    assert counts == {"sst2": 148, "qqp": 78, "mnli": 121, "mnli-mm": 162, "qnli": 148, "rte": 81}
    some = named("adversarial_glue", path=public_data(PUBLIC["adversarial_glue"])).tasks(60)
    assert set(Counter(task.extra["subtask"] for task in some).values()) == {10}
