"""Tokens a second of `generate` with the vllm backend against a bare `LLM.chat`: `python bench/vllm_engine.py`.

In: tasks of the mini world and the mini teacher in float32, or another model (`--model`, `--dtype`). In turns, each in its own
process: `generate` with everything on asks for the replies of the mini recipe, a fixed number for each task, so that all
prompts are known from the start. Then `LLM.chat` gets the very same conversations in the order of the tables, with the same
sampling and settings of the engine. Out: for both the tokens a second while asking, without the engine's start, the time of the
whole process, and the ratio.

It needs a Python with vLLM: run it with that one, or name it with `--python`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
TEACHER = REPOSITORY / "data/mini/teacher"
TARGET = 0.95
FIXED = ("methods.0.samples=4", "methods.1.samples=2", "methods.2.samples=4")


def generate(folder: Path, limit: int, model_name: str, dtype: Any) -> dict[str, float]:
    """All of `generate`; asking goes from the engine's being ready to the last reply."""
    from pipeline.llm.backends.vllm import VLLMModel
    from pipeline.recipe import load_recipe
    from pipeline.run import Run
    from pipeline.settings import load_settings
    from pipeline.stages.filter import filter_samples
    from pipeline.stages.generate import generate
    from pipeline.stages.select import select

    recipe = load_recipe("mini", [f"source.limit={limit}", *FIXED])
    teacher = VLLMModel(backend="vllm", model=model_name, dtype=dtype, sampling=recipe.teacher.sampling)
    run = Run(recipe.model_copy(update={"teacher": teacher}), load_settings(data=folder))
    run.folder.mkdir(parents=True)
    model, times = run.model("teacher"), {"ready": 0.0, "last": 0.0}
    start = model.start

    class Timed:
        """The backend, with a clock."""

        async def __aenter__(self) -> Timed:
            self.inner = await start().__aenter__()
            times["ready"] = time.monotonic()
            return self

        async def __aexit__(self, *exception: object) -> None:
            await self.inner.__aexit__(*exception)

        async def complete(self, request: Any) -> Any:
            reply = await self.inner.complete(request)
            times["last"] = time.monotonic()
            return reply

    async def work() -> None:
        for stage in (generate, filter_samples, select):
            await stage(run)

    model.start = Timed
    asyncio.run(work())
    tally = run.door.tally
    return {"calls": tally.asked, "tokens": tally.tokens_out, "seconds": times["last"] - times["ready"]}


def chat(folder: Path, model_name: str, dtype: str) -> dict[str, float]:
    """The same conversations, straight into vLLM."""
    import polars as pl
    from vllm import LLM, SamplingParams
    from vllm.platforms import current_platform

    from pipeline.llm.backends.engine import CPU_BLOCK, CPU_CACHE_BYTES

    on_cpu = {"enforce_eager": True, "block_size": CPU_BLOCK, "kv_cache_memory_bytes": CPU_CACHE_BYTES}
    settings: dict[str, Any] = on_cpu if current_platform.is_cpu() else {}

    responses = pl.read_parquet(folder / "runs/mini/2_responses.parquet", columns=["messages"])
    conversations = [[{"role": each["role"], "content": each["content"]} for each in row] for row in responses["messages"]]
    llm = LLM(model_name, dtype=dtype, max_model_len=-1, seed=int(time.time()), **settings)
    started = time.monotonic()
    outputs = llm.chat(conversations, SamplingParams(temperature=0.7, max_tokens=160), use_tqdm=False)  # type: ignore[arg-type]
    seconds = time.monotonic() - started
    tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
    return {"calls": len(outputs), "tokens": tokens, "seconds": seconds}


def measure(flags: argparse.Namespace, what: str, folder: Path) -> dict[str, float]:
    """One of them in a process of its own."""
    command = [flags.python, __file__, "--only", what, "--folder", str(folder), "--limit", str(flags.limit)]
    command += ["--model", flags.model, "--dtype", flags.dtype]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    if done.returncode:
        raise SystemExit(done.stderr[-4000:])
    figures: dict[str, float] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"calls"')))
    figures |= {"whole": time.monotonic() - started, "rate": figures["tokens"] / figures["seconds"]}
    print(
        f"{what:9} {figures['calls']:6.0f} calls {figures['tokens']:8,.0f} tokens in {figures['seconds']:6.2f} s:"
        f" {figures['rate']:7,.0f} tokens/s; the whole process {figures['whole']:.1f} s",
        file=sys.stderr,
    )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="a Python with vLLM")
    parser.add_argument("--model", default=str(TEACHER), help="a model folder")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--limit", type=int, default=1000, help="tasks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("generate", "chat"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.only:
        given = (flags.model, flags.dtype)
        said = generate(flags.folder, flags.limit, *given) if flags.only == "generate" else chat(flags.folder, *given)
        print(json.dumps(said))
        return
    seen: dict[str, list[dict[str, float]]] = {"generate": [], "chat": []}
    for _ in range(flags.rounds):
        with tempfile.TemporaryDirectory() as folder:
            for what in seen:
                seen[what].append(measure(flags, what, Path(folder)))
    print(page(seen["generate"], seen["chat"]))


def page(ours: list[dict[str, float]], bare: list[dict[str, float]]) -> str:
    """The medians as Markdown."""
    rate, whole = (
        [statistics.median(each[name] for each in figures) for figures in (bare, ours)] for name in ("rate", "whole")
    )
    rounds = ", ".join(f"{mine['rate'] / other['rate']:.2f}" for mine, other in zip(ours, bare, strict=True))
    return "\n".join(
        [
            f"{ours[0]['calls']:,.0f} calls, {ours[0]['tokens']:,.0f} tokens a round; medians of {len(ours)} rounds in turns:",
            "",
            "| | tokens a second while asking | the whole process |",
            "|---|---|---|",
            f"| bare `LLM.chat` | {rate[0]:,.0f} | {whole[0]:.0f} s |",
            f"| `generate`, everything on | {rate[1]:,.0f} | {whole[1]:.0f} s |",
            "",
            f"That is {rate[1] / rate[0]:.1%} of the bare rate (by round: {rounds}); at least {TARGET:.0%} are wanted.",
        ]
    )


if __name__ == "__main__":
    main()
