"""Tokens a second and peak memory of our training against a bare TRL script: `python bench/train.py [--size 100M]`.

In: worked word problems of the mini world, the mini student or a Llama of 100 million random weights. In turns, each in a
process of its own, on the same examples, batches, epochs and rate: `bare_trl.py`, ours, and both with packing. Out: for each
the tokens read a second of the training loop (padding not counted), the last loss, and the peak of memory: on a GPU what torch
took of it, else the resident size of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
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


def corpus(folder: Path, count: int) -> None:
    """The same examples as our table and as TRL's JSON lines."""
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


def bare(folder: Path, student: Path, packing: bool, epochs: float) -> dict[str, Any]:
    given = {
        "model": str(student), "examples": str(folder / "examples.jsonl"), "folder": str(folder / "bare"), "batch": BATCH,
        "epochs": epochs, "rate": RATE, "packing": packing, "max_tokens": MAX_TOKENS, "seed": 0,
    }  # fmt: skip
    return measured([sys.executable, str(REPOSITORY / "bench/bare_trl.py"), json.dumps(given)])


def ours(folder: Path, student: Path, packing: bool, epochs: float) -> dict[str, Any]:
    from pipeline.student.job import Job, Schooling

    schooling = Schooling(
        epochs=epochs, learning_rate=RATE, batch_size=BATCH, warmup_share=0.0, weight_decay=0.0, max_tokens=MAX_TOKENS,
        packing=packing, seed=0,
    )  # fmt: skip
    job = Job(
        model=str(student), model_revision="bench", folder=folder, table="5_corpus", corpus_hash="bench",
        student=schooling, device="auto", output=folder / f"ours-{packing}",
    )  # fmt: skip
    spec = folder / "job.json"
    spec.write_text(job.model_dump_json())
    return measured([sys.executable, "-m", "pipeline.student.train", str(spec)])


def measured(command: list[str]) -> dict[str, Any]:
    """What a training says at its end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])}
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, env=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
    if done.returncode or not (lines and lines[-1].get("done")):
        raise SystemExit(done.stderr[-4000:] + done.stdout[-2000:])
    losses = [each["loss"] for each in lines if "loss" in each]
    return {**lines[-1], "loss": losses[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=tuple(SIZES), default="mini")
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    flags = parser.parse_args()
    seen: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        corpus(folder, flags.examples)
        student = model(folder, flags.size)
        for _ in range(flags.rounds):
            for packing in (False, True):
                for name, train in (("bare", bare), ("ours", ours)):
                    seen.setdefault((name, packing), []).append(said := train(folder, student, packing, flags.epochs))
                    print(name, "packed" if packing else "padded", said, file=sys.stderr)
    print(page(seen, flags))


def page(seen: dict[tuple[str, bool], list[dict[str, Any]]], flags: argparse.Namespace) -> str:
    """The medians as Markdown."""
    rate = {key: statistics.median(each["tokens"] / each["seconds"] for each in rounds) for key, rounds in seen.items()}
    what = f"{flags.examples:,} examples, {flags.epochs:g} epochs, {BATCH} a step, the {flags.size} student"
    lines = [
        f"{what}; medians of {flags.rounds} rounds in turns:",
        "",
        "| | tokens a second | of bare TRL, padded alike | steps | last loss | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for (name, packing), rounds in seen.items():
        ratio = rate[name, packing] / rate["bare", packing]
        label = {"bare": "bare TRL `SFTTrainer`", "ours": "`distill train`"}[name] + (", packing" if packing else "")
        peak = statistics.median(each["peak_bytes"] for each in rounds) / 2**20
        cells: tuple[Any, ...] = (f"{rate[name, packing]:,.0f}", f"{ratio:.2f}", rounds[-1]["steps"])
        cells += (f"{rounds[-1]['loss']:.3f}", f"{peak:,.0f} MiB")
        lines.append("| " + " | ".join(map(str, (label, *cells))) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
