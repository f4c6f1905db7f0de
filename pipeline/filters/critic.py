"""Keeps samples accepted by a classifier that learned from labelled ones, cut where precision or recall is as wanted.

The critic of symbolic knowledge distillation (West et al. 2022, arXiv 2110.07178): people label some hundred samples, a
classifier learns from them and judges all. Here it is a logistic regression on TF-IDF of words and characters of prompt and
reply. The threshold, and the scores of the labelled samples themselves, come from folds that did not see them and that never
part the samples of one task. Only labelled samples that no filter before it dropped are learned from, so place it early.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice, tee
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from pipeline.errors import UserError
from pipeline.filters.labels import LabelFile
from pipeline.filters.verdicts import Survivors, TableFilter, Word, drop, keep
from pipeline.records import Sample
from pipeline.settings import HomePath

AT_A_TIME = 1000
"""Samples scored together."""
LONGEST = 50_000
"""Characters of a sample that are read: the first and last half of so many."""
FEATURES = 100_000
"""The most frequent words and pairs of words, and as many runs of characters."""


@dataclass(frozen=True)
class Cut:
    """A threshold and what it does on the labelled samples."""

    threshold: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Labelled:
    """The labelled samples; `places` are their numbers among all."""

    places: list[int]
    texts: list[str]
    tasks: list[str]
    good: np.ndarray


class NamedLabels(LabelFile):
    """A file of labels that is named."""

    path: HomePath
    """JSON lines, CSV or Parquet, by its ending."""


class Critic(TableFilter):
    """A classifier's word, learned from labels; the score is its probability that the sample is good."""

    source: ClassVar[str] = "West et al. 2022 (symbolic knowledge distillation), arXiv 2110.07178"
    filter: Literal["critic"]
    """Accepted by a critic that learned from labels."""
    labels: NamedLabels
    """Labelled samples: true, 1 is good."""
    precision: float | None = Field(None, gt=0, le=1)
    """Wanted share of good ones among those kept; the threshold is the lowest that reaches it. Either this or `recall`."""
    recall: float | None = Field(None, gt=0, le=1)
    """Wanted share of the good ones that are kept; the threshold is the highest that reaches it."""
    min_labels: int = Field(50, ge=10)
    """Fewer labelled samples than this are refused."""
    folds: int = Field(5, ge=2, le=50)
    """Parts the labelled samples are split into; each is scored by what was learned from the others."""

    @model_validator(mode="after")
    def _wants_one_thing(self) -> Critic:
        if (self.precision is None) == (self.recall is None):
            raise ValueError("give either precision or recall, such as precision: 0.9")
        return self

    def rests_on(self) -> list[str]:
        _library("sklearn")
        return [*self.labels.rests_on(), f"scikit-learn {metadata.version('scikit-learn')}"]

    def judge_all(self, survivors: Survivors) -> Iterator[Word]:
        """A word on each sample; the critic is trained before the first.

        Raises:
            UserError: there are too few labels, or no threshold reaches what is wanted.
        """
        if len(survivors) == 0:
            return iter(())
        labelled = self._labelled(survivors)
        unseen = self._out_of_fold(labelled)
        cut = self._cut(unseen, labelled.good)
        return self._words(survivors, _trained(labelled.texts, labelled.good), cut, labelled, unseen)

    def _labelled(self, survivors: Survivors) -> Labelled:
        rows, again = tee(survivors.rows())
        found = [
            (place, text_of(sample), sample.task_id, label)
            for place, ((_, sample), label) in enumerate(zip(rows, self.labels.labels_of(again), strict=True))
            if label is not None
        ]
        good = np.array([label for *_, label in found], dtype=bool)
        where = f"{self.labels.path}: {len(found)} of {len(survivors)} samples have a label"
        if len(found) < self.min_labels:
            raise UserError(f"{where}, and the critic needs {self.min_labels}", "Label more, or see whether ids or texts fit.")
        if good.all() or not good.any():
            raise UserError(f"{where}, all of them {'good' if good.all() else 'bad'}", "A critic learns from both kinds.")
        return Labelled([each[0] for each in found], [each[1] for each in found], [each[2] for each in found], good)

    def _out_of_fold(self, labelled: Labelled) -> np.ndarray:
        """The score of each labelled sample by a critic that saw none of its task."""
        selection = _library("sklearn.model_selection")
        folds = min(self.folds, len(set(labelled.tasks)), int(labelled.good.sum()), int((~labelled.good).sum()))
        if folds < 2:
            raise UserError(
                f"{self.labels.path}: too few labels to hold some back", "Label good and bad samples of more tasks."
            )
        split = selection.StratifiedGroupKFold(folds, shuffle=True, random_state=0)
        scores = np.zeros(len(labelled.texts))
        for learned, held in split.split(labelled.texts, labelled.good, labelled.tasks):
            if len(held) == 0:
                continue
            if len(set(labelled.good[learned])) < 2:
                raise UserError(f"{self.labels.path}: nearly all labels of one kind are of one task", "Label more tasks.")
            critic = _trained([labelled.texts[place] for place in learned], labelled.good[learned])
            scores[held] = critic.predict_proba([labelled.texts[place] for place in held])[:, 1]
        return scores

    def _cut(self, scores: np.ndarray, good: np.ndarray) -> Cut:
        cuts = list(sweep(scores, good))
        if self.recall is not None:
            return next(each for each in cuts if each.recall >= self.recall)
        reached = [each for each in cuts if each.precision >= (self.precision or 0.0)]
        if not reached:
            best = max(cuts, key=lambda each: each.precision)
            raise UserError(
                f"critic: no threshold reaches precision {self.precision:g}; {best.precision:.3f} is reached at recall "
                f"{best.recall:.3f} on {len(good)} labels",
                "Want less, or label more samples.",
            )
        return reached[-1]

    def _words(self, survivors: Survivors, critic: Any, cut: Cut, labelled: Labelled, unseen: np.ndarray) -> Iterator[Word]:
        own = dict(zip(labelled.places, unseen.tolist(), strict=True))
        told = f"threshold {cut.threshold:.4f}: precision {cut.precision:.3f}, recall {cut.recall:.3f}"
        told += f" on {len(own)} labels held out"
        rows, place = (sample for _, sample in survivors.rows()), 0
        while some := list(islice(rows, AT_A_TIME)):
            for score in critic.predict_proba([text_of(sample) for sample in some])[:, 1].tolist():
                score = own.get(place, score)
                good = score >= cut.threshold
                yield keep("the critic accepts it", score, told) if good else drop("the critic rejects it", score, told)
                place += 1


def text_of(sample: Sample) -> str:
    """What the critic reads of a sample."""
    text = "\n\n".join([*(message.content for message in sample.messages), sample.full_target])
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n{text[-LONGEST // 2 :]}"


def sweep(scores: np.ndarray, good: np.ndarray) -> Iterator[Cut]:
    """Every threshold that parts two samples, the highest first; there are some of both kinds."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(good[order])
    ordered = scores[order]
    last = np.append(ordered[1:] != ordered[:-1], True)  # of those with the same score
    for place in np.flatnonzero(last):
        yield Cut(float(ordered[place]), float(hits[place] / (place + 1)), float(hits[place] / hits[-1]))


def _trained(texts: Sequence[str], good: np.ndarray) -> Any:
    """Features and classifier, fitted."""
    text, pipeline = _library("sklearn.feature_extraction.text"), _library("sklearn.pipeline")
    words = text.TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", sublinear_tf=True, max_features=FEATURES)
    characters = text.TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, max_features=FEATURES)
    features = pipeline.FeatureUnion([("words", words), ("characters", characters)])
    logistic = _library("sklearn.linear_model").LogisticRegression(max_iter=1000)
    return pipeline.Pipeline([("features", features), ("classifier", logistic)]).fit(texts, good)


def _library(name: str) -> Any:
    """A part of scikit-learn.

    Raises:
        UserError: it is not there.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed, and the filter critic needs it", "pip install -e '.[critic]'"
        ) from None
