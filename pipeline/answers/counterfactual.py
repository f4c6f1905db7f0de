"""Whether words for the blank of a premise make a counterfactual worth asking about, by the heuristics of DISCO.

In: premise, hypothesis, what stood in the blank, what shall stand there, and the label that is wanted. Out: nothing, or a short
reason. Thresholds and rules: Chen et al. 2022, arXiv 2212.10534, and its code: words that repeat the hypothesis or the premise,
change next to nothing, bring about a contradiction by a mere negation, or talk about the task. Overlap is Jaccard's of words.
"""

from __future__ import annotations

import re

from pipeline.answers.words import folded

MOST_LIKE_HYPOTHESIS, MOST_LIKE_PREMISE, MOST_LIKE_WHOLE = 0.6, 0.35, 0.8
"""Highest overlap of the words with the hypothesis, of the words with the premise, and of the two premises."""
WORD = re.compile(r"\w+(?:['’]\w+)?")
NEGATION = re.compile(r"\b(?:no|not|none|nobody|nothing|never|neither|nor|without|cannot)\b|n['’]t\b", flags=re.IGNORECASE)
ABOUT_THE_TASK = re.compile(
    r"\b(?:premise|hypothesis|entail\w*|neutral|contradict\w*|label|blank|sentence)\b", flags=re.IGNORECASE
)


def words_of(text: str) -> set[str]:
    return {word.casefold() for word in WORD.findall(text)}


def overlap(one: str, other: str) -> float:
    """Jaccard's overlap of the words of two texts, 0 where both have none."""
    ours, theirs = words_of(one), words_of(other)
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0


def why_useless(premise: str, hypothesis: str, replaced: str, filling: str, blanked: str, label: str) -> str | None:
    """Why these words are not worth asking about; None where they are.

    Args:
        replaced: what stood in the blank.
        filling: what shall stand there.
        blanked: the premise with `[blank]` once.
        label: the wanted one.
    """
    whole = blanked.replace("[blank]", filling)
    if folded(filling) == folded(replaced) or folded(whole) == folded(premise):
        return "nothing is changed"
    if folded(filling) == folded(hypothesis) or folded(hypothesis) in folded(whole):
        return "it says the hypothesis"
    if overlap(filling, hypothesis) > MOST_LIKE_HYPOTHESIS:
        return "too like the hypothesis"
    if overlap(filling, premise) > MOST_LIKE_PREMISE:
        return "too like the premise"
    if overlap(whole, premise) > MOST_LIKE_WHOLE:
        return "too little is changed"
    if label == "contradiction" and NEGATION.search(filling) and not NEGATION.search(replaced):
        return "it only negates"
    if ABOUT_THE_TASK.search(filling):
        return "it talks about the task"
    return None
