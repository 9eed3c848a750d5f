"""What lies in an index folder: of which kind it is, and which encoder made it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.corpora.files import plain_suffix
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.reading import read_object
from pyserini_ext.folders.contract import CONTRACT_NAME
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.folders.state import has_unfinished_work

_NAME = re.compile(r"[\w.-]+")
_SPECIAL = ("m-beir", "shard")  # Pyserini's servers search indexes of such names by other rules


@dataclass(frozen=True)
class FoundIndex:
    """An index that can be served."""

    name: str
    """By which requests name it."""
    folder: Path
    kind: str
    """As Pyserini's ``server.yaml`` has it: ``impact`` (Lucene) or ``faiss``."""
    made_by: str | None
    """The encoder of its documents, as the command that made it was given it, if recorded."""
    corpus: dict[str, Any]
    """Number and digest of the documents that were encoded, if recorded."""


def find_indexes(folders: list[Path], names: list[str] | None) -> list[FoundIndex]:
    """Look into index folders.

    Args:
        folders: of ``--index``.
        names: of ``--name``, one for each; default the names of the folders.

    Raises:
        UsageError: names that cannot be served.
        EncoderError: a folder holds no finished index; says what it holds.
    """
    if names is not None and len(names) != len(folders):
        raise UsageError(
            f"--name gives {len(names)} names for {len(folders)} indexes; give one for each."
        )
    given = names or [folder.resolve().name for folder in folders]
    for name in given:
        _require_servable(name)
    if len(set(given)) < len(given):
        twice = next(name for name in given if given.count(name) > 1)
        raise UsageError(
            f"Two indexes would be served by the name '{twice}'. Give each a name with --name."
        )
    return [_find(name, folder) for name, folder in zip(given, folders, strict=True)]


def _require_servable(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be the name of a served index: it may hold letters, digits, '.', "
            "'_' and '-'. Give another one with --name."
        )
    if special := [word for word in _SPECIAL if word in name]:
        raise UsageError(
            f"Pyserini's server treats an index with '{special[0]}' in its name in a way of its "
            f"own. Give '{name}' another name with --name."
        )


def _find(name: str, folder: Path) -> FoundIndex:
    if not folder.is_dir():
        raise EncoderError(f"There is no folder {folder}. Name the folder of an index.")
    if any(folder.glob("segments_*")):
        kind = "impact"
    elif (folder / "index").is_file() and (folder / "docid").is_file():
        kind = "faiss"
    else:
        raise EncoderError(f"{folder} holds no index that can be served. {_instead(folder)}")
    manifest = Manifest.load(folder)
    if manifest is not None and not manifest.complete:
        raise EncoderError(
            f"{folder} is the output of a command that is not finished. Run that command again to "
            "resume it, then serve."
        )
    path = folder / CONTRACT_NAME
    contract = read_object(path) if path.is_file() else {}
    corpus = contract.get("corpus") or (manifest.fingerprint.get("corpus") if manifest else None)
    made_by = contract.get("name")
    return FoundIndex(
        name,
        folder,
        kind,
        made_by if isinstance(made_by, str) else None,
        corpus if isinstance(corpus, dict) else {},
    )


def _instead(folder: Path) -> str:
    """What the folder holds, and what to do with it."""
    if has_unfinished_work(folder):
        return "A command is still building it, or was stopped: run that command again."
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if any(plain_suffix(Path(name)) in (".json", ".jsonl") for name in names):
        return (
            "It holds JSONL. If these are vectors, index them: python -m pyserini_ext.index "
            f"--input {folder} --index INDEX (sparse), or python -m pyserini.index.faiss (dense)."
        )
    inside = f"It holds {', '.join(names[:5])}" + (" …" if len(names) > 5 else "")
    return (
        f"{inside if names else 'It is empty'}. Expected a Lucene impact index (segments_N), as "
        "from python -m pyserini.encode … --to-lucene, or a FAISS index (index, docid), as from "
        "--to-faiss."
    )
