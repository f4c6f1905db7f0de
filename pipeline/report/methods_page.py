"""Writes `docs/methods.md` from the code, and how many methods there are into the README.

In: the union of methods, the docstrings of their modules and the recipes. Out: the page, a section for each method: when to use
it, what the student learns, filters, paper, what differs from it, recipes, parameters. `make docs` writes both, and a test
holds the files against the code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic.fields import FieldInfo

from pipeline.methods.distillation import Distillation
from pipeline.methods.growth import Growth
from pipeline.methods.union import Method
from pipeline.report import prompts_page
from pipeline.report.catalogue import FAMILIES, first_line, in_families, meaning, members, name_of, parts_of, shown
from pipeline.settings import REPOSITORY

PAGE, README = REPOSITORY / "docs/methods.md", REPOSITORY / "README.md"
BLOCK = re.compile(r"(<!-- methods -->\n).*?(<!-- /methods -->)", flags=re.DOTALL)
OPENING = """# The methods

Written by `make docs` from the code; do not edit it. `make methods` says the same in a terminal. A recipe names methods in a
list: `methods: [{method: chain_of_thought, samples: 4}]`. The first three families are those into which the *Survey on
Knowledge Distillation for Large Language Models* (arXiv 2407.01885) divides distillation from a teacher of whom only text is
seen. A method with a ⁺ makes tasks of its own out of those of the source; the others take each task as it is. A recipe that
ends in `_mini` runs offline with the models that ship: `make generate train RECIPE=socratic_mini`.

Some methods need more of a task than prompt and answer: `extra.arms` is the column `arms` of the source's file, as is any other
that its `fields` do not name.

Of instructions that were made nobody knows the right answer, so filters that compare with one call them unverifiable; `disco`
and `algorithm_distillation` know theirs. To let another method of the recipe answer what one has made, say `made: true` there.
"""
LABELS = {"For": "Use it for", "Learns": "The student learns", "Filters": "Filters", "Source": "From", "Here": "Here"}


def page() -> str:
    """The whole page."""
    those = methods()
    families = [name for name in FAMILIES if any(each.family == name for each in those)]
    tables = [_overview(name, [each for each in those if each.family == name]) for name in families]
    parts = [OPENING, "## Which one", *tables, "## What every method takes", _table(Distillation.model_fields)]
    for name in families:
        parts += [f"## {_capital(name)}", *(_section(each) for each in those if each.family == name)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def methods() -> list[type[Distillation]]:
    """All methods, family by family."""
    return [member for member in in_families(members(Method)) if issubclass(member, Distillation)]


def summary() -> str:
    """For the README: how many there are, and which."""
    those = methods()
    families = list(dict.fromkeys(each.family for each in those))
    lines = [f"{len(those)} methods in {len(families)} families ([docs/methods.md](docs/methods.md)):", ""]
    for family in families:
        names = [f"`{_name(each)}`" for each in those if each.family == family]
        lines.append(f"- {family}: {', '.join(names)}")
    return "\n".join(lines)


def readme(text: str) -> str:
    """The README with the methods there are now."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{summary()}\n\n{found[2]}", text)


def _overview(name: str, those: list[type[Distillation]]) -> str:
    rows = [f"| [`{_name(each)}`](#{_name(each)}){_mark(each)} | {_cell(parts_of(each)['For'])} |" for each in those]
    return "\n".join([f"| {name} | use it for |", "|---|---|", *rows])


def _section(member: type[Distillation]) -> str:
    told = [f"- **{LABELS[label]}:** {_linked(words)}" for label, words in parts_of(member).items()]
    made = [f"- **Recipes:** {', '.join(found)}"] if (found := _recipes(_name(member))) else []
    own = {name: info for name, info in member.model_fields.items() if name != "method" and _is_own(member, name)}
    head = f'<a id="{_name(member)}"></a>\n\n### `{_name(member)}`{_mark(member)}\n\n{first_line(member)}'
    return "\n\n".join([head, "\n".join([*told, *made]), _table(own)])


def _table(fields: Mapping[str, FieldInfo]) -> str:
    """Parameters, templates last."""
    names = sorted(fields, key=lambda name: name.endswith("template"))
    return "\n".join(["| parameter | default | |", "|---|---|---|", *(_row(name, fields[name]) for name in names)])


def _row(name: str, info: FieldInfo) -> str:
    default = "*must be given*" if info.is_required() else shown(info.get_default(call_default_factory=True))
    if name.endswith("template"):
        default = f"[{default}](../prompts/{default}.jinja)"
    return f"| `{name}` | {_cell(default if default != '-' else '')} | {_cell(meaning(info))} |"


def _recipes(method: str) -> list[str]:
    """Links to the recipes that use it, those that run offline first."""
    found = [path for path, used in _uses().items() if method in used]
    found.sort(key=lambda path: (not path.stem.endswith("mini"), path.stem))
    return [f"[`{path.stem}`](../recipes/{path.name})" for path in found]


@cache
def _uses() -> dict[Path, set[str]]:
    """The methods that each recipe names."""
    paths = sorted((REPOSITORY / "recipes").glob("*.yaml"))
    return {path: {each["method"] for each in yaml.safe_load(path.read_text(encoding="utf-8"))["methods"]} for path in paths}


def _is_own(member: type[Distillation], field: str) -> bool:
    """Whether a parameter is not one that every method takes with the same default."""
    known = Distillation.model_fields.get(field)
    return known is None or bool(known.default != member.model_fields[field].default)


def _linked(text: str) -> str:
    """Papers and repositories as links."""
    text = re.sub(r"arXiv (\d{4}\.\d{5})", r"[arXiv \1](https://arxiv.org/abs/\1)", text)
    return re.sub(r"\bcode (([\w-]+/[\w-]+)[\w/-]*)", r"code [\1](https://github.com/\2)", text)


def _name(member: type[Distillation]) -> str:
    return name_of(member, "method")


def _mark(member: type[Distillation]) -> str:
    return "⁺" if issubclass(member, Growth) else ""


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    prompts_page.PAGE.write_text(prompts_page.page(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
