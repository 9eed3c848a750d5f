"""The passages of a collection: encoded once by the teacher, then searched in memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from tqdm import tqdm

from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.corpora.beir import BeirFolder
from llm_encoders.errors import UsageError
from llm_encoders.evaluation.collection import Collection
from llm_encoders.evaluation.exhaustive_search import (
    ExhaustiveSearch,
    Ranking,
    docid_order,
    dot_products,
)
from llm_encoders.jobs.fingerprint import file_fingerprints
from llm_encoders.jobs.resumable_batches import FILES, StoredRows, run_batches

FOLDER = "passages"
_BATCH = 256  # passages given to the encoder at once, which divides them further
_QUERIES = 64  # scored against all passages at a time


def encode_passages(
    teacher: Any, identity: Teacher, collection: Collection, source: Path, output: Path
) -> StoredRows:
    """The teacher's vectors of all passages; those that are there already are not encoded again.

    Args:
        teacher: the encoder.
        identity: what it is.
        collection: has the passages.
        source: folder that they were read from.
        output: takes them; vectors of another teacher or corpus in it are replaced.

    Returns:
        float32 rows on the disk, sparse ones unquantised.

    Raises:
        UsageError: the folder of the vectors holds something else, which would be lost.
    """
    _require_own(output / FOLDER)
    job = {
        "contract": identity.contract.text(),
        "weights": identity.weights,
        "dtype": str(teacher.dtype),
        "device": str(teacher.device),
        "corpus": file_fingerprints([BeirFolder(source).corpus]),
    }

    def compute(rows: slice) -> Any:
        return teacher.encode_documents(collection.texts[rows], collection.titles[rows])

    count = len(collection.ids)
    with tqdm(total=count, unit="passage", desc="encoding", smoothing=0.05) as bar:
        return run_batches(output / FOLDER, job, count, _BATCH, compute, bar.update)


def _require_own(folder: Path) -> None:
    entries = folder.iterdir() if folder.is_dir() else ()
    others = [one.name for one in entries if one.name not in FILES and one.name[0] != "."]
    if others:
        raise UsageError(
            f"{folder} holds other files, '{min(others)}' among them, where the passages' vectors "
            "belong; name another output."
        )


class MemorySearch:
    """Exhaustive search over passage vectors in memory: every passage is scored for every query.

    Sparse vectors are searched as a Lucene impact index does it: integer impacts of query and
    passage, the sum of their products, no passage without a common term. They lie in memory as
    postings, so that a query reads those of its own terms.

    Args:
        vectors: of the passages: float32, or int32 impacts.
        ids: of the passages.
        depth: passages of a ranking, at most.
    """

    def __init__(self, vectors: np.ndarray | csr_array, ids: Sequence[str], depth: int) -> None:
        self._sparse = not isinstance(vectors, np.ndarray)
        if isinstance(vectors, np.ndarray):
            self._vectors: Any = np.array(vectors)  # into memory
        else:  # int32 might not hold the sums
            self._vectors = vectors.T.tocsr().astype(np.int64).T
        self._order, self._depth = docid_order(ids), depth

    def rankings(
        self, queries: np.ndarray | csr_array, left_out: Sequence[int | None]
    ) -> list[Ranking]:
        """The best passages for every query.

        Args:
            queries: vectors: float32, or int32 impacts.
            left_out: number of the passage that a query may not find; one a query.
        """
        found: list[Ranking] = []
        for first in range(0, queries.shape[0], _QUERIES):
            rows = queries[first : first + _QUERIES]
            own = left_out[first : first + _QUERIES]
            search = ExhaustiveSearch(rows.shape[0], self._order, self._depth, own)
            search.take(dot_products(rows, self._vectors), 0, positive_only=self._sparse)
            found += search.rankings()
        return found


def memory_search(
    teacher: Any, stored: StoredRows, collection: Collection, depth: int
) -> MemorySearch:
    """Search over the teacher's passages, at the teacher's scale of impacts."""
    vectors: Any = stored.block(0, len(stored))
    if teacher.config.paradigm == "sparse":
        vectors = teacher.quantize(vectors)
    return MemorySearch(vectors, collection.ids, depth)
