"""After Pyserini's own index commands: what is known of the vectors stays with the index."""

import json
import sys
from pathlib import Path

from llm_encoders.reading import read_record
from pyserini_ext.bridge.names import option_value
from pyserini_ext.folders.contract import CONTRACT_NAME, carry_contract

_SOURCES = ("--input", "-input")
_INDEXES = ("--index", "-index", "--output")
_ADDING = {"--append", "-append", "--update", "-update"}
"""With these, the index holds other documents, too."""


def carry() -> None:
    """Put the record of the encoder that wrote the input into the folder of the index.

    For ``pyserini.index.lucene`` and ``pyserini.index.faiss`` once they have succeeded.
    """
    source, index = (
        next((value for name in names if (value := option_value(name)) is not None), None)
        for names in (_SOURCES, _INDEXES)
    )
    if source is None or index is None or _ADDING & set(sys.argv[1:]):
        return
    try:
        carry_contract(Path(source), Path(index))
    except OSError as error:
        print(f"warning: {index} has no record of its encoder: {error}.", file=sys.stderr)


def carry_merged() -> None:
    """Put the record of the shards into the folder of the merged index, if they have one and the
    same, for ``pyserini.index.merge_faiss_indexes``."""
    prefix, count = option_value("--prefix"), option_value("--shard-num") or "1"
    if prefix is None:
        return
    shards = [Path(f"{prefix}{number}") for number in range(int(count))]
    records = {json.dumps(read_record(shard / CONTRACT_NAME)) for shard in shards}
    merged = Path(f"{prefix}full")
    if len(records) == 1:
        carry_contract(shards[0], merged)
        return
    (merged / CONTRACT_NAME).unlink(missing_ok=True)
    print(
        f"warning: the shards of {merged} were not all made by the same encoder; their scores "
        "cannot be compared.",
        file=sys.stderr,
    )
