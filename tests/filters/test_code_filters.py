"""Filters that run programs: what runs, what passes tests, what computes the answer, and HumanEval as the golden measure."""

from __future__ import annotations

import gzip
import json
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.answers import computed
from pipeline.filters import tests_pass
from pipeline.filters.code_runs import CodeRuns
from pipeline.filters.program_answer import ProgramAnswer
from pipeline.filters.verdicts import Word
from tests.rows import make_sample, make_task, public_data

pytest.importorskip("pydantic_monty", reason="programs are run by pydantic-monty: pip install -e '.[code]'")

RUNS = CodeRuns(filter="code_runs", seconds=0.5)
PASSES = tests_pass.TestsPass(filter="tests_pass", seconds=0.5)
ANSWERS = ProgramAnswer(filter="program_answer", seconds=0.5)


def fenced(code: str) -> str:
    return f"Here it is:\n```python\n{code}\n```\nThat is all."


@pytest.mark.parametrize(
    ("target", "decision", "reason"),
    [
        (fenced("print(1 + 1)"), "keep", "runs to its end"),
        ("print(1 + 1)", "keep", "runs to its end"),
        (fenced("1 / 0"), "drop", "ends with an error"),
        (fenced("print(1"), "drop", "ends with an error"),
        (fenced("while True: pass"), "drop", "stopped at a limit"),
        (fenced("[0] * 10**9"), "drop", "stopped at a limit"),
        (fenced("import numpy"), "unverifiable", "the sandbox cannot run it"),
        (fenced("class A: pass\nclass B(A): pass"), "unverifiable", "the sandbox cannot run it"),
        (fenced("open('a.txt', 'w')"), "unverifiable", "the sandbox cannot run it"),
        (fenced(">>> 1 + 1\n2"), "unverifiable", "a session or notebook, no program"),
        (fenced("!pip install numpy\nprint(1)"), "unverifiable", "a session or notebook, no program"),
        (fenced("print(1)\nraise SystemExit"), "unverifiable", "ends itself"),
        (fenced("def f():\n    return 1") + "\nUsage:\n" + fenced("print(f())"), "keep", "runs to its end"),
        ("The answer is 4.", "drop", "no Python program"),
        ("```bash\nls\n```", "drop", "no Python program"),
        ("", "drop", "no Python program"),
    ],
)
def test_code_runs(target: str, decision: str, reason: str) -> None:
    word = RUNS.judge(make_task(), make_sample(target))
    assert (word.decision, word.reason, word.score) == (decision, reason, None)
    assert bool(word.detail) == (
        reason in ("ends with an error", "ends itself", "stopped at a limit", "the sandbox cannot run it")
    )


ADD = "def add(a, b):\n    return a + b"
CHECK = "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(-1, 1) == 0\n"
TRIPLE = ["assert add(1, 2) == 3", "assert add(2, 2) == 4", "assert add(2, 1) == 3"]
WHOLE, LISTED = {"test": CHECK, "entry_point": "add"}, {"tests": TRIPLE}


@pytest.mark.parametrize(
    ("extra", "code", "decision", "score"),
    [
        (WHOLE, ADD, "keep", 1.0),
        (WHOLE, "def add(a, b):\n    return 3", "drop", 0.0),
        (WHOLE, "def plus(a, b):\n    return a + b", "drop", 0.0),
        (WHOLE, "def add(a, b):\n    while True: pass", "drop", 0.0),
        (WHOLE, "def add(a, b):\n    raise SystemExit", "drop", 0.0),
        (WHOLE, ADD + "\nraise SystemExit", "drop", 0.0),
        (WHOLE, ADD + "\n'''", "drop", 0.0),
        (WHOLE, "def add(a, b):\n    import numpy\n    return a + b", "unverifiable", None),
        (WHOLE, "def check(candidate): pass\n\ndef add(a, b): return 0", "drop", 0.0),
        (LISTED, ADD, "keep", 1.0),
        (LISTED, "def add(a, b):\n    return 3", "drop", 2 / 3),
        (LISTED, "def add(a, b):\n    return a * b", "drop", 1 / 3),
        (LISTED, "def add(a, b):\n    return None", "drop", 0.0),
        (LISTED, "1 / 0", "drop", 0.0),
        (LISTED, "def add(a, b):\n    while a == b: pass\n    return a + b", "drop", 1 / 3),
        (LISTED, "def add(a, b):\n    if a == b:\n        import numpy\n    return a + b", "unverifiable", None),
        (LISTED, "def add(a, b):\n    if a == b:\n        import numpy\n    return 0", "drop", 0.0),
        ({"test_list": TRIPLE, "test_setup_code": ""}, ADD, "keep", 1.0),
        ({"test_list": ["assert add(one, one) == 2"], "test_setup_code": "one = 1"}, ADD, "keep", 1.0),
        ({"test_list": ["assert math.ceil(add(1, 0.5)) == 2"], "test_imports": ["import math"]}, ADD, "keep", 1.0),
        ({"tests": "assert add(1, 2) == 3"}, ADD, "keep", 1.0),
    ],
)
def test_tests_pass(extra: dict[str, Any], code: str, decision: str, score: float | None) -> None:
    word = PASSES.judge(make_task(extra=extra), make_sample(fenced(code)))
    assert (word.decision, word.score) == (decision, score)


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({}, "the task has no tests"),
        ({"tests": []}, "the task has no tests"),
        ({"tests": [1]}, "the task's tests cannot be read"),
        ({"tests": ["assert add(1, 2) =="]}, "the task's tests cannot be read"),
        ({"tests": {"a": 1}}, "the task's tests cannot be read"),
        ({"test": CHECK}, "the task's tests cannot be read"),
        ({"test": CHECK, "entry_point": "add(1, 2) or add"}, "the task's tests cannot be read"),
        ({"test": "assert add(1, 2) == 3", "entry_point": "add"}, "the task's tests cannot be read"),
        ({"test": None, "entry_point": None}, "the task's tests cannot be read"),
        ({"tests": TRIPLE, "test_setup_code": "1 / 0"}, "the tests' setup does not run"),
        ({"tests": TRIPLE, "test_setup_code": "import numpy"}, "the tests' setup does not run"),
    ],
)
def test_tasks_without_readable_tests(extra: dict[str, Any], reason: str) -> None:
    word = PASSES.judge(make_task(extra=extra), make_sample(fenced(ADD)))
    assert (word.decision, word.reason) == ("unverifiable", reason)


@pytest.mark.parametrize(
    ("code", "remade"),
    [
        ("class Same:\n    def __eq__(self, other): return True\n\ndef add(a, b): return Same()", "__eq__"),
        ("def abs(x): return 0\n\ndef add(a, b): return 0", "abs"),
        ("len = sum = None\n\ndef add(a, b): return 0", "len, sum"),
        ("from math import floor as round\n\ndef add(a, b): return 0", "round"),
        ("def add(a, b):\n    global all\n    all = None\n    return 0", "all"),
        ("for set in range(3): pass\n\ndef add(a, b): return 0", "set"),
    ],
)
def test_programs_that_remake_what_tests_rest_on(code: str, remade: str) -> None:
    word = PASSES.judge(make_task(extra=WHOLE), make_sample(fenced(code)))
    assert (word.decision, word.reason, word.detail) == ("unverifiable", "remakes what tests rest on", remade)


@pytest.mark.parametrize(
    "code",
    ["def add(a, b):\n    sum = a + b\n    return sum", "[id for id in range(3)]\n" + ADD, ADD + "\nclass A:\n    max = 1"],
)
def test_names_of_builtins_inside_of_a_function_are_nobodys_business(code: str) -> None:
    assert PASSES.judge(make_task(extra=WHOLE), make_sample(fenced(code))).decision == "keep"


def test_a_function_may_be_called_like_a_builtin() -> None:
    task = make_task(extra={"test": CHECK, "entry_point": "sum"})
    assert PASSES.judge(task, make_sample(fenced("def sum(a, b):\n    return a + b"))).decision == "keep"


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("a = 2\na + 3", "5"),
        ("def solution():\n    apples = 2\n    result = apples + 3\n    return result", "5"),
        ("def solution():\n    return 5\n\nprint(solution())", "5"),
        ("answer = 5\nprint('done')", "5"),
        ("result = 10 / 2", "5"),
        ("if True:\n    print('thinking')\n    print(5)", "5"),
        ("print('The answer is', 5)\nprint()", "5"),
        ("a = 5\n(\n    a\n)  # eggs", "5"),
        ("'é' * 2; 2 + 3", "5"),
        ("a = 'ä'\r\n'ä'.find('x') + 6", "5"),
        ("def main():\n    print(5)\n\nmain()", "5"),
        ("0.1 + 0.2", "0.3"),
        ("15 % 4 == 3", "True"),
        ("'Paris'", "paris"),
        ("from decimal import Decimal\nDecimal('2.50')", "2.5"),
        ("10 ** 30", str(10**30)),
    ],
)
def test_program_answer(code: str, answer: str) -> None:
    word = ANSWERS.judge(make_task(answer=answer), make_sample(fenced(code)))
    assert (word.decision, word.score) == ("keep", 1.0), word
    other = ANSWERS.judge(make_task(answer="77"), make_sample(fenced(code)))
    assert (other.decision, other.score) == ("drop", 0.0), other


@pytest.mark.parametrize(
    ("code", "answer", "decision", "reason"),
    [
        ("2 + 3", None, "unverifiable", "the task has no answer"),
        ("2 + 3", "?", "unverifiable", "the expected answer cannot be read"),
        ("a = 5", "5", "drop", "computes no answer"),
        ("None", "5", "drop", "computes no answer"),
        ("def solution(a):\n    return a", "5", "drop", "computes no answer"),
        ("def solution():\n    return 5 / 0", "5", "drop", "ends with an error"),
        ("while True: pass", "5", "drop", "stopped at a limit"),
        ("import sympy\n5", "5", "unverifiable", "the sandbox cannot run it"),
        ("[1, 2] + [3]", "77", "drop", "computes another answer"),
        ("a = [1]\nfor n in range(40): a = [a, a]\na", "5", "drop", "stopped at a limit"),
    ],
)
def test_program_answer_without_one(code: str, answer: str | None, decision: str, reason: str) -> None:
    word = ANSWERS.judge(make_task(answer=answer), make_sample(fenced(code)))
    assert (word.decision, word.reason) == (decision, reason)


def test_a_reply_may_be_nothing_but_a_program() -> None:
    assert ANSWERS.judge(make_task(answer="5"), make_sample("def solution():\n    return 5")).decision == "keep"


def test_text_that_is_no_program_computes_nothing() -> None:
    assert ANSWERS.judge(make_task(answer="5"), make_sample("The answer is 5.")).reason == "no Python program"
    assert computed.with_answer("a = (") == ("a = (",)


@pytest.mark.parametrize(
    "fields",
    [{"seconds": 0}, {"seconds": 61}, {"megabytes": 1}, {"megabytes": 10**9}, {"seconds": float("nan")}, {"minutes": 1}],
)
def test_nonsense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CodeRuns(filter="code_runs", **fields)


def test_verdicts_rest_on_the_interpreter() -> None:
    assert RUNS.rests_on()[0].startswith("pydantic-monty ")


@pytest.mark.parametrize(
    "text", ["a", "`", "```\n", "(", "print(1)\n", "é", "\0", "🙂", "\u202e", "\ud800", "assert ", '"""\n']
)
def test_a_megabyte_is_judged_at_once(text: str) -> None:
    reply = text * (1_000_000 // len(text))
    start = time.monotonic()
    for target in (reply, fenced(reply)):
        sample = make_sample(target)
        for word in (RUNS.judge(make_task(), sample), PASSES.judge(make_task(extra=WHOLE), sample)):
            assert word.decision != "keep"
        assert ANSWERS.judge(make_task(answer="5"), sample).decision == "drop"
    assert time.monotonic() - start < 20  # six judgements, on a busy machine


def human_eval() -> list[dict[str, str]]:
    with gzip.open(public_data("human_eval.jsonl.gz"), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def judged(row: dict[str, str], target: str) -> Word:
    condition = tests_pass.TestsPass(filter="tests_pass", seconds=10)
    extra = {"test": row["test"], "entry_point": row["entry_point"]}
    return condition.judge(make_task(prompt=row["prompt"], extra=extra), make_sample(target))


FORMS: dict[str, Callable[[str, str], str]] = {
    "the body": lambda prompt, body: body,
    "the whole function": lambda prompt, body: fenced(f"{prompt}{body}"),
    "the body without its indentation": lambda prompt, body: fenced(textwrap.dedent(body)),
}
BREAKAGES = {"nothing": "    return None\n", "an error": "    raise ValueError('no')\n", "itself": "    return check\n"}


@pytest.mark.parametrize("form", FORMS)
def test_human_eval(form: str) -> None:
    """Both that are left import `string`, which the interpreter lacks: nobody can tell, and nobody is called wrong."""
    rows = human_eval()
    words = {row["task_id"]: judged(row, FORMS[form](row["prompt"], row["canonical_solution"])) for row in rows}
    assert Counter(word.decision for word in words.values()) == {"keep": 162, "unverifiable": 2}
    assert {name for name, word in words.items() if word.decision == "unverifiable"} == {"HumanEval/38", "HumanEval/50"}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_no_broken_solution_of_human_eval_passes(breakage: str) -> None:
    """Each returns what no test of the 164 expects; the two whose prompts import `string` stay unverifiable."""
    words = [judged(row, BREAKAGES[breakage]) for row in human_eval()]
    assert Counter(word.decision for word in words) == {"drop": 162, "unverifiable": 2}
