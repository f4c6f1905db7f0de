"""The program in a reply: which block it is, when the whole text is one, and how a function gets its body."""

from __future__ import annotations

import ast
import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.answers.code import code_blocks, code_in, is_python, program, syntax_tree

UNFINISHED = 'from math import pi\n\n\ndef area(r):\n    """The area of a circle."""\n'
HELPER = "def half(x):\n    return x / 2\n\n\ndef quarter(x):\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("First:\n```python\na = 1\n```\nBetter:\n```python\na = 2\n```\nDone.", "a = 2\n"),
        ("```py\na = 1\n```\nprints\n```\n1\n```", "a = 1\n"),
        ("```python\na = 1\n```\n```bash\npython a.py\n```", "a = 1\n"),
        ("```Python\na = 1\n```", "a = 1\n"),
        ("```python3.11\na = 1\n```", "a = 1\n"),
        ("```python\ndef f():\n  return 1\n```\nUsage:\n```python\nprint(f())\n```", "def f():\n  return 1\n\nprint(f())\n"),
        ("```python\ndef f(): 1 / 0\n```\n```python\ndef f(): pass\n```\n```python\nf()\n```", "def f(): pass\n\nf()\n"),
        ("```\na = 1\n```\n```\npip install numpy\n```", "a = 1\n"),
        ("~~~python\na = 1\n~~~", "a = 1\n"),
        ("````python\na = '''\n```\n'''\n````", "a = '''\n```\n'''\n"),
        ("```\na = 1\n```", "a = 1\n"),
        ("```python\r\na = 1\r\n```\r\n", "a = 1\n"),
        ("```python\na = 1", "a = 1\n"),
        ("1. So:\n   ```python\n   if a:\n       b = 1\n   ```", "if a:\n    b = 1\n"),
        ("```python\na = 1\n```\n```python\n\n```", "a = 1\n"),
        ('```python title="a.py"\na = 1\n```', "a = 1\n"),
        ("a = 1\nprint(a)", "a = 1\nprint(a)"),
        ("print('well')", "print('well')"),
        ("```javascript\nlet a = 1\n```", None),
        ("```python\n```", None),
        ("We add 2 and 3.", None),
        ("42", None),
        ("well-known", None),
        ("Say ```a = 1``` inline.", None),
        ("", None),
    ],
)
def test_code_in(text: str, code: str | None) -> None:
    assert code_in(text) == code


def test_the_block_that_defines_what_the_tests_use() -> None:
    text = "```\ndef f():\n    return 1\n```\nTry it:\n```python\nprint(f())\n```"
    assert code_in(text, {"f"}) == "def f():\n    return 1\n"
    assert code_in(text) == "def f():\n    return 1\n\nprint(f())\n"


@pytest.mark.parametrize(
    "reply",
    [
        "    square = r * r\n    return pi * square",
        "    square = r * r\n    return pi * square\n\n\nprint(area(1))",
        "square = r * r\nreturn pi * square",
        "square = r * r\n    return pi * square",
        "```python\n    square = r * r\n    return pi * square\n```",
        "```\nsquare = r * r\nreturn pi * square\n```",
        "def area(r):\n    return pi * r * r",
        UNFINISHED + "    return pi * r * r",
        "Here:\n```python\ndef area(r):\n    return pi * r * r\n```",
        "```\ndef area(r):\n    return pi * r * r\n```\nUse it:\n```python\nprint(area(2))\n```",
    ],
)
@pytest.mark.parametrize("prompt", [UNFINISHED, f"Complete it.\n```python\n{UNFINISHED}```", UNFINISHED.replace("    ", "  ")])
def test_a_body_is_put_into_its_function(prompt: str, reply: str) -> None:
    if prompt == UNFINISHED.replace("    ", "  "):
        reply = reply.replace("    ", "  ")
    whole = program(prompt, reply)
    assert whole is not None
    names: dict[str, object] = {}
    exec(whole, names)  # our own, above
    area = names["area"]
    assert callable(area) and round(area(2), 2) == 12.57


def test_what_the_prompt_defines_is_there() -> None:
    for reply in ("return half(half(x))", "```python\ndef quarter(x):\n    return half(half(x))\n```"):
        names: dict[str, object] = {}
        exec(program(HELPER, reply) or "", names)
        quarter = names["quarter"]
        assert callable(quarter) and quarter(8) == 2


@pytest.mark.parametrize("reply", ["I would rather not.", "", "   ", "    return (", "```python\n  )\n```"])
def test_what_is_no_body(reply: str) -> None:
    assert program(UNFINISHED, reply) is None


@pytest.mark.parametrize(
    "prompt",
    ["How many?", "Mend this:\n```python\ndef f(x):\n    return x\n```", "def f(x):\n    return x\n", "Write def f(x):", ""],
)
def test_other_prompts_are_no_beginning(prompt: str) -> None:
    assert program(prompt, "```python\nprint(1)\n```") == "print(1)\n"


@pytest.mark.parametrize(
    ("code", "python"), [("a = 1", True), ("", True), ("a = (", False), ("a\0", False), ("'\ud800'", False)]
)
def test_is_python(code: str, python: bool) -> None:
    assert is_python(code) is python


def test_what_is_nested_too_deeply_is_not_told() -> None:
    assert is_python("-" * 50_000 + "1") is None
    assert syntax_tree("1" + "+1" * 40_000) is None


def test_warnings_of_the_parser_are_nobodys_business(recwarn: pytest.WarningsRecorder) -> None:
    assert is_python("a = '\\d'\nb = 1if a else 2") is True
    assert not recwarn.list


LINES = st.lists(st.text(st.characters(blacklist_characters="`~\n\r", blacklist_categories=["Cs"])), min_size=1).map("\n".join)


@settings(deadline=None)
@given(LINES, st.sampled_from(["```", "````", "~~~"]), st.text(alphabet="ab .\n"))
def test_a_block_comes_back_as_it_was(code: str, fence: str, before: str) -> None:
    (block,) = code_blocks(f"{before}\n{fence}python\n{code}\n{fence}\nEnd.")
    assert (block.language, block.code) == ("python", f"{code}\n")


@settings(deadline=None)
@given(st.text(), st.one_of(st.text(), st.text(alphabet="`~ \n\tdef():x")))
def test_any_text_can_be_read(prompt: str, reply: str) -> None:
    found = program(prompt, reply)
    assert found is None or found.strip()


@settings(deadline=None)
@given(st.text(alphabet="`~ \n\tdef():x1=+\"'"))
def test_a_body_only_makes_programs_that_parse(reply: str) -> None:
    found = program(UNFINISHED, reply)
    if found is not None and found.startswith(UNFINISHED) and "def area" not in reply:
        ast.parse(found)


@pytest.mark.parametrize(
    "text",
    ["a", "`", "```\n", "~", " ", "\n", "(", "[", "-", "'", '"', "\\", "def f(", "x=1\n", "é", "\u202e", "\0", "🙂", "\ud800"],
)
def test_a_megabyte_is_read_at_once(text: str) -> None:
    reply = text * (1_000_000 // len(text))
    start = time.monotonic()
    program(UNFINISHED, reply)
    program(reply, f"```python\n{reply}")
    assert time.monotonic() - start < 10


def test_threads_may_parse_at_once() -> None:
    """With a hook of the garbage collector, as torch and others have, threads change in the middle of a tree."""
    code = "\n".join(
        f"def f{number}(x):\n    return [x + {number} * (y - 1) for y in range(10) if y % 2]" for number in range(100)
    )

    def hook(phase: str, info: dict[str, int]) -> None:
        sum(range(300))

    before, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(hook)
    gc.set_threshold(300, 5, 5)
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(3) as pool:
            assert all(pool.map(syntax_tree, [code] * 300))
    finally:
        gc.callbacks.remove(hook)
        gc.set_threshold(*before)
        sys.setswitchinterval(interval)
