"""Small runs of methods that make tasks, against a real endpoint that says what a script makes of each prompt.

In: rows of a source, a recipe's methods, and a script. Out: the tasks that were made, all samples, and the server's count of
calls. A script that says None refuses a call for now, so that it is owed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from pipeline.llm.backends.openai import OpenAIModel
from pipeline.methods.distillation import MADE
from pipeline.methods.growth import Growth, School, Workshop
from pipeline.recipe import parse_recipe
from pipeline.records import Sample, Task
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.generate import generate
from pipeline.tables import read_rows
from tests.servers import ChatServer
from tests.trouble import Answer, Trouble

Script = Callable[[str], str | None]
TEACHER = "small-1"
BEGUN, ENDED = "[instruction begins]\n", "\n[instruction ends]"


def scripted(
    script: Script, finish: Callable[[str], str] = lambda text: "stop", student: Callable[[str, str], str | None] | None = None
) -> ChatServer:
    """A server that says what the script has for the last message of a prompt.

    Args:
        student: what others than the teacher say, given their name and that message.
    """

    async def wire(request: web.Request, answer: Answer) -> web.StreamResponse:
        body = json.loads(await request.read())
        prompt, model = str(body["messages"][-1]["content"]), str(body["model"])
        text = student(model, prompt) if student and model != TEACHER else script(prompt)
        if text is None:
            return web.Response(status=418, text="{}")
        right = json.loads(answer.body)
        right["choices"][0] |= {"message": {"role": "assistant", "content": text}, "finish_reason": finish(text)}
        return web.json_response(right)

    return ChatServer(Trouble(wire=wire, right=True))


def open_run(folder: Path, url: str, rows: Sequence[dict[str, Any]], *methods: dict[str, Any], **more: Any) -> Run:
    """A run over these rows: prompt, and what they have of context and answer.

    Args:
        more: further parts of the recipe, and `max_calls`.
    """
    folder.mkdir(exist_ok=True)
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"context": "", "answer": None} | row) + "\n" for row in rows))
    fields = {"prompt": "prompt", "context": "context", "answer": "answer"}
    source = {"kind": "jsonl", "path": str(path), "fields": fields, "task_kind": "instruction", "test_share": 0.0}
    settings = load_settings(
        data=str(folder / "data"), openai_base_url=url, openai_api_key="sk-test", patience_seconds=0.1,
        max_calls=more.pop("max_calls", None),
    )  # fmt: skip
    given = {
        "source": source | {"dev_share": 0.0}, "teacher": {"backend": "openai", "model": TEACHER},
        "methods": list(methods), "filters": ["finished", "not_empty"], "decontaminate": False,
    }  # fmt: skip
    run = Run(parse_recipe(given | more, "run", "run"), settings)
    run.folder.mkdir(parents=True, exist_ok=True)
    return run


def grown(run: Run) -> tuple[list[Task], list[Sample]]:
    """The tasks that were made, and all samples."""
    run.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(generate(run))
    tasks = [task for task in read_rows(run.folder, "1_tasks", Task) if task.source.startswith(MADE)]
    return tasks, list(read_rows(run.folder, "3_samples", Sample))


@dataclass
class Lessons:
    """A school whose students are models at the endpoint, called as their trainings are; nobody is trained."""

    run: Run
    taught: list[tuple[str, str | None, list[str]]] = field(default_factory=list)
    """Name, who goes on learning, and the tasks of the samples of each training."""

    def untrained(self) -> str:
        raise AssertionError("nobody asks the untrained student")

    async def train(self, samples: Sequence[Sample], name: str, after: str | None = None) -> str:
        self.taught.append((name, after, [sample.task_id for sample in samples]))
        self.run.add_model(name, OpenAIModel(backend="openai", model=name).open(self.run.settings))
        return name


def taught(run: Run, school: School | None) -> tuple[list[Task], list[Sample], Workshop]:
    """The tasks and samples that the run's only method makes of its source, where all samples pass."""
    [method] = run.recipe.methods
    assert isinstance(method, Growth)
    given = list(run.recipe.source.tasks(("dev",), None))

    async def scene() -> tuple[list[Task], list[Sample], Workshop]:
        known, made, samples = {task.id for task in given}, list[Task](), list[Sample]()
        workshop, word = Workshop(run.ask, school), None
        async with run.door, aclosing(method.grow(given, workshop)) as growing:
            while True:
                try:
                    each = await growing.asend(word)
                except StopAsyncIteration:
                    return made, samples, workshop
                word = each.id not in known
                known.add(each.id)
                (made if isinstance(each, Task) else samples).append(each)  # type: ignore[attr-defined]

    return asyncio.run(scene())


def shown_in(prompt: str) -> str:
    """The instruction between the marks of a template."""
    return prompt.partition(BEGUN)[2].partition(ENDED)[0]


def last_messages(server: ChatServer) -> list[str]:
    """The last message of each call, in the order they came."""
    return [str(body["messages"][-1]["content"]) for body in server.bodies]
