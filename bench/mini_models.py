"""Measures the mini teacher and student and writes the figures into docs/mini.md: `make bench`.

In: the shipped models and the test tasks of the mini world, none of which they trained on. Out, per model: on word problems the
share of samples at temperature 0.7 that are right, pass@8, and greedy accuracy by number of steps; greedy accuracy on every
kind, on `ood`, on stories of one step, and on phrasings that no model trained on. Of the teacher, how well it does what methods
ask beside answering tasks (`mini_skills`).
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for bench.mini_skills, which is in no package of ours

from bench import mini_skills
from bench.exams.answering import TEMPLATES
from pipeline.answers.grading import grade
from pipeline.llm.backends.decoding import Decoder
from pipeline.llm.request import Request, Sampling
from pipeline.mini.item import Item
from pipeline.mini.phrasings import phrase_unseen
from pipeline.mini.world import items, problem_item
from pipeline.prompts import render
from pipeline.records import Message, Task
from pipeline.sources.mini import EVALUATION_SEED, to_task

GREEDY = Sampling(temperature=0, max_tokens=200)
WARM = Sampling(temperature=0.7, max_tokens=200)
BATCH = 128
REPOSITORY = Path(__file__).resolve().parent.parent
MODELS, PAGE = REPOSITORY / "data/mini", REPOSITORY / "docs/mini.md"
BLOCK = r"(<!-- figures: {} -->\n).*?(<!-- end -->)"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the mini models.")
    parser.add_argument("--models", nargs="*", type=Path, default=[MODELS / "teacher", MODELS / "student"])
    parser.add_argument("--items", type=int, default=500, help="test items; three in five are word problems")
    parser.add_argument("--samples", type=int, default=8, help="samples of each word problem at temperature 0.7")
    parser.add_argument("--questions", type=int, default=mini_skills.QUESTIONS, help="of each exam in a skill; 0 for none")
    parser.add_argument("--print", action="store_true", help="print the figures and leave docs/mini.md as it is")
    arguments = parser.parse_args()
    decoders = {folder.name: Decoder(str(folder), "main", "float32", "cpu") for folder in arguments.models}
    measured = {name: measure(decoder, arguments.items, arguments.samples) for name, decoder in decoders.items()}
    figures = {"models": as_markdown(measured)}
    if "teacher" in decoders and arguments.questions:
        figures["skills"] = mini_skills.measure(decoders["teacher"], arguments.questions)
    print("\n\n".join(figures.values()))
    if not arguments.print:
        PAGE.write_text(_with_figures(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")


def _with_figures(page: str, figures: dict[str, str]) -> str:
    """The page with each table between its markers."""
    for name, table in figures.items():
        block = re.compile(BLOCK.format(name), flags=re.DOTALL)
        page = block.sub(lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}", page)
    return page


def as_markdown(measured: dict[str, dict[str, str]]) -> str:
    """A row a figure, a column a model."""
    names = list(measured)
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    rows = list(dict.fromkeys(name for figures in measured.values() for name in figures))
    lines += [f"| {row} | {' | '.join(measured[name].get(row, '–') for name in names)} |" for row in rows]
    return "\n".join(lines)


def measure(decoder: Decoder, size: int, samples: int) -> dict[str, str]:
    """All figures of one model, ready to be shown."""
    test, ood = ([to_task(item, split) for item in islice(items(split, EVALUATION_SEED), size)] for split in ("test", "ood"))
    problems = [task for task in test if task.kind == "word_problem"]
    started, before = time.monotonic(), decoder.tokens_out
    right, different = sampled(decoder, problems, samples)
    seconds = time.monotonic() - started
    figures = {
        "word problems sampled at 0.7": share([each for task in right for each in task]),
        f"word problems, pass@{samples}": share([any(task) for task in right]),
        "word problems, different right texts of one task": f"{different:.2f}",
        "tokens sampled a second": f"{(decoder.tokens_out - before) / seconds:.0f}",
    }
    single = [to_task(item, "test") for item in islice(_single_steps(), 200)]
    figures |= {f"stories of one step: {name}": value for name, value in greedy(decoder, single, "kind").items()}
    figures |= {f"test, greedy: {name}": value for name, value in greedy(decoder, test, "kind").items()}
    figures |= {f"test, greedy, steps: {name}": value for name, value in greedy(decoder, problems, "steps").items()}
    figures |= {f"ood, greedy: {name}": value for name, value in greedy(decoder, ood, "kind").items()}
    unseen = greedy(decoder, test, "kind", unseen=True)
    return figures | {f"test, greedy, unseen phrasing: {name}": value for name, value in unseen.items()}


def _single_steps() -> Iterator[Item]:
    """Stories of one step that are kept for testing."""
    numbers = count(0)
    drawn = (problem_item(random.Random(f"single/{number}"), 1) for number in numbers)
    return (item for item in drawn if item.held_out)


def ask(decoder: Decoder, requests: list[Request]) -> list[str]:
    """Replies in the order of the requests."""
    texts: list[str] = []
    for start in range(0, len(requests), BATCH):
        texts += [reply.text or "" for reply in decoder.answer(requests[start : start + BATCH])]
    return texts


def sampled(decoder: Decoder, tasks: list[Task], samples: int) -> tuple[list[list[bool]], float]:
    """Whether each sample of each task is right, and how many different right texts a task has on average."""
    requests = [
        Request(messages=render(TEMPLATES[task.kind], task).messages, sampling=WARM, sample=number)
        for task in tasks
        for number in range(samples)
    ]
    texts = ask(decoder, requests)
    groups = [texts[start : start + samples] for start in range(0, len(texts), samples)]
    graded = [[(text, grade(task, text).correct is True) for text in group] for task, group in zip(tasks, groups, strict=True)]
    different = sum(len({text for text, correct in group if correct}) for group in graded) / len(graded)
    return [[correct for _, correct in group] for group in graded], different


def greedy(decoder: Decoder, tasks: list[Task], by: str, unseen: bool = False) -> dict[str, str]:
    """Greedy accuracy for each value of `by`."""
    texts = ask(decoder, [Request(messages=_messages(task, unseen), sampling=GREEDY) for task in tasks])
    right: dict[str, list[bool]] = defaultdict(list)
    for task, text in zip(tasks, texts, strict=True):
        right[str(task.kind if by == "kind" else task.extra[by])].append(grade(task, text).correct is True)
    return {name: share(values) for name, values in sorted(right.items())}


def _messages(task: Task, unseen: bool) -> tuple[Message, ...]:
    if not unseen:
        return render(TEMPLATES[task.kind], task).messages
    body = f"{task.context}\n{task.prompt}" if task.context else task.prompt
    return tuple(Message(**turn) for turn in phrase_unseen(random.Random(task.id), task.kind, body))


def share(values: list[bool]) -> str:
    return f"{100 * sum(values) / len(values):.1f} % of {len(values)}"


if __name__ == "__main__":
    main()
