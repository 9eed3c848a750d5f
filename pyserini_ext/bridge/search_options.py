"""Options of Pyserini's search commands beside one of our encoders.

Pyserini ignores some that it cannot use, and fails over others without saying which. Here they are
refused, or named where nothing depends on them.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, UsageError, listed
from pyserini_ext.bridge import faults
from pyserini_ext.bridge.names import is_ours, paradigm_of
from pyserini_ext.queries.record import require_impact

_NOT_WITH_IMPACT = {
    "qld": "--qld",
    "bm25qs": "--bm25qs",
    "k1": "--k1",
    "b": "--b",
    "language": "--language",
    "fields": "--fields",
    "dismax": "--dismax",
    "tiebreaker": "--dismax.tiebreaker",
    "stopwords": "--stopwords",
    "tokenizer": "--tokenizer",
    "encoded_corpus": "--encoded-corpus",
}
"""Those that ``LuceneImpactSearcher`` lacks or ignores; a tokenizer would change the queries."""
_ABSENT = object()

Check = Callable[[Namespace, set[str]], None]


def guard(parser: ArgumentParser, check: Check) -> None:
    """Let a parser check what it has parsed, where that names one of our encoders.

    Args:
        parser: of a search command, or of a part of the hybrid one.
        check: takes the options and the names of those that are on the command line.
    """
    parse: Any = parser.parse_known_args

    def checked(args: Any = None, namespace: Any = None) -> Any:
        parsed, rest = parse(args, namespace)
        if parsed.encoder is None and not getattr(parsed, "impact", True):
            with faults.in_one_line():
                require_impact(Path(getattr(parsed, "topics", None) or ""))
        if is_ours(parsed.encoder) and getattr(parsed, "encoder_class", None) is None:
            given = Namespace(**dict.fromkeys(vars(parsed), _ABSENT))
            parse(args, given)  # which fills in no defaults where something is
            with faults.in_one_line():
                check(parsed, {key for key, value in vars(given).items() if value is not _ABSENT})
        return parsed, rest

    parser.parse_known_args = checked  # type: ignore[method-assign]


def check_lucene(options: Namespace, given: set[str]) -> None:
    """Refuse what ``pyserini.search.lucene`` would not search our impacts by.

    Raises:
        UsageError: the search would be another one, or fail.
    """
    encoder = options.encoder
    if paradigm_of(encoder) == "dense":
        from pyserini_ext.bridge.encoders import wrong_paradigm

        raise UsageError(wrong_paradigm(encoder, "dense"))
    if options.dense:
        raise UsageError(
            f"--dense does not search with {encoder}, a sparse encoder. Give --impact in its place."
        )
    if not options.impact:
        raise UsageError(
            f"Without --impact the search would be BM25 and not use {encoder}. Add --impact, or "
            "leave out --encoder."
        )
    wrong = [
        option
        for name, option in _NOT_WITH_IMPACT.items()
        if name in given and (name, getattr(options, name)) != ("language", "en")
    ]
    if wrong:
        does, them = ("does", "it") if len(wrong) == 1 else ("do", "them")
        raise UsageError(f"{listed(wrong)} {does} not work with --impact; leave {them} out.")
    if options.pretokenized:
        print(
            f"warning: --pretokenized is ignored; {encoder} takes queries as text and tokenises "
            "them itself.",
            file=sys.stderr,
        )
    _require_index(options.index)


def check_faiss(options: Namespace, given: set[str]) -> None:
    """Refuse what ``pyserini.search.faiss`` cannot do with our encoders.

    Raises:
        UsageError: the search would fail.
    """
    for name, value in (("searcher", "bpr"), ("prf_method", "ance-prf")):
        if str(getattr(options, name)).lower() == value:
            raise UsageError(
                f"--{name.replace('_', '-')} {value} does not work with {options.encoder}."
            )
    _require_index(options.index)


def _require_index(index: str) -> None:
    """Pyserini ends with exit code 0 where it knows no index of that name."""
    if os.path.exists(index):
        return
    from pyserini import prebuilt_index_info

    lists = [value for value in vars(prebuilt_index_info).values() if isinstance(value, dict)]
    if not any(index in names for names in lists):
        raise EncoderError(f"There is no folder {index}. Name the folder of an index with --index.")
