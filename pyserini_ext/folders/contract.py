"""The encoder behind an index, in a file of its folder, so that it moves with it.

The file holds the contract and a digest of the weights: vectors of two models are not comparable,
whatever they have in common. Neither Lucene nor FAISS looks at the file. Folders of JSONL have
none, since every file in them is taken for vectors; their contract is in the manifest beside them.
"""

import json
from pathlib import Path
from typing import Any

from llm_encoders.checkpoints.comparison import differences
from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.checkpoints.two_sides import passage_identity
from llm_encoders.config import EncoderConfig
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.reading import read_object, read_record
from pyserini_ext.folders.state import manifest_path

CONTRACT_NAME = "contract.json"


def write_contract(folder: Path, encoder: dict[str, Any]) -> None:
    """Write the file.

    Args:
        folder: of the index, or where it is built.
        encoder: its ``"name"``, ``"contract"`` and whatever else a reader may want to know.
    """
    write_atomically(folder / CONTRACT_NAME, json.dumps(encoder, indent=1) + "\n")


def encoder_of_vectors(files: list[Path]) -> dict[str, Any] | None:
    """What :func:`write_contract` takes, of JSONL files of one folder.

    ``None`` unless an encode command recorded that it wrote all of them.
    """
    values = read_record(manifest_path(files[0].parent))
    try:
        written = {part["file"] for part in values["parts"].values()}
        encoder = values["encoder"] if written >= {file.name for file in files} else {}
        return encoder if "contract" in encoder else None
    except (KeyError, TypeError, AttributeError):  # none, of an older version, or edited
        return None


def carry_contract(source: Path, index: Path) -> None:
    """Give an index that another command has just made the file of the vectors that it read.

    Where nothing is known of them, a file of an index that stood there before is removed.

    Args:
        source: folder of JSONL vectors, or of another index.
        index: the folder of the new index.
    """
    if not index.is_dir() or index.resolve() == source.resolve():
        return
    if (source / CONTRACT_NAME).is_file():
        encoder: dict[str, Any] | None = read_record(source / CONTRACT_NAME)
    else:
        found = [path for path in source.iterdir() if path.is_file()] if source.is_dir() else []
        encoder = encoder_of_vectors(found) if found else None
    if encoder:
        write_contract(index, encoder)
    else:
        (index / CONTRACT_NAME).unlink(missing_ok=True)


def require_same_encoder(
    folder: Path,
    name: str,
    contract: EncoderConfig,
    files: Checkpoint | None = None,
    weights: str | None = None,
    teacher: str | None = None,
) -> None:
    """Refuse to search an index whose vectors were made otherwise than the queries will be.

    An index without the file is not looked at; one of an older version records no weights. Of a
    query tower the teacher is compared, which encodes its passages.

    Args:
        folder: of the index.
        name: of the encoder of the queries.
        contract: its contract; without ``files`` that of its side of the passages.
        files: its files, where they are known.
        weights: the digest of the weights of its side of the passages, where that is known and the
            files are not.
        teacher: the name of its teacher, if it has one and the files are not known.

    Raises:
        UsageError: names what differs.
        EncoderError: the file is damaged.
    """
    path = folder / CONTRACT_NAME
    if not path.is_file():
        return
    remove = f"remove {path}, and the index is searched without this check"
    try:
        values = read_object(path)
        made = read_contract(values, path)
    except EncoderError as error:
        raise EncoderError(f"{error} Restore the file; or {remove}.") from None
    maker = values.get("name", "another encoder")
    if files is not None:
        contract, weights = passage_identity(files, contract)
        teacher = None if files.teacher is None else files.teacher.name
    whose, owner, cure = name, "the encoder", "Search with the encoder that made it"
    if teacher is not None:
        whose, owner = f"{teacher}, the teacher of {name},", "the teacher"
        cure += ", or with a query encoder distilled from that one"
    if listed := differences(made, contract, ("the index", owner)):
        raise UsageError(
            f"{folder} was made by {maker} under another contract than that of "
            f"{whose.rstrip(',')}: {listed}. {cure}; or, if this is meant, {remove}."
        )
    recorded = values.get("weights")
    if recorded is not None and weights is not None and recorded != weights:
        now = "has now" if teacher is None else "had in distillation"
        raise UsageError(
            f"{folder} was made by {maker} with other weights than {whose} {now}, so its "
            f"vectors are not those of this model. {cure}; or, if it is the same model in other "
            f"files, {remove}."
        )


def read_contract(encoder: dict[str, Any], source: Path) -> EncoderConfig:
    """The contract of what :func:`write_contract` takes.

    Raises:
        EncoderError: there is none; names ``source``.
    """
    contract = encoder.get("contract")
    if not isinstance(contract, dict):
        raise EncoderError(f"{source}: it holds no contract of an encoder.")
    return EncoderConfig.from_dict(contract, str(source))
