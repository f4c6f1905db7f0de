"""Templates to messages: `prompts/<method>/<name>.jinja` with the blocks `system` and `user`, rendered in a sandbox.

In: a template's name and the fields it may use. Out: a `Prompt`. A name that is not defined, a missing template and a broken
one are the user's to mend and say so with file, line and the fields there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline.errors import UserError
from pipeline.identity import short_id
from pipeline.records import Message, Task
from pipeline.settings import project_path

BLOCKS = ("system", "user")


@dataclass(frozen=True)
class Prompt:
    """Rendered messages and what they were rendered from."""

    messages: tuple[Message, ...]
    template: str
    template_hash: str


def render(template: str, task: Task, **fields: Any) -> Prompt:
    """Messages of `prompts/<template>.jinja` for one task.

    The template sees every field of the task, the keys of `extra` under `extra`, and `fields`. Earlier turns in
    `extra.history` stand between system and user; an empty block makes no message.

    Raises:
        UserError: the template is missing or broken, or uses a name that is not there.
    """
    name, compiled, functions = _load(templates_folder(), template)
    known = {**functions, **task.__dict__, **fields}
    context = compiled.environment.context_class(compiled.environment, known, compiled.name, compiled.blocks)
    blocks = {block: _render_block(template, compiled, block, context) for block in BLOCKS}
    history = [Message(**turn) for turn in task.extra.get("history", [])]
    system = [Message(role="system", content=blocks["system"])] if blocks["system"] else []
    if system:
        history = [turn for turn in history if turn.role != "system"]
    messages = (*system, *history, Message(role="user", content=blocks["user"]))
    return Prompt(messages, template, name)


def check_template(template: str) -> None:
    """Looks whether there is such a template.

    Raises:
        UserError: there is none, or it is broken.
    """
    _load(templates_folder(), template)


@lru_cache(maxsize=1)
def templates_folder() -> str:
    """Where the templates lie; looked up once, since a program stays in its working folder."""
    return str(project_path("prompts").absolute())


def _render_block(template: str, compiled: Any, name: str, context: Any) -> str:
    block = compiled.blocks.get(name)
    if block is None:
        return ""
    try:
        return "".join(block(context)).strip()
    except UndefinedError as error:
        raise UserError(
            f"{_place(template)}, block {name}: {error.message}",
            f"The fields there are: {', '.join(sorted(context.parent.keys() - context.environment.globals.keys()))}.",
        ) from None
    except (SecurityError, TemplateError, TypeError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
        raise UserError(
            f"{_place(template)}, block {name}: {error}", "Mend the template; `distill preview` shows it."
        ) from None


@lru_cache(maxsize=256)
def _load(folder: str, template: str) -> tuple[str, Any, dict[str, Any]]:
    """The hash of a template's text, what it compiles to, and the functions it may call."""
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    name = f"{template}.jinja"
    try:
        source, _, _ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
        compiled = environment.get_template(name)
    except TemplateNotFound:
        there = sorted(str(path.relative_to(folder).with_suffix("")) for path in Path(folder).rglob("*.jinja"))
        raise UserError(
            f"{folder}/{name}: this template does not exist", f"Templates there are: {', '.join(there) or 'none'}."
        ) from None
    except TemplateSyntaxError as error:
        raise UserError(f"{folder}/{name}, line {error.lineno}: {error.message}", "Mend the template there.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{folder}/{name}: not UTF-8 text ({error.reason})", "Save it as UTF-8.") from None
    if "user" not in compiled.blocks:
        raise UserError(
            f"{folder}/{name}: it has no block `user`", "Write {% block user %}…{% endblock %} around the question."
        )
    return short_id(source), compiled, dict(compiled.globals)


def _place(template: str) -> str:
    return f"{project_path('prompts')}/{template}.jinja"
