"""Keeps replies whose program passes the task's tests: HumanEval's `test` and `entry_point`, or MBPP's list of asserts.

The tests stand in the task's `extra`: `test` defines `check(candidate)` (Chen et al. 2021), or `tests` (MBPP's own `test_list`
will do) holds asserts, one a line, each run by itself after the program and `test_setup_code` or `test_imports`. A program
that makes a builtin or equality anew could make any assert true, so its tests prove nothing. That is noticed where it is
written down, not where the program hides it.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pipeline.answers.code import is_python, program, syntax_tree
from pipeline.answers.sandbox import Ran
from pipeline.filters.code_runs import Programs, stopped, undecided
from pipeline.filters.verdicts import Negatives, Word, drop, keep, unverifiable
from pipeline.records import Sample, Task

BUILTINS = {name for name in dir(builtins) if not name.startswith("_")}
EQUALITY = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}
LOCAL = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Tests:
    """Programs that fail where the reply is wrong, what is run before each, and the name of the function, where it is known."""

    asserts: tuple[str, ...]
    setup: str = ""
    function: str = ""

    def names(self) -> set[str]:
        """Names the tests use."""
        return {self.function} if self.function else set(re.findall(r"[^\W\d]\w*", "\n".join(self.asserts)))

    def are_readable(self) -> bool:
        return bool(self.asserts) and all(is_python(each) for each in (*self.asserts, self.setup))


class TestsPass(Programs):
    """The program in the target passes every test of the task."""

    source: ClassVar[str] = "Chen et al. 2021, arXiv 2107.03374, section 2; Austin et al. 2021, arXiv 2108.07732"
    negatives: ClassVar[Negatives] = "turned"
    filter: Literal["tests_pass"]
    """Passes the tests."""

    def judge(self, task: Task, sample: Sample) -> Word:
        tests = tests_of(task)
        if tests is None:
            return unverifiable("the task has no tests")
        if not tests.are_readable():
            return unverifiable("the task's tests cannot be read")
        code = program(task.prompt, sample.target, tests.names())
        if code is None:
            return drop("no Python program", 0.0)
        if remade := sorted(set(_remade(code)) - {tests.function}):
            return unverifiable("remakes what tests rest on", ", ".join(remade)[:200])
        return self._tested(code, tests)

    def _tested(self, code: str, tests: Tests) -> Word:
        passed, failures, unknown = 0, list[Ran](), list[Ran]()
        for each in tests.asserts:
            ran = self.run(code, tests.setup, each)
            if ran.part == 0 and (word := stopped(ran, 0.0)):
                return word
            if ran.part == 1:
                return unverifiable("the tests' setup does not run", ran.error)
            passed += ran.status == "ok"
            failures += [ran] if ran.status in ("failed", "limit") else []
            unknown += [ran] if ran.status in ("unsupported", "error") else []
            if ran.status == "limit":
                break  # each of the others may take as long
        share = passed / len(tests.asserts)
        if failures:
            return drop("fails a test", share, f"{passed} of {len(tests.asserts)} passed: {failures[0].error}"[:200])
        return undecided(unknown[0]) if unknown else keep("passes the tests", share)


def tests_of(task: Task) -> Tests | None:
    """The tests that came with a task, without any assert where they are not in either form; None where it has none."""
    extra = task.extra
    if "test" in extra:
        test, name = str(extra["test"]), str(extra.get("entry_point") or "")
        whole = name.isidentifier() and "def check(" in test
        return Tests((f"{test}\n\ncheck({name})\n",), function=name) if whole else Tests(())
    asserts = extra.get("tests", extra.get("test_list"))
    if not asserts:
        return None
    setup = extra.get("test_setup_code") or extra.get("test_imports") or ""
    return Tests(_lines(asserts), "\n".join(_lines(setup)))


def _lines(value: Any) -> tuple[str, ...]:
    """A text or a list of texts; nothing where it is neither."""
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(listed) if all(isinstance(each, str) for each in listed) else ()


def _remade(code: str) -> Iterator[str]:
    """Builtins that a program gives another meaning everywhere, and comparisons it defines."""
    tree = syntax_tree(code)
    if tree is None:
        return
    yield from (name for name in _bound(tree) if name in BUILTINS)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from (name for name in node.names if name in BUILTINS)
        elif isinstance(node, ast.FunctionDef) and node.name in EQUALITY:
            yield node.name


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that a module gives a meaning, those inside of its functions and classes left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.alias):
            yield (child.asname or child.name).partition(".")[0]
        elif isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
            yield child.id
        elif not isinstance(child, LOCAL):
            yield from _bound(child)
