"""The files that the index command reads; what our encoder wrote must be whole.

To index a part on purpose, name the files of the part and not their folder; then what is missing
is a warning.
"""

import sys
from pathlib import Path
from typing import Any

from llm_encoders.corpora import files
from llm_encoders.errors import EncoderError
from pyserini_ext.folders.contract import encoder_of_vectors
from pyserini_ext.folders.folder import foreign_files
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.indexes.shards import missing_shards, require_one_encoding

_SUFFIXES = (".json", ".jsonl")


def input_files(paths: list[Path]) -> tuple[list[Path], dict[str, Any]]:
    """The JSONL files of all inputs, in order, and the encoder recorded beside them.

    The latter is empty where an input has no such record.

    Raises:
        EncoderError: a folder is not whole, see :func:`vector_files`; outputs of the encode command
            are of different encodings, or lack a shard.
    """
    by_input = [vector_files(path) for path in paths]
    found = [file for files in by_input for file in files]
    whole = {path.resolve() for path in paths if path.is_dir()}
    outputs = _outputs(paths)
    require_one_encoding(list(outputs.values()))
    problem = missing_shards(list(outputs.values()))
    if problem and not whole.isdisjoint(outputs):
        raise EncoderError(
            f"{problem} Name the folders of all shards with --input; to index a part on purpose, "
            "name its files and not its folder."
        )
    if problem:
        print(f"warning: {problem}", file=sys.stderr)
    named = {file.resolve() for file in found}
    for folder, manifest in outputs.items():
        if folder not in whole:
            _tell_of_the_rest(manifest, sum(file.parent == folder for file in named))
    encoders = [encoder_of_vectors(files) for files in by_input]
    return found, (encoders[0] or {}) if all(encoders) else {}


def _outputs(paths: list[Path]) -> dict[Path, Manifest]:
    """The records of the encode commands that wrote the inputs, by folder."""
    outputs: dict[Path, Manifest] = {}
    for path in paths:
        folder = path if path.is_dir() else path.parent
        manifest = Manifest.load(folder)
        if manifest is not None and (path.is_dir() or path.name in manifest.names()):
            outputs.setdefault(folder.resolve(), manifest)
    return outputs


def _tell_of_the_rest(manifest: Manifest, named: int) -> None:
    written = len(manifest.names())
    if manifest.complete and named == written:
        return
    finished = "" if manifest.complete else ", and the encode command there is not finished"
    print(
        f"warning: {named} of {written} files of {manifest.folder} are indexed{finished}.",
        file=sys.stderr,
    )


def vector_files(path: Path) -> list[Path]:
    """The JSONL files of an input, one file or a folder, in order.

    Raises:
        EncoderError: there are none, or the folder is the output of an encode command that is not
            finished, or holds files that this command did not write.
    """
    found = files.list_files(path)
    vectors = [file for file in found if files.plain_suffix(file) in _SUFFIXES]
    if not vectors:
        raise EncoderError(f"{path} holds no JSONL files.")
    manifest = Manifest.load(path) if path.is_dir() else None
    if manifest is not None:
        _require_whole(path, manifest)
    return vectors


def _require_whole(folder: Path, manifest: Manifest) -> None:
    if not manifest.complete:
        raise EncoderError(
            f"{folder} is the output of an encode command that is not finished. Run that command "
            "again to resume it, then index."
        )
    if strays := foreign_files(folder, manifest.names()):
        raise EncoderError(
            f"{folder} holds {strays[0]}, which the encode command that wrote the folder did not "
            "write. Move it away."
        )
    if missing := sorted(name for name in manifest.names() if not (folder / name).is_file()):
        raise EncoderError(
            f"{folder} lacks {missing[0]}, which the encode command wrote there. Run that command "
            "again to encode its documents."
        )
