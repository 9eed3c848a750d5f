"""After Pyserini's own index commands: what is known of the vectors stays with the index."""

import sys
from pathlib import Path

from pyserini_ext.bridge.names import option_value
from pyserini_ext.folders.contract import carry_contract

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
