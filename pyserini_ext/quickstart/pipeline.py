"""The quickstart's commands: Pyserini's own, each echoed so that it can be copied."""

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from llm_encoders.errors import EncoderError
from llm_encoders.spec import parse_spec
from pyserini_ext import commands

THREADS = str(os.cpu_count() or 1)
BATCH = 64
"""Queries that a search encodes together."""
TOPICS, QRELS, CORPUS, LOGS = "topics.json", "qrels.txt", "corpus", "logs"
_TREC_EVAL_NAMES = {"nDCG@10": "ndcg_cut_10", "R@100": "recall_100", "MRR@10": "recip_rank"}


@dataclass
class System:
    """One retrieval system: what it ran and what came of it."""

    name: str
    run: Path
    index: Path | None = None
    vectors: Path | None = None
    """Folder of a sparse system's impacts as JSONL."""
    seconds: float = 0.0
    """Wall time of all its commands, start-up included."""
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def index_bytes(self) -> int:
        """Size of the index on disk."""
        if self.index is None:
            return 0
        return sum(path.stat().st_size for path in self.index.rglob("*") if path.is_file())


class Pipeline:
    """Runs commands inside a folder, with what they print in its ``logs``.

    Args:
        folder: with ``corpus/``, ``topics.json`` and ``qrels.txt``.
        remove_query: a document with the id of a query does not count as found by it, as is usual
            in evaluation with BEIR.
    """

    def __init__(self, folder: Path, remove_query: bool = False) -> None:
        self.folder = folder
        self._remove_query = ("--remove-query",) if remove_query else ()
        (folder / LOGS).mkdir(parents=True, exist_ok=True)
        self._count = 0
        print(f"$ {shlex.join(['cd', str(folder)])}")

    def python(self, system: System | None, module: str, *words: str) -> str:
        """Echo and run ``python -m module words``; returns what it printed.

        Raises:
            EncoderError: it failed; the message has the reason and the log.
        """
        print(f"$ {commands.shown(module, *words)}", flush=True)
        self._count += 1
        log = self.folder / LOGS / f"{self._count:02d}-{module}.log"
        outcome = commands.run(module, *words, folder=self.folder, log=log)
        if system is not None:
            system.seconds += outcome.seconds
        return outcome.output

    def bm25(self) -> System:
        """BM25 with Anserini's defaults."""
        system = self._system("BM25", "bm25")
        self._index(system, "JsonCollection", CORPUS)
        self._search(system, "lucene", "--bm25")
        return system

    def sparse(self, encoder: str) -> System:
        """A sparse encoder over a Lucene impact index."""
        system = self._system(encoder, "sparse")
        name, vectors = absolute_encoder(encoder), "vectors.sparse"
        system.vectors = self.folder / vectors
        self._encode(system, name, vectors)
        self._index(system, "JsonVectorCollection", vectors, "--impact", "--pretokenized")
        self._search(system, "lucene", "--impact", "--encoder", name)
        return system

    def dense(self, encoder: str) -> System:
        """A dense encoder over a FAISS flat index."""
        system = self._system(encoder, "dense")
        name = absolute_encoder(encoder)
        self._encode(system, name, _index_of(system), "--to-faiss")
        self._search(system, "faiss", "--encoder", name)
        return system

    def fusion(self, systems: list[System]) -> System:
        """Reciprocal rank fusion of the runs that found anything.

        Pyserini's fusion reads ids by pandas, which makes 7 of 007 and nothing of NA; runs with
        such ids are fused under other ids, which are exchanged afterwards.
        """
        fused = System("fusion (RRF)", self.folder / "run.fusion.txt")
        runs = {s.run.name: commands.read_run(s.run) for s in systems}
        runs = {name: run for name, run in runs.items() if run}
        if not runs:
            fused.run.touch()
            return fused
        ids = commands.FusionIds(runs.values())
        if ids.needed:
            runs = {name.replace("run.", "fusion."): ids.replace(r) for name, r in runs.items()}
            for name, run in runs.items():
                commands.write_run(self.folder / name, run, "replaced-ids")
        words = ("--method", "rrf", "--runs", *runs, "--output", fused.run.name)
        self.python(fused, "pyserini.fusion", *words, "--runtag", "fusion")
        if ids.needed:
            commands.write_run(fused.run, ids.restore(commands.read_run(fused.run)), "fusion")
        return fused

    def evaluate(self, system: System) -> None:
        """Fill ``system.measures`` with trec_eval's figures; all are 0 if nothing was found."""
        if not system.run.stat().st_size:
            system.measures = dict.fromkeys(_TREC_EVAL_NAMES, 0.0)
            return
        # -M cuts the ranking for every measure of a call, so MRR@10 has one of its own.
        for labels, options in {
            ("nDCG@10", "R@100"): ("-m", "ndcg_cut.10", "-m", "recall.100"),
            ("MRR@10",): ("-M", "10", "-m", "recip_rank"),
        }.items():
            words = ("-c", *options, QRELS, system.run.name)
            output = self.python(None, "pyserini.eval.trec_eval", *words)
            figures = commands.trec_eval_figures(output)
            for label in labels:
                if _TREC_EVAL_NAMES[label] not in figures:
                    reason = commands.reason(output)
                    raise EncoderError(f"trec_eval gave no {label} for {system.run}: {reason}")
                system.measures[label] = figures[_TREC_EVAL_NAMES[label]]

    def _system(self, name: str, kind: str) -> System:
        return System(name, self.folder / f"run.{kind}.txt", self.folder / f"index.{kind}")

    def _encode(self, system: System, encoder: str, output: str, *more: str) -> None:
        words = ("--encoder", encoder, "--corpus", CORPUS, "--embeddings", output)
        self.python(system, "pyserini.encode", *words, *more)

    def _index(self, system: System, collection: str, source: str, *more: str) -> None:
        words = ["--collection", collection, "--input", source, "--index", _index_of(system)]
        words += ["--generator", "DefaultLuceneDocumentGenerator", "--threads", THREADS, *more]
        self.python(system, "pyserini.index.lucene", *words)

    def _search(self, system: System, kind: str, *more: str) -> None:
        words = ["--index", _index_of(system), "--topics", TOPICS, "--output", system.run.name]
        words += ["--hits", "1000", "--batch-size", str(BATCH), "--threads", THREADS]
        self.python(system, f"pyserini.search.{kind}", *words, *more, *self._remove_query)


def _index_of(system: System) -> str:
    assert system.index is not None
    return system.index.name


def absolute_encoder(encoder: str) -> str:
    """The encoder with the folders in it as the current folder does not matter to them."""
    name, options = parse_spec(encoder)
    if "backbone" in options:
        options["backbone"] = _absolute_path(options["backbone"])
    return ",".join([_absolute_path(name), *(f"{key}={value}" for key, value in options.items())])


def _absolute_path(name: str) -> str:
    return os.path.abspath(name) if os.path.exists(name) else name
