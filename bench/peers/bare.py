"""A bare aiohttp loop: the floor. It retries nothing, stores nothing and checks nothing."""

from __future__ import annotations

import asyncio

import aiohttp

from bench.peers.clock import MAX_TOKENS, MODEL, TEMPERATURE, Job, ask_all, messages, run


async def work(job: Job, prompts: list[str]) -> list[str]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(prompt: str) -> str:
            body = {"model": MODEL, "messages": messages(prompt), "temperature": TEMPERATURE, "max_tokens": MAX_TOKENS}
            async with session.post(f"{job.url}/chat/completions", json=body) as response:
                return (await response.json())["choices"][0]["message"]["content"]

        return await ask_all(prompts, ask, job.in_flight)


if __name__ == "__main__":
    run("aiohttp", lambda job, prompts: asyncio.run(work(job, prompts)))
