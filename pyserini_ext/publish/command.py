"""``python -m pyserini_ext.publish``: an index and its card, in a folder that the Hub takes.

Nothing is uploaded; the command that does so is printed.
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs import arguments as parse
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.console import run_command
from llm_encoders.jobs.lock import LOCK_NAME, locked
from llm_encoders.jobs.removal import require_apart
from llm_encoders.reading import parse_json, read_object, read_record
from llm_encoders.spec import parse_spec
from pyserini_ext.folders.contract import CONTRACT_NAME, read_contract, write_contract
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.publish.card import Published, card
from pyserini_ext.serve.found import find_indexes
from pyserini_ext.serve.texts import CORPUS_NAME, require_same_corpus, texts_folder

_REPOSITORY = "USER/REPOSITORY"
_NAME = re.compile(r"[\w.-]+")
_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)  # of the Hub


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m pyserini_ext.publish",
        description="Put an index or an encoded corpus into a folder that can be uploaded to the "
        "Hub as it is: the index with its contract, the documents' texts, and a card (README.md) "
        "with the commands that search it. Nothing is uploaded. Files are linked where the file "
        "system allows it, not copied.",
    )
    add = parser.add_argument
    add(
        "--index",
        required=True,
        type=parse.path,
        help="folder of a Lucene impact or FAISS index, or of JSONL vectors of the encode command",
    )
    add("--output", required=True, type=parse.output, help="folder to make")
    add(
        "--encoder",
        type=parse.place,
        help="name or Hub id by which others find the encoder (default: as the index records it)",
    )
    add("--corpus-name", type=parse.text, help="what the corpus is, in words, for the card")
    texts = parser.add_mutually_exclusive_group()
    texts.add_argument(
        "--texts",
        type=parse.path,
        help="Lucene index that stores the documents (default: INDEX.texts, if it is there)",
    )
    texts.add_argument("--no-texts", action="store_true", help="leave the documents' texts out")
    add(
        "--repository",
        type=parse.text,
        default=_REPOSITORY,
        help="USER/REPOSITORY of the Hub, for the commands of the card",
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: run(options), resumable=False)


def run(options: argparse.Namespace) -> None:
    """Make the folder, whole or not at all.

    Raises:
        UsageError: the output exists, others would not find the encoder, or the texts are those of
            another corpus.
        EncoderError: the index is not finished, or has no contract.
    """
    output: Path = options.output
    if output.exists():
        raise UsageError(f"{output} exists already; name a new folder.")
    require_apart(output, [options.index, options.texts], "output folder")
    if not _ID.fullmatch(options.repository):
        raise UsageError(
            f"'{options.repository}' is no repository of the Hub; name it as {_REPOSITORY}."
        )
    name = options.index.resolve().name
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"The index is published under the name of its folder. '{name}' may hold letters, "
            "digits, '.', '_' and '-' only; rename the folder."
        )
    kind, encoder, corpus = _described(options.index)
    read_contract(encoder, options.index / CONTRACT_NAME)
    encoder["name"] = _public_name(options.encoder or str(encoder.get("name")))
    texts = None if options.no_texts else _texts(options, corpus)
    building = output.with_name(f".{output.name}.building")
    with locked(building / LOCK_NAME, f"Another command is making {output}."):
        try:
            _link(options.index, building / name)
            # Anserini takes every JSON file beside vectors for vectors.
            place = building if kind == "vectors" else building / name
            write_contract(place, encoder | {"corpus": corpus})
            if texts is not None:
                _link(texts, building / "texts")
            size = sum(path.stat().st_size for path in building.rglob("*") if path.is_file())
            published = Published(
                name=name,
                kind=kind,
                encoder=encoder["name"],
                contract=encoder["contract"],
                corpus=corpus,
                corpus_name=options.corpus_name,
                texts=texts is not None,
                size=size,
                dimension=_dimension(options.index) if kind == "vectors" else None,
                repository=options.repository,
            )
            write_atomically(building / "README.md", card(published))
            (building / LOCK_NAME).unlink()
            os.replace(building, output)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    print(f"{output} is ready. Choose a licence in its README.md, then upload it:")
    print(f"  hf upload {options.repository} {output} --repo-type dataset")


def _described(folder: Path) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Kind, encoder and corpus of an index or of a folder of vectors."""
    manifest = Manifest.load(folder) if folder.is_dir() else None
    if manifest is not None and manifest.fingerprint.get("output") == "jsonl":
        if not manifest.complete:
            raise EncoderError(
                f"{folder} is the output of an encode command that is not finished. Run that "
                "command again to resume it."
            )
        return "vectors", dict(manifest.encoder), manifest.fingerprint["corpus"]
    (index,) = find_indexes([folder], ["index"])
    path = folder / CONTRACT_NAME
    if not path.is_file():
        raise EncoderError(
            f"{folder} has no {CONTRACT_NAME}, so it is not known how its vectors were made. Make "
            "the index with python -m pyserini.encode … --to-lucene or --to-faiss, or with "
            "python -m pyserini_ext.index."
        )
    return index.kind, read_object(path), index.corpus


def _dimension(folder: Path) -> int | None:
    """Components of dense vectors, by the first line of a folder of JSONL."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as stream:
            vector = parse_json(stream.readline(), f"{path}, line 1").get("vector")
        return len(vector) if isinstance(vector, list) else None
    return None


def _public_name(name: str) -> str:
    found, written = parse_spec(name)
    local = [found, written.get("backbone")]
    for one in local:
        if one is not None and (os.path.isabs(one) or os.path.exists(one)):
            raise UsageError(
                f"The encoder is the folder {one}, which others do not have. Name the encoder as "
                "they find it, for instance by its Hub id, with --encoder."
            )
    return name


def _texts(options: argparse.Namespace, corpus: dict[str, Any]) -> Path | None:
    """The folder of texts to publish with an index of that corpus."""
    usual = texts_folder(options.index)
    folder = options.texts or (usual if usual.is_dir() else None)
    if folder is None:
        print(
            f"warning: {usual} is not there, so no texts are published, and the card's command "
            "serves ids and scores only. Name the texts with --texts.",
            file=sys.stderr,
        )
        return None
    if not any(folder.glob("segments_*")):
        raise EncoderError(f"{folder} is no Lucene index of texts.")
    stored = read_record(folder / CORPUS_NAME)
    require_same_corpus(options.index, corpus, stored, f"The folder of texts {folder}")
    return folder


def _link(source: Path, target: Path) -> None:
    """The files of a folder under another one; copied where they cannot be linked."""
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if not path.is_file() or path.name.startswith(".") or path.name == "write.lock":
            continue
        try:
            os.link(path.resolve(), target / path.name)
        except OSError:
            shutil.copyfile(path, target / path.name)
