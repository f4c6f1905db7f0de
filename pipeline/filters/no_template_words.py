"""Keeps replies into which nothing leaked of the prompt around the question: template words, placeholders, chat marks.

The words are those by which WizardLM eliminates an evolved instruction that copies its evolver's prompt; they are looked for in
what the student reads, too, since there an evolved instruction lies. Marks such as <|im_start|> would reach the student as
control tokens, in code as well. What the question itself says is no leak, nor is a placeholder or a heading in code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task

WORDS = (
    "given prompt", "rewritten prompt", "created prompt", "rewritten instruction", "evolved instruction", "prompt rewriter",
    "#Given Prompt#", "#The Given Prompt#", "#Rewritten Prompt#", "#Created Prompt#", "#New Prompt#",
)  # fmt: skip
CHAT_MARK = re.compile(
    r"<\|[A-Za-z0-9_]{2,40}\|>"  # ChatML, Llama 3, Phi and most others
    r"|<｜[^\s｜]{2,40}｜>"  # DeepSeek
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|<</?SYS>>"  # Llama 2, Mistral
    r"|</?(?:start_of_turn|end_of_turn|bos|eos|pad|unk)>|<(?:start|end)_of_turn>"  # Gemma
    r"|\A\s*<s>|</s>\s*\Z"  # the first and last token of Llama; elsewhere HTML's strikethrough
)
HEADING = re.compile(r"^### ?(?:Instruction|Response|Human|Assistant|User|System):", flags=re.MULTILINE)
"""Alpaca's and Vicuna's marks; `## Instructions:` and `### Input:` are headings as people write them."""
PLACEHOLDER = re.compile(
    r"(?<![\w^}{\\$]){{-? {0,4}[A-Za-z_][\w.]{0,60} {0,4}-?}}(?!})"  # LaTeX has its double braces after ^, _, } or a letter
    r"|(?<![\w^}{\\$]){(?:prompt|instruction|question|context|input|response|output|demonstrations?)}(?!})"
    r"|{%-? {0,4}(?:if|for|block|endif|endfor|endblock|else|set)\b[^%\n]{0,80}%}"
)
CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", flags=re.DOTALL)


class NoTemplateWords(RowFilter):
    """No word of a template, no mark of a chat template, no placeholder that was not filled in."""

    source: ClassVar[str] = "WizardLM (Xu et al. 2023, arXiv 2304.12244), elimination evolving"
    filter: Literal["no_template_words"]
    """Nothing leaked out of a template."""
    words: tuple[Annotated[str, StringConstraints(strip_whitespace=True, min_length=3)], ...] = WORDS
    """Words of templates, in any case; the list replaces this one."""

    def judge(self, task: Task, sample: Sample) -> Word:
        question = f"{task.context}\n{task.prompt}"
        for reason, phrase, where in self._found(sample):
            if phrase.lower() not in question.lower():
                return drop(reason, detail=f"{phrase.strip()[:80]!r} in the {where}")
        return keep("nothing of a template")

    def _found(self, sample: Sample) -> Iterator[tuple[str, str, str]]:
        """Whatever may be a leak: the reason, the phrase, and in which text it stands."""
        read = "\n".join(message.content for message in sample.messages).lower()
        written = {"reply": sample.target, "reasoning": sample.reasoning or ""}
        for where, text in [("question", read), *((name, text.lower()) for name, text in written.items())]:
            yield from (("words of a template", word, where) for word in self.words if word.lower() in text)
        for where, text in written.items():
            prose = CODE.sub(" ", text)
            yield from (("a mark of a chat template", mark, where) for mark in _chat_marks(text, prose))
            yield from (("an unfilled placeholder", found.group(), where) for found in PLACEHOLDER.finditer(prose))


def _chat_marks(text: str, prose: str) -> Iterator[str]:
    """The marks in a text, and the headings in what of it is no code; a pair of `<s>` and `</s>` strikes out."""
    is_struck = "<s>" in text and "</s>" in text
    marks = (found.group() for found in CHAT_MARK.finditer(text))
    yield from (mark for mark in marks if not (is_struck and mark.strip() in ("<s>", "</s>")))
    yield from (found.group() for found in HEADING.finditer(prose))
