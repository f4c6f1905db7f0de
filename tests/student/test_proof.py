"""What is generated is what is trained, or the training does not start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from pipeline.errors import UserError
from pipeline.records import Example, Message
from pipeline.student.proof import IGNORED, encode

STUDENT = Path(__file__).resolve().parents[2] / "data/mini/student"
ANSWER = "12+7=19. The answer is 19."


def example(answer: str = ANSWER) -> Example:
    messages = [Message(role="user", content="What is 12+7?"), Message(role="assistant", content=answer)]
    return Example(
        id="e1", sample_id="s1", task_id="t1", method="m", view="v", split="train", messages=messages, weight=0.5, tokens=20
    )


@pytest.fixture
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(STUDENT)


def test_only_the_answer_and_the_end_token_are_trained(tokenizer: Any) -> None:
    encoded = encode(example(), tokenizer, max_tokens=100)
    trained = [token for token, label in zip(encoded.input_ids, encoded.labels, strict=True) if label != IGNORED]
    assert tokenizer.decode(trained) == f"{ANSWER}<|end|>"
    assert tokenizer.decode(encoded.input_ids) == f"<|user|>What is 12+7?<|end|><|assistant|>{ANSWER}<|end|>"
    assert all(label in (IGNORED, token) for token, label in zip(encoded.input_ids, encoded.labels, strict=True))
    assert encoded.weight == 0.5


def test_the_prompt_is_what_the_student_reads_in_evaluation(tokenizer: Any) -> None:
    encoded = encode(example(), tokenizer, max_tokens=100)
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "What is 12+7?"}], add_generation_prompt=True)
    assert encoded.input_ids[: len(asked["input_ids"])] == asked["input_ids"]


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        # an empty think block that only the training rendering has
        (
            "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|><think></think>{{ m.content }}<|end|>"
            "{% else %}<|user|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
            "renders the prompt differently",
        ),
        # no end token: the student would never stop
        (
            "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}",
            "does not end the answer with the end token",
        ),
        # the answer is changed on the way
        (
            "{% for m in messages %}<|{{ m.role }}|>{{ m.content.replace('The answer', 'Solution') }}<|end|>{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}",
            "changes the answer",
        ),
    ],
)
def test_templates_that_spoil_the_training_text_are_refused(tokenizer: Any, template: str, complaint: str) -> None:
    tokenizer.chat_template = template
    with pytest.raises(UserError, match=complaint) as caught:
        encode(example(), tokenizer, max_tokens=100)
    assert "example e1" in caught.value.what
    assert caught.value.remedy


def test_an_example_that_is_too_long_is_refused_not_cut(tokenizer: Any) -> None:
    with pytest.raises(UserError, match=r"\d+ tokens, more than student.max_tokens=10"):
        encode(example(), tokenizer, max_tokens=10)


def test_what_a_template_writes_after_the_end_token_is_not_trained(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    encoded = encode(example(), tokenizer, max_tokens=100)
    assert encoded.labels[-1] == tokenizer.eos_token_id
