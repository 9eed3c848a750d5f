"""The tokenizer of a checkpoint: which one it is, loaded, and checked against the embeddings."""

from pathlib import Path
from textwrap import shorten
from typing import Any

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.errors import EncoderError

# What holds a tokenizer's vocabulary, in the layouts that Transformers reads.
_VOCABULARIES = (
    *("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"),
    *("sentencepiece.bpe.model", "tekken.json", "tiktoken.model"),
)


def tokenizer_folder(checkpoint: Checkpoint) -> Path:
    """The uppermost adapter that brings a tokenizer, else what the named encoder names for it,
    else the backbone."""
    adapters = [checkpoint.adapter, *reversed(checkpoint.below)]
    own = (one for one in adapters if one is not None and (one / "tokenizer.json").is_file())
    return next(own, checkpoint.tokenizer or checkpoint.backbone)


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """The tokenizer of :func:`tokenizer_folder`.

    Raises:
        EncoderError: the folder has none (Transformers would make one without a vocabulary), or
            its files are damaged.
    """
    from transformers import AutoTokenizer

    folder = tokenizer_folder(checkpoint)
    _require_tokenizer(folder)
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # Transformers raises a dozen classes
        reason = shorten(str(error), 200, placeholder=" …").rstrip(".")
        raise EncoderError(
            f"Cannot load the tokenizer of {folder}: {type(error).__name__}: {reason}. Fetch "
            "tokenizer.json and tokenizer_config.json again."
        ) from error


def _require_tokenizer(folder: Path) -> None:
    """Refuse a folder without the files of a tokenizer.

    Raises:
        EncoderError: names the files that were looked for.
    """
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        raise EncoderError(
            f"{folder} has no tokenizer ({', '.join(_VOCABULARIES[:2])} …); fetch its files, too."
        )


def check_tokenizer(tokenizer: Any, model: Any, source: str) -> None:
    """Refuse a tokenizer with tokens that the embeddings have no row for.

    Special tokens beyond them are left, as Gemma has one for images: no ordinary text holds them,
    and a text that does is refused when it is tokenised.

    Raises:
        EncoderError: names both counts.
    """
    rows = embedding_rows(model)
    largest = max(tokenizer.get_vocab().values(), default=-1)
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    beyond = {number for number in tokenizer.get_vocab().values() if number >= rows}
    if beyond - special:
        raise EncoderError(
            f"{source}: the tokenizer has {max(len(tokenizer), largest + 1):,} tokens, the "
            f"embeddings {rows:,} rows. Use the tokenizer that belongs to the backbone: remove an "
            "adapter's tokenizer.json, or name the backbone that the adapter was trained on."
        )


def embedding_rows(model: Any) -> int:
    """How many tokens the embeddings have a row for."""
    return int(model.get_input_embeddings().weight.shape[0])
