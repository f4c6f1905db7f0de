"""sdg_hub: one `LLMChatBlock` (litellm) over a data frame of messages."""

from __future__ import annotations

import pandas
from sdg_hub.core.blocks.llm import LLMChatBlock

from bench.peers.clock import MAX_TOKENS, MODEL, TEMPERATURE, Job, messages, run


def work(job: Job, prompts: list[str]):
    teacher = LLMChatBlock(
        block_name="teacher", input_cols="messages", output_cols="answer", model=f"openai/{MODEL}", api_base=job.url,
        api_key="none", async_mode=True, temperature=TEMPERATURE, max_tokens=MAX_TOKENS,
    )  # fmt: skip
    frame = pandas.DataFrame({"messages": [messages(prompt) for prompt in prompts]})
    return teacher.generate(frame, _flow_max_concurrency=job.in_flight)


if __name__ == "__main__":
    run("sdg_hub", work, lambda answers: sum(bool(each[0]["content"]) for each in answers["answer"]))
