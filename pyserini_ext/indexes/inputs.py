"""The files that the index command reads; a folder that our encoder wrote must be whole."""

from pathlib import Path

from llm_encoders.corpora import files
from llm_encoders.errors import EncoderError
from pyserini_ext.folders.folder import foreign_files
from pyserini_ext.folders.manifest import Manifest

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
