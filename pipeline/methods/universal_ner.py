"""UniversalNER: the teacher lists the entities of a text with any types; the student is asked for one type after the other.

For: entities of any type, asked for by name.
Learns: a text, then one question for each type -> the JSON list of that type, which may be empty.
Filters: `entities_match`, where the texts' entities are known.
Source: Zhou et al. 2023, *UniversalNER*, arXiv 2308.03279.
Here: beside the types that the text has, a conversation asks for some it has none of, drawn by how often they occur
    elsewhere: without them a student learns that every type it is asked for is there. How often is counted in what the
    teacher lists of the first training texts, which are asked for anyway. Where a task names its types, no others are asked
    for; where it asks for one, the teacher is asked for that.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import NonNegativeInt

from pipeline.answers.entities import Entity, in_text, said_entities
from pipeline.identity import unit_interval
from pipeline.llm.asking import Ask
from pipeline.methods.demonstrations import BANK
from pipeline.methods.distillation import Distilled, ask_round, make_sample
from pipeline.methods.entity_turns import EntityTurns, passage_of
from pipeline.methods.quota import Attempts, Samples
from pipeline.methods.replies import is_lost
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Task


class UniversalNer(EntityTurns):
    """Lists of entities as conversations."""

    family: ClassVar[str] = "instruction following"
    source: ClassVar[str] = "Zhou et al. 2023 (UniversalNER), arXiv 2308.03279"
    method: Literal["universal_ner"]
    """Open named entity recognition."""
    negatives: NonNegativeInt = 2
    """Types asked for that the text has none of, the frequent ones rather than the rare."""
    samples: Samples = 1
    """Lists asked for each text."""
    template: str = "universal_ner/teacher"
    """What the teacher is asked, with `types`, which may be empty."""

    @property
    def follows_up(self) -> bool:
        return True

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        if "type" in task.extra:
            return self.student_prompt(task, bank)
        about = task.model_copy(update={"prompt": passage_of(task)})
        return render(self.template, about, types=list(task.extra.get("types") or self.types))

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        attempts, prompt = Attempts(self.samples), self.teacher_prompt(task, bank)
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            for reply in replies:
                if "type" in task.extra:
                    if sample := make_sample(task, self.method, "turn", self.student_prompt(task, bank), reply):
                        attempts.passed += bool((yield sample))
                elif (entities := listed(task, reply)) is not None:
                    frequency = await self._frequency(ask, bank)
                    if frequency is None:
                        return
                    types = self._asked_types(task, entities, frequency)
                    for part, sample in enumerate(self.turns(task, types, entities, reply)):
                        word = yield sample
                        attempts.passed += bool(word) and part == 0  # the turns of a list are one answer

    def _asked_types(self, task: Task, entities: Sequence[Entity], frequency: Counter[str]) -> list[str]:
        """The types of the conversation: those there are, and some there are not."""
        known = self.known_types(task)
        there = list(dict.fromkeys(kind for _, kind in entities))
        first = known[:1]  # the turn an evaluation begins with
        absent = [kind for kind in known or sorted(frequency) if kind not in there and kind not in first]

        def place(kind: str) -> float:
            """A draw without replacement with weights, Efraimidis and Spirakis 2006."""
            return -float(unit_interval("negative", task.id, kind) ** (1 / max(frequency[kind], 0.5)))

        return self.ordered(task, [*first, *there, *sorted(absent, key=place)[: self.negatives]])

    async def _frequency(self, ask: Ask, bank: Sequence[Task]) -> Counter[str] | None:
        """How many entities of each type the teacher finds in the first training texts; None where one is owed."""
        texts = [each for each in bank if self.covers(each) and "type" not in each.extra][:BANK][: self.limit]
        asking = [ask(self.teacher_prompt(each, bank), task=each, sampling=self.sampling) for each in texts]
        replies = await asyncio.gather(*asking)
        if any(reply.finish == "owed" for reply in replies):
            return None
        lists = [listed(text, reply) for text, reply in zip(texts, replies, strict=True)]
        return Counter(kind for entities in lists for _, kind in entities or [])


def listed(task: Task, reply: Response) -> list[Entity] | None:
    """The entities a reply lists that the text has; None where it is no list."""
    found = None if is_lost(reply) else said_entities(reply.text or "")
    return None if found is None else in_text(found, passage_of(task))
