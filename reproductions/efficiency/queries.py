"""Encoding queries one by one, without a search: a transformer, and a lookup table in its place.

sparse, dense: ``llm-splade-tiny`` and ``llm-dense-tiny``. lookup-sparse, lookup-dense: tables with
their tokenizer and random rows; what is looked up makes no difference to the time. Latencies are
those of single queries. Cold is a process that has just started: the import, then the load, then
the first query.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from searching import words

from llm_encoders import load_encoder
from llm_encoders.checkpoints.teacher import Teacher
from llm_encoders.encoding.lookup.files import write_lookup
from llm_encoders.encoding.lookup.from_teacher import lookup_contract, teacher_tokenizer

NAMES = {"sparse": "llm-splade-tiny", "dense": "llm-dense-tiny"}
COLD = """
import json, sys, time
times = [time.perf_counter()]
from llm_encoders import {function}
times.append(time.perf_counter())
encoder = {function}(sys.argv[1])
times.append(time.perf_counter())
encoder.encode_queries(["how does sleep affect stress"])
times.append(time.perf_counter())
print(json.dumps([1000 * (b - a) for a, b in zip(times, times[1:])]))
"""


def main() -> None:
    """Measure one form and print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("form", choices=(*NAMES, *(f"lookup-{name}" for name in NAMES)))
    parser.add_argument("--small", action="store_true")
    options, _ = parser.parse_known_args()
    paradigm = options.form.removeprefix("lookup-")
    with tempfile.TemporaryDirectory() as folder:
        name, function = NAMES[paradigm], "load_encoder"
        if options.form != paradigm:
            write_table(Path(folder), name)
            name, function = folder, "load_lookup"
        encoder = load_encoder(name, device="cpu")
        texts = [f"how does {a} affect {b}" for a in words(20) for b in words(20)]
        texts = texts[: 20 if options.small else None]
        times = latencies(encoder, texts)
        start = "" if options.small else f"; cold {cold(function, name)} ms"
    milliseconds = [1000 * float(np.percentile(times, share)) for share in (50, 95, 99)]
    print(
        json.dumps(
            {
                "setting": f"{len(texts)} queries of 5 words, one by one",
                "seconds": round(sum(times), 4),
                "rate": round(len(times) / sum(times), 1),
                "unit": "queries/s",
                "detail": f"p50/p95/p99 {joined(milliseconds)} ms{start}",
            }
        )
    )


def write_table(folder: Path, name: str) -> None:
    """A lookup table with random rows in place of an encoder's query side."""
    teacher = load_encoder(name, device="cpu")
    tokens, generator = len(teacher.backbone.tokenizer), np.random.default_rng(1)
    if teacher.config.paradigm == "sparse":
        table = generator.random(tokens, dtype=np.float32)
    else:
        table = generator.standard_normal((tokens, teacher.dimension), dtype=np.float32)
    tokenizer, identity = teacher_tokenizer(teacher), Teacher.of(teacher)
    write_lookup(folder, lookup_contract(teacher), table, tokenizer, identity)


def latencies(encoder: object, texts: list[str]) -> list[float]:
    """Seconds of each query, after one pass that is not counted."""
    found = []
    for counted in (False, True):
        for text in texts:
            start = time.perf_counter()
            encoder.encode_queries([text])
            if counted:
                found.append(time.perf_counter() - start)
    return found


def cold(function: str, name: str) -> str:
    """Milliseconds of import, load and first query in a process of its own."""
    command = [sys.executable, "-c", COLD.format(function=function), name]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return joined(json.loads(result.stdout))


def joined(milliseconds: list[float]) -> str:
    """Three significant digits each."""
    return "/".join(f"{one:.3g}" for one in milliseconds)


if __name__ == "__main__":
    main()
