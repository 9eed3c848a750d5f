"""The quickstart's commands: Pyserini's own, each echoed so that it can be copied."""

import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from llm_encoders.errors import EncoderError

THREADS = str(os.cpu_count() or 1)
_TAIL = 15
_TREC_EVAL_NAMES = {"nDCG@10": "ndcg_cut_10", "R@100": "recall_100", "MRR@10": "recip_rank"}


@dataclass
class System:
    """One retrieval system: what it ran and what came of it."""

    name: str
    run: Path
    index: Path | None = None
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
    """Runs commands in ``folder``, with their output in ``folder/logs``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def python(self, system: System | None, module: str, *arguments: str | Path) -> str:
        """Echo and run ``python -m module arguments``; returns what it printed.

        Raises:
            EncoderError: it failed; the message has the end of its output and the log's path.
        """
        words = ["-m", module, *map(str, arguments)]
        print(f"$ {shlex.join(['python', *words])}", flush=True)
        self._count += 1
        log = self.logs / f"{self._count:02d}-{module}.log"
        start = time.perf_counter()
        with log.open("w", encoding="utf-8") as stream:
            code = subprocess.run(
                [sys.executable, *words], stdout=stream, stderr=subprocess.STDOUT, check=False
            ).returncode
        seconds = time.perf_counter() - start
        if system is not None:
            system.seconds += seconds
        output = log.read_text(encoding="utf-8", errors="replace")
        if code != 0:
            tail = "\n".join(output.splitlines()[-_TAIL:])
            raise EncoderError(f"The command above ended with exit code {code} ({log}):\n{tail}")
        return output

    def bm25(self) -> System:
        """BM25 with Anserini's defaults."""
        system = System("BM25", self.folder / "run.bm25.txt", self.folder / "index.bm25")
        self._index(system, "JsonCollection", self.folder / "corpus")
        self._search_lucene(system, "--bm25")
        return system

    def sparse(self, encoder: str) -> System:
        """A sparse encoder over a Lucene impact index."""
        system = System(encoder, self.folder / "run.sparse.txt", self.folder / "index.sparse")
        vectors = self.folder / "vectors.sparse"
        self._encode(system, encoder, vectors)
        self._index(system, "JsonVectorCollection", vectors, "--impact", "--pretokenized")
        self._search_lucene(system, "--impact", "--encoder", encoder)
        return system

    def dense(self, encoder: str) -> System:
        """A dense encoder over a FAISS flat index."""
        system = System(encoder, self.folder / "run.dense.txt", self.folder / "index.dense")
        assert system.index is not None
        self._encode(system, encoder, system.index, "--to-faiss")
        self.python(
            system,
            "pyserini.search.faiss",
            *("--encoder", encoder, "--index", system.index),
            *("--topics", self.folder / "topics.json", "--output", system.run),
            *("--hits", "1000", "--batch-size", "64", "--threads", THREADS),
        )
        return system

    def fusion(self, systems: list[System]) -> System:
        """Reciprocal rank fusion of runs."""
        fused = System("fusion (RRF)", self.folder / "run.fusion.txt")
        self.python(
            fused,
            "pyserini.fusion",
            *("--method", "rrf", "--runs", *(str(system.run) for system in systems)),
            *("--output", str(fused.run), "--runtag", "fusion"),
        )
        return fused

    def evaluate(self, system: System) -> None:
        """Fill ``system.measures`` with trec_eval's figures."""
        # -M cuts the ranking for every measure of a call, so MRR@10 has one of its own.
        for labels, options in {
            ("nDCG@10", "R@100"): ("-m", "ndcg_cut.10", "-m", "recall.100"),
            ("MRR@10",): ("-M", "10", "-m", "recip_rank"),
        }.items():
            qrels = self.folder / "qrels.txt"
            output = self.python(None, "pyserini.eval.trec_eval", "-c", *options, qrels, system.run)
            figures = {
                words[0]: float(words[2])
                for words in map(str.split, output.splitlines())
                if len(words) == 3 and words[1] == "all"
            }
            for label in labels:
                if _TREC_EVAL_NAMES[label] not in figures:
                    raise EncoderError(f"trec_eval gave no {label} for {system.run}:\n{output}")
                system.measures[label] = figures[_TREC_EVAL_NAMES[label]]

    def _encode(self, system: System, encoder: str, output: Path, *more: str) -> None:
        corpus = self.folder / "corpus"
        options = ("--encoder", encoder, "--corpus", corpus, "--embeddings", output)
        self.python(system, "pyserini.encode", *options, *more)

    def _index(self, system: System, collection: str, source: Path, *more: str) -> None:
        assert system.index is not None
        self.python(
            system,
            "pyserini.index.lucene",
            *("--collection", collection, "--input", source, "--index", system.index),
            *("--generator", "DefaultLuceneDocumentGenerator", "--threads", THREADS, *more),
        )

    def _search_lucene(self, system: System, *more: str) -> None:
        assert system.index is not None
        self.python(
            system,
            "pyserini.search.lucene",
            *("--index", system.index, "--topics", self.folder / "topics.json"),
            *("--output", system.run, "--hits", "1000"),
            *("--batch-size", "64", "--threads", THREADS, *more),
        )
