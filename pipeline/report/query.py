"""Rows of a run's tables by SQL, read lazily: millions of them are passed over, and only those that are wanted are held.

In: a run's folder, a table's name and what would follow WHERE in polars' SQL. Out: a lazy frame. Every table of the run can be
named in it by its short name, as in `id IN (SELECT sample_id FROM verdicts WHERE decision = 'drop')`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from pipeline.errors import UserError
from pipeline.tables import TABLES, check_table, readable, table_path
from pipeline.terminal import flat

CONVERSATION = "conversation"
"""A column beside those of tables with messages: all that is said in them, as one text."""
OF_A_FILE = "parquet:"
"""How polars begins what it says of a damaged table."""
ABSENT = re.compile(r"relation '(.*?)' was not found")
READS = re.compile(r"\bread_(?:csv|parquet|ipc|json|ndjson)\b", flags=re.IGNORECASE)
"""What polars' SQL reads any file or address with."""
LONGEST = 10_000
"""Characters of a condition: polars takes minutes to read one of many thousand parts."""
QUOTED = 300
"""Characters of a condition, and of what polars says of it, that an error repeats."""
SHORT = {name.partition("_")[2]: name for name in TABLES}
"""What a table can be called without its number: `samples` is `3_samples`."""


def table_named(name: str) -> str:
    """The table that is meant by its name, with or without its number or `.parquet`.

    Raises:
        UserError: there is none of this name.
    """
    bare = name.removesuffix(".parquet")
    if bare in TABLES or bare in SHORT:
        return SHORT.get(bare, bare)
    raise UserError(f"{name}: there is no table of this name", rather(bare, list(SHORT), "Tables"))


def columns_of(table: str) -> list[str]:
    """The columns a table can be asked for."""
    fields = list(TABLES[table].model_fields)
    return [*fields, CONVERSATION] if "messages" in fields else fields


def query(folder: Path, table: str, where: str = "", columns: Sequence[str] = ()) -> pl.LazyFrame:
    """The rows that fulfil a condition, nothing of which is read yet; to be collected within `explained`.

    Args:
        table: its name as `table_named` gives it.
        where: a condition in polars' SQL; ORDER BY may follow. Empty for all rows.
        columns: those that are wanted, in this order; all but the conversation unless said.

    Raises:
        UserError: the table is not there or broken, the condition cannot be read, or there is no such column.
    """
    check_table(folder, table)
    for name in columns:
        if name not in columns_of(table):
            raise UserError(f"--columns: {table} has no column {name!r}", rather(name, columns_of(table), "Columns"))
    if twice := [name for number, name in enumerate(columns) if name in columns[:number]]:
        raise UserError(f"--columns: {twice[0]!r} is named twice", "Name each column once.")
    wanted = list(columns) or list(TABLES[table].model_fields)
    if not where.strip():
        return scan(folder, table).select(wanted)
    with explained(folder, table, where):
        rows = fulfilling(folder, table, where, scan(folder, table)).select(wanted)
        rows.collect_schema()
    return rows


def fulfilling(folder: Path, table: str, where: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Those of a table's rows that fulfil a condition, in which all tables of the run can be named, and no other file.

    Raises:
        UserError: the condition names a function that reads files, is too long, or no text.
    """
    if len(where) > LONGEST:
        raise UserError(f"--where: {len(where):,} characters are too many", f"Give at most {LONGEST:,} of them.")
    try:
        where.encode()
    except UnicodeEncodeError:
        raise UserError(f"--where: {flat(where[:QUOTED])} is no UTF-8", "Write it in the encoding of the terminal.") from None
    if reads := READS.search(where):
        raise UserError(
            f"--where: {reads[0]} would read a file that is no table of this run",
            f"Tables there are: {', '.join(SHORT)}. In texts, look for it with LIKE '%{reads[0].replace('_', '%')}%'.",
        )
    known = {short: scan(folder, name) for short, name in SHORT.items() if table_path(folder, name).exists()}
    condition = re.sub(r"^\s*where\b", "", where, flags=re.IGNORECASE)
    short = table.partition("_")[2]
    return pl.SQLContext({**known, short: rows}, eager=False).execute(f"SELECT * FROM {short} WHERE {condition}")


def scan(folder: Path, table: str) -> pl.LazyFrame:
    """All rows of a table, the conversation beside their columns."""
    with readable(table_path(folder, table)):
        rows = pl.scan_parquet(table_path(folder, table))
    if "messages" not in TABLES[table].model_fields:
        return rows
    said = pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\n")
    return rows.with_columns(said.alias(CONVERSATION))


@contextmanager
def explained(folder: Path, table: str, where: str) -> Iterator[None]:
    """Says of whatever polars complains of where rows are looked up how to mend it.

    Raises:
        UserError: the condition cannot be read or does not fit the table; without one, the table is broken.
    """
    if not where.strip():
        with readable(table_path(folder, table)):
            yield
        return
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        if said.startswith(OF_A_FILE):
            with readable(table_path(folder, table)):
                raise
        if (absent := ABSENT.match(said)) and absent[1] in SHORT:
            check_table(folder, SHORT[absent[1]])  # says how it is made
        raise UserError(
            f"--where {where[:QUOTED]!r}: {said[:QUOTED].partition('; valid columns')[0]}", _remedy(said, table)
        ) from None


def _remedy(said: str, table: str) -> str:
    """What would be right, from what polars said."""
    if found := re.match(r'unable to find column "(.*?)"; valid columns: \[(.*?)\]', said):
        return rather(found[1], re.findall(r'"(.*?)"', found[2]), "Columns") + " Text stands in 'single quotes'."
    if found := ABSENT.match(said):
        return rather(found[1], list(SHORT), "Tables")
    if "list[struct" in said and CONVERSATION in columns_of(table):
        return f"The messages as one text are the column {CONVERSATION}: {CONVERSATION} LIKE '%…%'."
    return (
        "It is what follows WHERE in SQL: weight > 0.5 AND method LIKE '%chain%', with text in 'single quotes'. "
        f"Columns of {table}: {', '.join(columns_of(table))}."
    )


def rather(name: str, there: list[str], what: str) -> str:
    """The name that was likely meant, and all there are, as a remedy."""
    near = get_close_matches(name.lower(), there, 1)
    return (f"Did you mean {near[0]}? " if near else "") + f"{what} there are: {', '.join(there)}."
