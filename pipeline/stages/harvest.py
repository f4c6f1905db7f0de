"""One task through its methods: what the teacher is asked about it, and the responses and samples that come of it.

Each sample is judged by the cheap filters as soon as a method hands it out, and the method hears the word: that is how it
knows when a quota is met. Whoever counts beforehand instead of asking hands in an `ask` of its own; the methods never know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipeline.errors import UserError
from pipeline.filters.no_duplicates import NoDuplicates, fingerprint
from pipeline.filters.verdicts import RowFilter, filter_names, word_of
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.distillation import Distilled
from pipeline.prompts import Prompt, check_template
from pipeline.recipe import Recipe
from pipeline.records import Response, Sample, Task
from pipeline.run import Run

ASKED_SPLITS = ("train", "dev")


@dataclass
class Harvest:
    """What one task brought."""

    responses: list[Response] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    passed: int = 0
    """Samples that pass the row filters, repeats among them."""


@dataclass
class Yields:
    """What the cheap filters let through of the samples so far; each sees what those before it left."""

    samples: int = 0
    passed: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    """Samples that came to a filter, by its name."""
    stopped: Counter[str] = field(default_factory=Counter)
    """Samples that came no further."""

    def __str__(self) -> str:
        """`80 of 100 pass: answer_matches 84 %, length 95 %`: of what came to each, those that stop most first."""
        shares = [f"{name} {1 - count / self.seen[name]:.0%}" for name, count in self.stopped.most_common()]
        return f"{self.passed:,} of {self.samples:,} pass" + (f": {', '.join(shares)}" if shares else "")


def check_methods(run: Run) -> None:
    """Looks, before anybody is asked, for what would stop a method later.

    Raises:
        UserError: a template is missing or broken, or a second try of a cut reply may be no longer than the first.
    """
    for number, method in enumerate(run.recipe.methods):
        for name, value in method:
            if name.endswith("template"):
                _check_template(f"methods.{number}.{name}", value)
        most = method.sampling.over(run.sampling("teacher")).max_tokens
        if method.longer is not None and most is not None and method.longer <= most:
            raise UserError(
                f"methods.{number}.longer: {method.longer} is not above max_tokens, which is {most} for this method",
                f"Give more than {most}, or leave methods.{number}.longer out.",
            )


def _check_template(place: str, template: str) -> None:
    try:
        check_template(template)
    except UserError as error:
        raise UserError(f"{place}: {error.what}", error.remedy) from None


class Plan:
    """Which methods a task is put through; told of the tasks one by one, in their order, since methods have limits."""

    def __init__(self, recipe: Recipe) -> None:
        self._methods = recipe.methods
        self._left = [method.limit for method in recipe.methods]

    def methods_for(self, task: Task) -> list[int]:
        """The numbers of the methods that are for the next task."""
        numbers = []
        for number, method in enumerate(self._methods if task.split in ASKED_SPLITS else ()):
            if method.covers(task) and self._left[number] != 0:
                numbers.append(number)
                if (limit := self._left[number]) is not None:
                    self._left[number] = limit - 1
        return numbers


async def harvest(
    run: Run, task: Task, numbers: list[int], bank: list[Task], ask: Ask | None = None, yields: Yields | None = None
) -> Harvest:
    """Puts one task through the methods of these numbers.

    Args:
        ask: who answers instead of the recipe's own models.
        yields: where it is counted what filters let through.
    """
    brought, sieve, known, told = Harvest(), Sieve(run.recipe, task, yields), set[str](), set[str]()
    for number in numbers:
        method = run.recipe.methods[number]
        recorder = Recorder(ask or run.ask, method.longer)
        samples = await _judged(method.distil(task, recorder, bank), sieve)
        brought.samples += [each for each in samples if each.id not in known]  # two entries may ask the same
        known.update(each.id for each in samples)
        brought.responses += [each for each in recorder.responses() if each.key not in told]
        told.update(each.key for each in brought.responses)
    brought.passed = sieve.passed
    return brought


async def _judged(distilled: Distilled, passes: Callable[[Sample], bool]) -> list[Sample]:
    """All samples of a method, which is told of each whether it passes."""
    samples: list[Sample] = []
    word: bool | None = None
    async with aclosing(distilled):
        with suppress(StopAsyncIteration):
            while True:
                samples.append(await distilled.asend(word))
                word = passes(samples[-1])
    return samples


class Sieve:
    """The cheap filters as one question about the samples of one task: will selection want it, as far as one can see now?

    Those are the row filters for the task's kind and, where the recipe drops duplicates, whether an earlier sample of the task
    says the same. What else sees the whole table is not asked.
    """

    def __init__(self, recipe: Recipe, task: Task, yields: Yields | None = None) -> None:
        self._filters: list[tuple[str, RowFilter]] = []
        self._drops_repeats = ""
        for name, each in zip(filter_names(recipe.filters), recipe.filters, strict=True):
            if each.is_for(task):
                if isinstance(each, NoDuplicates):
                    self._drops_repeats = name
                if isinstance(each, RowFilter):
                    self._filters.append((name, each))
        self._yields = yields or Yields()
        self._refused = recipe.selection.refused
        self._task = task
        self._earlier: list[Sample] = []
        self._seen: set[bytes] = set()
        self.passed = 0
        """Samples the row filters let through, repeats among them."""

    def __call__(self, sample: Sample) -> bool:
        self._yields.samples += 1
        for name, each in self._filters:
            self._yields.seen[name] += 1
            if word_of(each, self._task, sample).decision in self._refused:
                self._yields.stopped[name] += 1
                return False
        self.passed += 1
        if self._drops_repeats:
            self._yields.seen[self._drops_repeats] += 1
            if self._repeated(sample):
                self._yields.stopped[self._drops_repeats] += 1
                return False
        self._yields.passed += 1
        return True

    def _repeated(self, sample: Sample) -> bool:
        """Whether an earlier one says the same; nothing is compared before there are two."""
        self._earlier.append(sample)
        if len(self._earlier) == 1:
            return False
        if not self._seen:
            self._seen.add(fingerprint(self._earlier[0]))
        name = fingerprint(sample)
        repeated = name in self._seen
        self._seen.add(name)
        return repeated


class Recorder:
    """An `Ask` that keeps what landed, and asks once more for what was cut off."""

    def __init__(self, ask: Ask, longer: int | None) -> None:
        self._ask, self._longer = ask, longer
        self._landed: list[tuple[tuple[str, int, str, int], Response]] = []

    async def __call__(
        self, prompt: Prompt, *, task: Task, sample: int = 0, sampling: Sampling | None = None, role: str = "teacher",
        response_format: dict[str, Any] | None = None,
    ) -> Response:  # fmt: skip
        asked = partial(self._ask, prompt, task=task, sample=sample, role=role, response_format=response_format)
        first = await asked(sampling=sampling)
        self._landed.append(((first.template, sample, first.key, 0), first))
        if self._longer is None or first.finish != "length" or role != "teacher":
            return first
        second = await asked(sampling=Sampling(max_tokens=self._longer).over(sampling or Sampling()))
        self._landed.append(((first.template, sample, first.key, 1), second))
        return first if second.finish == "error" else second

    def responses(self) -> list[Response]:
        """What landed, in an order that no clock decides; a second try follows the first."""
        return [response for _, response in sorted(self._landed, key=lambda each: each[0])]
