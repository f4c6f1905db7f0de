"""Other numbers in the same story: answers are worked out again by other means, and what is uncertain is left alone."""

from __future__ import annotations

import operator
import re
from fractions import Fraction

import pytest

from pipeline.benchmarks.gsm8k import Gsm8k
from pipeline.benchmarks.svamp import Svamp
from pipeline.changes.derivation import derivation
from pipeline.mini.problems import FORMS, OOD_FORMS
from pipeline.records import Task
from pipeline.sources.mini import MiniSource
from pipeline.stages.changes import changed
from tests.rows import make_task, public_data

EGGS = make_task(
    prompt="A farm sells 16 eggs a day at $5 each. It eats 6 of them first. How much does it earn in 30 days?", answer="1500",
    extra={"solution": "It sells 16-6=<<16-6=10>>10. A day it earns <<10*5=50>>50.\nIn all <<50*30=1500>>1500\n#### 1500"},
)  # fmt: skip


def test_a_task_with_options_is_left_alone() -> None:
    assert changed(EGGS, "numbers") is not None
    assert changed(EGGS.model_copy(update={"choices": ["1500", "3"]}), "numbers") is None


def retold(text: str) -> int:
    """The end of a mini story, by the words of its sentences alone; -1 where the amount does not divide."""
    first, *facts, _ = (each.strip() for each in re.findall(r"[^.?]+[.?]", text))
    amount = _number(first)
    for fact in facts:
        number, (operation,) = _number(fact), [each for each in OPERATIONS if _tells(each, fact)]
        if operation == "divide" and amount % number:
            return -1
        amount = OPERATIONS[operation](amount, number)
    return amount


OPERATIONS = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.floordiv}


def _number(fact: str) -> int:
    return int(re.findall(r"\d+", fact)[0])


def _tells(operation: str, sentence: str) -> bool:
    """Whether a form of the mini world has the sentence for the operation."""
    templates = {re.sub(r"\{\w+\}", "@", each) for form in (*FORMS, *OOD_FORMS) for each in getattr(form, operation)}
    return any(re.fullmatch(re.escape(each).replace("@", r"\w+"), sentence) for each in templates)


def stories(split: str, count: int = 200) -> list[Task]:
    source = MiniSource(kind="mini", limit=1, kinds=("word_problem",))
    return [task for task in source.tasks((split,), count) if task.split == split]


@pytest.mark.parametrize("split", ["test", "ood"])
def test_mini_stories_are_told_again(split: str) -> None:
    """The answer is that of a reader who knows nothing of the solution."""
    tasks = stories(split)
    assert all(retold(task.prompt) == int(task.answer or "") for task in tasks)
    made = [new for task in tasks if (new := changed(task, "numbers"))]
    assert len(made) >= 0.98 * len(tasks)
    assert all(retold(new.prompt) == int(new.answer or "") for new in made)
    assert all(int(number) <= 99 for new in made for number in re.findall(r"\d+", new.prompt))


def test_what_a_changed_task_is() -> None:
    task = stories("test", 1)[0]
    new = changed(task, "numbers")
    assert new is not None and new == changed(task, "numbers")
    assert new.id != task.id and (new.kind, new.split, new.source) == (task.kind, task.split, task.source)
    assert new.answer != task.answer
    assert new.extra == {"steps": task.extra["steps"]}, "the old solution does not lead to the new answer"
    assert re.sub(r"\d+", "N", new.prompt) == re.sub(r"\d+", "N", task.prompt)


def test_a_derivation_by_hand() -> None:
    """16-6 = 10, 10*5 = 50, 50*30 = 1500; with 20, 9, 8 and 40: 20-8 = 12, 12*9 = 108, 108*40 = 4320."""
    found = derivation(EGGS)
    assert found is not None and found.values == (16, 5, 6, 30)
    assert found.calculations == ("{g0}-{g2}", "{s0}*{g1}", "{s1}*{g3}")
    assert found.results((20, 9, 8, 40)) == [12, 108, 4320]
    assert found.prompt_with((20, 9, 8, 40)) == EGGS.prompt.translate(str.maketrans({"1": "2"})).replace("26", "20").replace(
        "$5", "$9"
    ).replace("eats 6", "eats 8").replace("30", "40")


@pytest.mark.parametrize(
    ("prompt", "solution", "answer", "why"),
    [
        ("He has 15 and 25. How many?", "<<15+25=50>>50\n#### 50", "50", "it does not come out"),
        ("He has 15 and 25. How many?", "<<15+25=40>>40\n#### 41", "41", "the last is not the answer"),
        ("He has 15 and 25. How many?", "<<15+25=40>>40 <<40+8=48>>48\n#### 48", "48", "nobody says 8"),
        ("He has 15 and 20. How many?", "<<35-15=20>>20 <<15+20=35>>35\n#### 35", "35", "35 comes from nowhere"),
        ("He has 15, 20 and 5. How many?", "<<15+5=20>>20 <<20+5=25>>25\n#### 25", "25", "which 20 it is cannot be told"),
        ("He has 15, 25 and 45. How many?", "<<15+25=40>>40\n#### 40", "40", "45 may have been reckoned with unseen"),
        ("He has 10 and 3. A third?", "<<10/3=3.33>>3.33\n#### 3.33", "3.33", "it is rounded"),
        ("He has 10 to 15. How many?", "", "5", "there is no solution"),
        ("He has 15 and 25. How many?", "<<{15+25}=40>>40\n#### 40", "40", "braces are no arithmetic of theirs"),
        (f"He has {'9' * 5000} and 25. How many?", "<<25+0=25>>25\n#### 25", "25", "nobody has so many"),
        ("Is 17 a prime number?", "17 has no divisor.\n#### yes", "yes", "the answer is no number"),
        ("He has 2 and 3. How many?", "<<2+3+2*3=11>>11\n#### 11", "11", "small numbers stay, so nothing is left to change"),
    ],
)
def test_what_is_uncertain_is_left_alone(prompt: str, solution: str, answer: str, why: str) -> None:
    assert changed(make_task(prompt=prompt, answer=answer, extra={"solution": solution}), "numbers") is None, why


@pytest.mark.parametrize("visits", range(41, 61))
def test_numbers_that_are_no_amounts_stay(visits: int) -> None:
    """Shares, times, fractions, years, decimals and numbers that a word says, too; prices keep their commas."""
    told = (
        "In 1999 at 8:30, he paid ${price} for a 1/2 share, a 20% part of it at once, in a dozen of 12 rates, "
        "and then 2.5 more on each of {visits} visits. How much?"
    )
    later = visits * 2.5
    solution = f"<<12500*.2=2500>> <<{visits}*2.5={later}>> <<2500+{later}={2500 + later}>>\n#### {2500 + later}"
    task = make_task(prompt=told.format(price="12,500", visits=visits), answer=str(2500 + later), extra={"solution": solution})
    new = changed(task, "numbers")
    assert new is not None
    found = re.fullmatch(re.escape(told).replace(r"\{price\}", r"([\d,]+)").replace(r"\{visits\}", r"(\d+)"), new.prompt)
    assert found is not None, new.prompt
    price = int(found[1].replace(",", ""))
    assert found[1] == f"{price:,}"
    assert Fraction(new.answer or "") == Fraction(price, 5) + int(found[2]) * Fraction(5, 2)


def test_equal_numbers_change_together() -> None:
    task = make_task(prompt="There are 25 bags of 25 nuts. How many?", answer="625", extra={"Equation": "( 25.0 * 25.0 )"})
    new = changed(task, "numbers")
    assert new is not None
    bags, nuts = map(int, re.findall(r"\d+", new.prompt))
    assert bags == nuts and new.answer == str(bags * nuts)


def test_public_equations() -> None:
    """SVAMP: Python's own arithmetic with the new numbers where the old stood gives the new answers."""
    tasks = list(Svamp(benchmark="svamp", path=public_data("svamp.json")).tasks(None))
    made = [(task, new) for task in tasks if (new := changed(task, "numbers"))]
    assert len(made) == 976
    for task, new in made:
        pairs = dict(zip(_digits(task.prompt), _digits(new.prompt), strict=True))
        parts = re.split(r"(\d+(?:\.\d+)?)", task.extra["Equation"])
        equation = "".join(
            f"Fraction({pairs.get(_plain(each), _plain(each))!r})" if each[:1].isdigit() else each for each in parts
        )
        assert eval(equation, {"Fraction": Fraction}) == Fraction(new.answer or ""), new.prompt


def _digits(text: str) -> list[str]:
    return [each.replace(",", "") for each in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)]


def _plain(number: str) -> str:
    return number.removesuffix(".0")


def test_public_solutions() -> None:
    """GSM8K: nearly half can be changed, and none loses the order of its numbers or the sign of its answer."""
    tasks = list(Gsm8k(benchmark="gsm8k", path=public_data("gsm8k_test.jsonl")).tasks(None))
    made = [(task, new) for task in tasks if (new := changed(task, "numbers"))]
    assert len(made) == 603
    assert all(Fraction(new.answer or "") > 0 for _, new in made)
    assert len({new.id for _, new in made}) == len(made)
    herds = next(new for _, new in made if new.prompt.startswith("Toulouse has twice as many sheep as Charleston."))
    times, sheep = map(int, re.findall(r"\d+", herds.prompt))
    assert int(herds.answer or "") == sheep + times * sheep + 2 * times * sheep, "Seattle's, Charleston's and Toulouse's"
