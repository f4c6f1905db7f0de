"""Formulas: what is one, which are the same, and that a comparison without end decides nothing and leaves nothing behind."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.answers import math
from pipeline.answers.final import same_answer, why_undecided
from pipeline.answers.formula import as_formula, as_latex, one_look
from pipeline.settings import REPOSITORY

needs_math_verify = pytest.mark.skipif(not math.is_installed(), reason="math-verify is not installed")


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("$\\frac{1}{2}$", "\\frac{1}{2}"),
        ("sqrt(2)/2", "\\sqrt{2}/2"),
        ("√3/2.", "\\sqrt{3}/2"),
        ("x^(1/2)", "x^{1/2}"),
        ("x = 2 or x = 3", "x = 2,x = 3"),
        ("{1, 2}", "\\{1, 2\\}"),
        ("(-∞, 2]", "(-\\infty , 2]"),
        ("2x+3", "2x+3"),
        ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"),
        ("\\int_0^1 x dx", "\\int_0^1 x dx"),
        ("\\frac{3}{4}\\text{ cm}", "\\frac{3}{4}\\text{ cm}"),
    ],
)
def test_formulas(text: str, formula: str) -> None:
    assert as_formula(text) == formula


@pytest.mark.parametrize(
    "text",
    ["", "18", "route 66", "3-2", "2024-01-02", "1/2/2024", "12:30", "A", "5 a day", "yes", "(a)", "C++", "and/or", "10 km/h",
     "$5", "\\text{yes}", "über^2", "x" * 400 + "+" + "y" * 400],
)  # fmt: skip
def test_what_is_no_formula(text: str) -> None:
    assert as_formula(text) is None


@given(st.text(max_size=600))
def test_any_text_can_be_read_as_a_formula(text: str) -> None:
    formula = as_latex(text)
    assert formula is None or one_look(formula) == one_look(formula.replace(" ", "  "))


@needs_math_verify
@pytest.mark.parametrize(
    ("expected", "text", "same"),
    [
        ("3\\sqrt{2}", "The answer is $\\sqrt{18}$.", True),
        ("3\\sqrt{2}", "The answer is 3", False),
        ("3", "The answer is $3\\sqrt{2}$.", False),
        ("2", "\\boxed{\\sqrt{4}}", True),
        ("\\frac{\\pi}{2}", "\\boxed{pi/2}", True),
        ("\\frac{\\pi}{2}", "1.57", False),
        ("x^2-1", "\\boxed{(x-1)(x+1)}", True),
        ("x^2-1", "$$\\boxed{(x-1)^2}$$", False),
        ("\\frac{a+b}{c}", "Hence (a+b)/c\nAnswer: (b+a)/c", True),
        ("[0,1)", "The answer is [0, 1).", True),
        ("[0,1)", "The answer is (0, 1)", False),
        ("\\{1,2\\}", "\\boxed{\\{2, 1\\}}", True),
        ("\\{1,2\\}", "\\boxed{(1, 2)}", False),
        ("(3,4)", "\\boxed{\\left(3, 4\\right)}", True),
        ("(3,4)", "\\boxed{(4, 3)}", False),
        ("x=5", "The answer is 5", True),
        ("x>3", "The answer is $(3,\\infty)$", True),
        ("(-\\infty,2)\\cup(3,\\infty)", "\\boxed{(3,\\infty)\\cup(-\\infty,2)}", True),
        ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\boxed{\\begin{pmatrix}1&2\\\\3&5\\end{pmatrix}}", False),
        ("3+4i", "The answer is 4i + 3.", True),
        ("x+1", "The answer is y+1", False),
        ("x+1", "nonsense", False),
        ("x+1", "", False),
        ("\\frac{1}{2004!}", "\\boxed{\\frac{1}{2006!}}", False),
        ("10^{-20}", "\\boxed{10^{-21}}", False),
        ("\\Delta", "\\boxed{\\delta}", False),
        ("1=2", "\\boxed{3=4}", None),
        ("x^2=x^2", "\\boxed{y=y}", None),
        ("\\foo{1}", "\\boxed{\\foo{2}}", None),
        ("a \\perp b", "\\boxed{a \\parallel b}", None),
        ("x \\equiv 1 \\pmod{3}", "\\boxed{x \\equiv 2 \\pmod{3}}", None),
        ("\\foo{1}", "\\boxed{\\foo{1}}", True),
    ],
)  # fmt: skip
def test_same_mathematics(expected: str, text: str, same: bool | None) -> None:
    assert same_answer(expected, text) is same


@needs_math_verify
def test_a_comparison_without_end_decides_nothing_and_harms_no_other() -> None:
    started = time.monotonic()
    assert math.same_formula("5", "9^{9^{9^{9}}}") is None
    assert time.monotonic() - started < math.START_SECONDS + math.REPLY_SECONDS
    assert math.same_formula("\\sqrt{50}", "5\\sqrt{2}") is True  # by a new process
    started = time.monotonic()
    assert math.same_formula("5", "9^{9^{9^{9}}}") is None  # remembered
    assert time.monotonic() - started < 1


@needs_math_verify
def test_a_process_that_somebody_else_ended_is_replaced() -> None:
    workers = math.Workers()
    assert workers.compare("x+1", "1+x") is True
    (worker,) = workers._idle
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()
    assert workers.compare("x+2", "2+x") is True
    workers.end()


@needs_math_verify
def test_a_process_is_replaced_after_so_many_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math, "COMPARISONS", 2)
    workers = math.Workers()
    assert [workers.compare("x+1", f"{number}+x") for number in (1, 2)] == [True, False]
    assert not workers._idle and not workers._all
    workers.end()


async def _in_threads() -> list[bool | None]:
    pairs = [("x+7", "7+x"), ("x+8", "9+x"), ("\\sqrt{12}", "2\\sqrt{3}")]
    return await asyncio.gather(*(asyncio.to_thread(math.same_formula, *pair) for pair in pairs))


@needs_math_verify
def test_in_threads_of_an_async_program() -> None:
    assert asyncio.run(_in_threads()) == [True, False, True]


@needs_math_verify
def test_whoever_compares_loads_no_sympy() -> None:
    program = "import sys\nfrom pipeline.answers.math import same_formula\n"
    program += "assert same_formula('x+4', '4+x') and 'sympy' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True, timeout=60)


@needs_math_verify
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_in_processes_of_a_pool(start: str) -> None:
    math.same_formula("x+3", "3+x")  # so that a fork inherits a process that is not its own
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(start)) as pool:
        assert list(pool.map(same_answer, ["x+4"] * 4, [f"{number}+x" for number in (4, 5, 6, 4)])) == [
            True,
            False,
            False,
            True,
        ]
    assert math.same_formula("x+5", "5+x") is True


PROGRAM = """
import os, signal, sys
from concurrent.futures import ProcessPoolExecutor
from pipeline.answers import math
def ask(gold, prediction):
    assert math.same_formula(gold, prediction) is True
    return [worker._process.pid for worker in math._workers._all]
mine = ask("x+1", "1+x")
with ProcessPoolExecutor(1) as pool:
    theirs = pool.submit(ask, "x+2", "2+x").result()
print(*mine, *theirs, flush=True)
if sys.argv[1:] == ["killed"]:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@needs_math_verify
@pytest.mark.parametrize("end", [[], ["killed"]], ids=["at its exit", "when killed"])
def test_nothing_is_left_behind(end: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *end], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    processes = list(map(int, done.stdout.split()))
    assert (len(processes), done.returncode) == (2, -signal.SIGKILL if end else 0), done.stderr
    deadline = time.monotonic() + 20
    while any(map(_is_alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_is_alive, processes))


def _is_alive(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    if not state.parent.parent.exists():
        pytest.skip("no /proc here")
    try:
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_without_math_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    math.same_formula.cache_clear()
    monkeypatch.setattr(math, "is_installed", lambda: False)
    assert same_answer("x+11", "The answer is 11+x") is None
    assert same_answer("x+11", "The answer is x + 11") is True
    assert why_undecided("x+11") == "math-verify is not installed"
    assert why_undecided("") == "the expected answer cannot be read"
    assert math.verifier() == "no math-verify"
    math.same_formula.cache_clear()
