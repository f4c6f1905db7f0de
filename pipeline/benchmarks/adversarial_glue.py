"""AdvGLUE: five tasks of GLUE whose sentences were changed by attacks that fool models and not people; 738 public items.

https://github.com/AI-secure/adversarial-glue (data/dev_ann or dev.json), CC BY-SA 4.0. The file is an object of six lists:

    {"sst2": [{"idx": 0, "sentence": "it 's an uneven treat that bores fun at the democratic exercise while …", "label": 1}, …],
     "qqp": [{"question1": …, "question2": …}, …], "mnli": [{"premise": …, "hypothesis": …}, …], "mnli-mm": …,
     "qnli": [{"question": …, "sentence": …}, …], "rte": [{"sentence1": …, "sentence2": …}, …]}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from typing import Any, ClassVar, Literal, NamedTuple

from pipeline.benchmarks.published import Published, Revision
from pipeline.benchmarks.rows import Row, file_rows, hub_rows


class Subtask(NamedTuple):
    """One task of GLUE, as a question."""

    config: str
    """What the hub calls it."""
    question: str
    """How it is asked; fields of the row in braces."""
    answers: tuple[str, ...]
    """The answer for each label."""


NLI = "Premise: {premise}\nHypothesis: {hypothesis}\nIs this entailment, neutral or contradiction?"
INFERENCES = ("entailment", "neutral", "contradiction")
SUBTASKS = {
    "sst2": Subtask(
        "adv_sst2", "Sentence: {sentence}\nIs its sentiment negative or positive?", ("negative", "positive")
    ),
    "qqp": Subtask(
        "adv_qqp", "Question 1: {question1}\nQuestion 2: {question2}\nDo both ask the same? Answer yes or no.", ("no", "yes")
    ),
    "mnli": Subtask("adv_mnli", NLI, INFERENCES),
    "mnli-mm": Subtask("adv_mnli_mismatched", NLI, INFERENCES),
    "qnli": Subtask(
        "adv_qnli",
        "Question: {question}\nSentence: {sentence}\nDoes the sentence answer the question? Answer yes or no.",
        ("yes", "no"),
    ),
    "rte": Subtask(
        "adv_rte",
        "Premise: {sentence1}\nHypothesis: {sentence2}\nDoes the hypothesis follow from the premise? Answer yes or no.",
        ("yes", "no"),
    ),
}  # fmt: skip


class AdversarialGlue(Published):
    """Sentiment, paraphrase and inference under attack; a task's `subtask` says which, and they take turns."""

    source: ClassVar[str] = (
        "Wang et al. 2021, arXiv 2111.02840; AI-secure/adversarial-glue, CC BY-SA 4.0; on the hub AI-Secure/adv_glue"
    )
    template: ClassVar[str] = "benchmark/label"
    dataset: ClassVar[str] = "AI-Secure/adv_glue"
    part: ClassVar[str] = "validation"
    kind: ClassVar[str] = "adversarial_glue"
    benchmark: Literal["adversarial_glue"]
    """Tasks of GLUE under attack."""
    revision: Revision = "e1abda026f687e917a8d9895469194736ebe872c"

    def rows(self) -> Iterator[Row]:
        return file_rows(self.path) if self.path else self._hub_rows()

    def _hub_rows(self) -> Iterator[Row]:
        """The subtasks' rows in turn, as those of the file are."""
        parts = (self._hub_part(name, each.config) for name, each in SUBTASKS.items())
        return (row for row in chain.from_iterable(zip_longest(*parts)) if row is not None)

    def _hub_part(self, name: str, config: str) -> Iterator[Row]:
        for place, row in hub_rows(self.dataset, config, self.part, self.revision):
            yield place, {**row, "subtask": name}

    def fields(self, row: Mapping[str, Any]) -> dict[str, Any]:
        subtask = SUBTASKS[row["subtask"]]
        label = row["label"]
        if type(label) is not int or not 0 <= label < len(subtask.answers):
            raise ValueError(f"label is {label!r}, none of 0 to {len(subtask.answers) - 1}")
        choices = None if "yes" in subtask.answers else list(subtask.answers)
        return {
            "prompt": subtask.question.format_map(row),
            "answer": subtask.answers[label],
            "choices": choices,
            "extra": {"subtask": row["subtask"]},
        }
