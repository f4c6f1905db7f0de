"""Templates to messages, and what is said of templates that cannot be rendered."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.prompts import Prompt, render, templates_folder
from pipeline.records import Message
from tests.rows import make_task

Render = Callable[..., Prompt]
NUMBERS = itertools.count()


@pytest.fixture
def rendered(tmp_path: Path) -> Iterator[Render]:
    """Renders a template's text as a user's own file would be, in a folder of its own."""

    def render_text(text: str | bytes, **fields: object) -> Prompt:
        (tmp_path / "prompts").mkdir(exist_ok=True)
        name = f"own_{next(NUMBERS)}"
        (tmp_path / "prompts" / f"{name}.jinja").write_bytes(text if isinstance(text, bytes) else text.encode())
        task = fields.pop("task", make_task(prompt="2+2?", extra={"topic": "sums"}))
        return render(name, task, **fields)  # type: ignore[arg-type]

    templates_folder.cache_clear()
    with contextlib.chdir(tmp_path):
        yield render_text
    templates_folder.cache_clear()


def test_blocks_become_messages(rendered: Render) -> None:
    prompt = rendered(
        "{% block system %}Be brief.{% endblock %}\n{% block user %}\n {{ prompt }} ({{ extra.topic }})\n{% endblock %}"
    )
    assert prompt.messages == (Message(role="system", content="Be brief."), Message(role="user", content="2+2? (sums)"))


def test_an_empty_system_block_makes_no_message(rendered: Render) -> None:
    prompt = rendered("{% block system %} {% endblock %}{% block user %}{{ prompt }}{{ more }}{% endblock %}", more="!")
    assert prompt.messages == (Message(role="user", content="2+2?!"),)


def test_history_stands_between_system_and_user(rendered: Render) -> None:
    turns = [
        {"role": "system", "content": "old"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
    ]
    task = make_task(prompt="Bye", extra={"history": turns})
    user = "{% block user %}{{ prompt }}{% endblock %}"
    with_system = rendered("{% block system %}new{% endblock %}" + user, task=task)
    assert [each.content for each in with_system.messages] == ["new", "Hi", "Hello", "Bye"]
    assert [each.content for each in rendered(user, task=task).messages] == ["old", "Hi", "Hello", "Bye"]


def test_the_hash_is_the_text(rendered: Render) -> None:
    texts = ["{% block user %}a{% endblock %}"] * 2 + ["{% block user %}b{% endblock %}"]
    first, same, other = (rendered(text).template_hash for text in texts)
    assert first == same != other


def test_an_undefined_name_lists_the_fields(rendered: Render) -> None:
    with pytest.raises(UserError, match=r"block user: 'question' is undefined\n.*answer, choices,.*demonstrations.*prompt"):
        rendered("{% block user %}{{ question }}{% endblock %}", demonstrations=[])
    with pytest.raises(UserError, match="no attribute 'level'"):
        rendered("{% block user %}{{ extra.level }}{% endblock %}")


def test_a_syntax_error_names_the_line(rendered: Render) -> None:
    with pytest.raises(UserError, match=r"own_\d+\.jinja, line 2"):
        rendered("{% block user %}\n{{ prompt }\n{% endblock %}")


def test_a_template_needs_a_user_block(rendered: Render) -> None:
    with pytest.raises(UserError, match="no block `user`"):
        rendered("{{ prompt }}")


def test_a_template_must_be_utf8(rendered: Render) -> None:
    with pytest.raises(UserError, match="not UTF-8"):
        rendered(b"{% block user %}\xff{% endblock %}")


@pytest.mark.parametrize(
    "expression", ["''.__class__", "prompt.__class__.__mro__", "extra.update({})", "prompt.format.__globals__", "1 // 0"]
)
def test_the_sandbox_forbids(rendered: Render, expression: str) -> None:
    with pytest.raises(UserError, match="block user"):
        rendered("{% block user %}{{ " + expression + " }}{% endblock %}")


def test_a_missing_template_lists_those_there() -> None:
    with pytest.raises(UserError, match=r"nowhere/at_all\.jinja.*\n.*chain_of_thought/student, chain_of_thought/teacher"):
        render("nowhere/at_all", make_task())


@pytest.mark.parametrize("context", ["", "A passage."])
@pytest.mark.parametrize("name", ["chain_of_thought", "instruction_following", "in_context"])
def test_shipped_templates_render(name: str, context: str) -> None:
    task = make_task(prompt="Which one?", context=context)
    for who in ("teacher", "student"):
        messages = render(f"{name}/{who}", task, demonstrations=[{"prompt": "Shown?", "answer": "Yes."}]).messages
        assert "Which one?" in messages[-1].content and context in messages[-1].content
