"""Keeps the samples of the first of tasks that mean nearly the same, by the cosine of static embeddings.

It finds paraphrases, which share too few words for MinHash, and so comes after it. Compared are the tasks as the source has
them, since a template around all of them would make all alike. The samples of a task share one fate: several answers to one
prompt are no duplicates of each other. Vectors and their index lie in memory, about 2 kB for each different text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from pipeline.errors import UserError
from pipeline.filters.no_duplicates import normalised
from pipeline.filters.verdicts import Survivors, TableFilter, Word, drop, keep, unverifiable
from pipeline.identity import model_hash
from pipeline.settings import project_path

if TYPE_CHECKING:
    from model2vec import StaticModel


class NoSemanticDuplicates(TableFilter):
    """No earlier task means nearly the same."""

    source: ClassVar[str] = "SemDeDup, Abbas et al. 2023, arXiv 2303.09540; MinishLab/semhash"
    filter: Literal["no_semantic_duplicates"]
    """The first that means so."""
    of: Literal["prompt", "target"] = "prompt"
    """What is compared: the task's context and prompt, or what the student shall write."""
    threshold: float = Field(0.9, gt=0, le=1)
    """Least cosine of duplicates."""
    model: str = Field("minishlab/potion-base-8M", min_length=1)
    """A model2vec model: a folder, or a name on the hub."""

    def rests_on(self) -> list[str]:
        folder = project_path(self.model)
        return [model_hash(folder) if folder.is_dir() else self.model]

    def judge_all(self, survivors: Survivors) -> Iterator[Word]:
        texts: dict[str, int] = {}
        ids: list[str] = []
        rows = np.empty(len(survivors), dtype=np.int32)
        for row, (sample_id, text) in enumerate(self._texts(survivors)):
            rows[row] = texts.setdefault(text, len(ids))
            if rows[row] == len(ids):
                ids.append(sample_id)
        words = self._judged(list(texts), ids)
        return (words[text] for text in rows)

    def _texts(self, survivors: Survivors) -> Iterator[tuple[str, str]]:
        """The id of each sample and what is compared of it."""
        said: dict[str, str] = {}
        if self.of == "prompt":
            said = {task.id: normalised(f"{task.context}\n{task.prompt}") for task in survivors.tasks()}
        for frame in survivors.frames():
            for sample_id, task_id, target in frame.select("id", "task_id", "target").iter_rows():
                yield sample_id, said[task_id] if self.of == "prompt" else normalised(target)

    def _judged(self, texts: list[str], ids: list[str]) -> list[Word]:
        """A word for each different text."""
        if not texts:
            return []
        encode = load_model(self.model).encode
        vectors = np.asarray(encode(texts, max_length=None, use_multiprocessing=False), dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1)
        known = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
        words = [unverifiable("the model knows no word of it")] * len(texts)
        for text, (other, score) in zip(known, self._canonicals(vectors[known]), strict=True):
            words[text] = keep("first that means so")
            if known[other] != text:
                words[text] = drop("means nearly the same as an earlier one", min(score, 1.0), ids[known[other]])
        return words

    def _canonicals(self, vectors: np.ndarray[Any, np.dtype[np.float32]]) -> list[tuple[int, float]]:
        """For each vector the earlier one it duplicates and their cosine, or itself."""
        from semhash.index import Index
        from semhash.utils import select_canonicals
        from vicinity.backends.usearch import UsearchBackend

        if not len(vectors):
            return []
        backend = UsearchBackend.from_vectors(vectors[:1])
        if len(vectors) > 1:  # several threads would link the graph in the order they happen to run
            backend.index.add(np.arange(1, len(vectors), dtype=np.uint64), vectors[1:], threads=1)
        neighbours = Index(vectors, [], backend).query_threshold(vectors, self.threshold)
        canonicals: list[tuple[int, float]] = select_canonicals(vectors, neighbours, self.threshold)
        return canonicals


@lru_cache(maxsize=1)
def load_model(name: str) -> StaticModel:
    """A static embedding model.

    Raises:
        UserError: semhash is not installed, or there is no such model.
    """
    try:
        import semhash  # noqa: F401
        from model2vec import StaticModel
    except ImportError:
        raise UserError(
            "semhash is not installed, and the filter no_semantic_duplicates needs it", "pip install -e '.[semantic]'"
        ) from None
    folder = project_path(name)
    try:
        return StaticModel.from_pretrained(folder if folder.is_dir() else name, force_download=False)
    except Exception as error:  # tokenizers and safetensors raise bare ones, the hub its own
        raise UserError(
            f"no_semantic_duplicates.model: {name} cannot be loaded: {str(error).splitlines()[0]}",
            "Name a folder that holds a model2vec model, or one on the hub that this machine can reach.",
        ) from None
