"""What a run will take: all of it counted, a few of its tasks really asked, and the rest told from these.

In: a run. Out: calls, tokens, dollars and seconds, with 95 % intervals. The tasks of the pilot go through their methods as they
will in `generate`, through the same door and under the same ceilings; their replies are remembered, so the pilot is the first
part of the run and not beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from pipeline.answers.grading import is_gradable
from pipeline.errors import UserError
from pipeline.llm.backends.batch import BatchModel
from pipeline.llm.backends.openai import OpenAIModel
from pipeline.llm.backends.recorded import RecordedModel
from pipeline.llm.budget import UNBILLED
from pipeline.progress import Progress
from pipeline.records import Response, Task
from pipeline.run import Run
from pipeline.stages.changes import changed
from pipeline.stages.counting import NONE, Count, Shared, Took, count_tasks, took, total, untold
from pipeline.stages.generate import demonstration_bank, in_order, source_tasks
from pipeline.stages.harvest import Plan, check_methods, harvest
from pipeline.stages.interval import Interval
from pipeline.stages.pilot import Stratum, expected_of, first_draw, second_draw, strata_of
from pipeline.student.tokens import token_counter

TOKENS = ("tokens_in", "tokens_out")


@dataclass
class Forecast:
    """What a run will take, as far as it is known."""

    owed: Took
    """What was not remembered before the pilot: its calls, prompt tokens by their pieces, reply tokens and dollars at most."""
    known: int
    """Calls that were."""
    unpriced: set[str]
    """Models without a price, as `name at host`."""
    questions: int
    """What the evaluation will ask the teacher beside all this."""
    remembered: Counter[str]
    """Calls that were, by template."""
    new: dict[str, Took]
    """Those of `owed`, by template."""
    waiting: Counter[str]
    """Tasks that have any of these, by template."""
    bounded: bool
    """Whether `owed` is the most there can be: every reply has a longest length, and nothing is asked by what it says."""
    piloted: int = 0
    """Tasks of the pilot that were answered."""
    failed: int = 0
    """Tasks of the pilot that were not, or not wholly: they tell nothing."""
    spent: Took = NONE
    """What the pilot bought; the dollars are those that are known."""
    untold: bool = False
    """Whether the endpoint does not tell how many tokens it counted."""
    left: dict[str, Interval] = field(default_factory=dict)
    """What is still to be taken after the pilot, by column of `Took`; empty where there was none."""
    time: Interval | None = None
    """Seconds the rest will take at the pace there is; None where nobody can tell."""

    def rest(self, column: str) -> Interval | None:
        """What is still to be taken; None where it cannot be told."""
        known = column not in (*TOKENS, "cost") or not self.untold
        return self.left.get(column) if known and not (column == "cost" and self.unpriced) else None

    def total(self, column: str) -> Interval | None:
        """The same with what the pilot bought."""
        rest = self.rest(column)
        return None if rest is None else rest.plus(getattr(self.spent, column))


async def forecast(run: Run, pilot: int, tell: Callable[[Forecast], None]) -> Forecast:
    """The forecast of a run by a pilot of about so many calls; with 0 nobody is asked.

    Args:
        tell: is given what was counted, before anybody is asked.

    Raises:
        UserError: the source or a template is broken, or nothing of the pilot was answered.
        BudgetReached: a ceiling ended the pilot; what landed is kept.
    """
    check_methods(run)
    tasks, planned = list(source_tasks(run)), Plan(run.recipe)
    bank = demonstration_bank(tasks)
    work = [(task, numbers) for task in tasks if (numbers := planned.methods_for(task))]
    async with run.door:
        counts, shared = await count_tasks(run, work, bank, whole=pilot > 0)
        owed = total([*(count.owed for count in counts), *shared.owed.values()])
        known = len(shared.known) + int(sum(count.known.calls for count in counts))
        unpriced = set[str]().union(*(count.unpriced for count in counts))
        found = Forecast(
            owed, known, unpriced, _questions(run, tasks), *_by_template(counts, shared), all(count.bounded for count in counts)
        )
        tell(found)
        asking = [count for count in counts if count.calls]  # methods that only make tasks ask nothing of one alone
        if pilot and asking:
            await _pilot(run, asking, shared, bank, pilot, found)
    return found


def _by_template(counts: Sequence[Count], shared: Shared) -> tuple[Counter[str], dict[str, Took], Counter[str]]:
    """Calls that are remembered, what is not, and how many tasks have any of that, by template."""
    remembered = Counter(shared.templates[key] for key in shared.known)
    new: dict[str, Took] = {}
    parts = [(shared.templates[key], each) for key, each in shared.owed.items()]
    for count in counts:
        remembered.update(count.remembered)
        parts += count.new.items()
    for template, each in parts:
        new[template] = new.get(template, NONE).plus(each)
    return remembered, new, Counter(template for template, _ in parts)


def _questions(run: Run, tasks: Sequence[Task]) -> int:
    """How many items the evaluation will put to the teacher: those that can be graded."""
    evaluation, methods = run.recipe.evaluation, run.recipe.methods
    if not evaluation.teacher or isinstance(run.recipe.teacher, RecordedModel):
        return 0
    kept = {split: [task for task in tasks if task.split == split and any(each.covers(task) for each in methods)]
            for split in evaluation.split}  # fmt: skip
    asked = [task for split in kept.values() for task in split[: evaluation.limit] if is_gradable(task)]
    variants = sum(changed(task, change) is not None for task in asked for change in evaluation.changes)
    further = sum(is_gradable(task) for each in evaluation.benchmarks for task in each.tasks(evaluation.limit))
    return len(asked) + variants + further


async def _pilot(run: Run, counts: list[Count], shared: Shared, bank: list[Task], pilot: int, found: Forecast) -> None:
    """Asks a pilot and tells from it what is left."""
    of_others: dict[str, Took] = {}
    token_counter(run.recipe.student.model)  # what filters count with had better be there before money is spent
    strata, asking = strata_of(counts, pilot), _live(run)
    found.unpriced.clear()  # a model without a price may say what its replies cost

    async def draw(drawn: Sequence[tuple[Stratum, Count]]) -> None:
        work = in_order(drawn, lambda each: harvest(asking, *each[1].job, bank), len(drawn) + 1)
        async with Progress("asking a pilot", len(drawn)) as progress, aclosing(work) as harvests:
            async for brought in harvests:
                stratum, count = drawn[progress.done]
                _note(run, stratum, count, brought.responses, found, of_others)
                progress.advance()

    await draw(first_draw(strata))
    if more := second_draw(strata, pilot, len(of_others)):
        await draw(more)
    tally = run.door.tally
    if not found.piloted:
        raise UserError(
            f"{run.model('teacher').name}: nothing of the pilot was answered: {tally.last_error}",
            "Mend what is complained of, or ask nobody with --pilot 0.",
        )
    price, cost = run.model("teacher").price, tally.cost
    if cost is None and price:  # a refusal without a count of tokens
        cost = price.of(tally.tokens_in, tally.tokens_out)
    found.spent = Took(tally.asked, tally.tokens_in, tally.tokens_out, cost or 0.0)
    found.left = _with_others(_left(strata), strata, shared, of_others)
    found.time = _time(run, found, sum(each.calls for stratum in strata for each in stratum.drawn.values()))


def _live(run: Run) -> Run:
    """The run with a teacher who answers at once: a batch file may take a day, and live replies have the same keys."""
    teacher = run.recipe.teacher
    if not isinstance(teacher, BatchModel):
        return run
    fields = {name: getattr(teacher, name) for name in ("model", "sampling", "json_schema", "price")}
    live = OpenAIModel(backend="openai", **fields).open(run.settings)
    return replace(run, _door=run.door, _models={"teacher": live})


def _note(
    run: Run, stratum: Stratum, count: Count, responses: Sequence[Response], found: Forecast, of_others: dict[str, Took]
) -> None:
    """Takes down what a task of the pilot took, each reply once; a task some of whose calls failed tells nothing.

    Args:
        of_others: what it asked about other tasks goes here, by key.
    """
    replies = {response.key: response for response in responses}.values()
    if any(each.finish == "owed" for each in replies):
        found.failed += 1
        return
    found.piloted += 1
    found.untold |= any(untold(each) for each in replies)
    whole = NONE
    for each in replies:
        price = run.model(each.role).price
        if each.task_id == count.name:
            whole = whole.plus(took(each, price))
        else:
            of_others[each.key] = took(each, price)
        if price is None and each.cost is None and each.finish not in UNBILLED:
            found.unpriced.add(f"{each.model} at {each.provider}")
    stratum.drawn[count.name] = whole


def _with_others(
    left: dict[str, Interval], strata: Sequence[Stratum], shared: Shared, of_others: dict[str, Took]
) -> dict[str, Interval]:
    """What is left with what is asked about others: each of these calls once, and none that the pilot has asked already."""
    seen = [each for key, each in of_others.items() if key in shared.owed]
    waiting = [each for key, each in shared.owed.items() if key not in of_others]
    some = total(seen or waiting)
    share = len(waiting) / max(1, len(seen or waiting))
    drawn = {name for stratum in strata for name in stratum.drawn}
    undrawn = {key for stratum in strata for count in stratum.counts if count.name not in drawn for key in count.keys}
    ahead = total([each for key, each in of_others.items() if key in undrawn])
    more = {column: share * getattr(some, column) - getattr(ahead, column) for column in Took._fields}
    return {column: Interval(*(max(0.0, figure + more[column]) for figure in each)) for column, each in left.items()}


def _left(strata: Sequence[Stratum]) -> dict[str, Interval]:
    """What is left by column; no more than counted, where no task of the pilot took more calls than were counted of it.

    Where more may be asked by what comes back, up to three in as many calls as the pilot had may end otherwise than all of
    these did: the rule of three for what was never seen.
    """
    left = {column: expected_of(strata, column) for column in Took._fields}
    counts = [count for stratum in strata for count in stratum.left()]
    if any(count.again for count in counts):
        unseen = 1 + 3 / max(1.0, sum(took.calls for stratum in strata for took in stratum.drawn.values()))
        return {column: Interval(each.value, each.low / unseen, each.high * unseen) for column, each in left.items()}
    if any(stratum.drawn[count.name].calls > count.calls for stratum in strata for count in stratum.counts_drawn()):
        return left
    left["calls"] = left["calls"].at_most(sum(count.owed.calls for count in counts))
    if all(count.bounded for count in counts):
        left["tokens_out"] = left["tokens_out"].at_most(sum(count.owed.tokens_out for count in counts))
        if prompts := sum(count.cost_in for count in counts):
            dearer = left["tokens_in"].high / sum(count.tokens_in for count in counts)
            left["cost"] = left["cost"].at_most(prompts * dearer + sum(count.cost_out for count in counts))
    return left


def _time(run: Run, found: Forecast, piloted: float) -> Interval | None:
    """Seconds the rest will take: by how long a call takes and how many go at once, and by the rates that are set.

    A model that keeps its own order, as one in this process, is taken to go on as fast as in the pilot.
    """
    model, settings, left = run.model("teacher"), run.settings, found.left
    if isinstance(run.recipe.teacher, BatchModel):
        return None
    calls = max(left["calls"].value, 1.0)
    at_once = min(calls, model.in_flight if model.pace else min(model.in_flight, piloted))
    times = [left["seconds"].times(1 / at_once)]
    rates = {
        "calls": settings.requests_per_minute,
        "tokens_in": settings.input_tokens_per_minute,
        "tokens_out": settings.output_tokens_per_minute,
    }
    times += [left[column].times(60 / rate) for column, rate in rates.items() if rate]
    return Interval(*(max(each) for each in zip(*times, strict=True)))
