"""Our own: `distill generate` with everything on, from a file of tasks to the corpus.

Started again in the same folder, it goes on from what it stored there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import yaml

from bench.peers.clock import MAX_TOKENS, MODEL, TEMPERATURE, Job, run
from pipeline.cli import main

RECIPE = {
    "source": {"kind": "jsonl", "path": "tasks.jsonl", "test_share": 0.0},  # no row is kept from the teacher
    "teacher": {"backend": "openai", "model": MODEL, "sampling": {"temperature": TEMPERATURE, "max_tokens": MAX_TOKENS}},
    "methods": [{"method": "instruction_following", "samples": 1}],
    "student": {"model": "data/mini/student"},
}


def work(job: Job, prompts: list[str]) -> int:
    os.environ |= {"OPENAI_BASE_URL": job.url, "DISTILL_DATA": ".", "DISTILL_CONCURRENCY": str(job.in_flight)}
    with Path("tasks.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts)
    prompts.clear()  # from here on they are in the file alone, as a user's are
    Path("bench.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    return main(["generate", "bench.yaml"])


def count(exit_code: int) -> int:
    """Rows of the corpus."""
    import polars

    return polars.scan_parquet("runs/bench/5_corpus.parquet").select(polars.len()).collect().item() if exit_code == 0 else 0


if __name__ == "__main__":
    run("distill-pipeline", work, count)
