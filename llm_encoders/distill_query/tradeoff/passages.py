"""The passages of a collection, encoded once by the teacher."""

from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.corpora.beir import BeirFolder
from llm_encoders.errors import UsageError
from llm_encoders.evaluation.collection import Collection
from llm_encoders.jobs.fingerprint import file_fingerprints
from llm_encoders.jobs.resumable_batches import FILES, StoredRows, run_batches

FOLDER = "passages"
_BATCH = 256  # passages given to the encoder at once, which divides them further


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
