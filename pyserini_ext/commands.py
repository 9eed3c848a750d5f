"""Running Pyserini's commands, and reading and writing the files that they exchange.

Each command runs in a process of its own, as a user would type it. A command can be run inside a
folder: Pyserini chooses the reader of topics, and whether it asks the Hub for a list of excluded
documents, by words in the paths that it is given, so neutral relative names are safer than a
user's paths.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm_encoders.errors import EncoderError
from pyserini_ext import java

Run = dict[str, list[tuple[str, float]]]
"""Query id -> (document id, score), best first."""

_RUNNING: set["subprocess.Popen[bytes]"] = set()
_ERROR = "error: "
_ANSERINI_ERROR = " ERROR ["
_INDEXING = "pyserini.index.lucene"
_PANDAS_WORDS = {"nan", "na", "n/a", "none", "null", "true", "false", "inf", "infinity"}
_PANDAS_MARKS = {'"', "#", "<"}  # quotes, and the first letters of '#N/A' and '<NA>'


@dataclass(frozen=True)
class Outcome:
    """What a command that succeeded has printed and cost."""

    output: str
    """Standard output and standard error, as they came."""
    seconds: float
    """Wall time, start-up included."""


def shown(module: str, *words: str | Path) -> str:
    """The command as a user would type it."""
    return shlex.join(["python", "-m", module, *map(str, words)])


def run(
    module: str, *words: str | Path, folder: Path | None = None, log: Path | None = None
) -> Outcome:
    """Run ``python -m module words``.

    Args:
        module: e.g. ``pyserini.search.lucene``.
        words: options and their values.
        folder: to run in; default the current one.
        log: file that gets what the command prints, while it runs.

    Raises:
        EncoderError: the command failed, or Anserini reported errors without stopping; the
            message has the reason and the log, and the doctor where Java is the cause.
    """
    start = time.perf_counter()
    environment = dict(os.environ)
    if "PYTHONPATH" in environment:  # relative entries hold in the current folder only
        paths = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, paths))
    with tempfile.TemporaryFile() if log is None else log.open("w+b") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
        )
        code = _ended(process)
        stream.seek(0)
        output = stream.read().decode("utf-8", errors="replace")
    unnoticed = module == _INDEXING and _ANSERINI_ERROR in output
    if code != 0 or unnoticed:
        where = f" All that it printed is in {log}." if log else ""
        ending = f"ended with exit code {code}" if code else "reported errors"
        raise EncoderError(f"{module} {ending}: {reason(output)}{where}")
    return Outcome(output, time.perf_counter() - start)


def _ended(process: "subprocess.Popen[bytes]") -> int:
    """The exit code of a process, which is killed if this one is interrupted meanwhile."""
    _RUNNING.add(process)
    try:
        return process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        _RUNNING.discard(process)


def stop_running() -> None:
    """Tell the commands that other threads run to stop; they fail then.

    Whoever is told to stop while they run may else be killed before they end, and leave them.
    """
    for process in tuple(_RUNNING):
        process.terminate()


def reason(output: str) -> str:
    """The sentence in a failed command's output that tells a user most.

    That is what is wrong with Java; else the last line of ours that begins with ``error:``; else
    Anserini's first error; else the exception at the end of a traceback, or the last line.
    """
    if trouble := java.trouble(output):
        return trouble
    lines = [line for line in output.splitlines() if line.strip()]
    ours = [line for line in lines if line.startswith(_ERROR)]
    if ours:
        return ours[-1].removeprefix(_ERROR)
    anserini = [line.partition(_ANSERINI_ERROR)[2] for line in lines if _ANSERINI_ERROR in line]
    if anserini:
        return anserini[0].partition(" - ")[2] or anserini[0]
    return _exception(lines) or (lines[-1] if lines else "it printed nothing")


def _exception(lines: Sequence[str]) -> str | None:
    """The exception of the last traceback: the first line after it that is not indented."""
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback (")]
    if not starts:
        return None
    return next((line for line in lines[starts[-1] + 1 :] if not line[0].isspace()), None)


def trec_eval_figures(output: str) -> dict[str, float]:
    """Measures over all queries that ``pyserini.eval.trec_eval`` printed, by trec_eval's names."""
    rows = (line.split() for line in output.splitlines())
    return {row[0]: float(row[2]) for row in rows if len(row) == 3 and _is_figure(row)}


def _is_figure(row: Sequence[str]) -> bool:
    try:
        float(row[2])
    except ValueError:
        return False
    return row[1] == "all" and row[0] != "runid"


def write_topics(path: Path, queries: Mapping[str, str]) -> None:
    """Write queries as the JSON that Pyserini reads without choosing a reader by the path."""
    if path.suffix != ".json":
        raise ValueError(f"{path}: Pyserini takes only *.json for JSON.")
    path.write_text(topics_text(queries), encoding="utf-8")


def topics_text(queries: Mapping[str, str]) -> str:
    """What :func:`write_topics` writes."""
    return json.dumps({name: {"title": text} for name, text in queries.items()}, indent=1)


def qrels_text(qrels: Mapping[str, Mapping[str, int]]) -> str:
    """Judgements in TREC's format."""
    return "".join(
        f"{name} 0 {docid} {grade}\n"
        for name, grades in qrels.items()
        for docid, grade in grades.items()
    )


def read_run(path: Path) -> Run:
    """Read a run in TREC's format, in the order of the file.

    Raises:
        EncoderError: a line has not six columns, or its score is no number; names the line.
    """
    found: Run = {}
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                query_id, _, docid, _, score, _ = line.split()
                found.setdefault(query_id, []).append((docid, float(score)))
            except ValueError:
                raise EncoderError(f"{path}, line {number}: not a line of a TREC run.") from None
    return found


def write_run(path: Path, run: Run, tag: str) -> None:
    """Write a run in TREC's format; ranks follow the order of the hits."""
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(_run_lines(run, tag))


def _run_lines(run: Run, tag: str) -> Iterable[str]:
    for query_id, hits in run.items():
        for rank, (docid, score) in enumerate(hits, start=1):
            yield f"{query_id} Q0 {docid} {rank} {score!r} {tag}\n"


class FusionIds:
    """Stand-ins for the ids of runs, where ``pyserini.fusion`` would spoil the ids themselves.

    It reads runs by pandas, which takes a column of query ids for numbers if it can, and some
    words for missing values.

    Args:
        runs: all that are to be fused.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        queries: dict[str, str] = {}
        documents: dict[str, str] = {}
        for run in runs:
            for query_id, hits in run.items():
                queries.setdefault(query_id, f"q{len(queries)}")
                for docid, _ in hits:
                    documents.setdefault(docid, f"d{len(documents)}")
        self._queries, self._documents = queries, documents
        numbers = all(q.isdecimal() and q.isascii() and str(int(q)) == q for q in queries)
        words = all(q[0].isalpha() and _survives(q) for q in queries)
        self.needed = not ((numbers or words) and all(map(_survives, documents)))
        """Whether any id would be spoilt."""

    def replace(self, run: Run) -> Run:
        """The run with stand-ins for all ids."""
        return _renamed(run, self._queries, self._documents)

    def restore(self, run: Run) -> Run:
        """The fused run with the ids themselves."""
        queries = {new: old for old, new in self._queries.items()}
        return _renamed(run, queries, {new: old for old, new in self._documents.items()})


def _survives(word: str) -> bool:
    """Whether pandas reads a word as itself in a column of texts."""
    return word.lower().lstrip("+-") not in _PANDAS_WORDS and not _PANDAS_MARKS & set(word)


def _renamed(run: Run, queries: Mapping[str, str], documents: Mapping[str, str]) -> Run:
    return {queries[q]: [(documents[d], score) for d, score in hits] for q, hits in run.items()}
