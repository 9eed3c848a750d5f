"""``server.yaml``: what Pyserini's servers from 2.x on read which indexes there are from."""

from pathlib import Path
from typing import Any

import yaml

from llm_encoders.errors import UsageError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.reading import read_text
from pyserini_ext.serve.found import FoundIndex

_TEXTS = "texts"


def server_config(
    indexes: list[FoundIndex], encoders: list[str], texts: Path | None
) -> dict[str, Any]:
    """The content of ``server.yaml``.

    Args:
        indexes: that are served.
        encoders: the name of each one's encoder.
        texts: folder of a Lucene index that stores the documents.
    """
    alias = _TEXTS
    while alias in {index.name for index in indexes}:
        alias += "_"
    found: dict[str, Any] = {}
    for index, encoder in zip(indexes, encoders, strict=True):
        entry = {"path": str(index.folder.resolve()), "index_type": index.kind, "encoder": encoder}
        found[index.name] = entry | ({"base_index": alias} if texts is not None else {})
    if texts is not None:
        found[alias] = {"path": str(texts.resolve()), "index_type": "tf"}
    return {"indexes": found}


def write_config(path: Path, content: dict[str, Any]) -> None:
    """Write ``server.yaml``, but not over another one, which may hold keys of the user's.

    Raises:
        UsageError: there is a file with other content.
    """
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    if path.exists() and read_text(path) != text:
        raise UsageError(
            f"{path} exists already, with other content. Remove it, or give --config another file."
        )
    write_atomically(path, text)
