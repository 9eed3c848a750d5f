"""Which calls of ``python -m pyserini.encode`` become our command."""

import os
import sys

from pyserini_ext.bridge.names import announce_takeover, is_ours, option_value

ENCODER_CLASS = "--encoder-class"
"""Pyserini's option that names one of its own classes, so that the encoder stays Pyserini's."""
_SUB_COMMANDS = {"input", "output", "encoder"}
_OUR_OPTIONS = ("--paradigm", "--backbone", "--quantization")


def is_our_encode_command() -> bool:
    """Whether the words of ``python -m pyserini.encode`` name one of our encoders."""
    if option_value(ENCODER_CLASS) is not None:
        return False
    name = option_value("--encoder")
    if is_ours(name) or any(map(option_value, _OUR_OPTIONS)):
        return True
    # Without its sub-commands Pyserini has no form; ours says what a folder lacks.
    return not _SUB_COMMANDS & set(sys.argv[1:]) and name is not None and os.path.isdir(name)


def announce_encode_command() -> None:
    """Say that ``python -m pyserini.encode`` becomes our command, where nobody asked for that."""
    if not any(map(option_value, _OUR_OPTIONS)):
        announce_takeover(str(option_value("--encoder")), ENCODER_CLASS)
