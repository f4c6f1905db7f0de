"""Writes `docs/prompts.md`: what each name means that templates use, and which of them each template uses.

In: `prompts/`. Out: the page. `make docs` writes it; a test holds it against the templates, so that every name is explained.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, meta

from pipeline.records import Task
from pipeline.settings import REPOSITORY

PAGE, TEMPLATES = REPOSITORY / "docs/prompts.md", REPOSITORY / "prompts"
FIELDS = {
    "attempt": "a wrong answer that is to be corrected",
    "begun": "a triple said as the beginning of a sentence",
    "blanked": "a premise with `[blank]` once",
    "count": "how many new ones are asked for",
    "demonstration": "one solved task: `.prompt` and `.answer`",
    "demonstrations": "what is shown before: solved tasks (`.prompt`, `.answer`), or what the template names of each",
    "error": "what a program failed with",
    "exemplars": "questions with right answers: `.input` and `.output`",
    "first": "the one of two texts that stands first",
    "form": "a number from 0 to 3, drawn for the task",
    "head": "an event",
    "highest": "the top of the scale",
    "hint": "the answer the teacher is told; empty where it is told none",
    "history": "earlier turns (`.role`, `.content`); for the optimiser, instructions so far (`.instruction`, `.score`)",
    "label": "the label that is wanted",
    "labels": "all labels, in the order in which they are to be shown",
    "lowest": "the bottom of the scale",
    "negatives": "corrected mistakes: `.text`, `.wrong` and `.right`",
    "pairs": "the small questions before, with answers: `.question` and `.answer`",
    "passage": "one passage, or the text whose entities are asked for",
    "passages": "texts to answer from",
    "place": "where an instruction stands: `before` or `after` the question",
    "positives": "texts with right lists: `.text` and `.right`",
    "program": "the program that failed",
    "query": "the text that is asked about, quoted as code",
    "question": "the small question that is to be answered now",
    "rationale": "reasoning without the sentence that states its answer",
    "relation": "what is asked about an event, such as `xWant`",
    "response": "the reply that is judged or bettered",
    "second": "the one of two texts that stands second",
    "tail": "a phrase about an event",
    "type": "the type of entities that is asked for",
    "types": "types of entities; in `c_icl` each with its meaning",
    "view": "rationale, equation, program or answer",
}
"""What methods and filters give to their templates beside the task."""
OPENING = """# The templates

Written by `make docs` from `prompts/`; do not edit it. A template is Jinja with the blocks `user` and, if wanted, `system`. It
sees every field of the task, the keys of `extra` under `extra`, and what the method or filter gives it. A name that is not
there is refused with its place and the names there are. Edit one, look at it with `make preview`, and run again: only what is
asked by it is asked anew. A recipe can name another file: `template: my_folder/teacher`.

Tasks and replies may hold instructions of their own. Where a model judges or betters a text it stands between markers, and the
template says not to follow it.
"""


def page() -> str:
    """The whole page."""
    used = uses()
    task = {name: " ".join((info.description or "").split()) for name, info in Task.model_fields.items()}
    names = sorted(set().union(*used.values()))
    ours = [f"| `{name}` | {FIELDS[name]} |" for name in names if name not in task]
    theirs = [f"| `{name}` | of the task: {task[name]} |" for name in names if name in task]
    files = [f"| [{name}](../prompts/{name}.jinja) | {_listed(fields)} |" for name, fields in used.items()]
    return "\n".join([
        OPENING, "## Names", "", "| name | what it is |", "|---|---|", *theirs, *ours,
        "", "## Who uses which", "", "| template | names |", "|---|---|", *files, "",
    ])  # fmt: skip


def uses() -> dict[str, set[str]]:
    """The names that each template uses, by template."""
    environment = Environment(autoescape=False)
    paths = sorted(TEMPLATES.rglob("*.jinja"))
    return {_name(path): meta.find_undeclared_variables(environment.parse(path.read_text("utf-8"))) for path in paths}


def _name(path: Path) -> str:
    return path.relative_to(TEMPLATES).with_suffix("").as_posix()


def _listed(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
