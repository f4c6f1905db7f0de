"""C-ICL: entities by a prompt in code that shows right lists of similar texts, and mistakes of the teacher with the right list.

For: lists of entities from a teacher that makes the same mistakes again and again; some training texts have their entities.
Learns: a text, then one question for each type -> the JSON list of that type, as UniversalNER's. It never sees the code.
Filters: `entities_match`, where the texts' entities are known.
Source: Mo et al. 2024, *C-ICL: Contrastive In-context Learning for Information Extraction*, arXiv 2402.11254.
Here: first the teacher lists the entities of training texts several times over. A list that is wrong and comes back often
    is a hard negative: it shows what the teacher does not know that it does not know. Then each text is asked behind the
    nearest right lists and the nearest hard negatives, each with its correction. Spans that do not stand in the text are
    left out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import NonNegativeInt, PositiveInt

from pipeline.answers.entities import Entity, as_pairs, quoted, said_entities
from pipeline.answers.words import folded
from pipeline.llm.asking import Ask
from pipeline.llm.request import Sampling
from pipeline.methods.demonstrations import nearest, solved
from pipeline.methods.distillation import Distilled, ask_round
from pipeline.methods.entity_turns import EntityTurns, passage_of
from pipeline.methods.quota import Attempts, Count, Samples
from pipeline.methods.replies import is_lost
from pipeline.methods.universal_ner import listed
from pipeline.prompts import Prompt, render
from pipeline.records import Response, Task


@dataclass(frozen=True)
class Attempted:
    """A training text the teacher was tried on."""

    task: Task
    wrong: tuple[Entity, ...] | None
    """The wrong list that comes back most, if one comes back often."""
    is_owed: bool


class CIcl(EntityTurns):
    """Entities behind right lists and corrected mistakes."""

    family: ClassVar[str] = "in context"
    source: ClassVar[str] = "Mo et al. 2024 (C-ICL), arXiv 2402.11254"
    method: Literal["c_icl"]
    """Contrastive in-context learning."""
    positives: PositiveInt = 4
    """Right lists that are shown: those of the nearest training texts."""
    negatives: NonNegativeInt = 2
    """Mistakes that are shown with their correction; two right lists to a mistake did best."""
    considered: PositiveInt = 8
    """The nearest training texts, on which the teacher is tried first."""
    tries: Count = 5
    """Lists asked for each of these, sampled as the teacher samples by itself."""
    frequent: PositiveInt = 2
    """How often a wrong list must come back among them to be shown."""
    sampling: Sampling = Sampling(temperature=0.3)
    """What differs from the teacher's own sampling where the task itself is asked."""
    samples: Samples = 1
    """Lists asked for each task."""
    meanings: Mapping[str, str] = {}
    """What types mean, as the code's comments say it."""
    template: str = "c_icl/teacher"
    """What the teacher is asked."""

    @property
    def follows_up(self) -> bool:
        return super().follows_up or self.negatives > 0

    def teacher_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        """The question behind right lists alone, by which the teacher is tried."""
        return self._asked(task, nearest(passage_of(task), _annotated(task, bank), self.positives), [])

    def _asked(self, task: Task, positives: Sequence[Task], negatives: Sequence[Attempted]) -> Prompt:
        types = {kind.casefold(): self.meanings.get(kind, kind) for kind in self._types(task)}
        wrong = [{**_shown(each.task), "wrong": as_pairs(each.wrong or ())} for each in negatives]
        right = [_shown(each) for each in positives]
        return render(self.template, task, types=types, positives=right, negatives=wrong, query=quoted(passage_of(task)))

    def _types(self, task: Task) -> Sequence[str]:
        return task.extra.get("types") or self.types or list(self.meanings)

    def known_types(self, task: Task) -> list[str]:
        return super().known_types(task) or self.ordered(task, self._types(task))

    async def distil(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Distilled:
        near = nearest(passage_of(task), _annotated(task, bank))
        considered = near[: self.considered] if self.negatives else []
        tried = await asyncio.gather(*(self._try(each, ask, bank) for each in considered))
        if any(each.is_owed for each in tried):
            return
        negatives = [each for each in tried if each.wrong is not None][: self.negatives]
        mistaken = {each.task.id for each in negatives}
        prompt = self._asked(task, [each for each in near if each.id not in mistaken][: self.positives], negatives)
        types, attempts = self.known_types(task), Attempts(self.samples)
        while replies := await ask_round(attempts, ask, prompt, task, self.sampling):
            for reply in replies:
                if (entities := listed(task, reply)) is not None:
                    for part, sample in enumerate(self.turns(task, types, entities, reply)):
                        word = yield sample
                        attempts.passed += bool(word) and part == 0  # the turns of a list are one answer

    async def _try(self, task: Task, ask: Ask, bank: Sequence[Task]) -> Attempted:
        """The wrong list that the teacher gives most of a training text, of several the one it gave first."""
        prompt = self.teacher_prompt(task, bank)
        replies = await asyncio.gather(*(ask(prompt, task=task, sample=number) for number in range(self.tries)))
        right = frozenset(_right(task))
        lists = [tuple(found) for each in replies if (found := _said(each)) is not None and frozenset(found) != right]
        count = Counter(frozenset(each) for each in lists)
        often = [each for each in lists if count[frozenset(each)] >= self.frequent]
        wrong = max(often, key=lambda each: count[frozenset(each)], default=None)
        return Attempted(task, wrong, any(each.finish == "owed" for each in replies))


def _annotated(task: Task, bank: Sequence[Task]) -> list[Task]:
    """Training texts whose entities are known, none of them the task's own under another question."""
    text = folded(passage_of(task))
    fitting = [each for each in solved(task, bank) if folded(passage_of(each)) != text]
    return [each for each in fitting if said_entities(each.answer or "") is not None]


def _right(task: Task) -> list[Entity]:
    return said_entities(task.answer or "") or []


def _said(reply: Response) -> list[Entity] | None:
    return None if is_lost(reply) else said_entities(reply.text or "")


def _shown(task: Task) -> dict[str, str]:
    return {"text": quoted(passage_of(task)), "right": as_pairs(_right(task))}
