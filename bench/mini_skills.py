"""Measures how well a mini teacher does each of its skills; `make bench` writes the table into docs/mini.md.

In: a model and how many questions each exam has. Out: for each exam of `bench.exams` the share of right replies with Wilson's
95 % interval and the share that can be read, greedily and at the temperature at which the mini recipes ask.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for bench.exams, which is no package of ours

from bench.exams.catalogue import EXAMS, FAMILIES
from bench.exams.exam import Exam, Mark, Question
from pipeline.llm.request import Request, Sampling
from pipeline.records import Message
from pipeline.statistics import Proportion

if TYPE_CHECKING:
    from pipeline.llm.backends.decoding import Decoder

REPOSITORY = Path(__file__).resolve().parent.parent
QUESTIONS = 60
"""Of each exam."""
TOKENS_PER_BATCH = 24_000
"""Of prompts, by their length in characters."""
COLUMNS = ("skill", "asked by", "right is", "right, greedy", "read", "right, sampled", "read", "at")


@dataclass(frozen=True)
class Result:
    """How one exam went, in one way of sampling."""

    marks: tuple[Mark, ...]

    @property
    def right(self) -> Proportion:
        """Items that are right."""
        return Proportion(sum(mark.right for mark in self.marks), sum(mark.of for mark in self.marks))

    @property
    def read(self) -> Proportion:
        """Replies that can be read."""
        return Proportion(sum(mark.parsed for mark in self.marks), len(self.marks))


def main() -> None:
    from pipeline.llm.backends.decoding import Decoder

    parser = argparse.ArgumentParser(description="Measure what a mini teacher can do beside answering tasks.")
    parser.add_argument("--model", type=Path, default=REPOSITORY / "data/mini/teacher")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="of each exam")
    parser.add_argument("--only", nargs="*", default=list(EXAMS), help="names of exams")
    parser.add_argument("--show", type=int, default=0, help="print so many wrong replies of each exam")
    arguments = parser.parse_args()
    decoder = Decoder(str(arguments.model), "main", "float32", "cpu")
    print(measure(decoder, arguments.questions, arguments.only, arguments.show))


def measure(decoder: Decoder, questions: int = QUESTIONS, names: Sequence[str] = tuple(EXAMS), show: int = 0) -> str:
    """The table of these exams; each row is told as it is found."""
    results = {}
    for name in names:
        results[name] = examine(decoder, name, questions, show)
        print(_row(name, EXAMS[name], results[name]), file=sys.stderr, flush=True)
    return as_markdown(results)


def as_markdown(results: Mapping[str, Sequence[Result]]) -> str:
    """A row an exam, in the order of their families."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for family, exams in FAMILIES.items():
        there = [name for name in exams if name in results]
        lines += [f"| **{family}** |" + " |" * (len(COLUMNS) - 1)] if there else []
        lines += [_row(name, exams[name], results[name]) for name in there]
    return "\n".join(lines)


def _row(name: str, exam: Exam, results: Sequence[Result]) -> str:
    greedy, *sampled = results
    shown = [str(greedy.right), _percent(greedy.read)]
    shown += [str(sampled[0].right), _percent(sampled[0].read), str(exam.temperature)] if sampled else ["–", "–", "0"]
    return f"| {' | '.join([f'`{name}`', exam.used_by, exam.counts, *shown])} |"


def _percent(part: Proportion) -> str:
    return f"{100 * (part.share or 0):.0f}"


def examine(decoder: Decoder, name: str, count: int, show: int = 0) -> list[Result]:
    """One exam, greedily and, where its method samples, at that method's temperature."""
    exam, questions = EXAMS[name], EXAMS[name].questions(name, count)
    results = []
    for temperature in dict.fromkeys((0.0, exam.temperature)):
        texts = replies(decoder, questions, Sampling(temperature=temperature, max_tokens=exam.max_tokens))
        results.append(Result(tuple(question.mark(text) for question, text in zip(questions, texts, strict=True))))
        if show and not temperature:
            _show(name, questions, texts, results[-1].marks, show)
    return results


def _show(name: str, questions: Sequence[Question], texts: Sequence[str], marks: Sequence[Mark], most: int) -> None:
    wrong = [(each, text) for each, text, mark in zip(questions, texts, marks, strict=True) if mark.right < mark.of]
    for each, text in wrong[:most]:
        print(f"--- {name}\n{each.messages[-1]['content']}\n>>> wanted\n{each.right}\n>>> said\n{text}", file=sys.stderr)


def replies(decoder: Decoder, questions: Sequence[Question], sampling: Sampling) -> list[str]:
    """What the model says to each question."""
    requests = [
        Request(messages=tuple(Message(**turn) for turn in each.messages), sampling=sampling, sample=number)
        for number, each in enumerate(questions)
    ]
    return [reply.text or "" for batch in _batches(requests) for reply in decoder.answer(batch)]


def _batches(requests: Sequence[Request]) -> Iterator[list[Request]]:
    """As many at once as their prompts leave room for."""
    batch: list[Request] = []
    for each in requests:
        longest = max(len(message.content) for request in (*batch, each) for message in request.messages) // 3
        if batch and longest * (len(batch) + 1) > TOKENS_PER_BATCH:
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


if __name__ == "__main__":
    main()
