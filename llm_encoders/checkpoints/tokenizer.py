"""The tokenizer of a checkpoint: which one it is, loaded, and checked against the embeddings."""

from pathlib import Path
from textwrap import shorten
from typing import Any

from llm_encoders.checkpoints.resolve import Checkpoint
from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_record

# What holds a tokenizer's vocabulary, in the layouts that Transformers reads.
_VOCABULARIES = (
    *("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"),
    *("sentencepiece.bpe.model", "tekken.json", "tiktoken.model"),
)

_FLAGGED = ("Llama", "CodeLlama", "Gemma")
_AGAINST = {  # what to do instead, by token and by whether tokenizer.json adds it
    ("bos", True): "write ,special_tokens=false behind the encoder's name",
    ("bos", False): "put the token at the beginning of query_prefix and passage_prefix",
    ("eos", True): "take the token out of tokenizer.json",
}


def tokenizer_folder(checkpoint: Checkpoint) -> Path:
    """The uppermost adapter that brings a tokenizer, else what the named encoder names for it,
    else the backbone."""
    adapters = [checkpoint.adapter, *reversed(checkpoint.below)]
    own = (one for one in adapters if one is not None and (one / "tokenizer.json").is_file())
    return next(own, checkpoint.tokenizer or checkpoint.backbone)


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """The tokenizer of :func:`tokenizer_folder`; raises as :func:`folder_tokenizer`."""
    return folder_tokenizer(tokenizer_folder(checkpoint))


def folder_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder.

    Raises:
        EncoderError: the folder has none (Transformers would make one without a vocabulary), or
            its files are damaged.
    """
    from transformers import AutoTokenizer

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


def check_special_tokens(tokenizer: Any, checkpoint: Checkpoint) -> None:
    """Refuse files that contradict each other about BOS or EOS, where the contract is theirs.

    Transformers 4 goes by ``add_bos_token`` and ``add_eos_token`` of ``tokenizer_config.json`` for
    tokenizers like Llama's, Transformers 5 by ``tokenizer.json`` alone, so that the publisher's
    vectors depend on the version.

    Args:
        tokenizer: of the checkpoint.
        checkpoint: the files. A contract of ours settles the matter.

    Raises:
        EncoderError: names the key, and how to choose.
    """
    contract, derived = checkpoint.contract, checkpoint.derived
    if derived is None or not contract.special_tokens:
        return
    path = tokenizer_folder(checkpoint) / "tokenizer_config.json"
    said = read_record(path)
    ids, plain = tokenizer("a")["input_ids"], tokenizer("a", add_special_tokens=False)["input_ids"]
    added = {key: ids[end] != plain[end] for key, end in (("bos", 0), ("eos", -1))}
    if contract.append_eos and derived.contract.append_eos and added["eos"]:
        last = tokenizer.convert_ids_to_tokens(ids[-1])
        if last != tokenizer.eos_token:
            raise EncoderError(
                f"{path}: add_eos_token asks for {tokenizer.eos_token} after every text, but "
                f"tokenizer.json puts {last} there. Remove the key, or write "
                ",append_eos=false behind the encoder's name, to go by tokenizer.json."
            )
    if not str(said.get("tokenizer_class")).startswith(_FLAGGED):
        return
    for key, adds in added.items():
        wanted = said.get(f"add_{key}_token")
        if isinstance(wanted, bool) and wanted != adds and (key, wanted) != ("eos", True):
            raise EncoderError(
                f"{path}: add_{key}_token is {str(wanted).lower()}, but tokenizer.json "
                f"{'adds' if adds else 'does not add'} {key.upper()} to every text, and it "
                "depends on the version of Transformers which of the two counts. Remove the key to "
                f"go by tokenizer.json; to go by the key, {_AGAINST[key, adds]}."
            )
