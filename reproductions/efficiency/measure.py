"""Measure head, encoding, indexing, search, queries and the plain way of each, into one CSV.

python measure.py --corpus BEIR/nfcorpus/corpus.jsonl --tokenizer TOKENIZER [--device cuda]
    [--only head encode index search query training] [--documents N] [--output results.csv]

Every form runs in a process of its own, one after another, so that none inherits another's
memory (but for --small). A ratio is to the first form of its group.
"""

import argparse
import contextlib
import csv
import io
import json
import os
import platform
import runpy
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
COLUMNS = (
    "group",
    "form",
    "setting",
    "seconds",
    "rate",
    "unit",
    "ratio",
    "peak_mib",
    "memory_ratio",
    "detail",
    "device",
    "torch",
    "date",
)
GROUPS = {
    "head": ("head.py", ("plain", "chunked", "sgemm")),
    "head with backward": ("head.py", ("plain-backward", "chunked-backward")),
    "head trained, too": ("head.py", ("plain-trained", "chunked-trained")),
    "encode": ("encoding.py", ("plain", "pyserini", "ours")),
    "index": ("indexing.py", ("stock", "jsonl", "direct")),
    "training step": (
        "training.py",
        ("plain-4", "plain-8", "ours-8", "ours-64"),
    ),
    "search": ("searching.py", ("one-by-one", "batch")),
    "query, sparse": ("queries.py", ("sparse", "lookup-sparse")),
    "query, dense": ("queries.py", ("dense", "lookup-dense")),
}
ON_GPU = {
    "head on a GPU": ("gpu.py", ("head-plain", "head-chunked", "head-triton")),
    "head on a GPU, no padding": ("gpu.py", ("full-plain", "full-chunked", "full-triton")),
    "encode on a GPU, 1B": ("gpu.py", ("sparse-1b", "dense-1b")),
    "encode on a GPU, 8B": ("gpu.py", ("sparse-8b", "dense-8b")),
}


def main() -> None:
    """Run the groups and write the CSV after each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--corpus", type=Path, help="JSONL with title and text, for encode")
    parser.add_argument("--tokenizer", type=Path, help="folder of a tokenizer of 100,278 entries")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--only", nargs="+", help="words that a group's name begins with")
    parser.add_argument("--forms", nargs="+", help="only these forms of the groups")
    parser.add_argument("--documents", type=int, help="of the corpus, a group of its own")
    parser.add_argument("--small", action="store_true", help="tiny shapes, to see that it runs")
    parser.add_argument("--output", type=Path, default=Path("results.csv"))
    options = parser.parse_args()
    rows = read(options.output)
    for group, (script, forms) in (GROUPS if options.device == "cpu" else ON_GPU).items():
        if options.only and not any(group.startswith(word) for word in options.only):
            continue
        if options.documents and group == "encode":
            group = f"encode, {options.documents} documents"
        first: dict[str, float] | None = None
        rows = [row for row in rows if row["group"] != group]
        for form in options.forms or forms:
            result = measure(script, form, options)
            first = first or result
            rows.append(row(group, form, result, first))
            print(json.dumps({k: v for k, v in rows[-1].items() if v != ""}), flush=True)
            write(options.output, rows)


def measure(script: str, form: str, options: argparse.Namespace) -> dict[str, float]:
    """Run one form in its own process; it prints a JSON object on its last line."""
    words = [sys.executable, str(HERE / script), form]
    for name in ("corpus", "tokenizer", "documents"):
        if (value := getattr(options, name)) is not None:
            words += [f"--{name}", str(value)]
    if options.small:  # what matters is that it runs, not what else is in memory
        return in_this_process([*words[1:], "--small"])
    result = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"error: {' '.join(words)} ended with exit code {result.returncode}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def in_this_process(words: list[str]) -> dict[str, float]:
    """Run a script with its arguments as a command would."""
    printed = io.StringIO()
    before, sys.argv = sys.argv, words
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_path(words[0], run_name="__main__")
    finally:
        sys.argv = before
    return json.loads(printed.getvalue().strip().splitlines()[-1])


def row(
    group: str, form: str, result: dict[str, float], first: dict[str, float]
) -> dict[str, object]:
    """One line of the CSV."""
    import torch

    made = dict.fromkeys(COLUMNS, "") | {"group": group, "form": form}
    made |= {key: value for key, value in result.items() if key in COLUMNS}
    made["ratio"] = round(result["rate"] / first["rate"], 2)
    if result.get("peak_mib") and first.get("peak_mib"):
        made["memory_ratio"] = round(result["peak_mib"] / first["peak_mib"], 3)
    made["device"] = result.get("device") or device_name()
    made["torch"] = torch.__version__
    made["date"] = datetime.now(UTC).strftime("%Y-%m-%d")
    return made


def device_name() -> str:
    """The processor and the number of cores that this process may use."""
    name = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].partition(":")[2].strip() if lines else name
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def read(path: Path) -> list[dict[str, object]]:
    """What an earlier run measured; its groups are replaced as they are measured again."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def write(path: Path, rows: list[dict[str, object]]) -> None:
    """Write what there is so far."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
