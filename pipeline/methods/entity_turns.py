"""A conversation about the entities of a text: the text, then a question for one type after the other, each with a JSON list.

The form of UniversalNER's students (Zhou et al. 2023, arXiv 2308.03279). In: a task whose text is its prompt, or its context
where the prompt asks for one type (`extra.type`). Out: samples, one a turn, each with the turns before it; and in the
evaluation a student's answers to all types, put together as one list of typed spans.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated

from pydantic import StringConstraints

from pipeline.answers.alone import unwrapped
from pipeline.answers.entities import Entity, as_objects
from pipeline.errors import UserError
from pipeline.identity import unit_interval
from pipeline.methods.distillation import Distillation, Put
from pipeline.methods.replies import first_unusable, joined, sample_of
from pipeline.prompts import Prompt
from pipeline.records import Message, Response, Sample, Task

Turn = dict[str, str]
Type = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def passage_of(task: Task) -> str:
    """The text a task is about."""
    return task.context or task.prompt


class EntityTurns(Distillation):
    """A method whose student is asked for one type after the other."""

    method: str
    """Which method it is."""
    student_template: str = "universal_ner/student"
    """What the student is asked of each type, with `passage` and `type`."""
    types: tuple[Type, ...] = ()
    """Types to ask for where a task does not name them itself, in `extra.types`."""

    def known_types(self, task: Task) -> list[str]:
        """The types a task is about, in the order in which they are asked for; none where that is open."""
        if isinstance(asked := task.extra.get("type"), str):
            return [asked]
        return self.ordered(task, task.extra.get("types") or self.types)

    def ordered(self, task: Task, types: Sequence[str]) -> list[str]:
        """Types in an order that is another one for each task."""
        return sorted(dict.fromkeys(types), key=lambda kind: unit_interval("turn", task.id, kind))

    def student_prompt(self, task: Task, bank: Sequence[Task]) -> Prompt:
        if not (types := self.known_types(task)):
            raise UserError(
                f"task {task.id}: nothing says which types of entities to ask the student for",
                "Name them in the recipe under the method's `types`, or in the source under `extra.types`.",
            )
        return self.turn(task, types[0], [])

    def turn(self, task: Task, kind: str, history: Sequence[Turn]) -> Prompt:
        """The question for one type, behind the turns before it."""
        about = task.model_copy(update={"extra": {**task.extra, "history": list(history)}})
        return self.shown(self.student_template, about, passage=passage_of(task), type=kind)

    def turns(self, task: Task, types: Sequence[str], entities: Sequence[Entity], reply: Response) -> Iterator[Sample]:
        """A sample for each type; what all of them come to is the whole list."""
        history: list[Turn] = []
        for part, kind in enumerate(types):
            prompt, target = self.turn(task, kind, history), _listed(entities, kind)
            told = as_objects(entities) if "type" not in task.extra else target
            yield sample_of(task, self.method, "turn", prompt, target, [reply], part, answer=told)
            history += [_turn(prompt.messages[-1]), {"role": "assistant", "content": target}]

    async def reply(self, task: Task, prompt: Prompt, bank: Sequence[Task], put: Put) -> Response:
        """All that the student lists in its turns; the one list where one type is asked for."""
        if "type" in task.extra:
            return await put(prompt)
        replies: list[Response] = []
        history: list[Turn] = []
        found: list[Entity] = []
        for kind in self.known_types(task):
            asked = self.turn(task, kind, history)
            replies.append(await put(asked))
            if unusable := first_unusable(replies):
                return unusable
            text = replies[-1].text or ""
            found += [(each, kind) for each in _said(text)]
            history += [_turn(asked.messages[-1]), {"role": "assistant", "content": text}]
        return joined(replies, as_objects(dict.fromkeys(found)))


def _listed(entities: Sequence[Entity], kind: str) -> str:
    """The JSON list of the texts of one type."""
    wanted = " ".join(kind.casefold().split())
    return json.dumps([text for text, its in entities if its == wanted], ensure_ascii=False)


def _said(text: str) -> list[str]:
    """The texts a turn lists; none where it is no JSON list of texts."""
    with suppress(ValueError, RecursionError):
        items = json.loads(unwrapped(text))
        if isinstance(items, list) and all(isinstance(each, str) and each.strip() for each in items):
            return [each.strip() for each in items]
    return []


def _turn(message: Message) -> Turn:
    return {"role": message.role, "content": message.content}
