"""Files of tests that take longest are begun first: a file goes to one core, and at the end none shall work alone."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONGEST = (
    "slow/test_recipes.py", "slow/test_evaluation.py", "slow/test_faults.py", "slow/test_real_servers.py",
    "slow/test_training.py", "slow/test_main_job.py", "slow/test_growing.py", "slow/test_soak.py", "slow/test_disks.py",
    "slow/test_filtering_stops.py", "slow/test_kills.py", "slow/test_batch_format.py", "slow/test_eval_harness.py",
    "stages/test_estimate.py", "llm/test_store_processes.py", "llm/backends/test_batch_found_again.py", "test_readme.py",
)  # fmt: skip
"""By the processor's time and the waiting, the longest first."""
ORDER = {TESTS / name: place for place, name in enumerate(LONGEST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    assert all(path.is_file() for path in ORDER), "LONGEST names a file that is not there"
    items.sort(key=lambda item: ORDER.get(item.path, len(ORDER)))
