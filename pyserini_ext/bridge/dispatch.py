"""Decorators for Pyserini's functions: our encoders go here, every other call passes unchanged."""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyserini_ext import java
from pyserini_ext.bridge import faults
from pyserini_ext.bridge.call_arguments import arguments_by_name, device_of, refuse_or_ignore
from pyserini_ext.bridge.encode_command import (
    ENCODER_CLASS,
    announce_encode_command,
    is_our_encode_command,
)
from pyserini_ext.bridge.names import announce_takeover, is_ours, option_value

Function = Callable[..., Any]
_PLACEHOLDER_KEY = "no-key-given"
_COMMAND_MAX_LENGTH = 256  # what Pyserini's commands pass when the user gives no --max-length


def run_encode_command(module_name: str) -> None:
    """In ``python -m pyserini.encode`` with one of our encoders, run our command instead."""
    if module_name == "__main__" and is_our_encode_command():
        from pyserini_ext.encode.command import main

        announce_encode_command()
        raise SystemExit(main(prog="python -m pyserini.encode"))


def run_query_command(module_name: str) -> None:
    """In ``python -m pyserini.encode.query`` with one of our encoders, run our command instead."""
    encoder = option_value("--encoder")
    if module_name == "__main__" and is_ours(encoder):
        from pyserini_ext.queries.command import main

        announce_takeover(str(encoder))
        raise SystemExit(main())


def after_index_command(module_name: str) -> None:
    """In ``python -m pyserini.index.lucene`` and ``pyserini.index.faiss``, once they are done."""
    if module_name == "__main__":
        from pyserini_ext.bridge.index_commands import carry

        carry()


def after_merging_command(module_name: str) -> None:
    """In ``python -m pyserini.index.merge_faiss_indexes``, once it is done."""
    if module_name == "__main__":
        from pyserini_ext.bridge.index_commands import carry_merged

        carry_merged()


def document_encoder(original: Function) -> Function:
    """For ``init_encoder`` of ``pyserini.encode.__main__``."""

    @functools.wraps(original)
    def wrapper(encoder: str, encoder_class: str | None, *args: Any, **kwargs: Any) -> Any:
        if encoder_class is not None or not is_ours(encoder):
            return original(encoder, encoder_class, *args, **kwargs)
        from pyserini_ext.bridge.encoders import open_document_encoder

        announce_takeover(encoder, ENCODER_CLASS)
        given = arguments_by_name(original, encoder, encoder_class, *args, **kwargs)
        with faults.in_one_line():
            refuse_or_ignore(given)
            return open_document_encoder(
                encoder, device=device_of(given), prefix=given.get("prefix")
            )

    return wrapper


def encode_query_encoder(original: Function) -> Function:
    """For ``init_encoder`` of ``pyserini.encode.query``."""

    @functools.wraps(original)
    def wrapper(encoder: str, *args: Any, **kwargs: Any) -> Any:
        if not is_ours(encoder):
            return original(encoder, *args, **kwargs)
        from pyserini_ext.bridge.encoders import open_query_encoder

        announce_takeover(encoder)
        given = arguments_by_name(original, encoder, *args, **kwargs)
        with faults.in_one_line():
            refuse_or_ignore(given)
            opened = open_query_encoder(
                encoder, device=device_of(given), prefix=given.get("prefix")
            )
        if faults.in_command() and option_value("--max-length") is None:
            opened.ignored_max_length = _COMMAND_MAX_LENGTH
        return opened

    return wrapper


def dense_query_encoder(original: Function) -> Function:
    """For ``init_query_encoder`` of ``pyserini.search.faiss.__main__``; hybrid imports it."""

    @functools.wraps(original)
    def wrapper(encoder: str, encoder_class: str | None, *args: Any, **kwargs: Any) -> Any:
        if encoder_class is not None or not is_ours(encoder):
            return original(encoder, encoder_class, *args, **kwargs)
        from pyserini_ext.bridge.encoders import LlmDenseQueryEncoder

        announce_takeover(encoder, ENCODER_CLASS)
        given = arguments_by_name(original, encoder, encoder_class, *args, **kwargs)
        named = not faults.in_command() or option_value("--max-length") is not None
        with faults.in_one_line():
            refuse_or_ignore(given)
            return LlmDenseQueryEncoder(
                encoder,
                device=device_of(given),
                prefix=given.get("prefix"),
                fp16=given.get("fp16", False),
                max_length=given.get("max_length") if named else None,
            )

    return wrapper


def check_lucene_options(original: Function) -> Function:
    """For ``define_search_args`` of ``pyserini.search.lucene.__main__``; hybrid imports it."""
    return _with_checked_options(original, "check_lucene")


def check_faiss_options(original: Function) -> Function:
    """For ``define_dsearch_args`` of ``pyserini.search.faiss.__main__``; hybrid imports it."""
    return _with_checked_options(original, "check_faiss")


def _with_checked_options(original: Function, check: str) -> Function:
    @functools.wraps(original)
    def wrapper(parser: Any, *args: Any, **kwargs: Any) -> None:
        original(parser, *args, **kwargs)
        if faults.in_command():
            from pyserini_ext.bridge import search_options

            search_options.guard(parser, getattr(search_options, check))

    return wrapper


def check_topics(original: Function) -> Function:
    """For ``DefaultQueryIterator.from_topics``: in a command of ours, faults with file and line."""

    @functools.wraps(original)
    def wrapper(cls: type, topics_path: str, *args: Any, **kwargs: Any) -> Any:
        if not faults.in_our_command():
            return original(cls, topics_path, *args, **kwargs)
        from pyserini_ext.bridge import topics

        with faults.in_one_line():
            topics.check_file(topics_path)
            try:
                found = original(cls, topics_path, *args, **kwargs)
            except UnicodeError:  # of the locale, since the file is UTF-8; see faults
                raise
            except Exception as error:  # of Java or of Python, by reader
                raise topics.unreadable(topics_path, error) from error
            topics.check_titles(topics_path, found.topics)
        return found

    return wrapper


def dense_query_encoder_from_name(original: Function) -> Function:
    """For ``FaissSearcher._init_encoder_from_str``."""
    return _from_name(original, "LlmDenseQueryEncoder")


def sparse_query_encoder_from_name(original: Function) -> Function:
    """For ``LuceneImpactSearcher._init_query_encoder_from_str``."""
    return _from_name(original, "LlmSpladeQueryEncoder")


def _from_name(original: Function, class_name: str) -> Function:
    """Our class for our names; it is imported only then, since it imports PyTorch."""

    @functools.wraps(original)
    def wrapper(name: str | None) -> Any:
        if name is None or not is_ours(name):
            return original(name)
        from pyserini_ext.bridge import encoders

        announce_takeover(name)
        with faults.in_one_line():
            return getattr(encoders, class_name)(name)

    return wrapper


def prepare_impact_searcher(original: Function) -> Function:
    """For ``LuceneImpactSearcher.__init__``: no limit on query terms, no term left out."""

    @functools.wraps(original)
    def wrapper(self: Any, index_dir: Any, query_encoder: Any, *args: Any, **kwargs: Any) -> None:
        if _is_our_encoder(query_encoder):
            java.quiet_lucene()
            with faults.in_one_line(), faults.lucene_index(index_dir):
                original(self, index_dir, query_encoder, *args, **kwargs)
                _require_same_encoder(index_dir, self.query_encoder)
        else:
            original(self, index_dir, query_encoder, *args, **kwargs)
        from pyserini_ext.bridge.search import prepare, prepare_for_encoded_queries

        prepare(self)
        topics = option_value("--topics")
        if query_encoder is None and faults.in_command() and topics is not None:
            with faults.in_one_line():
                prepare_for_encoded_queries(self, Path(index_dir), Path(topics))

    return wrapper


def note_encoded_queries(original: Function) -> Function:
    """For ``QueryEncoder.__init__``: remember the folder of encoded queries."""

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        encoder, *folder = arguments_by_name(original, *args, **kwargs).values()
        encoder.folder_of_encoded_queries = folder[0] if folder else None
        if folder and folder[0]:
            _tell_of_absent_queries(encoder, Path(folder[0]))

    return wrapper


def _tell_of_absent_queries(encoder: Any, folder: Path) -> None:
    """Where one of our commands has encoded the queries: others end a search with a sentence."""
    from pyserini_ext.queries.record import EMBEDDINGS, EncodedQueries, record_path

    if not record_path(folder / EMBEDDINGS).is_file():
        return
    encoder.embedding = EncodedQueries(encoder.embedding, folder)
    look_up = encoder.encode

    def encode(query: str) -> Any:
        with faults.in_one_line():
            return look_up(query)

    encoder.encode = encode


def check_faiss_index(original: Function) -> Function:
    """For ``FaissSearcher.__init__``: a damaged index, or one of another dimension, is named."""

    @functools.wraps(original)
    def wrapper(self: Any, index_dir: Any, query_encoder: Any, *args: Any, **kwargs: Any) -> None:
        if not _is_our_encoder(query_encoder):
            if encoded := getattr(query_encoder, "folder_of_encoded_queries", None):
                from pyserini_ext.queries.record import EMBEDDINGS, require_index_of_queries

                with faults.in_one_line():
                    require_index_of_queries(Path(index_dir), Path(encoded) / EMBEDDINGS)
            original(self, index_dir, query_encoder, *args, **kwargs)
            return
        with faults.in_one_line():
            faults.require_faiss_files(index_dir)
            if isinstance(query_encoder, str):
                query_encoder = self._init_encoder_from_str(query_encoder)
            _require_same_encoder(index_dir, query_encoder)  # first: the index may be large
            opening = functools.partial(original, self, index_dir, query_encoder, *args, **kwargs)
            faults.open_faiss_index(opening, self, index_dir)

    return wrapper


def prebuilt_index_encoder(original: Function) -> Function:
    """For ``SearchController._add_index`` of the servers of Pyserini 1.x.

    It gives every name of an encoder of a FAISS index to the class ``AutoQueryEncoder``. The
    function stays as it is; the class is replaced among the names of its module.
    """
    stock = original.__globals__["AutoQueryEncoder"]

    def opened(encoder_dir: str | None = None, *args: Any, **kwargs: Any) -> Any:
        plain = functools.partial(stock, *args, **kwargs)
        return _from_name(lambda name: plain(encoder_dir=name), "LlmDenseQueryEncoder")(encoder_dir)

    original.__globals__["AutoQueryEncoder"] = opened
    return original


def no_default_index(original: Function) -> Function:
    """For ``SearchController.initialize_default_index`` of the servers of Pyserini 1.x.

    It is called where its module is imported, and downloads an index. A process of our serve
    command has indexes of its own.
    """

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        if "pyserini_ext.serve.pyserini_1" not in sys.modules:
            original(*args, **kwargs)

    return wrapper


def _require_same_encoder(folder: Any, query_encoder: Any) -> None:
    """Refuse an index that was made otherwise than an encoder of ours encodes."""
    from pyserini_ext.folders.contract import require_same_encoder

    if _is_our_encoder(query_encoder):
        encoder = query_encoder.encoder
        require_same_encoder(Path(folder), encoder.name, encoder.config, encoder.files)


def _is_our_encoder(encoder: Any) -> bool:
    """Whether an encoder, or the name of one, is ours; without importing PyTorch to know."""
    if isinstance(encoder, str):
        return is_ours(encoder)
    return type(encoder).__module__ == "pyserini_ext.bridge.encoders"


def encode_batch_at_once(original: Function) -> Function:
    """For ``LuceneImpactSearcher.batch_search``: one forward pass for the batch of queries."""

    @functools.wraps(original)
    def wrapper(self: Any, queries: list[str], *args: Any, **kwargs: Any) -> Any:
        from pyserini_ext.bridge.encoders import LlmSpladeQueryEncoder

        if not isinstance(self.query_encoder, LlmSpladeQueryEncoder):
            return original(self, queries, *args, **kwargs)
        with faults.in_one_line(), self.query_encoder.prefetched(queries):
            return original(self, queries, *args, **kwargs)

    return wrapper


def with_fitting_java_options(original: Function) -> Function:
    """For ``configure_classpath``: no option that the chosen JVM would refuse to start with."""

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        java.adapt_options()

    return wrapper


def lend_openai_key(module_name: str) -> None:
    """Pyserini 1.6 makes an OpenAI client at import; recent ``openai`` refuses without a key."""
    os.environ.setdefault("OPENAI_API_KEY", _PLACEHOLDER_KEY)


def take_back_openai_key(module_name: str) -> None:
    """Leave the environment as it was; OpenAI's server refuses the placeholder in a real use."""
    if os.environ.get("OPENAI_API_KEY") == _PLACEHOLDER_KEY:
        del os.environ["OPENAI_API_KEY"]
