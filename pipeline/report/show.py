"""`distill show`: rows of a table for people, as a table or, where it would be too wide, as a block a row; or for programs.

Programs get all of the text: tab-separated values with a header, or a JSON object a line. Both are written while they are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from rich.cells import cell_len, set_cell_size

from pipeline.report.query import explained, query
from pipeline.tables import TABLES, json_fields
from pipeline.terminal import Line, Part, flat, json_line, line, tsv_line

ROWS = 20
"""Rows a terminal shows unless it is told how many."""
NARROW, GAP, LINES = 12, "  ", 3
"""Columns that a long text has at least in a table; what parts them; lines of a text in a block."""
HASH = re.compile(r"[0-9a-f]{16,64}")
SHOWN_OF_A_HASH = 16
STYLES = {"keep": "green", "drop": "red", "unverifiable": "yellow", "true": "green", "false": "red"}
"""Values that have a colour in the columns `decision` and `correct`."""
COLOURED = ("decision", "correct")


def as_json(folder: Path, table: str, where: str, columns: Sequence[str], limit: int | None) -> Iterator[str]:
    """A JSON object a row; what the table holds as JSON text is part of it.

    Raises:
        UserError: as `query` does, before anything is written.
    """
    parsed = json_fields(TABLES[table])
    rows = _rows(folder, table, where, columns, limit)
    return (json_line({name: _parsed(value) if name in parsed else value for name, value in row.items()}) for row in rows)


def _parsed(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def as_tsv(folder: Path, table: str, where: str, columns: Sequence[str], limit: int | None) -> Iterator[str]:
    """Tab-separated values under their names; nothing for what is empty, JSON for lists.

    Raises:
        UserError: as `query` does, before anything is written.
    """
    rows = _rows(folder, table, where, columns, limit)
    return chain([tsv_line(columns or TABLES[table].model_fields)], (tsv_line(map(_field, row.values())) for row in rows))


def _field(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _rows(folder: Path, table: str, where: str, columns: Sequence[str], limit: int | None) -> Iterator[dict[str, Any]]:
    """The rows, a few thousand at a time; the query is checked at once."""
    rows = query(folder, table, where, columns)

    def read() -> Iterator[dict[str, Any]]:
        with explained(folder, table, where):
            for batch in (rows if limit is None else rows.head(limit)).collect_batches():
                yield from batch.iter_rows(named=True)

    return read()


def for_people(folder: Path, table: str, where: str, columns: Sequence[str], limit: int, width: int) -> list[Line]:
    """The first rows in so many columns of a terminal, and how many there are."""
    rows = query(folder, table, where, columns)
    with explained(folder, table, where):
        count = int(rows.select(pl.len()).collect(engine="streaming").item())
        first = rows.head(limit).collect(engine="streaming")
    filled = [name for name in first.columns if columns or any(value not in (None, "") for value in first[name].to_list())]
    cells = {name: [_cell(name, value) for value in first[name].to_list()] for name in filled}
    lines = (_as_table(cells, width) or _as_blocks(cells, first, width)) if first.height else []
    shown = (
        f"{first.height:,} of {count:,} rows of {table}"
        if first.height < count
        else f"{count:,} row{'s' * (count != 1)} of {table}"
    )
    empty = [name for name in first.columns if name not in filled] if first.height else []
    told = " · ".join([shown, *([f"empty: {', '.join(empty)}"] if empty else [])])
    return [*lines, line((told, "dim"))]


def _cell(column: str, value: Any) -> Part:
    """A value as a harmless line, and its style."""
    if value is None:
        return "", ""
    text = _words(value)
    return flat(text[:SHOWN_OF_A_HASH] if HASH.fullmatch(text) else text), STYLES.get(text, "") if column in COLOURED else ""


def _words(value: Any) -> str:
    """A value in words: messages as a dialogue, numbers without idle digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list) and value and isinstance(value[0], dict) and "role" in value[0]:
        return "\n".join(f"{each['role']}: {each['content']}" for each in value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(each[:SHOWN_OF_A_HASH] if HASH.fullmatch(each) else each for each in value)
    return _json(value)


def _as_table(cells: dict[str, list[Part]], width: int) -> list[Line]:
    """Rows under the names of their columns; nothing where long texts would be left too little room."""
    natural = {name: max(cell_len(name), *(cell_len(text) for text, _ in parts)) for name, parts in cells.items()}
    fixed = {name for name, parts in cells.items() if all(HASH.fullmatch(text) or not text for text, _ in parts)}
    widths = _fitted(natural, fixed, width - len(GAP) * (len(cells) - 1))
    if not widths:
        return []
    head = line(*_apart([(_sized(name, size), "bold") for name, size in widths.items()]))
    sized = [[(_sized(text, widths[name]), style) for text, style in parts] for name, parts in cells.items()]
    return [head, *(line(*_apart(row)) for row in zip(*sized, strict=True))]


def _fitted(natural: dict[str, int], fixed: set[str], room: int) -> dict[str, int]:
    """Widths that fit into a room: the widest give way, down to a bound; nothing where that does not do."""
    widths = dict(natural)
    while sum(widths.values()) > room:
        loose = [name for name in widths if name not in fixed and widths[name] > max(NARROW, len(name))]
        if not loose:
            return {}
        widest = max(loose, key=widths.__getitem__)
        others = max((widths[name] for name in loose if name != widest), default=NARROW)
        spare = max(1, widths[widest] - max(others, NARROW, len(widest)))
        widths[widest] -= min(spare, sum(widths.values()) - room)
    return widths


def _sized(text: str, size: int) -> str:
    return set_cell_size(text, size) if cell_len(text) <= size else set_cell_size(text, size - 1) + "…"


def _apart(parts: Sequence[Part]) -> list[Part]:
    """The cells of a row with gaps between them."""
    return [part for number, cell in enumerate(parts) for part in ([(GAP, "")] if number else []) + [cell]]


def _as_blocks(cells: dict[str, list[Part]], first: pl.DataFrame, width: int) -> list[Line]:
    """A block a row, a line or three a column; the texts of a single row are whole."""
    margin = max(map(len, cells)) + 4
    room = max(LINES * (width - margin), NARROW)
    lines = []
    for number in range(first.height):
        lines.append(line((f"row {number + 1}", "bold")))
        for name, parts in cells.items():
            text, style = parts[number]
            if first.height == 1 and first[name][0] is not None and not HASH.fullmatch(text):
                text = _words(first[name].to_list()[0])
            elif cell_len(text) > room:
                text = _sized(text, room)
            if text:
                lines.append(line((f"  {name:{margin - 4}}  ", "cyan"), body=text, style=style))
    return lines
