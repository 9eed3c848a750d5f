"""``python -m pyserini_ext.serve``: look, check, load, and answer.

Look at the folders (:mod:`~pyserini_ext.serve.found`), find or build the documents' texts
(:mod:`~pyserini_ext.serve.texts`), load each encoder once and open each index with it
(:mod:`~pyserini_ext.serve.searching`), put them behind the servers of the installed Pyserini
(:mod:`~pyserini_ext.serve.pyserini_1` or :mod:`~pyserini_ext.serve.pyserini_2`) and answer
(:mod:`~pyserini_ext.serve.server`).
"""

import argparse
import importlib.util
import os
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from llm_encoders import registry
from llm_encoders.checkpoints import hub
from llm_encoders.errors import EncoderError, UsageError, listed
from llm_encoders.jobs import arguments as parse
from llm_encoders.jobs.console import run_command
from llm_encoders.registry import CHECKPOINT_FILES
from llm_encoders.spec import parse_spec
from pyserini_ext import java
from pyserini_ext.serve.config import server_config, write_config
from pyserini_ext.serve.found import FoundIndex, find_indexes
from pyserini_ext.serve.server import MCP_PATH, bind, mcp_server, serve_http, serve_stdio
from pyserini_ext.serve.texts import find_texts

_CONFIG = "server.yaml"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m pyserini_ext.serve",
        description="Serve Lucene impact indexes and FAISS indexes by Pyserini's REST and MCP "
        "servers, with the encoder that made them and the documents' texts. Prints a curl command "
        "once it answers. REST and MCP share one port; MCP is at /mcp.",
    )
    add = parser.add_argument
    add("--index", required=True, nargs="+", type=parse.path, help="folders of indexes")
    add(
        "--name",
        nargs="+",
        type=parse.text,
        help="name of each index in requests (default: the name of its folder)",
    )
    add(
        "--encoder",
        nargs="+",
        type=parse.place,
        help="one for all indexes, or one for each (default: those that made the indexes, as their "
        "contract.json says)",
    )
    texts = parser.add_mutually_exclusive_group()
    texts.add_argument(
        "--texts",
        type=parse.output,
        metavar="DIR",
        help="Lucene index that stores the documents (default: INDEX.texts of the first index, or "
        "the index itself)",
    )
    texts.add_argument("--no-texts", action="store_true", help="serve ids and scores only")
    add(
        "--corpus",
        type=parse.place,
        help="corpus of which --texts is built, once, where it does not exist",
    )
    add("--host", type=parse.text, default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=parse.integer(0, 65535), default=8081, help="0 for any free one (8081)")
    add("--mcp", action="store_true", help="answer MCP over standard input and output, not HTTP")
    add(
        "--batch-size",
        type=parse.integer(1, 4096),
        default=32,
        help="queries encoded together, at most: those of a batch, or of clients that wait (32)",
    )
    add(
        "--threads",
        type=parse.integer(1, 1024),
        default=os.cpu_count() or 1,
        help="threads of a search (default: one per core)",
    )
    add(
        "--config",
        type=parse.output,
        metavar="FILE",
        help="keep the server.yaml, which Pyserini 2.x also reads by itself",
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: run(options), resumable=False)


def run(options: argparse.Namespace) -> None:
    """Serve until told to stop.

    Raises:
        UsageError: names, ports or encoders that do not fit.
        EncoderError: an index or a package is missing or damaged.
    """
    if options.no_texts and options.corpus:
        raise UsageError("--corpus and --no-texts exclude each other.")
    _require_packages(options.mcp)
    indexes = find_indexes(options.index, options.name)
    encoders = _encoders(indexes, options.encoder)
    from pyserini_ext.serve.batch_route import add_batch_route

    with ExitStack() as stack:
        bound = None if options.mcp else stack.enter_context(bind(options.host, options.port))
        config = (
            options.config or Path(stack.enter_context(tempfile.TemporaryDirectory())) / _CONFIG
        )
        _start_java()
        texts = None
        if not options.no_texts:
            texts = find_texts(indexes, options.texts, options.corpus, options.threads)
        write_config(config, server_config(indexes, encoders, texts))
        served = _load(indexes, encoders, texts, options)
        adapter: Any = _adapter()
        rest, controller = adapter.rest_app(served, config)
        add_batch_route(rest, adapter.batch_path(), controller.batch_search)
        register = partial(adapter.mcp_tools, controller)
        names = listed([f"{i.name} ({e})" for i, e in zip(indexes, encoders, strict=True)])
        if bound is None:
            serve_stdio(mcp_server(register), f"Serving {names} by MCP on standard input.")
            return
        host = f"[{options.host}]" if ":" in options.host else options.host
        url = f"http://{host}:{bound.getsockname()[1]}"
        has_mcp = importlib.util.find_spec("fastmcp") is not None
        also = f", MCP at {url}{MCP_PATH}" if has_mcp else " (no MCP: pip install fastmcp)"
        ready = f"Serving {names}{also}. Try: {adapter.example(url, indexes[0].name)}"
        serve_http(rest, mcp_server(register) if has_mcp else None, bound, ready)


def _require_packages(mcp: bool) -> None:
    needed = ["fastmcp"] if mcp else ["fastapi", "uvicorn"]
    if missing := [name for name in needed if importlib.util.find_spec(name) is None]:
        raise EncoderError(
            f"Serving needs the package {listed(missing)}, which Pyserini brings as a rule. "
            f"Install it: pip install {' '.join(missing)}."
        )


def _encoders(indexes: list[FoundIndex], named: list[str] | None) -> list[str]:
    """The encoder of each index: what was named, or else what made the index."""
    if named is not None and len(named) not in (1, len(indexes)):
        raise UsageError(
            f"--encoder gives {len(named)} encoders for {len(indexes)} indexes; give one, or one "
            "for each."
        )
    if named is not None:
        return named if len(named) == len(indexes) else named * len(indexes)
    for index in indexes:
        if index.made_by is None:
            raise UsageError(
                f"{index.folder} does not say which encoder made it. Name it with --encoder."
            )
        if not _is_here(index.made_by):
            raise UsageError(
                f"{index.folder} was made by {index.made_by}, which is not on this machine. To get "
                "it from the Hub, or from where it is, name it with --encoder."
            )
    return [str(index.made_by) for index in indexes]


def _is_here(encoder: str) -> bool:
    """Whether an encoder is loaded without the network, which only the user may ask for."""
    name, written = parse_spec(encoder)
    preset = None if Path(name).exists() else registry.find(name)
    if preset is not None and preset.folder is not None:
        return True
    names = [name] if preset is None else [preset.adapter or preset.model, preset.backbone]
    needed = [one for one in (*names, written.get("backbone")) if one is not None]
    return all(
        Path(one).exists()
        or (hub.looks_like_hub_id(one) and hub.cached_folder(one, CHECKPOINT_FILES))
        for one in needed
    )


def _start_java() -> None:
    import jnius_config

    from pyserini_ext.bridge import hook

    if hook.switched_off():
        raise UsageError(f"{hook.SWITCH} switches the import hook off, which serving needs.")
    if not jnius_config.vm_running:
        jnius_config.add_options("-Xrs")  # leaves Ctrl-C and SIGTERM to Python
    java.require()


def _load(
    indexes: list[FoundIndex],
    encoders: list[str],
    texts: Path | None,
    options: argparse.Namespace,
) -> Any:
    """Load every encoder once, and open every index with its own."""
    from pyserini_ext.bridge.encoders import LlmDenseQueryEncoder, LlmSpladeQueryEncoder
    from pyserini_ext.serve.searching import Served, ServedIndex
    from pyserini_ext.serve.texts import Texts

    loaded: dict[tuple[str, str], Any] = {}
    opened = []
    for index, name in zip(indexes, encoders, strict=True):
        if (index.kind, name) not in loaded:
            kind = LlmSpladeQueryEncoder if index.kind == "impact" else LlmDenseQueryEncoder
            loaded[index.kind, name] = kind(name)
        encoder = loaded[index.kind, name]
        opened.append(ServedIndex(index, encoder, options.batch_size, options.threads))
    return Served(opened, None if texts is None else Texts(texts))


def _adapter() -> Any:
    """The module for the installed Pyserini."""
    if importlib.util.find_spec("pyserini.server.backend") is not None:
        from pyserini_ext.serve import pyserini_2

        return pyserini_2
    from pyserini_ext.serve import pyserini_1

    return pyserini_1
