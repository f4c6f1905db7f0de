"""Near duplicates found by one library: `python -m bench.peers.near_duplicates PEER FILE`.

In: JSON lines with `text`. Out: one line of JSON: how many documents the library would remove, seconds of wall and CPU from the
texts in memory (datatrove: in files) to that number, and peak memory of the process and of its largest child. All have word
5-grams and 14 bands of 8 rows; each is used as its own documentation or example does, with both cores where it can use them.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

NGRAM, BANDS, ROWS, THRESHOLD = 5, 14, 8, 0.7
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def distill(texts: list[str]) -> int:
    """The filter as a run has it: samples in frames of some thousands."""
    import polars as pl

    from pipeline.filters.no_near_duplicates import NoNearDuplicates

    rows = pl.DataFrame({"id": [f"{row:016x}" for row in range(len(texts))], "prompt": "", "reasoning": None, "target": texts})

    class Survivors:
        def __len__(self) -> int:
            return rows.height

        def frames(self):
            return rows.iter_slices(5000)

    condition = NoNearDuplicates(
        filter="no_near_duplicates", of="target", threshold=THRESHOLD, ngram=NGRAM, bands=BANDS, rows=ROWS
    )
    return sum(word.decision == "drop" for word in condition.judge_all(Survivors()))


def datasketch(texts: list[str]) -> int:
    """MinHash of hashed shingles, an LSH index in memory, every candidate compared exactly; the first of its likes is kept."""
    from datasketch import MinHash, MinHashLSH

    shingles = [_shingles(text) for text in texts]
    encoded = ([shingle.encode() for shingle in each] for each in shingles)
    signatures = MinHash.generator(encoded, num_perm=BANDS * ROWS)
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    removed = 0
    for row, signature in enumerate(signatures):
        mates = index.query(signature)
        removed += any(_jaccard(shingles[row], shingles[mate]) >= THRESHOLD for mate in mates)
        index.insert(row, signature)
    return removed


def _shingles(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[at : at + NGRAM]) for at in range(max(len(words) - NGRAM, 0) + 1)}


def _jaccard(one: set[str], other: set[str]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both)


def datatrove(texts: list[str]) -> int:
    """Its pipeline of signatures, buckets and clusters with the local executor; what it would remove is not compared."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupSignature,
    )  # fmt: skip
    from datatrove.pipeline.readers import JsonlReader

    config = MinhashConfig(n_grams=NGRAM, num_buckets=BANDS, hashes_per_bucket=ROWS)
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "given"
        given.mkdir()
        for part in range(CORES):
            lines = (json.dumps({"id": str(row), "text": texts[row]}) for row in range(part, len(texts), CORES))
            (given / f"{part}.jsonl").write_text("\n".join(lines))
        steps = [
            ([JsonlReader(str(given)), MinhashDedupSignature(f"{folder}/signatures", config)], CORES),
            ([MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)], BANDS),
            ([MinhashDedupCluster(f"{folder}/buckets", f"{folder}/removed", config=config)], 1),
        ]
        for number, (steps_of, tasks) in enumerate(steps):
            logs = f"{folder}/logs{number}"  # forked, its workers' CPU time is seen here
            LocalPipelineExecutor(steps_of, tasks, min(CORES, tasks), logging_dir=logs, start_method="fork").run()
        return sum(path.stat().st_size // 4 for path in Path(folder, "removed").glob("*.remove"))


def data_juicer(texts: list[str]) -> int:
    """Its operator over a Hugging Face data set, hashed in as many processes as there are cores; nothing is compared."""
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator

    operator = DocumentMinhashDeduplicator(
        tokenization="space", window_size=NGRAM, num_permutations=BANDS * ROWS, jaccard_threshold=THRESHOLD,
        num_bands=BANDS, num_rows_per_band=ROWS,
    )  # fmt: skip
    hashed = NestedDataset.from_dict({"text": texts}).map(operator.compute_hash, num_proc=CORES)
    kept, _ = operator.process(hashed)
    return len(texts) - len(kept)


PEERS = {
    "distill": (distill, "distill-pipeline"),
    "datasketch": (datasketch, "datasketch"),
    "datatrove": (datatrove, "datatrove"),
    "data-juicer": (data_juicer, "py-data-juicer"),
}


def main() -> None:
    work, package = PEERS[sys.argv[1]]
    texts = [json.loads(line)["text"] for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()]
    work(texts[:200])  # what a library puts off until it works is imported by now
    before, cpu, started = peak_mb(), cpu_seconds(), time.perf_counter()
    removed = work(texts)
    wall, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    child_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    figures = {"removed": removed, "wall_seconds": wall, "cpu_seconds": cpu, "before_mb": before, "peak_mb": peak_mb()}
    print("\n" + json.dumps({**figures, "child_mb": child_mb, "library": f"{package} {metadata.version(package)}"}), flush=True)


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_mb() -> float:
    """The most memory this process held; `ru_maxrss` would count that of whoever started it, too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
