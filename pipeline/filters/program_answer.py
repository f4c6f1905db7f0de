"""Keeps replies whose program computes the task's answer: program of thought, program-aided language models (PAL).

Its answer is the first of these that there is: the value of its last expression, unless that is a `print`; the variable
`answer` or `result`; what `solution()` returns, as in PAL's prompts; the last line it prints.
"""

from __future__ import annotations

import ast
from typing import ClassVar, Literal

from pipeline.answers.code import program, syntax_tree
from pipeline.answers.final import same_answer, why_undecided
from pipeline.answers.sandbox import Ran
from pipeline.filters.code_runs import Programs, stopped
from pipeline.filters.verdicts import Word, drop, keep, unverifiable
from pipeline.records import Sample, Task

LAST_EXPRESSION = "last_expression_of_the_program"
LONGEST = 1000
"""Characters of an answer; what is longer is none."""
VARIABLES = ("answer", "result")


class ProgramAnswer(Programs):
    """What the program in the target computes is the task's answer."""

    source: ClassVar[str] = "Gao et al. 2022, PAL, arXiv 2211.10435; Chen et al. 2022, Program of Thoughts, arXiv 2211.12588"
    filter: Literal["program_answer"]
    """Computes the right answer."""

    def judge(self, task: Task, sample: Sample) -> Word:
        if task.answer is None:
            return unverifiable("the task has no answer")
        code = program(task.prompt, sample.target)
        if code is None:
            return drop("no Python program")
        ran = self.run(*with_answer(code))
        if word := stopped(ran):
            return word
        given = answer_of(ran)
        if not given:
            return drop("computes no answer")
        same = same_answer(task.answer, given)
        if same is None:
            return unverifiable(why_undecided(task.answer, given), task.answer[:80])
        found = f"{given[:80]!r}, expected {task.answer[-80:]!r}"
        return keep("computes the right answer", 1.0, found) if same else drop("computes another answer", 0.0, found)


def answer_of(ran: Ran) -> str:
    """The answer of a program that ran with `with_answer`; empty where it has none."""
    if isinstance(ran.value, str) and ran.value.strip():
        return ran.value.strip()
    printed = ran.printed.strip()
    return printed[printed.rfind("\n") + 1 :].strip()[:LONGEST]


def with_answer(code: str) -> tuple[str, ...]:
    """The program with its last expression named, and an expression that says its answer as a text."""
    tree = syntax_tree(code)
    if tree is None:
        return (code,)
    last = tree.body[-1] if tree.body else None
    named = isinstance(last, ast.Expr) and not _prints(last)
    found = [LAST_EXPRESSION] if named else []
    found += [name for name in VARIABLES if name in _variables(tree)]
    if not found and any(_is_solution(each) for each in tree.body):
        found = ["solution()"]
    if not found:
        return (code,)
    texts = f"[str(each)[:{LONGEST}] for each in ({', '.join(found)},) if each is not None]"
    return _last_named(code, last) if named and last else code, f"({texts} + [None])[0]"


def _last_named(code: str, last: ast.stmt) -> str:
    """The program with its last expression assigned; its place is counted in bytes of UTF-8."""
    lines = code.replace("\r\n", "\n").replace("\r", "\n").encode().split(b"\n")
    start = sum(len(line) + 1 for line in lines[: last.lineno - 1]) + last.col_offset
    end = sum(len(line) + 1 for line in lines[: (last.end_lineno or 0) - 1]) + (last.end_col_offset or 0)
    whole = b"\n".join(lines)
    return b"".join([whole[:start], f"{LAST_EXPRESSION} = (".encode(), whole[start:end], b")", whole[end:]]).decode()


def _prints(statement: ast.Expr) -> bool:
    call = statement.value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print"


def _variables(tree: ast.Module) -> set[str]:
    """Names that statements of the module itself assign."""
    assigned = [each for each in tree.body if isinstance(each, ast.Assign | ast.AnnAssign | ast.AugAssign)]
    return {
        node.id
        for each in assigned
        for node in ast.walk(each)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _is_solution(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef) and statement.name == "solution" and not statement.args.args
