"""The program in a reply: its last block of Python, all of it where it is nothing but code, or an unfinished function's body.

In: the reply, and the prompt, which may be a function that only lacks its body, as in HumanEval (Chen et al. 2021, arXiv
2107.03374). Out: a program that stands by itself, or None where there is none. Python's own parser decides what is code; it is
guarded against nesting, and sees no more of a reply than `LONGEST` characters.
"""

from __future__ import annotations

import ast
import os
import re
import textwrap
import threading
import warnings
from collections.abc import Set
from typing import NamedTuple

LONGEST = 100_000
"""Characters of a program; what a teacher writes has a few thousand."""
PYTHON = ("python", "py3")
"""What names of the language at the start of a block begin with: python3.11; beside `py` itself."""
FENCE = re.compile(
    r"^(?P<indent>[ \t]*+)(?P<fence>`{3,}|~{3,})[ \t]*+(?P<language>[\w+#.-]*+)(?P<rest>.*)$", flags=re.MULTILINE
)
DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", flags=re.MULTILINE)
INDENTS = ("    ", "  ", "\t")
_parsing = threading.RLock()
"""Python 3.11 builds one tree at a time: two threads at it end in a SystemError, `AST constructor recursion depth mismatch`."""


def _unlock_in_child() -> None:
    global _parsing
    _parsing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)


class Block(NamedTuple):
    """A fenced block: what language it says it is in, in lower case, and its lines."""

    language: str
    code: str


class Unfinished(NamedTuple):
    """A function without a body: the source up to where the body belongs, its name and the body's indentation."""

    start: str
    name: str
    indent: str


def program(prompt: str, reply: str, wanted: Set[str] = frozenset()) -> str | None:
    """The program a reply is, put together with the prompt where that is an unfinished function; None where there is none.

    Args:
        wanted: names that the tests use; of several blocks the last that defines one of them counts.
    """
    opened = _unfinished(prompt)
    if opened is None:
        return code_in(reply, wanted)
    code = code_in(reply, wanted | {opened.name})
    if code is not None and opened.name in DEFINED.findall(code):
        return f"{opened.start}{opened.indent}pass\n\n\n{code}"  # what the prompt imports and defines may be left out
    return _completed(opened, reply if code is None else code)


def code_in(text: str, wanted: Set[str] = frozenset()) -> str | None:
    """The last block of Python in a text, or the text itself where it is code; None where there is none."""
    blocks = code_blocks(text)
    if not blocks:
        return text if _is_code(text) else None
    written = [each for each in blocks if _may_be_python(each.language) and each.code.strip()]
    fitting = [each for each in written if not wanted.isdisjoint(DEFINED.findall(each.code))]
    found = fitting or [each for each in written if each.language] or _readable(written) or written
    return _with_earlier(found[-1], written) if found else None


def _readable(blocks: list[Block]) -> list[Block]:
    """Those that the parser reads."""
    return [each for each in blocks if syntax_tree(each.code)]


def _with_earlier(last: Block, blocks: list[Block]) -> str:
    """A block behind those before it whose functions and classes it uses, the latest of each: the last is often but a use."""
    place = next(number for number, each in enumerate(blocks) if each is last)
    tree, code = syntax_tree(last.code), last.code
    lacking = _lacking(tree) if tree else set()
    for each in reversed(blocks[:place]):
        tree = syntax_tree(each.code)
        defined = set(DEFINED.findall(each.code))
        if tree and not defined.isdisjoint(lacking):
            lacking = (lacking - defined) | _lacking(tree)
            code = f"{each.code}\n{code}"
    return code


def _lacking(tree: ast.Module) -> set[str]:
    """Names that a program uses and never gives a meaning."""
    nodes = list(ast.walk(tree))
    names = [each for each in nodes if isinstance(each, ast.Name)]
    defined = {each.name for each in nodes if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    imported = {(each.asname or each.name).partition(".")[0] for each in nodes if isinstance(each, ast.alias)}
    given = {each.id for each in names if not isinstance(each.ctx, ast.Load)}
    given |= {each.arg for each in nodes if isinstance(each, ast.arg)}
    return {each.id for each in names} - given - defined - imported


def _may_be_python(language: str) -> bool:
    return language in ("", "py") or language.startswith(PYTHON)


def code_blocks(text: str) -> list[Block]:
    """The fenced blocks of a text in their order; one that is not closed goes on to the end."""
    blocks, opened, text = list[Block](), None, text.replace("\r\n", "\n")
    for found in FENCE.finditer(text):
        if opened is None:
            opened = None if "`" in found["rest"] else found
        elif found["fence"].startswith(opened["fence"]) and not (found["language"] + found["rest"]).strip():
            blocks.append(_block(opened, text[opened.end() + 1 : found.start()]))
            opened = None
    return blocks if opened is None else [*blocks, _block(opened, text[opened.end() + 1 :])]


def is_python(code: str) -> bool | None:
    """Whether Python's parser reads it; None where it is nested too deeply to tell."""
    try:
        return _parsed(code) is not None
    except (RecursionError, MemoryError):
        return None


def syntax_tree(code: str) -> ast.Module | None:
    """The code's syntax tree; None where it is no Python, nested too deeply or too long."""
    try:
        return _parsed(code) if len(code) <= LONGEST else None
    except (RecursionError, MemoryError):
        return None


def _parsed(code: str) -> ast.Module | None:
    with _parsing, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a teacher's backslashes nobody needs to hear
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError):
            return None


def _block(opened: re.Match[str], inside: str) -> Block:
    """A block without the indentation its fence has."""
    indent = len(opened["indent"])
    code = re.sub(rf"^[ \t]{{1,{indent}}}", "", inside, flags=re.MULTILINE) if indent else inside
    return Block(opened["language"].lower(), code if code.endswith("\n") else f"{code}\n")


def _is_code(text: str) -> bool:
    """Whether a text does something as a program: `well-known` and `42` can be parsed, but are none."""
    tree = syntax_tree(text)
    return tree is not None and any(
        not isinstance(each, ast.Expr) or any(isinstance(node, ast.Call) for node in ast.walk(each)) for each in tree.body
    )


def _unfinished(prompt: str) -> Unfinished | None:
    """The function that a prompt, or its last block, ends with and that does nothing yet."""
    blocks = code_blocks(prompt)
    source = (blocks[-1].code if blocks else prompt).rstrip() + "\n"
    if not DEFINED.search(source):
        return None
    for indent in INDENTS:
        tree = syntax_tree(f"{source}{indent}pass\n")
        last = tree.body[-1] if tree else None
        if isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef):
            return Unfinished(source, last.name, indent) if all(map(_does_nothing, last.body)) else None
    return None


def _does_nothing(statement: ast.stmt) -> bool:
    said = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return said or isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass)


def _completed(opened: Unfinished, reply: str) -> str | None:
    """The function with the reply as its body, whose indentation may be lost, as a whole or in the first line."""
    body = reply.replace("\r\n", "\n").strip("\n")
    if not body.strip() or len(body) > LONGEST:
        return None
    indented = textwrap.indent(body, opened.indent)
    candidates = [body] if body[0] in " \t" else [indented, opened.indent + body]
    programs = [f"{opened.start}{each}\n" for each in candidates]
    return next((each for each in programs if syntax_tree(each)), None)
