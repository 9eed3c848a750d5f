"""Errors in Pyserini's own commands, with our encoders: one sentence and an exit code.

Nothing here acts on a command that names no encoder of ours; that ends as Pyserini lets it.
"""

import codecs
import locale
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from llm_encoders.errors import EncoderError
from llm_encoders.jobs.console import TRACEBACK
from pyserini_ext import java
from pyserini_ext.bridge.names import is_ours, option_value, option_values

_SET_LOCALE = (
    "That is the encoding of the locale; set LC_ALL=C.UTF-8 or PYTHONUTF8=1 and run the command "
    "again."
)
_REBUILD_LUCENE = "Build it again, or wait until its build is finished."
_REBUILD_FAISS = "Make it again with 'python -m pyserini.encode … --to-faiss'."


def in_command() -> bool:
    """Whether this process is one of Pyserini's commands, not a program that imports it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name.startswith("pyserini.")


def in_our_command() -> bool:
    """Whether it is one of Pyserini's commands, with one of our encoders."""
    theirs = option_value("--encoder-class") is not None
    return in_command() and not theirs and any(map(is_ours, option_values("--encoder")))


@contextmanager
def in_one_line() -> Iterator[None]:
    """In a Pyserini command, end with our one-line error and exit code; in a program, raise."""
    try:
        yield
    except EncoderError as error:
        if not in_command():
            raise
        _say(str(error))
        raise SystemExit(error.exit_code) from None


def guard_command(runtime: java.JavaRuntime | None) -> None:
    """Before ``python -m pyserini.…`` with one of our encoders: is there a Java that starts?

    Ends the command with a sentence if not, and takes care that any later error is one line and
    that Java says nothing about itself.
    """
    starting = sys.argv[:1] == ["-m"] and "-m" in (words := getattr(sys, "orig_argv", []))
    if not starting or not words[words.index("-m") + 1].startswith("pyserini."):
        return
    # The hybrid command takes two encoders, and a class for the dense one only.
    encoders = option_values("--encoder")
    if len(encoders) == 1 and option_values("--encoder-class"):
        return
    if not any(map(is_ours, encoders)):
        return
    if os.environ.get(TRACEBACK) != "1":
        sys.excepthook = _one_line
    java.quiet()
    if problem := _locale_problem() or java.problem(runtime):
        _say(problem)
        raise SystemExit(1)


def _locale_problem() -> str | None:
    """Why topics would be read as other texts; ``None`` if they are not.

    Pyserini opens files in the encoding of the locale. ASCII, too, is a part of UTF-8, and what is
    not in it is an error.
    """
    encoding = _encoding_of_locale()
    if encoding in ("utf-8", "ascii"):
        return None
    return f"Pyserini would read queries in {encoding}, not in UTF-8. {_SET_LOCALE}"


def _encoding_of_locale() -> str:
    return codecs.lookup(locale.getpreferredencoding(False)).name


def _one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For ``sys.excepthook``."""
    if issubclass(kind, KeyboardInterrupt):
        print("Interrupted.", file=sys.stderr)
    elif isinstance(error, EncoderError):
        _say(str(error))
    elif isinstance(error, UnicodeError) and _encoding_of_locale() != "utf-8":
        _say(f"Pyserini reads and writes files in {_encoding_of_locale()}: {error}. {_SET_LOCALE}")
    else:
        _say(
            java.trouble(str(error))
            or f"{kind.__name__}: {first_line(error)} (set {TRACEBACK}=1 to see where it arose.)"
        )


def _say(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)


def first_line(error: BaseException) -> str:
    """What an error says, without the stack of a Java exception."""
    lines = str(error).strip().splitlines()
    return lines[0].removeprefix("JVM exception occurred: ") if lines else "no details"


@contextmanager
def lucene_index(folder: Any) -> Iterator[None]:
    """Open a Lucene index inside the block.

    Raises:
        EncoderError: there is none, it is unfinished or damaged; or Java has too little memory.
    """
    where = f"the Lucene index {folder}"
    if not Path(folder).is_dir():
        raise EncoderError(
            f"There is no folder {folder}. Name the folder of a Lucene index with --index."
        )
    if not any(Path(folder).glob("segments_*")):
        raise EncoderError(
            f"{folder} holds no finished Lucene index: the file segments_N is missing, as after a "
            f"build that was interrupted. {_REBUILD_LUCENE}"
        )
    from jnius import JavaException

    try:
        yield
    except JavaException as error:
        trouble = java.trouble(str(error))
        damaged = f"it is damaged ({first_line(error)}). {_REBUILD_LUCENE}"
        raise EncoderError(f"Cannot open {where}: {trouble or damaged}") from None


def require_faiss_files(folder: Any) -> None:
    """Look whether a folder holds a FAISS index.

    Raises:
        EncoderError: names the file that is absent.
    """
    for name in ("index", "docid"):
        if not (Path(folder) / name).is_file():
            raise EncoderError(f"{folder} holds no FAISS index: there is no file '{name}' in it.")


def open_faiss_index(opening: Callable[[], None], searcher: Any, folder: Any) -> None:
    """Open a FAISS index for one of our encoders.

    Raises:
        EncoderError: it is damaged, cut short or of another dimension.
    """
    try:
        opening()
    except AssertionError:
        index = getattr(searcher, "num_docs", "other")
        raise EncoderError(
            f"{folder}: the file 'docid' does not name the {index} vectors of the file 'index'. "
            f"{_REBUILD_FAISS}"
        ) from None
    except MemoryError:
        raise EncoderError(
            f"{folder}: the file 'index' is larger than the memory, or damaged."
        ) from None
    except (RuntimeError, OSError, ValueError):  # FAISS names places in its source
        raise EncoderError(
            f"{folder}: the file 'index' is damaged or cut short. {_REBUILD_FAISS}"
        ) from None
    dimension = searcher.query_encoder.encoder.dimension
    if searcher.dimension != dimension:
        raise EncoderError(
            f"{folder} holds vectors of {searcher.dimension} dimensions; those of the encoder "
            f"have {dimension}. Search with the encoder that made the index."
        )
