"""Parses commands by the parsers of the modules that they run, and runs none of them.

Run as a process, ``python -m tests.reproductions.parsers``: reads commands as a JSON list of lists
of words, writes as many verdicts, an empty text where nothing is wrong. It is a process of its own
because some of Pyserini's modules start a Java machine when they are imported.
"""

import argparse
import contextlib
import functools
import importlib.util
import io
import json
import os
import re
import runpy
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PYTHON = ("python", "python3", ".venv/bin/python")
SMALL = "reproductions/recipes/small.yaml"
_MEASURE = re.compile(r"(recip_rank|map|ndcg_cut\.\d+|recall\.\d+|P\.\d+)(,\d+)*")
_TREC_EVAL = {"-c": 0, "-q": 0, "-m": 1, "-M": 1, "-l": 1}
_PYTEST = {"-n": 1, "-m": 1, "-k": 1, "-x": 0, "-q": 0, "--whole": 0}
_NO_OPTIONS = ("reproductions.pages",)
_PLACEHOLDERS = {"DIMENSION": "1", "RECIPE.yaml": SMALL}


class _Parsed(BaseException):
    """A parser is through."""


def verdict(words: list[str]) -> str:
    """What is wrong with a command; empty if nothing is."""
    words = [_PLACEHOLDERS.get(word, word) for word in words]
    if words[0] == "torchrun":
        from torch.distributed.run import get_args_parser

        return _launched(get_args_parser(), words[1:])
    if words[:2] == ["accelerate", "launch"]:
        from accelerate.commands.launch import launch_command_parser

        return _launched(launch_command_parser(), words[2:])
    if words[0] == "pytest":
        return _pytest(words[1:])
    if words[0] not in PYTHON or len(words) < 2:
        return ""
    if words[1] == "-m":
        return _module(words[2], words[3:])
    if words[1] == "-c":
        compile(words[2], "-c", "exec")
        return ""
    return "" if words[1] in ("-", "--version") else _script(words[1], words[2:])


def _launched(parser: argparse.ArgumentParser, words: list[str]) -> str:
    with _told() as said:
        options = parser.parse_args(words)
    if said:
        return said[0]
    if not options.module:
        return _script(options.training_script, options.training_script_args)
    return _module(options.training_script, options.training_script_args)


def _module(name: str, words: list[str]) -> str:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        return f"there is no module {name}"
    if name == "pytest":
        return _pytest(words)
    if name == "venv":
        return ""
    if name == "pyserini.eval.trec_eval":
        return _trec_eval(words)
    if name == "pyserini.index.lucene":
        return _anserini(words)
    if name in ("pyserini.encode", "pyserini_ext.encode"):
        from pyserini_ext.encode.arguments import parse

        with _told() as said:
            parse(words, name)
        return said[0] if said else ""
    if name in _NO_OPTIONS:
        return _no_options(words)
    has_topics = "--topics" in words[:-1] and name.startswith("pyserini.")
    if has_topics and (wrong := _known(words[words.index("--topics") + 1], "topics_mapping")):
        return wrong
    words = _own_encoders(name, words)
    return _parsed(words, lambda: runpy.run_module(name, run_name="__main__", alter_sys=True))


def _script(path: str, words: list[str]) -> str:
    file = REPOSITORY / path
    if not file.is_file():
        return f"there is no file {path}"
    if "argparse" not in file.read_text(encoding="utf-8"):
        return _no_options(words)
    sys.path.insert(0, str(file.parent))  # where its imports are
    try:
        return _parsed(words, lambda: runpy.run_path(str(file), run_name="__main__"))
    finally:
        sys.path.pop(0)
        for name, module in list(sys.modules.items()):  # another script may have one of that name
            if Path(getattr(module, "__file__", None) or "").parent == file.parent:
                del sys.modules[name]


def _no_options(words: list[str]) -> str:
    options = [word for word in words if word.startswith("-")]
    return f"unknown option {options[0]}" if options else ""


def _own_encoders(module: str, words: list[str]) -> list[str]:
    """The words with a shipped encoder in the place of one that a command before has made."""
    from llm_encoders.registry import presets

    if not module.startswith("pyserini.search.") or "--encoder" not in words[:-1]:
        return words
    place = words.index("--encoder") + 1
    if words[place].partition(",")[0] in presets():
        return words
    shipped = "llm-dense-tiny" if module.endswith("faiss") else "llm-splade-tiny"
    return [*words[:place], shipped, *words[place + 1 :]]


def _parsed(words: list[str], run: Callable[[], Any]) -> str:
    """Let a program parse its command line, and stop it behind that."""
    before, sys.argv = sys.argv, ["program", *words]
    try:
        with _told() as said, _stopped():
            run()
    except _Parsed:
        return ""
    finally:
        sys.argv = before
    return said[0] if said else "the command line was not parsed"


@contextlib.contextmanager
def _stopped() -> Iterator[None]:
    """Parsers that end the program when they are through."""
    names = ("parse_args", "parse_intermixed_args")
    before = {name: getattr(argparse.ArgumentParser, name) for name in names}
    for name, parse in before.items():
        setattr(argparse.ArgumentParser, name, _stop_behind(parse))
    try:
        yield
    finally:
        for name, parse in before.items():
            setattr(argparse.ArgumentParser, name, parse)


def _stop_behind(parse: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(parse)
    def parse_and_stop(self: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> None:
        parse(self, *args, **kwargs)
        raise _Parsed

    return parse_and_stop


@contextlib.contextmanager
def _told() -> Iterator[list[str]]:
    """What a parser says before it ends the program, as the only entry of a list."""
    said: list[str] = []
    stderr = io.StringIO()
    try:
        with contextlib.redirect_stderr(stderr), contextlib.redirect_stdout(io.StringIO()):
            yield said
    except SystemExit as end:
        refused = end.code not in (0, None)  # 0: it has shown its help
        said.append(stderr.getvalue().strip().splitlines()[-1] if refused else "")
    except Exception as error:
        said.append(f"{type(error).__name__}: {error}")


def _anserini(words: list[str]) -> str:
    """By the parser of Anserini's indexer, to which Pyserini hands the words on."""
    import pyserini.index.lucene  # noqa: F401  # which starts Java
    from jnius import JavaException, autoclass

    parser = autoclass("org.kohsuke.args4j.CmdLineParser")(
        autoclass("io.anserini.index.IndexCollection$Args")()
    )
    listed = autoclass("java.util.ArrayList")()
    for word in words:
        listed.add(re.sub("^--", "-", word))
    try:
        parser.parseArgument(listed)
    except JavaException as error:
        return str(error).splitlines()[0]
    return ""


def _trec_eval(words: list[str]) -> str:
    options: list[str] = []
    measures: set[str] = set()
    while words and words[0].startswith("-"):
        option, *words = words
        if option not in _TREC_EVAL:
            return f"unknown option {option} of trec_eval"
        if _TREC_EVAL[option]:
            value, *words = words
            if option == "-m":
                name = value.partition(".")[0]
                if not _MEASURE.fullmatch(value):
                    return f"unknown measure {value}"
                if name in measures:
                    return f"of two options -m {name}, trec_eval obeys the first alone"
                measures.add(name)
        options.append(option)
    if len(words) != 2 or "-m" not in options:
        return "trec_eval takes measures, judgements and a run"
    return _known(words[0], "qrels_mapping")


def _known(name: str, kind: str) -> str:
    """Of topics or judgements: a file, or a name that Pyserini knows."""
    import pyserini.search._base as base

    if re.search(r"\.(txt|tsv|json|jsonl|qrels)$", name) or name in getattr(base, kind):
        return ""
    return f"Pyserini does not know {name}"


def _pytest(words: list[str]) -> str:
    place = 0
    while place < len(words):
        word = words[place]
        if word.startswith("-"):
            if word not in _PYTEST:
                return f"unknown option {word} of pytest"
            place += _PYTEST[word]
        elif not (REPOSITORY / word.partition("::")[0]).exists():
            return f"there is no {word}"
        place += 1
    return ""


def main() -> None:
    """Answer the commands on standard input."""
    from pyserini_ext.bridge import search_options

    search_options._require_index = lambda index: None
    listed = json.load(sys.stdin)
    output, sys.stdout = sys.stdout, sys.stderr
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        verdicts = [verdict(one) for one in listed]
    json.dump(verdicts, output)


if __name__ == "__main__":
    main()
