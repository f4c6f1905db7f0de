"""Keeps replies that do not begin by declining: phrases at the start of the first 200 characters.

The phrases follow the clean-ups of Alpaca and ShareGPT data, and say that the writer will not help, answer or provide: answers
may well begin with "I cannot divide 7 evenly" or "I'm sorry, I can't attend". English, and the commonest openers in French,
Spanish, German, Chinese, Japanese and Russian. WizardLM's rule, "sorry" in fewer than 80 words, drops kind answers: left out.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.filters.verdicts import RowFilter, Word, drop, keep
from pipeline.records import Sample, Task

HELP = (
    r"(?:\s*(?:[.!]|\Z)|\s+(?:be able to(?:\s*[.!]|\s+)|(?:directly|currently|really|in good conscience)\s+){0,2}(?:"
    r"help(?! but\b| it\b| myself\b| \w+ing\b)|assist|comply|respond|engage in|fulfil|accommodate|browse|answer|discuss"
    r"|do (?:that|this|so)\s*(?:[.,;!]|\Z|for you|because)|(?:provide|offer|create|generate|write|give|produce)(?! enough)"
    r"\s+(?:you|that|this|such|any|an?|the|information|instructions|advice|details|content|support|code|medical|legal)\b"
    r"|(?:have|share) (?:personal|private)|access (?:the internet|real|external|current|your)|say\s*(?:[.!]|\Z)|\Z))"
)
CANNOT = r"(?:can'?t|cannot|can not|won'?t|will not|'?m unable to|am unable to|'?m not able to|am not able to)"
I_CANNOT = rf"\bi ?{CANNOT}{HELP}"
MODEL = r"(?:ai|artificial intelligence)(?: language)?(?: model| assistant)?|(?:large )?language model"
SAYS_WHAT_IT_IS = re.compile(
    rf"\bas an? (?:{MODEL})(?: (?:created|developed|trained|made) by \w{{1,20}})?,? (?:i|my)\b"
    rf"|\bi(?:'?m| am) (?:just |only |merely )?an? (?:{MODEL})\b.{{0,60}}?\bi ?(?:{CANNOT}|don'?t|do not)\b",
    flags=re.DOTALL,
)
DECLINES = re.compile(
    r"\W*(?:(?:no|oh|well|hi|hello|thank you)\W{1,3})?(?:"
    r"(?:(?:i'?m|i am)(?: so| very| really)? sorry|sorry|i apologi[sz]e|(?:my )?apologies|unfortunately"
    r"|i'?m afraid|i am afraid)"
    rf"\b.{{0,60}}?{I_CANNOT}|{I_CANNOT}"
    r"|i (?:must|have to|need to|will have to) (?:respectfully |politely )?(?:decline|refuse)\b"
    r"|i(?:'?m| am) (?:not allowed|not permitted) to\b"
    r"|i(?:'?m| am) (?:not comfortable|uncomfortable)\b|i (?:don'?t|do not) feel comfortable\b"
    r"|i(?:'d| would) (?:rather|prefer) not (?:to )?(?:answer|say|discuss|help|do (?:that|this))\b"
    r"|i (?:don'?t|do not) have (?:access to (?:real|current|live|up-to-date|the internet|external|personal)"
    r"|the ability to|real-?time)"
    rf"|(?:i understand|i appreciate|thank you)\b.{{0,100}}?\bbut {I_CANNOT}"
    r"|it (?:(?:is|would be) (?:inappropriate|not appropriate|unethical)|(?:isn'?t|wouldn'?t be) appropriate)"
    r" for me to (?:provide|assist|help|answer|give|write|engage|generate)\b"
    r")",
    flags=re.DOTALL,
)
IN_OTHER_LANGUAGES = re.compile(
    r"\W*(?:"
    r"(?:(?:je suis )?désolée?.{0,40}?)?\bje ne (?:peux|puis) pas (?:vous |t'|y )?"
    r"(?:aider|répondre|fournir|satisfaire|faire cela)"
    r"|en tant qu(?:'(?:ia|intelligence artificielle|assistant ia)|e modèle de langage)[^.]{0,40}?\bje\b"
    r"|(?:lo siento.{0,40}?)?\bno puedo (?:ayudar|proporcionar|responder|cumplir|hacer eso|asistir)"
    r"|como (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje)\b[^.]{0,40}?\bno (?:puedo|tengo)"
    r"|(?:(?:es )?tut mir leid.{0,40}?|leider )?\b(?:ich )?kann (?:ich )?.{0,40}?nicht "
    r"(?:(?:weiter|be)?helfen|beantworten|nachkommen|erfüllen|bereitstellen|behilflich)"
    r"|als (?:ki|künstliche intelligenz|sprachmodell|ki-\w+)\b[^.]{0,20}?\bich\b"
    r"|(?:(?:很|非常|十分)?(?:抱歉|对不起|遗憾).{0,12}?)?我?(?:无法|不能|不可以)(?:为您|为你|向您|帮您|帮你)?(?:提供|回答|帮助|协助|满足|完成这|帮忙)"
    r"|作为(?:一个|一名)?(?:ai|人工智能|语言模型|大型语言模型)[^。]{0,12}?(?:，|我)"
    r"|(?:申し訳(?:ありません|ございません)|すみません|ごめんなさい).{0,40}?"
    r"(?:お?(?:答え|応え|手伝い|助け)|提供|対応|回答|支援)(?:する|いた|し|は|が|を|こと){0,3}(?:でき(?:ません|かねます|ない))"
    r"|(?:(?:извините|простите|к сожалению|мне жаль).{0,40}?)?\bя не могу (?:вам |тебе |с этим |на это )?"
    r"(?:помочь|ответить|предоставить|выполнить|обсуждать)"
    r"|как (?:ии|искусственный интеллект|языковая модель)\b[^.]{0,10}?\bя\b"
    r")",
    flags=re.DOTALL,
)


class NotRefusal(RowFilter):
    """The target does not start with a refusal."""

    source: ClassVar[str] = "clean-ups of the Alpaca and ShareGPT data"
    filter: Literal["not_refusal"]
    """Does not decline."""
    characters: int = Field(200, ge=40)
    """How far from the start a phrase counts."""

    def judge(self, task: Task, sample: Sample) -> Word:
        start = sample.target[: self.characters].replace("’", "'").lower()
        found = DECLINES.match(start) or IN_OTHER_LANGUAGES.match(start) or SAYS_WHAT_IT_IS.search(start)
        return drop("declines", detail=found.group()[:80]) if found else keep("does not decline")
