"""The files that the index command reads; a folder that our encoder wrote must be whole."""

from pathlib import Path
from typing import Any

from llm_encoders.corpora import files
from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext.folders.contract import differences, encoder_of_vectors, read_contract
from pyserini_ext.folders.folder import foreign_files
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.folders.state import manifest_path

_SUFFIXES = (".json", ".jsonl")


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


def common_encoder(inputs: list[list[Path]]) -> dict[str, Any]:
    """The encoder behind all inputs, as recorded beside them; empty where any has no record.

    Args:
        inputs: the files of each, as :func:`vector_files` gives them.

    Raises:
        UsageError: two were made under contracts that do not go together; names what differs.
    """
    found = [(files[0].parent, encoder_of_vectors(files)) for files in inputs]
    known = [(folder, encoder) for folder, encoder in found if encoder is not None]
    if not known:
        return {}
    first, encoder = known[0]
    contract = read_contract(encoder, manifest_path(first))
    for folder, other in known[1:]:
        own = read_contract(other, manifest_path(folder))
        if listed := differences(contract, own, (str(first), str(folder))):
            raise UsageError(
                f"{first} and {folder} were encoded under different contracts and cannot make one "
                f"index: {listed}."
            )
    return encoder if len(known) == len(found) else {}


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
