"""A tokenizer of ``tokenizer.json`` alone, for encoders that do without Transformers.

It takes the arguments with which :mod:`llm_encoders.encoding.tokens` calls a tokenizer, and no
others.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from llm_encoders.errors import EncoderError
from llm_encoders.reading import read_object, read_text

TOKENIZER_NAME = "tokenizer.json"
_SETTINGS = "tokenizer_config.json"


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a ``tokenizer.json``.

    Raises:
        EncoderError: the file is absent or damaged.
    """
    text = read_text(path)
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises the class Exception itself
        reason = " ".join(str(error).split()).rstrip(".")
        raise EncoderError(f"{path} is no tokenizer: {reason}. Copy the file again.") from None


class PlainTokenizer:
    """Texts to token ids as Transformers' fast tokenizers make them.

    Args:
        tokenizer: the library's; it is changed.
        eos_token: the token that ends texts, if there is one.
        truncation_side: where a text is cut, ``"right"`` or ``"left"``.
    """

    def __init__(
        self, tokenizer: Tokenizer, eos_token: str | None = None, truncation_side: str = "right"
    ) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer, self._side = tokenizer, truncation_side
        self.eos_token_id = None if eos_token is None else tokenizer.token_to_id(eos_token)

    @classmethod
    def load(cls, folder: Path) -> "PlainTokenizer":
        """Read ``tokenizer.json``, and of ``tokenizer_config.json`` the token EOS and where a
        text is cut.

        Raises:
            EncoderError: a file is absent or damaged.
        """
        tokenizer = read_tokenizer(folder / TOKENIZER_NAME)
        settings = read_object(folder / _SETTINGS)
        eos = settings.get("eos_token")
        eos = eos.get("content") if isinstance(eos, dict) else eos
        return cls(tokenizer, eos, settings.get("truncation_side", "right"))

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens a text, or a pair of texts, is given."""
        return int(self._tokenizer.num_special_tokens_to_add(pair))

    def __call__(
        self,
        texts: str | Sequence[str],
        text_pair: None = None,
        add_special_tokens: bool = True,
        truncation: bool = False,
        max_length: int | None = None,
        return_offsets_mapping: bool = False,
        **others: bool,
    ) -> dict[str, list[Any]]:
        """Tokenise a text, or several.

        Args:
            texts: one text, which gives flat lists, or several.
            text_pair: pairs are for passages.
            add_special_tokens: whether the special tokens are added.
            truncation: whether texts are cut to ``max_length``.
            max_length: tokens of a text, at most, special ones included.
            return_offsets_mapping: also give the characters of each token, as (begin, end).
            others: further outputs that must be switched off.

        Returns:
            ``input_ids``, and ``offset_mapping`` if it is wanted.
        """
        assert text_pair is None and not any(others.values())
        if truncation and max_length is not None:
            self._tokenizer.enable_truncation(max_length, direction=self._side)
        else:
            self._tokenizer.no_truncation()
        several = [texts] if isinstance(texts, str) else list(texts)
        encoded = self._tokenizer.encode_batch(several, add_special_tokens=add_special_tokens)
        found: dict[str, list[Any]] = {"input_ids": [one.ids for one in encoded]}
        if return_offsets_mapping:
            found["offset_mapping"] = [one.offsets for one in encoded]
        if isinstance(texts, str):
            return {key: values[0] for key, values in found.items()}
        return found
