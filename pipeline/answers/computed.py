"""What a program computes: it is run in the sandbox, and its answer is read off it.

In: a program, or a reply with one. Out: its answer, or what stopped it. The answer is the first of these that there is: the
value of its last expression, unless that is a `print`; the variable `answer` or `result`; what `solution()` returns, as in
PAL's prompts; the last line it prints.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from pipeline.answers.code import code_in, syntax_tree
from pipeline.answers.sandbox import DEFAULT_LIMITS, Limits, Ran, run_code

LAST_EXPRESSION = "last_expression_of_the_program"
LONGEST = 1000
"""Characters of an answer; what is longer is none."""
VARIABLES = ("answer", "result")
FUNCTION = "solution"
"""The function that programs are asked for."""
NO_ANSWER = "The program returns no answer."


@dataclass(frozen=True)
class Computed:
    """What became of the program in a reply."""

    code: str | None
    """The program; None where there is none."""
    answer: str = ""
    """What it computes; empty where that is nothing."""
    error: str = ""
    """Why it computes nothing, in words that its author can mend it by; empty where it does, or where only the sandbox
    failed."""


def computed(text: str, limits: Limits = DEFAULT_LIMITS) -> Computed:
    """Runs the program in a reply.

    Raises:
        UserError: the sandbox is not installed, or cannot be started.
    """
    code = code_in(text, {FUNCTION})
    if code is None:
        return Computed(None)
    if foreign := _foreign(code):
        return Computed(code, error=f"ImportError: only math may be imported, not {foreign}")
    ran = run_code(*with_answer(code), limits=limits)
    if ran.status != "ok":
        return Computed(code, error="" if ran.status == "error" else ran.error)
    answer = answer_of(ran)
    return Computed(code, answer, "" if answer else NO_ANSWER)


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
        found = [f"{FUNCTION}()"]
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
    return isinstance(statement, ast.FunctionDef) and statement.name == FUNCTION and not statement.args.args


def _foreign(code: str) -> str:
    """The first module but `math` that a program imports; empty where there is none."""
    nodes = list(ast.walk(syntax_tree(code) or ast.Module([], [])))
    names = [name.name for each in nodes if isinstance(each, ast.Import) for name in each.names]
    names += [each.module or "." for each in nodes if isinstance(each, ast.ImportFrom)]
    return next((name for name in names if name != "math"), "")
