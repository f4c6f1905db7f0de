"""Whether an answer is mathematics, and the same in LaTeX: `√2/2` and `$\\frac{\\sqrt{2}}{2}$` are, `route 66` is not.

In: the text of one answer. Out: its formula in LaTeX, without what only changes its look, or None where it is prose, a date, a
score such as `3-2`, or longer than a verifier can read. What is no mathematics is compared as words elsewhere.
"""

from __future__ import annotations

import re

LONGEST = 500
"""Characters; the longest answer of the MATH benchmark has 159."""
DELIMITED = re.compile(r"\$\$([^$]+)\$\$|\$([^$\n]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", flags=re.DOTALL)
LOOK = re.compile(r"(?<!\\)\\[,;:! ]|\\(?:q?quad|left|right|[bB]igg?[lr]?|displaystyle)(?![A-Za-z])|~|(?<!\\)\$")
APART = re.compile(r"\\(?:text|mathrm|textbf|mbox|begin|end)\s*\{[^{}]*\}")
"""What is written in words within a formula: a unit, or the name of a surrounding."""
TIMES = re.compile(r"(?<=\d)\s*[xX]\s*(?=\d)")
SYMBOLS = str.maketrans(
    {"−": "-", "–": "-", "·": r"\cdot ", "×": r"\times ", "÷": "/", "π": r"\pi ", "∞": r"\infty ", "∪": r"\cup ",
     "∩": r"\cap ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "∈": r"\in ", "∅": r"\emptyset ", "²": "^2", "³": "^3",
     "°": r"^\circ ", "θ": r"\theta ", "±": r"\pm "}
)  # fmt: skip
NAMES = re.compile(r"(?<![A-Za-z\\])(sqrt|pi|infinity|infty|sin|cos|tan|log|ln|exp)(?![A-Za-z])")
ROOT = re.compile(r"√\s*(\d+(?:\.\d+)?|[A-Za-z])|√(?=\s*\()")
IN_PARENTHESES = re.compile(r"(\\sqrt|\^)\s*\(([^()]*)\)")
BARE_SET = re.compile(r"\{([^{}]*,[^{}]*)\}")
WORD = re.compile(r"(?<![A-Za-z\\])(?!d[a-z](?![A-Za-z]))[A-Za-z]{2,}")
"""Two letters or more, except `dx`."""
SPOKEN = re.compile(r"\s*(?:\b(?:or|and)\b|\\(?:text|mathrm|mbox)\s*\{\s*(?:or|and)\s*\})\s*")
MEANT = re.compile(
    r"\\(?![%$&#])|\^|√|[A-Za-z0-9)\]}]\s*[+*/=<>]\s*[-A-Za-z0-9(\\]|[A-Za-z)]\s*-\s*[A-Za-z0-9(]|[0-9)]\s*-\s*[A-Za-z(]"
    r"|\d ?[A-Za-z]\b|[0-9A-Za-z)]!|^-?[(\[{].*[,+*/].*[)\]}]$"
)
"""An operator between operands, a command, or a bracketed list. Digits joined by `-` alone are dates and scores."""
DATE = re.compile(r"\d+[-/.:]\d+(?:[-/.:]\d+)+|\d+\s*:\s*\d+")


def as_formula(text: str) -> str | None:
    """The formula that a text is, in LaTeX; None where it is none."""
    formula = as_latex(text)
    return formula if formula is not None and MEANT.search(APART.sub("", formula)) else None


def as_latex(text: str) -> str | None:
    """As `as_formula`, but a bare number, letter or list will do: where the right answer is a formula, they are meant so."""
    if not text or len(text) > LONGEST:
        return None
    inner = text.strip().rstrip(".,;*").strip().lstrip("*").strip()
    if whole := DELIMITED.fullmatch(inner):
        inner = next(part for part in whole.groups() if part)
    if not inner or DATE.fullmatch(inner):
        return None
    formula = _latex(inner)
    return formula if formula.isascii() and not WORD.search(APART.sub("", formula)) else None


def formula_in(text: str) -> str | None:
    """The formula that a text is, else the last one between dollars or `\\(…\\)` in it; two prices are no formula."""
    formula = as_formula(text)
    if formula is not None:
        return formula
    for found in reversed(list(DELIMITED.finditer(text[-8 * LONGEST :]))):
        inner = next(part for part in found.groups() if part)
        if "\\" in inner or "^" in inner:
            return as_formula(inner)
    return None


def one_look(formula: str) -> str:
    """The formula without spaces, braces around one sign and variants of the same command: equal ones are the same answer."""
    same = re.sub(r"\\[dt]frac(?![A-Za-z])", r"\\frac", formula).replace("\\geq", "\\ge").replace("\\leq", "\\le")
    return re.sub(r"\{(\w)\}", r"\1", re.sub(r"\s+", "", same))


def _latex(text: str) -> str:
    """A formula in signs, in words or in LaTeX, as LaTeX."""
    text = LOOK.sub("", text.replace("{,}", "")).replace("**", "^").translate(SYMBOLS)
    text = TIMES.sub(r"\\times ", text)
    text = ROOT.sub(lambda found: rf"\sqrt{{{found[1]}}}" if found[1] else r"\sqrt", text)
    text = NAMES.sub(lambda found: "\\" + found[1].replace("infinity", "infty") + " ", text)
    text = IN_PARENTHESES.sub(r"\1{\2}", text.replace("\\sqrt (", "\\sqrt("))
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", SPOKEN.sub(",", text)) if "(" not in text and "[" not in text else text
    if BARE_SET.fullmatch(text.strip()):
        text = f"\\{text.strip()[:-1]}\\}}"
    return text.replace("*", r"\cdot ").strip()
