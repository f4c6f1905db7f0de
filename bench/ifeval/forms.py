"""Texts that meet IFEval's constraints on the form of a reply, nearly meet them, or spell them oddly; all our own, seeded."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from bench.ifeval.prose import Arguments, near, plain, prose


def _placeholders(a: Arguments, rng: random.Random) -> list[str]:
    spelled = ("[name]", "[your address]", "[]", "[a [b] c]", "[two\nlines]", "[x](y)")
    return [" ".join(f"{plain(rng, 1)} {rng.choice(spelled)}" for _ in range(n)) for n in near(a["num_placeholders"])]


def _postscript(a: Arguments, rng: random.Random) -> list[str]:
    body, marker = plain(rng, 2), a["postscript_marker"]
    spelled = (marker, marker.lower(), "P. S.", "P.S", "PS:", "P.P.S", "P. P. S.", "**P.S.**", "Post Scriptum")
    return [
        *(f"{body}\n\n{each} Write soon." for each in spelled),
        f"{body} {marker} inline",
        f"{marker}\n{body}",
        f"The U.P.S. van. {body}",
        "They cried for help. s. o. s.",
    ]


def _bullets(a: Arguments, rng: random.Random) -> list[str]:
    def text(count: int, sign: str) -> str:
        return "\n".join(["Here it is:", *(f"{sign}{plain(rng, 1)}" for _ in range(count))])

    limit = a["num_bullets"]
    signs = ("* ", "- ", "  * ", "*", "** ", "1. ", "• ", "+ ", "*   ", "\t- ", "* **Bold:** ")
    return [
        *(text(limit, sign) for sign in signs),
        *(text(n, "* ") for n in near(limit)),
        f"{text(limit, '* ')}\n\n---\nDone.",
        f"{text(limit, '* ')}\n*Note* that it ends.",
        f"{text(limit, '* ')}\n\n***\nDone.",
        f"{text(limit - 1, '- ')}\n-5 degrees",
    ]


def _highlights(a: Arguments, rng: random.Random) -> list[str]:
    def text(count: int, left: str, right: str) -> str:
        return "\n".join(f"{left}part {n}{right} {plain(rng, 1)}" for n in range(count))

    limit = a["num_highlights"]
    marks = (("*", "*"), ("**", "**"), ("***", "***"), ("* ", " *"), ("_", "_"), ("*", ""), ("*\n", "*"), ("# ", ""))
    return [*(text(limit, *mark) for mark in marks), *(text(n, "*", "*") for n in near(limit)), "* * ** ** *** ***"]


def _sections(a: Arguments, rng: random.Random) -> list[str]:
    def text(count: int, mark: str) -> str:
        return "\n".join(f"{mark.format(n)}\n{plain(rng, 1)}" for n in range(1, count + 1))

    name, limit = a["section_spliter"], a["num_sections"]
    marks = (
        f"{name} {{}}",
        f"{name}{{}}:",
        f"**{name} {{}}**",
        f"{name.upper()} {{}}",
        f"{name.lower()} {{}}",
        f"{name} X{{}}",
        f"{name}  {{}}",
    )
    return [
        *(text(limit, mark) for mark in marks),
        *(text(n, f"{name} {{}}") for n in near(limit)),
        "Mon" + f"{name} 1 " * limit,
    ]


def _choices(a: Arguments, rng: random.Random) -> list[str]:
    return [
        "My answer is yes.",
        "My answer is no. Indeed.",
        " my answer is maybe.",
        "My answer is maybe",
        "Yes.",
        "**My answer is no.**",
        "Well. My answer is maybe.",
        "My answer\nis yes.",
        "My answer is *yes*.",
    ]


def _titles(a: Arguments, rng: random.Random) -> list[str]:
    body = prose(rng, 2)
    spelled = (
        "<<A title>>",
        "<<>>",
        "<< >>",
        "<title>",
        "<<a\nb>>",
        "<<<a>>>",
        "<<a> b>",
        "«title»",
        "**<<t>>**",
        "x << 3 and y >> 4",
        "<<<>>>",
    )
    return [f"{each}\n{body}" for each in spelled]


def _json(a: Arguments, rng: random.Random) -> list[str]:
    body = json.dumps({"text": prose(rng, 2), "n": [1, 2.5, None]}, indent=rng.choice((None, 2)))
    return [
        body,
        f"```json\n{body}\n```",
        f"```JSON\n{body}\n```",
        f"```\n{body}\n```",
        f"Here it is:\n```json\n{body}\n```",
        body[:-1],
        body.replace('"', "'"),
        f"{body}\n{body}",
        f"```python\n{body}\n```",
        f"```json\n{body}",
        '"text"',
        "[1, 2]",
        f"Sure!\n{body}",
    ]


def _two(a: Arguments, rng: random.Random) -> list[str]:
    one, two = plain(rng), prose(rng, 3)
    return [
        f"{one}\n******\n{two}",
        f"{one}\n******\n{one}",
        f"******\n{one}\n******\n{two}\n******",
        f"{one}\n***\n{two}",
        f"{one}\n******\n{two}\n******\n{one}",
        f"{one}\n************\n{two}",
        f"{one}\n*******\n{two}",
        f"{one}\n******",
        one,
    ]


def _repeat(a: Arguments, rng: random.Random) -> list[str]:
    said = a["prompt_to_repeat"]
    return [
        f"{said}\n{prose(rng, 2)}",
        f"\n {said.upper()} {prose(rng, 1)}",
        f"Sure!\n{said}\n{prose(rng, 2)}",
        said[:-1],
        said[1:],
        f'"{said}"\n{prose(rng, 1)}',
        f"**{said}**\n{prose(rng, 1)}",
        said.replace(" ", "  "),
    ]


def _ends(a: Arguments, rng: random.Random) -> list[str]:
    body, end = prose(rng, 2), a["end_phrase"]
    spelled = (
        end,
        end.upper(),
        f'"{end}"',
        f"{end}\n\n",
        end[:-1],
        f"{end} Bye.",
        f"**{end}**",
        f"{end}\nP.S. Bye.",
        f"{end}!",
        f"'{end}'",
    )
    return [f"{body} {each}" for each in spelled]


def _commas(a: Arguments, rng: random.Random) -> list[str]:
    body = prose(rng, 4)
    return [
        body,
        body.replace(",", ""),
        plain(rng).replace(",", " "),
        "One，two",
        "1,000",
        "Sure, here:\nno sign at all",
        "one; two",
    ]


def _quotation(a: Arguments, rng: random.Random) -> list[str]:
    body, more = plain(rng), prose(rng, 2)
    spelled = ('"{}"', '"{}', ' "{}" \n', "'{}'", "“{}”", '**"{}"**', 'Sure!\n"{}"', '"{}".', "{}")
    return [*(each.format(body) for each in spelled), f'"{more}"']


FORMS: dict[str, Callable[[Arguments, random.Random], list[str]]] = {
    "punctuation:no_comma": _commas,
    "startend:quotation": _quotation,
    "startend:end_checker": _ends,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:constrained_response": _choices,
    "detectable_format:title": _titles,
    "detectable_format:json_format": _json,
    "detectable_content:postscript": _postscript,
    "detectable_content:number_placeholders": _placeholders,
    "combination:two_responses": _two,
    "combination:repeat_prompt": _repeat,
}
