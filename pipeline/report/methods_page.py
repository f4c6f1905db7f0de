"""Writes `docs/methods.md` from the code: every method by family, with its parameters, their defaults and its paper.

In: the union of methods. Out: the page. `make docs` writes it, and a test holds the file against the code.
"""

from __future__ import annotations

import inspect
import typing
from pathlib import Path

from pydantic import BaseModel

from pipeline.methods.distillation import Distillation
from pipeline.methods.growth import Growth
from pipeline.methods.union import Method
from pipeline.report.catalogue import members, shown
from pipeline.settings import REPOSITORY

PAGE = REPOSITORY / "docs/methods.md"
FAMILIES = (
    "in context", "chain of thought", "instruction following", "symbolic and counterfactual", "beyond one view",
)  # fmt: skip
"""In the order of the survey (arXiv 2407.01885)."""
OPENING = """# The methods

Written by `make docs` from the code; do not edit it. `distill methods` says the same in a terminal, with a line on every
parameter. A recipe names methods in a list: `methods: [{method: chain_of_thought, samples: 4}]`. Families and order are those
of the survey *Knowledge Distillation for Large Language Models* (arXiv 2407.01885). A method with a ⁺ makes tasks of its own
out of those of the source; the others take each task as it is.
"""


def page() -> str:
    """The whole page."""
    those = [member for member in members(Method) if issubclass(member, Distillation)]
    families = [*FAMILIES, *sorted({each.family for each in those} - set(FAMILIES))]
    parts = [OPENING, _common(), *(_family(name, [each for each in those if each.family == name]) for name in families)]
    return "\n".join(part for part in parts if part)


def _common() -> str:
    rows = [_parameter(Distillation, name) for name in Distillation.model_fields]
    return f"Every method takes {', '.join(rows)}.\n"


def _family(name: str, those: list[type[Distillation]]) -> str:
    if not those:
        return ""
    head = f"## {name[0].upper()}{name[1:]}\n\n| method | what it is | parameters and defaults | source |\n|---|---|---|---|\n"
    return head + "\n".join(map(_row, those)) + "\n"


def _row(member: type[Distillation]) -> str:
    name = typing.get_args(member.model_fields["method"].annotation)[0]
    mark = "⁺" if issubclass(member, Growth) else ""
    own = [_parameter(member, field) for field in member.model_fields if field != "method" and _is_own(member, field)]
    return f"| `{name}`{mark} | {_cell(first_sentence(member))} | {_cell(', '.join(own))} | {_cell(member.source)} |"


def first_sentence(member: type[BaseModel]) -> str:
    """The first line of the docstring of the module a method is in."""
    module = inspect.getdoc(inspect.getmodule(member)) or ""
    return module.partition("\n\n")[0].replace("\n", " ")


def _is_own(member: type[Distillation], field: str) -> bool:
    """Whether a parameter is not one that every method takes with the same default; templates are told by `distill methods`."""
    known = Distillation.model_fields.get(field)
    if known is not None:
        return bool(known.default != member.model_fields[field].default)
    return not field.endswith("template")


def _parameter(member: type[BaseModel], name: str) -> str:
    info = member.model_fields[name]
    default = "" if info.is_required() else _words(info.get_default(call_default_factory=True))
    return f"`{name}`" if default in ("", "-") else f"`{name}` {default}"


def _words(value: object) -> str:
    """A default: of several values each, of a model each field that is given."""
    if isinstance(value, BaseModel):
        return ", ".join(f"{name} {each}" for name, each in value.model_dump(exclude_none=True).items())
    return " · ".join(map(str, value)) if isinstance(value, tuple) else shown(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    Path(PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
