"""Whether an instruction is unlike all there are: ROUGE-L up to 0.7 with each, as in Self-Instruct (arXiv 2212.10560).

In: instructions in the order in which they are judged. Out: a word on each; what is unlike joins those there are, so the same
instructions in the same order are judged alike. The work grows with the square of their number; see `filters.novel`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.answers.instructions import fault
from pipeline.errors import UserError
from pipeline.filters.novel import MOST_WORDS, Pool
from pipeline.records import Task
from pipeline.texts.rouge import rouge_words


class Novelty:
    """The instructions there are; no new one is more than `rouge` like another.

    Args:
        texts: those from the start, which may be alike.
        rouge: highest ROUGE-L F.
    """

    def __init__(self, texts: Iterable[str], rouge: float) -> None:
        self._pool, self._rouge = Pool(), rouge
        for text in texts:
            self._add(text)

    def refusal(self, text: str, about_form: bool = True) -> str:
        """Why an instruction is not taken in; empty where it is.

        Args:
            about_form: whether it must also keep the rules of Self-Instruct for a good instruction.
        """
        if about_form and (reason := fault(text)):
            return reason.partition(":")[0]
        words = rouge_words(text, MOST_WORDS)
        if not words:
            return "no words to compare"
        if self._pool.nearest("", words)[0] > self._rouge:
            return "too like an earlier one"
        self._add(text)
        return ""

    def _add(self, text: str) -> None:
        name = str(len(self._pool))
        self._pool.add(name, name, rouge_words(text, MOST_WORDS))


def distinct(tasks: Sequence[Task]) -> list[Task]:
    """The training tasks, the first of each instruction: those that may be shown, since what is made of them is trained on.

    Raises:
        UserError: there are none.
    """
    first: dict[str, Task] = {}
    for task in tasks:
        if task.split == "train":
            first.setdefault(task.prompt, task)
    if not first:
        raise UserError("none of the tasks to begin with is for training", "Lower source.dev_share, or look at source.limit.")
    return list(first.values())
