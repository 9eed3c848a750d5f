"""Ids that occur more than once, found without keeping the ids in memory."""

import hashlib

import numpy as np

from llm_encoders.corpora.document import Position

BUCKETS = 16
RECORD = np.dtype([("low", "<u8"), ("high", "<u8"), ("file", "<u4"), ("line", "<u8")])
"""Of an id: its 128-bit digest, and where the document stands."""


def repeated_id(docid: str, before: str = "") -> str:
    """What is wrong with a document whose id another one has.

    Args:
        docid: the id.
        before: where it was given first, if that is known.
    """
    place = f", at {before}" if before else ""
    return f"the id '{docid}' was given before{place}; ids must differ."


def id_record(docid: str, position: Position) -> bytes:
    """One document as the bytes of a ``RECORD``; the first byte tells its bucket."""
    digest = hashlib.blake2b(docid.encode(), digest_size=16).digest()
    return digest + position.file.to_bytes(4, "little") + position.line.to_bytes(8, "little")


def repeated(records: np.ndarray) -> list[tuple[int, int]]:
    """(file, line) of every record but the first of an id, in order.

    Args:
        records: of type ``RECORD``; a sixteenth of them is sorted in memory at a time.
    """
    found: list[tuple[int, int]] = []
    for bucket in range(BUCKETS):
        found += _repeated_of_bucket(records[records["low"] % BUCKETS == bucket])
    return sorted(found)


def _repeated_of_bucket(records: np.ndarray) -> list[tuple[int, int]]:
    order = np.lexsort((records["line"], records["file"], records["high"], records["low"]))
    records = records[order]
    same = (records["low"][1:] == records["low"][:-1]) & (
        records["high"][1:] == records["high"][:-1]
    )
    again = records[1:][same]
    return list(zip(again["file"].tolist(), again["line"].tolist(), strict=True))
