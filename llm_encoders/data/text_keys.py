"""When two texts are the same: a key of a text that white space, case and composition don't change.

Passages of the same key are one for training and mining: what is relevant to a query under one id
is no negative of it under another.
"""

import hashlib
import unicodedata


def normalised(text: str) -> str:
    """The text with Unicode's compatibility composition, case folded, white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_key(text: str) -> int:
    """64-bit hash of the normalised text, unsigned."""
    return hash64(normalised(text))


def passage_keys(title: str | None, text: str) -> tuple[int, int]:
    """The keys of a passage's text (of its title where it has none) and of title with text."""
    if not title:
        key = text_key(text)
        return key, key
    return text_key(text if text.strip() else title), text_key(f"{title} {text}")


def hash64(text: str) -> int:
    """The first 64 bits of BLAKE2b, unsigned."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
