"""Measures the local backend beside `model.generate` of transformers: tokens a second on the same prompts, in turns.

`generate` is given the batches the backend makes itself, prompts of like length together; the backend is given all requests at
once, as a run does. Prints Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from itertools import islice

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipeline.llm.backends.local import BATCH, LocalModel
from pipeline.llm.request import Request, Sampling
from pipeline.mini import world
from pipeline.records import Message
from pipeline.settings import REPOSITORY, load_settings

TEACHER = REPOSITORY / "data/mini/teacher"
LONGEST = 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    prompts = [item.prompt for item in islice(world.items("test", 7, ("word_problem",)), arguments.prompts)]
    rates: dict[str, list[float]] = {"generate": [], "local": []}
    for _ in range(arguments.rounds):
        rates["generate"].append(by_generate(prompts))
        rates["local"].append(by_backend(prompts))
    middle = {name: statistics.median(values) for name, values in rates.items()}
    print(
        f"{len(prompts)} word problems, temperature 0.7, at most {LONGEST} tokens, float32, {torch.get_num_threads()} threads,"
    )
    print(f"median of {arguments.rounds} rounds in turns:\n")
    print("| | tokens a second | times generate |\n|---|---|---|")
    for name, label in (("generate", "`model.generate`, batches of 128"), ("local", "local backend")):
        print(f"| {label} | {middle[name]:,.0f} | {middle[name] / middle['generate']:.2f} |")


def by_generate(prompts: list[str]) -> float:
    """Tokens a second of transformers' own loop."""
    tokenizer = AutoTokenizer.from_pretrained(TEACHER, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(TEACHER, dtype=torch.float32).eval()
    texts = [
        tokenizer.apply_chat_template([{"role": "user", "content": each}], add_generation_prompt=True, tokenize=False)
        for each in sorted(prompts, key=len)
    ]
    started, written = time.perf_counter(), 0
    for start in range(0, len(texts), BATCH):
        batch = tokenizer(texts[start : start + BATCH], return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            out = model.generate(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], do_sample=True, temperature=0.7, top_k=0,
                max_new_tokens=LONGEST, pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
        written += count(out[:, batch["input_ids"].shape[1] :], model.generation_config.eos_token_id)
    return written / (time.perf_counter() - started)


def count(ids: torch.Tensor, end: int | list[int]) -> int:
    """Tokens up to and with the first end of each row of (rows, tokens) ids."""
    ends = torch.isin(ids, torch.tensor(end))
    lengths = torch.where(ends.any(1), ends.int().argmax(1) + 1, ids.shape[1])
    return int(lengths.sum())


def by_backend(prompts: list[str]) -> float:
    """Tokens a second of the local backend."""
    model = LocalModel(backend="local", model=str(TEACHER), dtype="float32").open(load_settings())
    sampling = Sampling(temperature=0.7, max_tokens=LONGEST)
    requests = [Request(messages=(Message(role="user", content=each),), sampling=sampling, question=each) for each in prompts]

    async def ask() -> float:
        async with model.start() as backend:
            started = time.perf_counter()
            replies = await asyncio.gather(*(backend.complete(each) for each in requests))
            return sum(reply.tokens_out or 0 for reply in replies) / (time.perf_counter() - started)

    return asyncio.run(ask())


if __name__ == "__main__":
    main()
