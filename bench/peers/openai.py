"""AsyncOpenAI as it comes, one client; told `aiohttp`, on its aiohttp transport and without a limit on connections."""

from __future__ import annotations

import asyncio
import sys

import httpx2
from openai import AsyncOpenAI, DefaultAioHttpClient

from bench.peers.clock import MAX_TOKENS, MODEL, TEMPERATURE, Job, ask_all, messages, run


async def work(job: Job, prompts: list[str]) -> list[str]:
    limits = httpx2.Limits(max_connections=0)  # none, as aiohttp has it
    transport = DefaultAioHttpClient(limits=limits) if "aiohttp" in sys.argv[2:] else None
    async with AsyncOpenAI(api_key="none", base_url=job.url, http_client=transport) as client:

        async def ask(prompt: str) -> str:
            completion = await client.chat.completions.create(
                model=MODEL, messages=messages(prompt), temperature=TEMPERATURE, max_tokens=MAX_TOKENS
            )
            return completion.choices[0].message.content

        return await ask_all(prompts, ask, job.in_flight)


if __name__ == "__main__":
    run("openai", lambda job, prompts: asyncio.run(work(job, prompts)))
