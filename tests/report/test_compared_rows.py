"""What accepted samples took: each reply once, in however many rows of the table it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.publication import write_table
from pipeline.report.compare import compare
from tests.report.test_compare import make_run
from tests.rows import make_response


@pytest.mark.parametrize("times", [1, 3])
def test_a_reply_counts_once(tmp_path: Path, times: int) -> None:
    first, second = (make_run(tmp_path / name, [("x", [True, True]), ("y", [True])], cost=0.5) for name in "ab")
    rows = [
        make_response("x", key=f"bx{n}", task_id="x", tokens_in=10, tokens_out=5, cost=0.5)
        for n in (0, 1)
        for _ in range(times)
    ]
    rows.append(make_response("x", key="by0", task_id="y", tokens_in=10, tokens_out=5, cost=0.5))
    write_table(second, "2_responses", [*rows, make_response(None, key="owed", task_id="y", finish="owed", tokens_in=999)])
    tokens, cost = compare(first, second).taken
    assert tokens.first == tokens.second and cost.first == cost.second
    assert tokens.second is not None and cost.second is not None
    assert (tokens.second.part, tokens.second.whole, cost.second.part) == (45, 3, 1.5)
