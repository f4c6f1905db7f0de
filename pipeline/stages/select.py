"""Verdicts to corpus: the samples that passed, as many as the recipe wants, in `5_corpus`, and beside it what to compare with.

The control is as many samples of each method, drawn from all of them as if there were no filters: what filtering is worth can
then be measured. So can what rationales are worth, by the corpus's questions with bare answers. Splits were decided by task
before anything was sampled, so no task is in two. What is chosen is decided over narrow columns; the texts are passed over
once, to write them down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby, islice

import polars as pl

from pipeline.errors import UserError
from pipeline.filters.verdicts import filter_names
from pipeline.identity import code_hash, content_hash, file_hash, short_id
from pipeline.publication import Publication
from pipeline.records import Example, Message, Sample, Task
from pipeline.run import Run
from pipeline.shards import stop_if_interrupted, tasks_and_samples
from pipeline.stages.baselines import GOLD, LABELS, TEACHER, label_samples
from pipeline.stages.choosing import RANK, capped, control_of, ranked, within_rows, within_tokens
from pipeline.stages.likeness import Likeness
from pipeline.student.tokens import token_counter, tokenizer_hash
from pipeline.tables import CORPORA, check_table, made_of, readable, remove_tables, table_path
from pipeline.terminal import complain

COUNTED = 500
"""Examples whose tokens are counted at a time."""
NAME = pl.Categorical()
"""Of methods, views, kinds and sources: there are few, and many samples."""


async def select(run: Run) -> None:
    """Makes the four tables students learn from, unless they follow from the same tables, recipe and code as before.

    Those of bare answers are not made where no task has one.

    Raises:
        UserError: the tables before are not there or do not belong together, or nothing passed the filters.
    """
    name = _name(run)
    there = [table for table in CORPORA if table not in LABELS or table_path(run.folder, table).exists()]
    if {made_of(run.folder, table) for table in there} == {name}:
        return
    samples = _samples(run)
    chosen = _choose(run, samples.filter("passed"), len(samples))
    if not (chosen["split"] == "train").any():
        raise _nothing_to_train_on(run, len(samples), int(samples["passed"].sum()), len(chosen))
    control = control_of(samples, chosen.filter(pl.col("split") == "train"), run.recipe.selection.seed)
    wanted = {"5_corpus": _marks(chosen, len(samples)), "5_control": _marks(control, len(samples))}
    labels = _label_tables(chosen)
    del samples, chosen, control
    with Publication(run.folder, *labels, *wanted, made_of=name) as new:  # in this order, lest one without labels looks whole
        _forget_evaluation(run)
        for some_rows in _texts(run, *wanted.values()):
            _write(run, new, some_rows, wanted)
            made = label_samples((task, sample) for row, task, sample in some_rows if wanted["5_corpus"][row])
            for table in labels:
                for each in examples(made[table], run.recipe.student.model):
                    new[table].append(each)
    remove_tables(run.folder, *[table for table in LABELS if table not in labels])


def _forget_evaluation(run: Run) -> None:
    """Removes the grades of students of another corpus, and says so."""
    if table_path(run.folder, "6_evaluation").exists():
        complain(f"note: the evaluation in {run.folder} was of another corpus, and goes: `make train` makes it anew")
    remove_tables(run.folder, "6_items", "6_evaluation")


def _write(run: Run, new: Publication, rows: list[tuple[int, Task, Sample]], wanted: dict[str, bytearray]) -> None:
    """Adds samples to the tables whose marks name their rows."""
    trained = examples([(sample, task.split) for _, task, sample in rows], run.recipe.student.model)
    for (row, _, _), each in zip(rows, trained, strict=True):
        for table in [table for table, marks in wanted.items() if marks[row]]:
            new[table].append(each)


def _label_tables(chosen: pl.DataFrame) -> list[str]:
    """The tables of bare answers that will hold something to train on; says which will not."""
    train = chosen.filter((pl.col("split") == "train") & ~pl.col("negative"))
    columns = {GOLD: ("solved", "right answer is known"), TEACHER: ("answered", "answer of the teacher is compared")}
    tables = [table for table in LABELS if train[columns[table][0]].any()]
    for table in LABELS:
        if table not in tables:
            complain(f"note: there is no {table}, since of no task in the corpus the {columns[table][1]}")
    return tables


def _nothing_to_train_on(run: Run, samples: int, passed: int, chosen: int) -> UserError:
    if passed and not chosen:
        return UserError(
            f"{run.folder}: {passed} of {samples} samples passed, and the selection takes none of them",
            "Raise its budget, or loosen its caps.",
        )
    if chosen:
        return UserError(
            f"{run.folder}: {chosen} samples passed, and all of them are of the split dev",
            "Give more tasks, or a lower source.dev_share.",
        )
    return UserError(
        f"{run.folder}: none of {samples} samples passed all filters, so there is nothing to train on",
        f"See why with `distill status {run.recipe.name}`; then mend the prompts, the filters or selection.unverifiable.",
    )


def _name(run: Run) -> str:
    """Names all that the corpus follows from."""
    tables = ("1_tasks", "3_samples", "4_verdicts")
    for table in tables:
        check_table(run.folder, table)
    files = [file_hash(table_path(run.folder, table)) for table in tables]
    student = tokenizer_hash(run.recipe.student.model)
    return content_hash(files, run.recipe.selection.model_dump(mode="json"), student, code_hash())


def _samples(run: Run) -> pl.DataFrame:
    """What selection decides by, a row a sample, in order: row, id, task (its number), method, view, kind, source, split,
    empty, negative, solved (whether the task's answer is known), answered (whether the sample's is), passed, and the scores it
    needs."""
    path, selection = table_path(run.folder, "4_verdicts"), run.recipe.selection
    with readable(path):
        verdicts = pl.scan_parquet(path)
        refused = verdicts.filter(pl.col("decision").is_in(selection.refused))
        rejected = refused.select(id="sample_id").unique().with_columns(passed=False).collect(engine="streaming")
        scores = {name: _scores(verdicts, name) for name in selection.score_filters}
    with readable(table_path(run.folder, "3_samples")):
        tasks = pl.scan_parquet(table_path(run.folder, "1_tasks")).select(
            "split", "kind", "source", task_id="id", solved=_says("answer")
        )
        samples = pl.scan_parquet(table_path(run.folder, "3_samples"), row_index_name="row").select(
            "row", "id", "task_id", "method", "view", "negative", empty=~_says("target"), answered=_says("answer")
        )
        joined = samples.join(tasks, on="task_id", how="left", maintain_order="left").with_columns(
            pl.col("task_id").rle_id().alias("task"), pl.col("method", "view", "split", "kind", "source").cast(NAME)
        )
        for frame in (rejected, *scores.values()):
            joined = joined.join(frame.lazy(), on="id", how="left", maintain_order="left")
        found = joined.drop("task_id").with_columns(pl.col("passed").fill_null(True)).collect(engine="streaming")
    _check_verdicts(run, found)
    return found


def _says(column: str) -> pl.Expr:
    """Whether a text is there and not blank."""
    return pl.col(column).fill_null("").str.strip_chars() != ""


def _scores(verdicts: pl.LazyFrame, name: str) -> pl.DataFrame:
    """Columns id and the filter's name: its score of each sample it gave one to.

    Raises:
        UserError: it gave none.
    """
    scored = verdicts.filter((pl.col("filter") == name) & pl.col("score").is_not_null())
    scores = scored.select(pl.col("score").alias(name), id="sample_id").unique("id").collect(engine="streaming")
    if scores.is_empty():
        raise UserError(
            f"selection: it needs the scores of {name}, which gave none",
            "Rank by a filter whose verdicts have a score, and run `distill filter` after adding one.",
        )
    return scores


def _check_verdicts(run: Run, samples: pl.DataFrame) -> None:
    """Makes sure that the verdicts speak of these samples, and that those which judge every sample judged each.

    Raises:
        UserError: some are missing, or speak of samples that are not there.
    """
    path = table_path(run.folder, "4_verdicts")
    with readable(path):
        verdicts = pl.scan_parquet(path).select("filter", name=pl.col("sample_id").hash())
        known = samples.lazy().select(name=pl.col("id").hash()).unique()
        strangers = verdicts.join(known, on="name", how="anti").select(pl.len()).collect(engine="streaming").item()
        counts = dict(verdicts.group_by("filter").agg(pl.col("name").n_unique()).collect(engine="streaming").iter_rows())
    remedy = f"Remove it, and make it again with `distill filter {run.recipe.name}`; what was judged is not judged again."
    if strangers:
        raise UserError(f"{path}: {strangers} verdicts are of samples that are not in 3_samples", remedy)
    distinct = samples["id"].n_unique()
    for condition, name in zip(run.recipe.filters, filter_names(run.recipe.filters), strict=True):
        if condition.judges_every_sample and counts.get(name, 0) != distinct:
            raise UserError(
                f"{path}: {name} judged {counts.get(name, 0)} of {distinct} samples, so verdicts are missing", remedy
            )


def _choose(run: Run, passed: pl.DataFrame, rows: int) -> pl.DataFrame:
    """The samples of the corpus; those of dev are cut to the same share as those of train.

    Args:
        rows: how many samples there are in all.
    """
    selection = run.recipe.selection
    if selection.ranks:
        passed = ranked(passed, selection)
    passed = capped(passed, selection)
    if not (selection.rows or selection.tokens or selection.diversity):
        return passed
    train, dev = (passed.filter(pl.col("split") == split) for split in ("train", "dev"))
    chosen = _within_budget(run, train, rows)
    share = len(chosen) / max(1, len(train))
    some = dev.filter(pl.col(RANK).rank("ordinal") <= round(share * len(dev)))
    return pl.concat([chosen, some]).sort("row")


def _within_budget(run: Run, train: pl.DataFrame, rows: int) -> pl.DataFrame:
    """The best training samples that fit the budget and are unlike each other."""
    selection = run.recipe.selection
    with ExitStack() as stack:

        def unlike(order: list[int], wanted: int | None) -> list[int]:
            if likeness is None or selection.diversity is None:
                return order[:wanted]
            return likeness.unlike(order, wanted, selection.diversity.max_similarity)

        likeness = None
        if selection.diversity:
            likeness = stack.enter_context(Likeness(train["row"], selection.diversity.dimensions, run.folder))
            for some in _texts(run, _marks(train, rows)):
                for row, _, sample in some:
                    likeness.add(row, "\n".join([*(each.content for each in sample.messages), sample.target]))
        if selection.tokens is None:
            return within_rows(train, selection.rows, selection.mix, unlike)
        kept = train.filter(pl.col("row").is_in(unlike(train.sort(RANK)["row"].to_list(), None)))
        return within_tokens(kept, selection.tokens, _tokens(run, kept, rows))


def _tokens(run: Run, samples: pl.DataFrame, rows: int) -> dict[int, int]:
    """The tokens of the example that each sample becomes, by row."""
    tokens: dict[int, int] = {}
    for some in _texts(run, _marks(samples, rows)):
        trained = examples([(sample, task.split) for _, task, sample in some], run.recipe.student.model)
        tokens.update((row, each.tokens) for (row, _, _), each in zip(some, trained, strict=True))
    return tokens


def _marks(chosen: pl.DataFrame, rows: int) -> bytearray:
    """A byte a row of the table: 1 where it was chosen."""
    marks = bytearray(rows)
    for row in chosen["row"]:
        marks[row] = 1
    return marks


def _texts(run: Run, *marks: bytearray) -> Iterator[list[tuple[int, Task, Sample]]]:
    """The samples that one of the marks names, with their rows and tasks, hundreds at a time, those of a task together."""
    rows = enumerate(islice(tasks_and_samples(run.folder), max(map(len, marks))))
    taken = ((row, task, sample) for row, (task, sample) in rows if any(each[row] for each in marks))
    some: list[tuple[int, Task, Sample]] = []
    for _, of_task in groupby(taken, lambda each: each[1].id):
        some += of_task
        if len(some) >= COUNTED:
            stop_if_interrupted()
            yield some
            some = []
    if some:
        yield some


def examples(samples: Sequence[tuple[Sample, str]], student: str) -> list[Example]:
    """The training examples that samples of splits become; reasoning that came apart stands in think tags before the answer."""
    conversations = [[*sample.messages, Message(role="assistant", content=sample.full_target)] for sample, _ in samples]
    counts = iter(token_counter(student).each([each.content for messages in conversations for each in messages]))
    return [
        Example(
            id=short_id("example", sample.id, [message.__dict__ for message in messages]),
            sample_id=sample.id,
            task_id=sample.task_id,
            method=sample.method,
            view=sample.view,
            split=split,
            messages=messages,
            weight=sample.weight,
            loss_spans=sample.loss_spans,
            answer_span=sample.answer_span,
            pair=sample.pair,
            negative=sample.negative,
            tokens=sum(islice(counts, len(messages))),
        )
        for (sample, split), messages in zip(samples, conversations, strict=True)
    ]
