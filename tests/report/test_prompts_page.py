"""The page on templates is what the templates use, and explains every name."""

from __future__ import annotations

from pipeline.records import Task
from pipeline.report.prompts_page import FIELDS, PAGE, TEMPLATES, page, uses


def test_the_file_is_what_the_templates_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make docs writes it again"


def test_every_name_that_a_template_uses_is_explained_and_no_other() -> None:
    used = set().union(*uses().values())
    assert used == set(FIELDS) | (used & set(Task.model_fields))
    assert uses()["socratic/solver"] == {"context", "prompt", "pairs", "question"}


def test_templates_have_the_block_user_and_no_leftovers() -> None:
    for path in TEMPLATES.rglob("*.jinja"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("{% block ") and text.endswith("{% endblock %}\n"), path
        assert "{% block user %}" in text and not any(word in text for word in ("TODO", "FIXME", "XXX")), path
        assert not any(line != line.rstrip() for line in text.splitlines()), path
