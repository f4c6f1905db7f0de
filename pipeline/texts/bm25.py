"""BM25: which of many texts share the rarest words with a query.

In: the texts once, then queries. Out: places of the texts, the nearest first; of texts as near, the first. Source: Robertson
and Zaragoza 2009, *The Probabilistic Relevance Framework: BM25 and Beyond*, section 3, with the inverse document frequency that
Lucene takes, which is never negative: ln(1 + (N - n + 0.5) / (n + 0.5)).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from pipeline.texts.rouge import rouge_words

K1, B = 1.2, 0.75
"""How soon more of a word counts no more, and how much long texts give way: the defaults of Lucene."""
MOST_WORDS = 100_000
"""Words of a text that are read."""


class Bm25:
    """Texts to be looked for."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(rouge_words(text, MOST_WORDS)) for text in texts]
        lengths = [count.total() for count in counts]
        mean = sum(lengths) / len(lengths) if any(lengths) else 1.0
        self._size = len(texts)
        self._damping = [K1 * (1 - B + B * length / mean) for length in lengths]
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        """Of each word the texts it stands in, and how often it does."""
        for place, count in enumerate(counts):
            for word, times in count.items():
                self._postings[word].append((place, times))

    def scores(self, query: str) -> list[float]:
        """The score of each text; 0 where it shares no word with the query."""
        scores = [0.0] * self._size
        for word, wanted in sorted(Counter(rouge_words(query, MOST_WORDS)).items()):
            found = self._postings.get(word, [])
            rarity = math.log(1 + (self._size - len(found) + 0.5) / (len(found) + 0.5))
            for place, times in found:
                scores[place] += wanted * rarity * times * (K1 + 1) / (times + self._damping[place])
        return scores

    def nearest(self, query: str, count: int | None = None) -> list[int]:
        """Places of the nearest texts, as many as are wanted, all of them unless said."""
        scores = self.scores(query)
        return sorted(range(self._size), key=lambda place: (-scores[place], place))[:count]
