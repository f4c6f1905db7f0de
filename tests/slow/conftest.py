"""What tests of disturbed runs share: a folder to disturb, and one in which nothing went wrong, to compare with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_runs import make_folder, undisturbed_folder

ROWS = 400


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `generate` has run, and nothing went wrong."""
    return undisturbed_folder(tmp_path_factory.mktemp("undisturbed") / "work", ROWS)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder in which nothing has run yet."""
    return make_folder(tmp_path / "work", range(ROWS))
