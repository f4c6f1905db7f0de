"""Measures what asking until enough passed saves against asking everybody equally often: `python bench/quota.py`.

In: the mini recipe with its local teacher. The teacher answers every task so many times once; as replies are remembered by
their number, every other setting is a rerun that asks nothing new. Out, as Markdown: teacher tokens, accepted rows and covered
tasks of each setting; and, from the same answers, what other ways of sizing a round would have asked and waited for.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from pipeline.methods.quota import Attempts, Quota
from pipeline.recipe import load_recipe
from pipeline.records import Sample, Task
from pipeline.run import Run
from pipeline.settings import load_settings
from pipeline.stages.filter import filter_samples
from pipeline.stages.generate import generate
from pipeline.stages.harvest import Sieve
from pipeline.stages.select import select
from pipeline.tables import read_frame, read_rows

METHODS, INDUCTION = 4, 2
"""Methods of the mini recipe, all of which sample, and the place of the one whose tasks have but one right text each."""


@dataclass(frozen=True)
class Figures:
    """What one setting took and brought."""

    replies: int
    tokens_in: int
    tokens_out: int
    accepted: int
    covered: int
    asked_anew: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what a quota saves in teacher tokens.")
    parser.add_argument("--tasks", type=int, default=300, help="tasks of the mini world; three in five are word problems")
    parser.add_argument("--accept", type=int, default=2, help="answers that shall pass, and rows kept of a task")
    parser.add_argument("--at-most", type=int, default=16, help="answers asked for a task in any case")
    parser.add_argument("--data", help="folder for runs and replies; one that is removed afterwards unless said")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(measured(arguments, arguments.data or folder)))


def measured(arguments: argparse.Namespace, data: str) -> list[str]:
    """Both tables."""
    accept, at_most = arguments.accept, arguments.at_most
    most = mini_run(arguments, data, str(at_most))
    figures = {f"{at_most}": figures_of(most)}
    words = list(words_in_order(most))  # of the tables as they are now
    for limit in (at_most, at_most // 2, at_most // 4, accept):
        quota = f"{{accept: {accept}, at_most: {limit}}}"
        one = f"{{accept: 1, at_most: {limit}}}"
        figures[f"{limit}"] = figures_of(mini_run(arguments, data, str(limit)))
        if limit > accept:
            figures[quota] = figures_of(mini_run(arguments, data, quota))
            figures[f"{quota}, induction {one}"] = figures_of(mini_run(arguments, data, quota, one))
    anew = sum(each.asked_anew for each in figures.values())
    print(f"{anew} replies were asked anew after the first setting", file=sys.stderr)
    return [*comparison(figures), "", *rounds(words, Quota(accept=accept, at_most=at_most))]


def mini_run(arguments: argparse.Namespace, data: str, samples: str, induction: str = "") -> Run:
    """The mini recipe with `samples` for every method, or other ones for induction, ready to be run."""
    of_method = [induction or samples if number == INDUCTION else samples for number in range(METHODS)]
    changes = [f"methods.{number}.samples={each}" for number, each in enumerate(of_method)]
    changes += [f"source.limit={arguments.tasks}", f"methods.3.limit={max(1, arguments.tasks // 25)}"]  # the recipe's shares
    changes += [f"selection.per_task={arguments.accept}", "name=quota"]
    return Run(load_recipe("mini", changes), load_settings(data=data))


def figures_of(run: Run) -> Figures:
    """Runs up to the corpus and counts."""
    run.folder.mkdir(parents=True, exist_ok=True)

    async def all_stages() -> None:
        for stage in (generate, filter_samples, select):
            await stage(run)

    asyncio.run(all_stages())
    replies = read_frame(run.folder, "2_responses", ["tokens_in", "tokens_out"])
    corpus = read_frame(run.folder, "5_corpus", ["task_id"])
    tokens_in, tokens_out = replies.sum().row(0)
    return Figures(replies.height, tokens_in, tokens_out, corpus.height, corpus["task_id"].n_unique(), run.door.tally.asked)


def comparison(figures: dict[str, Figures]) -> list[str]:
    """Settings with their tokens, dearest first; saved is against the dearest."""
    dearest = max(figures.values(), key=lambda each: each.tokens_out)
    names = ("samples", "replies", "tokens out", "tokens in", "saved", "accepted rows", "covered tasks", "tokens out a row")
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for name, each in sorted(figures.items(), key=lambda item: -item[1].tokens_out):
        saved = f"{100 * (1 - each.tokens_out / dearest.tokens_out):.0f} %"
        counts = f"{each.replies:,} | {each.tokens_out:,} | {each.tokens_in:,} | {saved} | {each.accepted:,} | {each.covered:,}"
        lines.append(f"| `{name}` | {counts} | {each.tokens_out / each.accepted:.0f} |")
    return lines


Answers = list[tuple[bool, int]]
"""Of each answer to one task by one method, in their order: whether it counts, and its tokens."""


def words_in_order(run: Run) -> Iterator[Answers]:
    """The answers of a run that asked everybody equally often."""
    tasks = {task.id: task for task in read_rows(run.folder, "1_tasks", Task)}
    lengths = dict(read_frame(run.folder, "2_responses", ["key", "tokens_out"]).iter_rows())
    for task_id, of_task in groupby(read_rows(run.folder, "3_samples", Sample), key=lambda each: each.task_id):
        sieve = Sieve(run.recipe, tasks[task_id])
        judged = [(each, sieve(each)) for each in of_task]
        for _, of_method in groupby(judged, key=lambda each: each[0].method):
            yield [
                (word, lengths[sample.response_keys[0]])
                for sample, word in of_method
                if sample.view != "without_demonstrations"
            ]


Sizing = Callable[[Attempts, int], int]
"""How many to ask for in a later round, by what is known and how many are missing."""
SIZINGS: dict[str, Sizing | None] = {
    "one at a time": lambda so_far, missing: 1,
    "missing": lambda so_far, missing: missing,
    "missing ÷ rate, extra at most a quarter of those before": lambda so_far, missing: extra(so_far, missing, 4),
    "as it is: missing ÷ rate, extra at most a third of those before": None,
    "missing ÷ rate, extra at most half of those before": lambda so_far, missing: extra(so_far, missing, 2),
    "missing ÷ rate, extra at most as many as before": lambda so_far, missing: extra(so_far, missing, 1),
    "missing ÷ rate": lambda so_far, missing: needed(so_far, missing),
    "all the rest": lambda so_far, missing: 10**6,
}


def needed(so_far: Attempts, missing: int) -> int:
    """How many it takes at the share that passed so far."""
    return -(-missing * so_far.asked // max(so_far.passed, 1))


def extra(so_far: Attempts, missing: int, part: int) -> int:
    return max(missing, min(needed(so_far, missing), so_far.asked // part))


def rounds(words: list[Answers], quota: Quota) -> list[str]:
    """What each way of sizing the later rounds would have asked and waited for."""
    lines = ["| later rounds | replies | tokens out | more than needed | rounds a task | most |", "|---" * 6 + "|"]
    played = {name: [play(answers, quota, sizing) for answers in words] for name, sizing in SIZINGS.items()}
    least = sum(tokens for _, tokens, _ in played["one at a time"])
    for name, games in played.items():
        replies, tokens, times = (sum(each) for each in zip(*games, strict=True))
        most, more = max(each[2] for each in games), f"{100 * (tokens / least - 1):.1f} %"
        lines.append(f"| {name} | {replies:,} | {tokens:,} | {more} | {times / len(games):.2f} | {most} |")
    return lines


def play(answers: Answers, quota: Quota, sizing: Sizing | None) -> tuple[int, int, int]:
    """Replies, tokens and rounds it takes for one task."""
    so_far, times = Attempts(quota), 0
    while numbers := next_round(so_far, quota, sizing):
        so_far.passed += sum(word for word, _ in answers[numbers.start : numbers.stop])
        times += 1
    return so_far.asked, sum(tokens for _, tokens in answers[: so_far.asked]), times


def next_round(so_far: Attempts, quota: Quota, sizing: Sizing | None) -> range:
    missing = quota.accept - so_far.passed
    if sizing is None or so_far.asked == 0 or missing <= 0:
        return so_far.next_round()
    numbers = range(so_far.asked, min(so_far.asked + sizing(so_far, missing), quota.at_most))
    so_far.asked = numbers.stop
    return numbers


if __name__ == "__main__":
    main()
