"""What is generated is what is trained, or the training does not start: each trap by a small template that springs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from pipeline.errors import UserError
from pipeline.records import Example, Message, Span
from pipeline.settings import REPOSITORY
from pipeline.student.proof import IGNORED, Encoded, encode, prove
from pipeline.student.tokens import token_counter
from tests.rows import make_sample

STUDENT = REPOSITORY / "data/mini/student"
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
ANSWER = "12+7=19. The answer is 19."
THOUGHT = f"<think>\nTwelve and seven.\n</think>\n\n{ANSWER}"


def example(answer: str = ANSWER, question: str = "What is 12+7?", **fields: Any) -> Example:
    messages = [Message(role="user", content=question), Message(role="assistant", content=answer)]
    tokens = sum(token_counter(str(STUDENT)).each([question, answer]))
    given = {"id": "e1", "sample_id": "s1", "task_id": "t1", "method": "m", "view": "v", "split": "train", "weight": 0.5}
    return Example(**given | {"messages": messages, "tokens": tokens} | fields)


@pytest.fixture
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(STUDENT)


def template(name: str) -> str:
    return (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")


def trained(encoded: Encoded, tokenizer: Any) -> str:
    assert all(label in (IGNORED, token) for token, label in zip(encoded.input_ids, encoded.labels, strict=True))
    return str(tokenizer.decode([label for label in encoded.labels if label != IGNORED]))


def marked(encoded: Encoded, tokenizer: Any) -> str:
    assert set(encoded.answer) <= {0, 1}
    return str(tokenizer.decode([token for token, is_in in zip(encoded.input_ids, encoded.answer, strict=True) if is_in]))


def span_of(part: str, text: str) -> Span:
    return Span(start=text.index(part), end=text.index(part) + len(part))


def refused(tokenizer: Any, *examples: Example, max_tokens: int = 200) -> UserError:
    with pytest.raises(UserError) as caught:
        prove(examples, tokenizer, max_tokens)
    assert caught.value.remedy
    return caught.value


def test_only_the_answer_and_the_end_token_are_trained(tokenizer: Any) -> None:
    encoded = encode(example(), tokenizer, max_tokens=100)
    assert trained(encoded, tokenizer) == f"{ANSWER}<|end|>"
    assert tokenizer.decode(encoded.input_ids) == f"<|user|>What is 12+7?<|end|><|assistant|>{ANSWER}<|end|>"
    assert (encoded.weight, encoded.pair, encoded.negative) == (0.5, None, False)
    assert encoded.answer == [0] * len(encoded.input_ids)


def test_the_prompt_is_what_the_student_reads_in_evaluation(tokenizer: Any) -> None:
    encoded = encode(example(), tokenizer, max_tokens=100)
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "What is 12+7?"}], add_generation_prompt=True)
    assert encoded.input_ids[: len(asked["input_ids"])] == asked["input_ids"]
    assert encoded.labels[: len(asked["input_ids"])] == [IGNORED] * len(asked["input_ids"])


@pytest.mark.parametrize("name", ["plain", "trims_edges", "two_end_tokens"])
def test_a_template_that_keeps_the_text_is_accepted(tokenizer: Any, name: str) -> None:
    tokenizer.chat_template = template(name)
    assert "generation %}" not in tokenizer.chat_template  # the mask is made without its markers
    for answer in (ANSWER, THOUGHT, f"{ANSWER}\n", "Say `<think>` and ```\n</think>\n```.", "é 😀 ½"):
        [encoded] = prove([example(answer)], tokenizer, 200)
        written = trained(encoded, tokenizer)
        assert written.startswith(answer.strip()) and written.endswith("<|end|>")
        assert re.fullmatch(r"\s*(<\|pad\|>\s*)?<\|end\|>", written.removeprefix(answer.strip()))


def test_what_a_template_writes_after_the_end_token_is_not_trained(tokenizer: Any) -> None:
    tokenizer.chat_template = template("plain")
    assert encode(example(), tokenizer, max_tokens=100).labels[-1] == tokenizer.eos_token_id


def test_reasoning_that_the_prompt_opens_is_trained_from_there(tokenizer: Any) -> None:
    tokenizer.chat_template = template("opens_reasoning")
    [encoded] = prove([example(THOUGHT, loss_spans=[span_of(THOUGHT, THOUGHT)])], tokenizer, 200)
    assert trained(encoded, tokenizer) == f"{THOUGHT.removeprefix('<think>' + chr(10))}<|end|>"
    assert tokenizer.decode(encoded.input_ids).count("<think>") == 1


@pytest.mark.parametrize(
    ("name", "answer", "complaint"),
    [
        ("empty_think", THOUGHT, "wraps the answer in an empty think block"),
        ("empty_think", ANSWER, "adds an empty think block to an answer that has none"),
        ("fills_think", ANSWER, "adds an empty think block to an answer that has none"),
        ("strips_reasoning", THOUGHT, "strips the reasoning of the answer, 'Twelve and seven.'"),
        ("doubles_reasoning", THOUGHT, "doubles the reasoning"),
        ("opens_reasoning", ANSWER, "renders the prompt differently once the answer follows"),
        ("no_generation_prompt", ANSWER, r"has no generation prompt: the student would have to write '<\|assistant\|>' itself"),
        ("two_steps", ANSWER, r"renders the prompt differently once the answer follows: .*\\n' becomes "),
        ("cuts_content", f"Let us see.\n{ANSWER}", r"changes the answer: 'Let us see.\\n"),
        ("words_first", ANSWER, "puts 'Reply: ' before the answer"),
        ("words_last", ANSWER, r"adds ' \(end of reply\)' after the answer"),
        ("no_end", ANSWER, r"does not end the answer with the end token '<\|end\|>'"),
    ],
)
def test_templates_that_spoil_the_training_text_are_refused(tokenizer: Any, name: str, answer: str, complaint: str) -> None:
    tokenizer.chat_template = template(name)
    error = refused(tokenizer, example(answer))
    assert error.what.startswith("example e1: the chat template ")
    assert re.search(complaint, error.what)
    assert "student.chat_template: FILE" in error.remedy


def test_a_template_that_fills_think_blocks_is_fine_for_answers_with_reasoning(tokenizer: Any) -> None:
    tokenizer.chat_template = template("fills_think")
    assert trained(encode(example(THOUGHT), tokenizer, 200), tokenizer) == f"{THOUGHT}<|end|>"


def test_line_breaks_before_the_answer_are_not_doubled_by_templates_that_write_their_own(tokenizer: Any) -> None:
    """As the corpus has a reply whose thoughts came apart from it; with the reply's own line breaks it would be refused."""
    tokenizer.chat_template = template("rejoins_reasoning")
    sample = make_sample(target=f"\n\n{ANSWER}", reasoning="\nTwelve and seven.\n\n")
    assert trained(encode(example(sample.full_target), tokenizer, 200), tokenizer) == f"{THOUGHT}<|end|>"
    assert "changes the answer" in refused(tokenizer, example(THOUGHT.replace(ANSWER, sample.target))).what


def test_a_template_that_cannot_render_a_conversation_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = "{{ raise_exception('no system message, please') }}"
    assert "example e1: the chat template cannot render it: no system message, please" in refused(tokenizer, example()).what


def test_a_tokenizer_without_a_chat_template_is_told_what_one_holds(tokenizer: Any) -> None:
    tokenizer.chat_template = None
    error = refused(tokenizer, example())
    assert "has no chat template" in error.what
    assert "student.chat_template: FILE" in error.remedy and "add_generation_prompt" in error.remedy


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (f"Twelve and seven.\n</think>\n\n{ANSWER}", "has no opening tag <think>: 'Twelve and seven."),
        (f"<think>\nTwelve and seven.\n\n{ANSWER}", "has no closing tag </think>"),
        (f"<think>\n\n</think>\n\n{ANSWER}", "is empty"),
        (f"<think>\nOne.\n</think>\n\n{THOUGHT}", "is doubled: a second <think> in "),
        (f"<think>\n{THOUGHT}", "is doubled"),
        (f"{ANSWER}\n<think>\nOr is it?\n</think>", "does not stand before the answer"),
    ],
)
def test_reasoning_that_is_not_there_once_and_whole_is_refused(tokenizer: Any, answer: str, complaint: str) -> None:
    assert f"example e1: the reasoning {complaint}" in refused(tokenizer, example(answer)).what


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["7=19"], "7=19"),
        (["12+7", " is 19."], "12+7 is 19.<|end|>"),  # it reaches the end, so the end token is learned too
        (["nswer"], " answer"),  # the token is learned whole
        (["The"], " The"),
    ],
)
def test_of_the_answer_the_spans_are_trained(tokenizer: Any, parts: list[str], expected: str) -> None:
    spans = [span_of(part, ANSWER) for part in parts]
    assert trained(encode(example(loss_spans=spans), tokenizer, 100), tokenizer) == expected


def test_spans_are_counted_from_the_message_even_where_a_template_trims_it(tokenizer: Any) -> None:
    tokenizer.chat_template = template("trims_edges")
    answer = f"\n  {ANSWER}\n"
    encoded = encode(
        example(answer, loss_spans=[span_of("is 19.", answer)], answer_span=span_of("19.", answer)), tokenizer, 100
    )
    assert trained(encoded, tokenizer) == " is 19.<|end|>"


def test_a_span_over_every_byte_of_a_character_takes_all_its_tokens(tokenizer: Any) -> None:
    answer = "So 😀\nit is."
    encoded = encode(example(answer, loss_spans=[span_of("😀\n", answer)]), tokenizer, 100)
    assert trained(encoded, tokenizer).strip(" ") == "😀\n"


def test_blanks_that_a_tokenizer_counts_to_no_token_are_trained_with_theirs(tokenizer: Any) -> None:
    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)  # as GPT-2 and many after it
    answer = "So: 19."  # the blank before a number is a token of its own
    assert trained(encode(example(answer, loss_spans=[span_of(" ", answer)]), tokenizer, 100), tokenizer) == " "


def test_the_answer_span_marks_its_tokens(tokenizer: Any) -> None:
    last = Span(start=len(ANSWER) - 3, end=len(ANSWER) - 1)
    encoded = encode(example(answer_span=last, pair="p", negative=True), tokenizer, 100)
    assert marked(encoded, tokenizer) == "19"
    assert encoded.answer[-4:] == [1, 1, 0, 0]  # one token a digit, then the full stop and the end token
    assert (encoded.pair, encoded.negative) == ("p", True)
    assert trained(encoded, tokenizer) == f"{ANSWER}<|end|>"


@pytest.mark.parametrize(
    ("field", "span", "complaint"),
    [
        ("loss_spans", Span(start=20, end=99), "loss span 20 to 99 is not inside the answer's 26 characters"),
        ("loss_spans", Span(start=4, end=4), "loss span 4 to 4 is not inside"),
        ("answer_span", Span(start=-1, end=4), "answer span -1 to 4 is not inside"),
    ],
)
def test_spans_that_cover_nothing_are_refused(tokenizer: Any, field: str, span: Span, complaint: str) -> None:
    given: Any = [span] if field == "loss_spans" else span
    assert f"example e1: {complaint}" in refused(tokenizer, example(**{field: given})).what


def test_a_span_that_the_prompt_has_written_already_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = template("opens_reasoning")
    error = refused(tokenizer, example(THOUGHT, loss_spans=[span_of("<think>", THOUGHT)]))
    assert "loss span 0 to 7, '<think>', covers no token that is trained" in error.what


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_text_that_looks_like_a_special_token_is_refused(tokenizer: Any, role: str) -> None:
    odd = "Then write <|end|> and stop."
    error = refused(tokenizer, example(odd) if role == "assistant" else example(question=odd))
    assert error.what.startswith(f"example e1: the {role}'s message contains '<|end|>'")
    assert "no_template_words" in error.remedy


def test_a_corpus_of_another_tokenizer_is_refused(tokenizer: Any) -> None:
    error = refused(tokenizer, example(tokens=example().tokens + 1))
    assert re.search(r"example e1: 24 tokens where this student's tokenizer .* counts 23", error.what)
    assert "make filter RECIPE=… STUDENT=…" in error.remedy


def test_an_example_that_is_too_long_is_refused_not_cut(tokenizer: Any) -> None:
    assert "example e1: 27 tokens, more than student.max_tokens=26" in refused(tokenizer, example(), max_tokens=26).what
    assert len(encode(example(), tokenizer, max_tokens=27).input_ids) == 27  # 23, and four of the template


def test_a_corpus_without_training_examples_is_refused(tokenizer: Any) -> None:
    assert "none of its 1 examples is of the split train" in refused(tokenizer, example(split="dev")).what
    assert "none of its 0 examples" in refused(tokenizer).what


def test_the_one_bad_example_of_many_is_named(tokenizer: Any) -> None:
    many = [example(f"The answer is {n}.", id=f"e{n}") for n in range(700)]
    assert [each.weight for each in prove(many, tokenizer, 100)] == [0.5] * 700
    many[650] = example("<think>\n</think>\n\nNo.", id="odd")
    assert refused(tokenizer, *many).what.startswith("example odd: ")


def words_tokenizer(**words: Any) -> Any:
    """A tokenizer of whole words, which knows few of them."""
    known = ["<unk>", "<|end|>", "<|user|>", "<|assistant|>", "What", "is", "it", "?", "Nine", "."]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(known)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"eos_token": "<|end|>", "unk_token": "<unk>", "additional_special_tokens": ["<|user|>", "<|assistant|>"]}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template("plain"), **special | words)


def test_a_tokenizer_that_loses_text_is_refused() -> None:
    with pytest.raises(UserError, match=r"example e1: the tokenizer changes the text: .*Ten\.<\|end\|>' becomes .*<unk>"):
        encode(example("Ten.", "What is it?"), words_tokenizer(), 100)


def test_a_tokenizer_without_an_end_token_is_refused() -> None:
    with pytest.raises(UserError, match="has no end token"):
        encode(example("Nine.", "What is it?"), words_tokenizer(eos_token=None), 100)


def blank_first_tokenizer() -> Any:
    """A tokenizer that puts a blank before every text, as Llama 2's does, so that pieces apart have one more than the whole."""
    characters = ["<unk>", "<|end|>", "▁", *sorted(set("What is 12+7?12+7=19. The answer is 19.[]/IS") - {" "})]
    model = models.BPE({each: number for number, each in enumerate(characters)}, [], unk_token="<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    turns = (
        "{% for message in messages %}{% if message.role == 'user' %}[IS] {{ message.content }} [/IS]"
        "{% else %}{{ message.content }}<|end|>{% endif %}{% endfor %}"
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=turns, eos_token="<|end|>", unk_token="<unk>")


def test_a_tokenizer_that_begins_texts_with_a_blank_keeps_the_text_and_the_spans() -> None:
    tokenizer = blank_first_tokenizer()
    encoded = encode(example(loss_spans=[span_of("is 19.", ANSWER)]), tokenizer, 100)
    assert tokenizer.decode(encoded.input_ids) == f"[IS] What is 12+7? [/IS]{ANSWER}<|end|>"
    assert trained(encoded, tokenizer) == "is 19.<|end|>"
    read = len(tokenizer.encode("[IS] What is 12+7? [/IS]", add_special_tokens=False))
    assert tokenizer.decode(encode(example(), tokenizer, 100).input_ids[read:]) == f"{ANSWER}<|end|>"
