"""Runs the measurements and writes what they print into docs/performance.md: `make bench [ONLY="client faults"]`.

In: the commands below, each of which prints Markdown. Out: the blocks between `<!-- figures: NAME -->` and `<!-- end -->`. One
runs after the other, since two at once on a small machine measure each other.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/performance.md"
BENCHES = {
    "client": "bench/client.py --again",
    "client-10000": "bench/client.py --rows 10000 --rounds 1",
    "client-512": "bench/client.py --rows 10000 --in-flight 512 --rounds 1 --clients bare,openai-aiohttp,curator,distill",
    "memory": "bench/client.py --memory",
    "faults": "-m bench.faults",
    "quota": "bench/quota.py",
    "estimate": "bench/estimate.py",
    "estimate-served": "bench/estimate.py --seeds 10 --serve .venv-vllm/bin/python",
    "filters": "bench/filters.py",
    "filter-scale": "bench/filter_scale.py",
    "ifeval": "-m bench.ifeval --examples 0",
    "train": "bench/train.py",
    "local": "bench/local.py",
    "vllm": "bench/vllm_engine.py --python .venv-vllm/bin/python",
}


def main() -> None:
    names = sys.argv[1:] or list(BENCHES)
    for name in names:
        if name not in BENCHES:
            raise SystemExit(f"{name}: no such measurement; there are {', '.join(BENCHES)}")
        started = time.monotonic()
        print(f"{name}: {BENCHES[name]}", file=sys.stderr)
        done = subprocess.run([sys.executable, *BENCHES[name].split()], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            print(f"{name}: ended with {done.returncode}; its block stays as it was", file=sys.stderr)
            continue
        write(name, done.stdout.strip())
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)


def write(name: str, figures: str) -> None:
    """Puts figures into their block of the page."""
    text = PAGE.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)", flags=re.DOTALL)
    if not block.search(text):
        raise SystemExit(f"{PAGE}: no block <!-- figures: {name} --> … <!-- end -->")
    day = time.strftime("%Y-%m-%d", time.gmtime())
    command = f"`make bench ONLY={name}`, {day}:"
    PAGE.write_text(block.sub(lambda match: f"{match[1]}{command}\n\n{figures}\n{match[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
