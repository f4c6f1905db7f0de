"""`distill show` without a table: every table of a run with its path, its columns explained, and a few rows."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from pipeline.tables import TABLES, readable, table_path

ROWS = 3
WIDTH = 96


def look(folder: Path) -> list[str]:
    """All tables there are, as lines; nothing in them is harmless yet."""
    lines: list[str] = []
    for name, record in TABLES.items():
        path = table_path(folder, name)
        if not path.exists():
            lines += [f"{path}: not made yet", ""]
            continue
        with readable(path):
            count = pl.scan_parquet(path).select(pl.len()).collect().item()
            first = pl.scan_parquet(path).head(ROWS).collect()
        lines.append(f"{path}: {count} rows")
        for column, info in record.model_fields.items():
            lines.append(f"  {column:18} {info.description or ''}")
        for number, row in enumerate(first.iter_rows(named=True), 1):
            lines.append(f"  row {number}")
            lines += [f"    {column:16} {_short(value)}" for column, value in row.items() if value is not None]
        lines.append("")
    lines.append("more of one: distill show samples --where \"finish = 'length'\"")
    lines.append(f'in Python: polars.read_parquet("{table_path(folder, "5_corpus")}")')
    return lines


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    flat = text.replace("\n", "⏎")
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 1] + "…"
