"""A bare TRL script, as its documentation has it: what our training is measured against. Run by `bench/train.py`.

In: a JSON object on the command line: model, examples (JSON lines with `prompt` and `completion`), batch, epochs, rate,
packing, max_tokens, seed. Out: a JSON line with seconds of the training loop, tokens read, mean loss, steps and peak memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any

import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer


class Clock(TrainerCallback):  # type: ignore[misc]
    """The time from the first step to the last."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.start = time.monotonic()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.seconds = time.monotonic() - self.start


def main() -> None:
    given = json.loads(sys.argv[1])
    on_gpu = torch.cuda.is_available()
    clock = Clock()
    data = load_dataset("json", data_files=given["examples"], split="train")
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(given["model"], dtype=torch.float32),
        processing_class=AutoTokenizer.from_pretrained(given["model"]),
        train_dataset=data,
        args=SFTConfig(
            output_dir=given["folder"], per_device_train_batch_size=given["batch"], num_train_epochs=given["epochs"],
            learning_rate=given["rate"], lr_scheduler_type="cosine", packing=given["packing"], max_length=given["max_tokens"],
            bf16=on_gpu, use_cpu=not on_gpu, gradient_checkpointing=False, save_strategy="no", report_to="none",
            logging_steps=10, disable_tqdm=True, dataloader_pin_memory=on_gpu, completion_only_loss=True, seed=given["seed"],
        ),
        callbacks=[clock],
    )  # fmt: skip
    loss = trainer.train().training_loss
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    read = sum(len(row["input_ids"]) for row in trainer.train_dataset) * given["epochs"]
    said = {"done": True, "seconds": clock.seconds, "tokens": read, "peak_bytes": peak, "loss": loss}
    print(json.dumps(said | {"steps": trainer.state.global_step}), flush=True)


if __name__ == "__main__":
    main()
