"""Outputs of the encode command that are indexed together: of one encoding, no shard missing.

Vectors of two encoders in one index, or an index without a third of its corpus, would be searched
without an error and give plausible, wrong figures.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, listed
from llm_encoders.jobs.fingerprint import contrast, differences
from pyserini_ext.folders.manifest import Manifest

_SHARD = re.compile(r"(\d+) of (\d+)")
_MAY_DIFFER = ("batch tokens", "compile")
"""Settings that change the last digits of activations at most, as other batches do."""


@dataclass(frozen=True)
class _Shard:
    """The shard of a corpus that a folder holds."""

    folder: Path
    number: int
    count: int
    corpus: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.folder} is shard {self.number} of {self.count}"


def require_one_encoding(manifests: list[Manifest]) -> None:
    """Refuse folders that different encoders wrote, or one encoder with different settings.

    Raises:
        EncoderError: names what differs from the first folder.
    """
    for other in manifests[1:]:
        if found := differences(_encoding(manifests[0]), _encoding(other)):
            first, second = manifests[0].folder, other.folder
            raise EncoderError(
                f"{first} and {second} were encoded differently: "
                f"{contrast(found, str(first), str(second))}. Encode one of them again as the "
                "other, or index each by itself."
            )


def _encoding(manifest: Manifest) -> dict[str, Any]:
    settings = manifest.fingerprint.get("encoder", {})
    return {key: value for key, value in settings.items() if key not in _MAY_DIFFER}


def missing_shards(manifests: list[Manifest]) -> str | None:
    """What keeps the shards of some corpus from being all of it, each once, in a sentence.

    Corpora are told apart by their content. ``None`` where every corpus is whole.
    """
    shards = [shard for manifest in manifests if (shard := _shard(manifest)) is not None]
    for first in shards:
        same = [shard for shard in shards if shard.corpus == first.corpus]
        for number, shard in enumerate(same):
            for other in same[:number]:
                if other.count != shard.count or other.number == shard.number:
                    return f"{other} and {shard} of the same corpus; give all shards once."
        have = {shard.number for shard in same}
        missing = [number for number in range(first.count) if number not in have]
        if missing:
            return f"{first}; {_are_missing(missing)}{_of_another_corpus(first, missing, shards)}."
    return None


def _shard(manifest: Manifest) -> _Shard | None:
    found = _SHARD.fullmatch(str(manifest.fingerprint.get("shard")))
    if found is None:
        return None
    corpus = manifest.fingerprint.get("corpus", {})
    return _Shard(manifest.folder, int(found[1]), int(found[2]), corpus)


def _are_missing(numbers: list[int]) -> str:
    are = "shard {} is" if len(numbers) == 1 else "shards {} are"
    return f"{are.format(listed(list(map(str, numbers))))} not among the inputs"


def _of_another_corpus(first: _Shard, missing: list[int], shards: list[_Shard]) -> str:
    """A shard that looks like a missing one, but whose corpus was another."""
    for shard in shards:
        if shard.count == first.count and shard.number in missing and shard.corpus != first.corpus:
            other = f"{shard.corpus.get('documents')} documents of other content"
            return f" ({shard}, but of another corpus, which has {other})"
    return ""
