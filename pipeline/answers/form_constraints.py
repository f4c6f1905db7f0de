"""IFEval's constraints on the form of a reply: marks, lists, sections, its start and its end.

Each check takes the text, which says something, and the arguments by IFEval's names; arguments of another type are refused
before it runs. They agree with lm-evaluation-harness 0.4.13 where that is not plainly wrong, in time that grows with the
length of the text: several of the harness's patterns take its square.
"""

from __future__ import annotations

import json
import re

from pydantic import NonNegativeInt, PositiveInt

from pipeline.answers.arguments import Phrase, Text

ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
POSTSCRIPTS = {"P.S.": r"\bp\.\s?s\.", "P.P.S": r"\bp\.\s?p\.\s?s"}
"""How these two may be spelled; others only as they are given."""
FENCES = ("```json", "```Json", "```JSON", "```")
DIVIDER = re.compile(r"-(?:\s*-){2,}\s*")


def no_comma(text: Text) -> bool:
    return "," not in text


def number_placeholders(text: Text, *, num_placeholders: NonNegativeInt) -> bool:
    return sum(_brackets(line) for line in text.split("\n")) >= num_placeholders


def _brackets(line: str) -> int:
    """How many pairs of square brackets stand one after the other."""
    count, end = 0, -1
    while (start := line.find("[", end + 1)) >= 0 and (end := line.find("]", start)) >= 0:
        count += 1
    return count


def postscript(text: Text, *, postscript_marker: Phrase) -> bool:
    """The mark may stand anywhere, since the last line often holds more than it; within a longer word it is none."""
    pattern = POSTSCRIPTS.get(postscript_marker, re.escape(postscript_marker))
    return re.search(pattern, text, re.IGNORECASE) is not None


def number_bullet_lists(text: Text, *, num_bullets: NonNegativeInt) -> bool:
    return sum(_is_bullet(line.strip()) for line in text.split("\n")) == num_bullets


def _is_bullet(line: str) -> bool:
    """`* point` or `- point`; `**bold**` is none, nor is the divider `---`."""
    if line.startswith("-"):
        return not DIVIDER.fullmatch(line)
    return line.startswith("*") and line[1:2] not in ("", "*")


def constrained_response(text: Text) -> bool:
    return any(answer in text for answer in ANSWERS)


def number_highlighted_sections(text: Text, *, num_highlights: NonNegativeInt) -> bool:
    """`*one*` and `**one**` count; the latter is not found among the former, whose stars have nothing between them."""
    found = re.findall(r"\*[^\n*]*\*", text) + re.findall(r"\*\*[^\n*]*\*\*", text)
    return sum(bool(each.strip("*").strip()) for each in found) >= num_highlights


def multiple_sections(text: Text, *, section_spliter: Phrase, num_sections: PositiveInt) -> bool:
    return len(re.findall(rf"{re.escape(section_spliter)}\s?\d+", text)) >= num_sections


def json_format(text: Text) -> bool:
    """A fence around it may be there; what is too deep to be read is no JSON for anybody."""
    body = text.strip()
    for fence in FENCES:
        body = body.removeprefix(fence)
    try:
        json.loads(body.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def title(text: Text) -> bool:
    return any(_has_title(line) for line in text.split("\n"))


def _has_title(line: str) -> bool:
    start, end = line.find("<<"), line.rfind(">>")
    return 0 <= start < end - 2 and bool(line[start:end].lstrip("<").rstrip(">").strip())


def two_responses(text: Text) -> bool:
    """Two that differ, with six stars between them; stars may also stand before the first and after the second."""
    parts = [part.strip() for part in text.split("******")]
    inner = parts[not parts[0] : len(parts) - (not parts[-1])]
    return len(inner) == 2 and all(inner) and inner[0] != inner[1]


def repeat_prompt(text: Text, *, prompt_to_repeat: Phrase) -> bool:
    return text.strip().lower().startswith(prompt_to_repeat.lower())


def end_checker(text: Text, *, end_phrase: Phrase) -> bool:
    return text.strip().strip('"').lower().endswith(end_phrase.lower())


def quotation(text: Text) -> bool:
    body = text.strip()
    return len(body) > 1 and body[0] == body[-1] == '"'
