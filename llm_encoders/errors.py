"""Errors that a user can act on: one sentence each, with the exit code a command returns for it."""

import difflib
import errno
import os
import re
from collections.abc import Iterable


class EncoderError(Exception):
    """Input, files or machine prevent the work; the message says what, where and the cure."""

    exit_code = 1


class UsageError(EncoderError):
    """The command or call itself is wrong: an unknown name, an impossible combination."""

    exit_code = 2


RESUMABLE = "What is finished is kept; run the same command again to resume."
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
_IN_WORDS = re.compile(r"\(os error (\d+)\)")


def system_error(error: OSError) -> EncoderError:
    """A full disk and the like, as what it means for a command that can be resumed."""
    good = f" {RESUMABLE}" if error.errno in _PASSING else ""
    if error.strerror is None:
        return EncoderError(f"{error}.{good}")
    place = f"{error.filename}: " if error.filename else ""
    return EncoderError(f"{place}{error.strerror}.{good}")


def in_words(error: Exception) -> OSError | None:
    """The system's error behind an exception that has its number only in words, as libraries
    written in Rust raise them (tokenizers, safetensors); ``None`` where it has none."""
    found = _IN_WORDS.search(str(error))
    return None if found is None else OSError(int(found[1]), os.strerror(int(found[1])))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the entry of ``known`` nearest to ``word``, or ``""``."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{matches[0]}'?" if matches else ""


def listed(words: list[str]) -> str:
    """``"a, b and c"``."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
