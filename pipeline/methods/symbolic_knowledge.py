"""Symbolic knowledge distillation: the teacher goes on with a list of events, then says what may be concluded from each.

For: commonsense knowledge as triples: what somebody needs before an event, feels then, wants next.
Learns: an event and a relation -> a phrase; and every triple once more as a sentence.
Filters: a critic: `plausible`, or `critic` with labels and `recall: 0.8` or `0.5`.
Source: West et al. 2022, *Symbolic Knowledge Distillation: from General Language Models to Commonsense Models*, arXiv
    2110.07178; code peterwestai2/symbolic-knowledge-distillation.
Here: each event gets `samples` phrases for each relation. The teacher numbers the new events of a list in one reply, where
    the paper samples a completion an event; a chat model that shows no probabilities leaves nothing to trim.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field, PositiveInt

from pipeline.answers.lists import numbered_items
from pipeline.answers.phrases import sole_phrase
from pipeline.answers.triples import RELATIONS, begun, head_of, known_tails, relation_of
from pipeline.answers.words import folded
from pipeline.identity import unit_interval
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.demonstrations import BANK
from pipeline.methods.distillation import Distilled, ask_round, make_sample
from pipeline.methods.growth import Grown, Growth, Workshop, owed
from pipeline.methods.quota import Attempts, Samples
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Sample, Task

AT_ONCE = 16
"""Lists that are continued at a time; what they bring is trimmed together."""
IN_WORDS = " in words"
"""How the view of a triple's sentence ends; before it stands the relation."""


class Event(NamedTuple):
    """An event the teacher wrote."""

    surprise: float
    """How unlikely it found its words."""
    text: str
    shown: list[Task]
    """What its list began with."""


class SymbolicKnowledge(Growth):
    """New events, and phrases for each of their relations."""

    family: ClassVar[str] = "symbolic and counterfactual"
    source: ClassVar[str] = "West et al. 2022, arXiv 2110.07178; code peterwestai2/symbolic-knowledge-distillation"
    method: Literal["symbolic_knowledge"]
    """Symbolic knowledge distillation."""
    made: bool = True
    """It asks about its own events, too."""
    makes: str = ""
    """The kind of the tasks it makes, an event and one relation each; that of the source's unless said."""
    relations: tuple[str, ...] = Field(RELATIONS, min_length=1)
    """What is asked of every event that does not name a relation itself; the paper's seven."""
    lists: PositiveInt = 100
    """Lists of events the teacher is asked to go on with."""
    seeds: PositiveInt = 10
    """Events of the source that each list begins with."""
    events: PositiveInt = 10
    """New events asked for in each reply."""
    trim: float = Field(0.2, ge=0, lt=1)
    """Share of the new events that is dropped, the least likely, where the teacher says how likely (`top_logprobs: 0`)."""
    demonstrations: PositiveInt = 3
    """Right triples of the relation before the question."""
    samples: Samples = 10
    """Phrases asked for each event and relation."""
    sampling: Sampling = Sampling(top_p=0.5)
    """How phrases are sampled, where not as the teacher's own sampling says."""
    event_sampling: Sampling = Sampling(top_p=0.9)
    """How lists of events are sampled."""
    in_words: bool = True
    """Whether each triple is also learned as a sentence."""
    heads_template: str = "symbolic_knowledge/heads"
    """Asks for more events."""
    template: str = "symbolic_knowledge/tails"
    """Asks for a phrase."""
    student_template: str = "symbolic_knowledge/student"
    """What the student reads."""
    words_template: str = "symbolic_knowledge/in_words"
    """What the student reads before it ends a sentence."""

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self._question(task, relation_of(task) or self.relations[0], bank)

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        return self._shown(task, relation_of(task) or self.relations[0])

    async def grow(self, tasks: Sequence[Task], workshop: Workshop) -> Grown:
        training = (task for task in reversed(tasks) if task.split == "train")
        seeds = list({folded(head_of(task)): task for task in training}.values())[::-1]  # the first task of each event
        if not seeds:
            return
        known = {folded(head_of(task)) for task in tasks}
        for first in range(0, self.lists, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, self.lists))
            found = await asyncio.gather(*(self._continued(number, seeds, workshop.ask) for number in numbers))
            if any(owed(reply) for reply, _ in found) or not any(events for _, events in found):
                return  # what follows from this round is not known yet, or nobody answers any more
            for head, shown in self._likely([event for _, events in found for event in events], known):
                for relation in self.relations:
                    extra = {"head": head, "relation": relation}
                    yield self.made_task(f"{head}\n{relation}:", *shown, extra=extra)

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        named = relation_of(task)
        for relation in self.relations if named is None else (named,):
            prompt, attempts = self._question(task, relation, bank), Attempts(self.samples)
            while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
                for reply in replies:
                    for place, sample in enumerate(self._samples(task, relation, reply)):
                        passed = yield sample
                        attempts.passed += bool(passed) and place == 0  # the sentence says the same

    async def _continued(self, number: int, seeds: Sequence[Task], ask: Ask) -> tuple[Response, list[Event]]:
        """A reply and its new events."""
        shown = random.Random(f"{self.method}/{number}").sample(seeds, min(self.seeds, len(seeds)))
        heads = [head_of(task) for task in shown]
        prompt = render(self.heads_template, shown[0], demonstrations=heads, count=self.events)
        reply = await ask(prompt, task=shown[0], sample=number, sampling=self.event_sampling)
        first, last = len(heads) + 1, len(heads) + self.events
        items = numbered_items(reply.text or "", first, last, cut=reply.finish == "length")
        return reply, [Event(surprise(reply, item), item.removesuffix("."), shown) for item in items]

    def _likely(self, found: Sequence[Event], known: set[str]) -> list[tuple[str, list[Task]]]:
        """Those that are new, without the least likely; what is new is noted in `known`."""
        new: list[Event] = []
        for event in found:
            if (name := folded(event.text)) and name not in known:
                known.add(name)
                new.append(event)
        told = sorted((each for each in new if each.surprise > 0), key=lambda each: -each.surprise)
        dropped = {each.text for each in told[: int(self.trim * len(told))]}
        return [(each.text, each.shown) for each in new if each.text not in dropped]

    def _question(self, task: Task, relation: str, bank: Sequence[Task]) -> Prompt:
        head = head_of(task)
        others = [each for each in bank if folded(head_of(each)) != folded(head) and known_tails(each, relation)]
        drawn = sorted(others[:BANK], key=lambda each: unit_interval("triple", head, relation, head_of(each)))
        shown = [{"head": head_of(each), "tail": known_tails(each, relation)[0]} for each in drawn[: self.demonstrations]]
        asked = task.model_copy(update={"prompt": head})
        return render(self.template, asked, relation=relation, demonstrations=shown)

    def _shown(self, task: Task, relation: str) -> Prompt:
        return self.shown_as(self.student_template, task, relation=relation)

    def shown_as(self, template: str, task: Task, **fields: str) -> Prompt:
        """A template with the event alone as the prompt."""
        return self.shown(template, task.model_copy(update={"prompt": head_of(task)}), **fields)

    def _samples(self, task: Task, relation: str, reply: Response) -> list[Sample]:
        """The triple of one reply, and its sentence."""
        phrase = sole_phrase(reply.text or "")
        if phrase is None:
            return []
        triple = reply.model_copy(update={"text": phrase})
        sentence = reply.model_copy(update={"text": f"{phrase}."})
        made = [make_sample(task, self.method, relation, self._shown(task, relation), triple)]
        if self.in_words:
            prompt = self.shown_as(self.words_template, task, begun=begun(head_of(task), relation))
            made.append(make_sample(task, self.method, relation + IN_WORDS, prompt, sentence))
        return [sample for sample in made if sample is not None]


def surprise(reply: Response, item: str) -> float:
    """The mean negative log-probability of an item's tokens, 0 where the reply does not tell or the item is not found."""
    text, sizes = "", []
    for each in reply.logprobs or ():
        sizes.append((len(text), float(each["logprob"])))
        text += str(each["token"])
    start = text.find(item)
    inside = [logprob for place, logprob in sizes if start <= place < start + len(item)] if start >= 0 else []
    return -sum(inside) / len(inside) if inside else 0.0
