"""A method's prompt with one more instruction in it, and the template that says it for good.

In: a rendered prompt, an instruction, and whether it stands before or after the rest of the last message. Out: the prompt with
it; or a file in `prompts/<method>/` that renders to the very same messages, named by the hash of its text.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pipeline.errors import UserError
from pipeline.identity import short_id
from pipeline.prompts import Prompt, templates_folder
from pipeline.records import Message

Place = Literal["before", "after"]
"""OPRO's Q_begin and Q_end."""
USER = re.compile(r"\{%-?\s*block user\s*-?%\}\n?(.*?)\{%-?\s*endblock(?:\s+user)?\s*-?%\}", flags=re.DOTALL)
BLOCK_INSIDE = re.compile(r"\{%-?\s*block\b")
LONGEST = 600
"""Characters of an instruction; more is no instruction but an answer."""


def instructed(prompt: Prompt, instruction: str, place: Place) -> Prompt:
    """The prompt with an instruction on a line of its own; as it is where that is empty."""
    if not instruction:
        return prompt
    *before, last = prompt.messages
    lines = [instruction, last.content] if place == "before" else [last.content, instruction]
    said = Message(role=last.role, content="\n".join(lines))
    return replace(prompt, messages=(*before, said), template_hash=short_id(prompt.template_hash, instruction, place))


def usable(instruction: str) -> str | None:
    """An instruction on one line, or None where there is none, or one that no template can hold."""
    text = " ".join(instruction.split())
    return text if text and len(text) <= LONGEST and "endraw" not in text else None


def freeze(template: str, instruction: str, place: Place, method: str, told: str) -> str:
    """Writes the template with the instruction in it, beside the others of the method.

    Args:
        told: where it comes from, for a comment; no `#}` in it.

    Returns:
        Its name, as a recipe names it: `<method>/searched_<hash>`.

    Raises:
        UserError: the template's user block holds another block, or it has none of its own.
    """
    path = Path(templates_folder()) / f"{template}.jinja"
    source = path.read_text(encoding="utf-8")
    found = USER.search(source)
    if found is None or BLOCK_INSIDE.search(found[1]):
        raise UserError(f"{path}: no plain block `user`", "Write {% block user %}…{% endblock %} with no other block in it.")
    line, body = "{% raw %}" + instruction + "{% endraw %}", "{% filter trim %}\n" + found[1].strip("\n") + "\n{% endfilter %}"
    inside = '{{ "\\n" }}'.join([line, body] if place == "before" else [body, line])
    text = f"{{# {told} #}}\n{source[: found.start(1)]}{inside}\n{source[found.end(1) :]}"
    name = f"{method}/searched_{short_id(text)[:8]}"
    target = Path(templates_folder()) / f"{name}.jinja"
    target.parent.mkdir(exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(target)
    return name
