"""What a run would ask, counted without asking: every task goes through its methods, and only what is remembered answers.

In: tasks with the numbers of their methods. Out: for each the calls it would make, its prompt tokens by their pieces, its reply
tokens at most, and what of it is remembered. A method of several turns goes as far as memory reaches; a quota that hears of no
answer asks as often as it may.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import NamedTuple

from pipeline.llm.ask import Door
from pipeline.llm.backends import CallFailed
from pipeline.llm.budget import UNBILLED, UNKNOWN_REPLY, Budget
from pipeline.llm.model import Model
from pipeline.llm.reasoning import split
from pipeline.llm.request import Price, Reply, Request
from pipeline.llm.store import Store
from pipeline.progress import Progress
from pipeline.records import Response, Task
from pipeline.run import Run
from pipeline.stages.generate import in_order
from pipeline.stages.harvest import harvest

WIDTH = 512
"""Tasks counted at once: they wait for the store together."""
PIECE = re.compile(r"[a-zA-Z]{1,7}|\d{1,3}|\s(?=\d)|\n|[^\s\w]+|[^\sa-zA-Z\d]")
"""Where today's tokenizers cut a text first: words, numbers and the space before them, signs, each letter beyond ASCII. By
these, prompts of a kind in the mini recipe differ by 1 to 12 % in tokens for one counted, by bytes by up to 35 %."""
TEMPLATE = 8
"""Tokens the chat template puts around a prompt."""
Job = tuple[Task, list[int]]
"""A task and the numbers of its methods."""


class Took(NamedTuple):
    """What calls took."""

    calls: float = 0
    tokens_in: float = 0
    tokens_out: float = 0
    cost: float = 0.0
    """Dollars of those whose price is known."""
    seconds: float = 0.0
    """Of all calls, one after the other."""

    def plus(self, other: Took) -> Took:
        return Took(*(mine + its for mine, its in zip(self, other, strict=True)))


NONE = Took()


def total(parts: Iterable[Took]) -> Took:
    """What all took."""
    return reduce(Took.plus, parts, NONE)


def took(reply: Reply | Response, price: Price | None) -> Took:
    """What one reply took; its cost is what it would be now."""
    tokens_in, tokens_out = reply.tokens_in or 0, reply.tokens_out or 0
    cost = price.of(tokens_in, tokens_out, reply.tokens_cached or 0) if price else reply.cost or 0.0
    return Took(1, tokens_in, tokens_out, cost, reply.seconds)


def untold(reply: Reply | Response) -> bool:
    """Whether the provider answered and did not tell how many tokens it counted."""
    return (reply.tokens_in is None or reply.tokens_out is None) and reply.finish not in (*UNBILLED, "content_filter")


@dataclass
class Count:
    """What one task would ask."""

    job: Job
    calls: int = 0
    """All calls, as many as can be seen without an answer."""
    tokens_in: int = 0
    """Their prompt tokens by their pieces."""
    bytes: int = 0
    """Their prompts' length."""
    tokens_out: int = 0
    """Their reply tokens at most."""
    cost_in: float = 0.0
    """Dollars for those prompt tokens, as far as prices are known."""
    cost_out: float = 0.0
    """Dollars for those reply tokens."""
    known: Took = NONE
    """What its remembered replies took."""
    owed: Took = NONE
    """What is not remembered, by its pieces and at most."""
    again: bool = False
    """Whether more may be asked by what comes back, as for a reply that was cut off: such calls cannot be counted."""
    bounded: bool = True
    """Whether what is counted is the most: each reply has a longest length, and nothing is asked by what it says."""
    unpriced: set[str] = field(default_factory=set)
    """Models whose price is unknown, as `name at host`."""
    keys: frozenset[str] = frozenset()
    """Of a task of the bank, what is to be asked about it: another may ask that first."""
    remembered: Counter[str] = field(default_factory=Counter)
    """By template, how many of its calls are remembered."""
    new: dict[str, Took] = field(default_factory=dict)
    """By template, what is not, by its pieces and at most."""

    @property
    def name(self) -> str:
        """The task's id."""
        return self.job[0].id


@dataclass
class Shared:
    """What tasks ask about other tasks, those of the bank; each call once, however many tasks want it."""

    owed: dict[str, Took] = field(default_factory=dict)
    """Those that are not remembered, by key: prompt tokens by their pieces, reply tokens at most."""
    known: set[str] = field(default_factory=set)
    """Keys of those that are."""
    templates: dict[str, str] = field(default_factory=dict)
    """The template of each, by key."""

    def without(self, own: Set[str]) -> Shared:
        """Without the calls that the other tasks ask about themselves."""
        return Shared({key: each for key, each in self.owed.items() if key not in own}, self.known - own, self.templates)


class CountingDoor(Door):
    """A door that asks nobody: what is remembered comes back, and everything else is counted and owed."""

    def __init__(self, store: Store, recalls: bool = True) -> None:
        super().__init__(store, Budget())
        self.recalls = recalls
        self.known: dict[str, tuple[Model, Request, Reply]] = {}
        self.owed: dict[str, tuple[Model, Request]] = {}
        self.templates: dict[str, str] = {}
        """The template of each, by key; set by whoever knows the prompts."""

    async def ask(self, model: Model, request: Request) -> tuple[str, Reply]:
        key = request.key(model.identity)
        reply = await self.store.get(key) if self.recalls else None
        if reply is None:
            self.owed[key] = model, request
            raise CallFailed("it was only counted")
        self.known[key] = model, request, reply
        return key, split(reply)


async def count_tasks(run: Run, work: Iterable[Job], bank: list[Task], whole: bool = True) -> tuple[list[Count], Shared]:
    """The counts of all tasks, in their order, and what they ask about others; the run's door must be open.

    Args:
        whole: whether calls are counted as if nothing were remembered, too; else those that are left stand for all, which takes
            half the time.

    Raises:
        UserError: a template is broken, or the store is.
    """
    work, shared = list(work), Shared()
    counts: list[Count] = []
    with Progress("counting", len(work)) as progress:
        async for count in in_order(work, lambda job: _count(run, job, bank, shared, whole), WIDTH):
            counts.append(count)
            progress.advance()
    own = {key for count in counts for key in count.keys}
    return counts, shared.without(own)


async def _count(run: Run, job: Job, bank: list[Task], shared: Shared, whole: bool) -> Count:
    recalling = await _asked(run, job, bank, True, shared)
    others_ask = any(each.id == job[0].id for each in bank)
    fresh = await _asked(run, job, bank, False) if recalling.known and (whole or others_ask) else recalling
    methods = [run.recipe.methods[number] for number in job[1]]
    again = any(method.follows_up for method in methods)
    count = Count(job, again=again, bounded=not again)
    if others_ask:
        count.keys = frozenset(fresh.owed)
    for model, request in fresh.owed.values():
        worst = _worst(model, request)
        count.calls += 1
        count.tokens_in += int(worst.tokens_in)
        count.bytes += sum(len(text.encode(errors="surrogatepass")) for text in _texts(request))
        count.tokens_out += int(worst.tokens_out)
        count.bounded &= request.sampling.max_tokens is not None
        if model.price is None:
            count.unpriced.add(f"{model.name} at {model.identity['provider']}")
        else:
            count.cost_in += model.price.of(int(worst.tokens_in), 0)
            count.cost_out += model.price.of(0, int(worst.tokens_out))
    for key, (model, _, reply) in recalling.known.items():
        count.known = count.known.plus(took(reply, model.price))
        count.remembered[recalling.templates[key]] += 1
    for key, (model, request) in recalling.owed.items():
        worst, template = _worst(model, request), recalling.templates[key]
        count.owed = count.owed.plus(worst)
        count.new[template] = count.new.get(template, NONE).plus(worst)
    return count


async def _asked(run: Run, job: Job, bank: list[Task], recalls: bool, shared: Shared | None = None) -> CountingDoor:
    """A door after a task went through its methods before it; what that asks about others is taken out.

    Args:
        shared: where it is put.
    """
    door = CountingDoor(run.door.store, recalls)
    task, numbers = job
    counting = replace(run, _door=door)
    brought = await harvest(counting, task, numbers, bank)
    door.templates = {each.key: each.template for each in brought.responses}
    for key in {each.key for each in brought.responses if each.task_id != task.id}:
        owed, known = door.owed.pop(key, None), door.known.pop(key, None)
        if shared is not None and owed is not None:
            shared.owed[key] = _worst(*owed)
        if shared is not None and known is not None:
            shared.known.add(key)
        if shared is not None:
            shared.templates[key] = door.templates[key]
    if brought.responses and not (door.owed or door.known):  # it waits for what it asked about others, then asks at least once
        for number in numbers:
            method = run.recipe.methods[number]
            asked = await counting.ask(method.teacher_prompt(task, bank), task=task, sampling=method.sampling)
            door.templates[asked.key] = asked.template
    return door


def prompt_tokens(request: Request) -> int:
    """About how many tokens a prompt has; what a model's own tokenizer makes of it, the pilot tells."""
    return about_tokens(_texts(request))


def about_tokens(texts: Iterable[str]) -> int:
    """About how many tokens messages of these texts have."""
    return sum(len(PIECE.findall(text)) for text in texts) + TEMPLATE


def _texts(request: Request) -> list[str]:
    schema = [] if request.response_format is None else [json.dumps(request.response_format)]
    return [*(message.content for message in request.messages), *schema]


def _worst(model: Model, request: Request) -> Took:
    tokens_in, tokens_out = prompt_tokens(request), request.sampling.max_tokens or UNKNOWN_REPLY
    return Took(1, tokens_in, tokens_out, model.price.of(tokens_in, tokens_out) if model.price else 0.0)
