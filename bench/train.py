"""Tokens a second and peak memory of our training against a bare TRL script: `python bench/train.py [--size 100M]`.

In: worked word problems of the mini world, the mini student or a Llama of 100 million random weights. In turns, each in a
process of its own with one thread (two that wait for each other measure what else the machine does), on the same examples and
rate: `bare_trl.py`, ours, and both with packing. TRL's packing fills rows up to the most tokens, so it is given as many rows a
step as hold the tokens of a step without. Out: for each the tokens read a second of the training loop (padding not counted),
the mean loss, and the peak of memory: on a GPU what torch took of it, else the resident size of the process, libraries too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
STUDENT = REPOSITORY / "data/mini/student"
SIZES = {
    "mini": None,
    "100M": {"hidden_size": 768, "intermediate_size": 2304, "num_hidden_layers": 13, "num_attention_heads": 12},
}
BATCH, RATE, MAX_TOKENS = 32, 1e-3, 512
TARGET = 1.0
"""Times the tokens a second of bare TRL that are wanted."""
BARE, OURS, PACKED = "bare TRL `SFTTrainer`", "our training", ", packing"
Figures = dict[str, Any]


def corpus(folder: Path, count: int) -> int:
    """Writes the same examples as our table and as TRL's JSON lines; returns their tokens, without the template's own."""
    from pipeline.mini.world import items
    from pipeline.publication import write_table
    from pipeline.records import Message, Sample
    from pipeline.sources.mini import to_task
    from pipeline.stages.select import examples

    def sample(number: int, item: Any) -> Sample:
        task = to_task(item, "train")
        return Sample(
            id=str(number), task_id=task.id, method="worked", view="rationale", target=item.reply, response_keys=[],
            finish="stop",
            messages=[Message(role="user", content=f"{task.context}\n{task.prompt}".strip())],
        )  # fmt: skip

    some = islice((item for item in items("train", 1) if item.reply), count)
    rows = examples([(sample(number, item), "train") for number, item in enumerate(some)], str(STUDENT))
    write_table(folder, "5_corpus", rows)
    with (folder / "examples.jsonl").open("w") as file:
        for row in rows:
            turns = [message.model_dump() for message in row.messages]
            print(json.dumps({"prompt": turns[:-1], "completion": turns[-1:]}), file=file)
    return sum(row.tokens for row in rows)


def model(folder: Path, size: str) -> Path:
    """The student: the one that ships, or one of random weights with its tokenizer."""
    if SIZES[size] is None:
        return STUDENT
    program = (
        "import json, sys, torch; from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM; torch.manual_seed(0)\n"
        "source, target, shape = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])\n"
        "tokenizer = AutoTokenizer.from_pretrained(source)\n"
        "config = LlamaConfig(vocab_size=len(tokenizer), tie_word_embeddings=True, max_position_embeddings=2048,\n"
        "    pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None, **shape)\n"
        "made = LlamaForCausalLM(config); made.save_pretrained(target); tokenizer.save_pretrained(target)\n"
        "print(sum(each.numel() for each in made.parameters()))"
    )
    target = folder / size
    subprocess.run([sys.executable, "-c", program, str(STUDENT), str(target), json.dumps(SIZES[size])], check=True)
    return target


def bare(folder: Path, student: Path, epochs: int, rows: int, packing: bool) -> Figures:
    """The training of the script, with as many rows a step."""
    given = {
        "model": str(student), "examples": str(folder / "examples.jsonl"), "folder": str(folder / "bare"), "batch": rows,
        "epochs": epochs, "rate": RATE, "packing": packing, "max_tokens": MAX_TOKENS, "seed": 0,
    }  # fmt: skip
    return measured([str(REPOSITORY / "bench/bare_trl.py"), json.dumps(given)])


def ours(folder: Path, student: Path, epochs: int, packing: bool) -> Figures:
    """Our training, checkpoints too."""
    from pipeline.student.job import Job, Schooling

    schooling = Schooling(
        epochs=epochs, learning_rate=RATE, batch_size=BATCH, warmup_share=0.0, weight_decay=0.0, max_tokens=MAX_TOKENS,
        packing=packing, seed=0,
    )  # fmt: skip
    job = Job(
        model=str(student), model_revision="bench", folder=folder, table="5_corpus", corpus_hash="bench",
        student=schooling, device="auto", output=folder / "ours",
    )  # fmt: skip
    spec = folder / "job.json"
    spec.write_text(job.model_dump_json())
    return measured(["-m", "pipeline.student.train", str(spec)])


def measured(command: list[str]) -> Figures:
    """What a training says at its end, its mean loss, and the seconds of the whole process."""
    started = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=REPOSITORY, capture_output=True, text=True, check=False, env=environment
    )
    whole = time.monotonic() - started
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
    if done.returncode or not (lines and lines[-1].get("done")):
        raise SystemExit(done.stderr[-4000:] + done.stdout[-2000:])
    loss = statistics.fmean(each["loss"] for each in lines if "loss" in each)
    return {"loss": loss, **lines[-1], "whole": whole, "rate": lines[-1]["tokens"] / lines[-1]["seconds"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=tuple(SIZES), default="mini")
    parser.add_argument("--examples", type=int, default=640, help=f"a multiple of {BATCH}")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = rounds(Path(folder), flags)
    print(page(seen, flags))


def rounds(folder: Path, flags: argparse.Namespace) -> dict[str, list[Figures]]:
    """The figures of each way of training, one way after the other in every round."""
    tokens, student = corpus(folder, flags.examples), model(folder, flags.size)
    full = max(1, round(BATCH * tokens / flags.examples / MAX_TOKENS))
    given = (folder, student, flags.epochs)
    ways: dict[str, Callable[[], Figures]] = {
        BARE: lambda: bare(*given, BATCH, packing=False),
        OURS: lambda: ours(*given, packing=False),
        BARE + PACKED: lambda: bare(*given, full, packing=True),
        OURS + PACKED: lambda: ours(*given, packing=True),
    }
    seen: dict[str, list[Figures]] = {way: [] for way in ways}
    for _ in range(flags.rounds):
        for way, train in ways.items():
            seen[way].append(said := train())
            print(f"{way}: {said}", file=sys.stderr)
            if said["tokens"] != (first := seen[BARE][0]["tokens"]):
                raise SystemExit(f"{way} read {said['tokens']:,} tokens, {BARE} {first:,}: the rates are not of the same work")
    return seen


def page(seen: dict[str, list[Figures]], flags: argparse.Namespace) -> str:
    """The medians as Markdown."""
    what = f"{flags.examples:,} examples, {BATCH} a step, {seen[OURS][0]['tokens']:,} tokens, padding not counted"
    lines = [
        f"The {flags.size} student on {what}; medians of {flags.rounds} rounds in turns:",
        "",
        "| | tokens a second | times bare TRL | peak MiB | steps | mean loss | the whole process |",
        "|---|---|---|---|---|---|---|",
    ]
    for way, figures in seen.items():
        rate, peak, whole = (statistics.median(each[name] for each in figures) for name in ("rate", "peak_bytes", "whole"))
        times = rate / statistics.median(each["rate"] for each in seen[way.replace(OURS, BARE)])
        last = figures[-1]
        cells = f"{rate:,.0f} | {times:.2f} | {peak / 2**20:,.0f} | {last['steps']} | {last['loss']:.3f} | {whole:.0f} s"
        lines.append(f"| {way} | {cells} |")
    lines += ["", compared(seen, ""), compared(seen, PACKED), ""]
    versions = ", ".join(f"{name} {version(name)}" for name in ("trl", "transformers", "torch"))
    return "\n".join([*lines, f"- {os.cpu_count()} cores, of which each training has one; {versions}"])


def compared(seen: dict[str, list[Figures]], packed: str) -> str:
    """Our rate beside that of the script, round by round."""
    pairs = zip(seen[OURS + packed], seen[BARE + packed], strict=True)
    times = [mine["rate"] / other["rate"] for mine, other in pairs]
    by_round = ", ".join(f"{each:.2f}" for each in times)
    short = sum(each < TARGET for each in times)
    return (
        f"- {OURS}{packed}: {by_round} times {BARE}{packed}; at least {TARGET:g} is wanted, which {short} of {len(times)} miss"
    )


if __name__ == "__main__":
    main()
