"""The folder of a lookup table: what is in it, reading it with every check, and writing it.

=====================  ======================================================================
encoder_config.json    the contract, with ``query_encoder`` ``"lookup"``
lookup.safetensors     sparse: ``weights`` float32 [vocabulary]; dense: ``vectors`` float32 or
                       float16 [vocabulary, dimension]. Its metadata's ``vocabulary`` is the
                       digest of the index terms of the rows
tokenizer.json         gives the rows
teacher.json           what encodes the passages: :mod:`llm_encoders.checkpoints.teacher`
=====================  ======================================================================
"""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from tokenizers import Tokenizer

from llm_encoders.checkpoints import resolve
from llm_encoders.checkpoints.teacher import Teacher, vocabulary_digest
from llm_encoders.checkpoints.two_sides import require_own_teacher
from llm_encoders.config import CONFIG_NAME, LOOKUP, EncoderConfig
from llm_encoders.encoding.lookup.query_encoder import (
    LookupQueryEncoder,
    require_lookup_contract,
    table_terms,
)
from llm_encoders.encoding.plain_tokenizer import TOKENIZER_NAME, read_tokenizer
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.atomic import write_atomically

TABLE_NAME = "lookup.safetensors"
_TENSORS = {"sparse": "weights", "dense": "vectors"}
_FORMATS = {"sparse": ("F32",), "dense": ("F32", "F16")}
_AXES = {"sparse": "[vocabulary]", "dense": "[vocabulary, dimension]"}
_METADATA = "vocabulary"
_ROWS = 4096  # checked at a time, so that no second copy of a large table is held
_AGAIN = "Fetch the folder's files again, or distil the table again."


def load_lookup(name_or_path: str | Path) -> LookupQueryEncoder:
    """Load the lookup table in a folder; neither PyTorch nor Transformers is imported.

    Args:
        name_or_path: a folder or a Hub id, with keys of the contract written behind it where they
            are to differ, as in ``students/table,query_top_k=8``.

    Raises:
        UsageError: what is there encodes queries in another way.
        EncoderError: files that cannot be had or do not fit together; names the file.
    """
    files, _ = resolve.resolve_spec(str(name_or_path))
    if files.contract.query_encoder != LOOKUP:
        raise UsageError(
            f"{files.name} is no lookup table: its query_encoder is "
            f"'{files.contract.query_encoder}'. Open it with llm_encoders.load_encoder."
        )
    return open_lookup(files)


def open_lookup(files: resolve.Checkpoint) -> LookupQueryEncoder:
    """As :func:`load_lookup`, from files that are found already."""
    folder, contract = files.folder, files.contract
    require_lookup_contract(contract, str(folder / CONFIG_NAME))
    teacher = files.teacher or Teacher.load(folder)
    tokenizer = read_tokenizer(folder / TOKENIZER_NAME)
    table, made_for = _read_table(folder / TABLE_NAME, contract.paradigm)
    _require_fit(folder, table, teacher, contract.paradigm)
    terms = _require_terms(folder, tokenizer, len(table), made_for, teacher)
    require_own_teacher(files)
    encoder = LookupQueryEncoder(files.name, contract, table, tokenizer, terms)
    encoder.files = files
    encoder.encode_queries(["a"])  # the first call sets up the libraries
    return encoder


def write_lookup(
    folder: Path, config: EncoderConfig, table: np.ndarray, tokenizer: Tokenizer, teacher: Teacher
) -> None:
    """Write a folder that :func:`load_lookup` loads.

    Each file is written whole or not at all. The contract is the last, and one that was there
    before is removed first, so that a folder with a contract is complete.

    Args:
        folder: made if absent; other files in it are left.
        config: the contract.
        table: as for :class:`LookupQueryEncoder`.
        tokenizer: the teacher's; of its truncation only the side counts, left or right.
        teacher: what encodes the passages.

    Raises:
        UsageError: the contract asks for what a table cannot do.
        EncoderError: the table does not fit the teacher or the tokenizer, or has a faulty value.
        OSError: a file cannot be written; names it.
    """
    paradigm, path = config.paradigm, folder / TABLE_NAME
    require_lookup_contract(config, str(folder / CONFIG_NAME))
    _require_values(path, table, paradigm)
    _require_fit(folder, table, teacher, paradigm)
    made_for = vocabulary_digest(table_terms(tokenizer, len(table)))
    _require_terms(folder, tokenizer, len(table), made_for, teacher)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_NAME).unlink(missing_ok=True)
    tensors = {_TENSORS[paradigm]: np.ascontiguousarray(table)}
    write_atomically(path, save(tensors, {_METADATA: made_for}))
    write_atomically(folder / TOKENIZER_NAME, tokenizer.to_str(pretty=True))
    teacher.save_beside(folder, config)
    write_atomically(folder / CONFIG_NAME, config.text())


def _read_table(path: Path, paradigm: str) -> tuple[np.ndarray, str | None]:
    """The table, and the digest of the terms that it was made for."""
    name = _TENSORS[paradigm]
    if not path.is_file():
        raise EncoderError(f"{path} is absent, which holds the table of the contract. {_AGAIN}")
    try:
        with safe_open(path, "numpy") as file:
            names = sorted(file.keys())
            if name not in names:
                raise EncoderError(
                    f"{path}: it holds {', '.join(names) or 'nothing'}; the table of a {paradigm} "
                    f"encoder is called '{name}'. {_AGAIN}"
                )
            kind = file.get_slice(name).get_dtype()
            if kind not in _FORMATS[paradigm]:
                raise EncoderError(
                    f"{path}: {name} is in {kind}; expected {' or '.join(_FORMATS[paradigm])}."
                )
            table = file.get_tensor(name)
            made_for = (file.metadata() or {}).get(_METADATA)
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise EncoderError(f"Cannot read {path}: {reason}. {_AGAIN}") from None
    _require_values(path, table, paradigm)
    return table, made_for


def _require_values(path: Path, table: np.ndarray, paradigm: str) -> None:
    name = _TENSORS[paradigm]
    if table.ndim != _AXES[paradigm].count(",") + 1 or not table.size:
        raise EncoderError(
            f"{path}: {name} has the shape {list(table.shape)}; expected {_AXES[paradigm]}. "
            f"{_AGAIN}"
        )
    parts = (table[first : first + _ROWS] for first in range(0, len(table), _ROWS))
    finite = [np.isfinite(part).reshape(len(part), -1).all(axis=1) for part in parts]
    faulty = ~np.concatenate(finite)
    problem = "is not finite"
    if paradigm == "sparse" and not faulty.any():
        faulty, problem = table < 0, "is negative, which no impact can be"
    if faulty.any():
        row = int(np.flatnonzero(faulty)[0])
        values = table[row].ravel()
        value = min(values, key=np.isfinite)
        raise EncoderError(
            f"{path}: {name} has {int(faulty.sum()):,} faulty rows; row {row:,} holds {value}, "
            f"which {problem}. Distil the table again."
        )


def _require_fit(folder: Path, table: np.ndarray, teacher: Teacher, paradigm: str) -> None:
    """Refuse a table whose vectors have other columns than the teacher's."""
    path = folder / TABLE_NAME
    if paradigm == "dense":
        teacher.require_dimension(table.shape[1], str(path))
    elif len(table) != teacher.vocabulary_size:
        raise EncoderError(
            f"{path} has weights of {len(table):,} terms, but its teacher {teacher.name} has "
            f"{teacher.vocabulary_size or 0:,} index terms. {_AGAIN}"
        )


def _require_terms(
    folder: Path, tokenizer: Tokenizer, size: int, made_for: str | None, teacher: Teacher
) -> list[str]:
    """The index terms of the rows; refuses a tokenizer whose ids are no rows, or rows of other
    terms."""
    path = folder / TOKENIZER_NAME
    largest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if largest >= size:
        raise EncoderError(
            f"{path} has {largest + 1:,} tokens, but {TABLE_NAME} {size:,} rows: it is another "
            f"model's tokenizer. {_AGAIN}"
        )
    if made_for is None:
        raise EncoderError(
            f"{folder / TABLE_NAME} does not say which terms its rows stand for: its metadata has "
            f"no '{_METADATA}'. Write it with llm_encoders.encoding.lookup.files.write_lookup."
        )
    terms = table_terms(tokenizer, size)
    if vocabulary_digest(terms) != made_for:
        raise EncoderError(
            f"{path} has other tokens than {TABLE_NAME} was made for, so their rows would be taken "
            f"for each other's. {_AGAIN}"
        )
    teacher.require_vocabulary(terms, str(path))
    return terms
