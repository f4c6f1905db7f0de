"""The tokenizer of the mini models: byte-level BPE, so any text can be encoded, with every digit a token of its own.

Out: an ordinary `transformers` tokenizer with a chat template that marks the assistant's words for training.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from pipeline.mini.lessons import STUDENT_MIX, TEACHER_MIX, lessons
from pipeline.mini.words import LIST_WORDS

VOCABULARY = 896
PAD, END = "<|pad|>", "<|end|>"
SPECIAL = (PAD, END, "<|system|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'assistant' %}"
    "<|assistant|>{% generation %}{{ message.content }}<|end|>{% endgeneration %}"
    "{% else %}{{ '<|' + message.role + '|>' }}{{ message.content }}<|end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CONTEXT = 2048
"""Tokens a prompt and its reply may have together; training saw far shorter ones."""


def build(seed: int = 0, examples: int = 20_000) -> PreTrainedTokenizerFast:
    """Trains the tokenizer on lessons of both models and returns it ready for `save_pretrained`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(seed, examples), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=list(SPECIAL[2:]),
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def save(folder: Path) -> PreTrainedTokenizerFast:
    """Builds the tokenizer and writes it to `folder`."""
    tokenizer = build()
    tokenizer.save_pretrained(folder)
    return tokenizer


def _texts(seed: int, examples: int) -> Iterator[str]:
    yield from ("\n".join(LIST_WORDS) for _ in range(examples // 4))  # whole tokens at the start of a line, too
    for mix in (TEACHER_MIX, STUDENT_MIX):
        for messages, reply in islice(lessons(mix, seed), examples):
            yield "\n".join([*(m["content"] for m in messages), reply])
