"""Run the study: pre-train the family, train and measure the cells, write ``results.csv``.

python reproductions/scaling/run.py --collections BEIR --parallel 2

What is finished is skipped; what was stopped resumes when the same command is given again.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TypeVar

import results  # opens the room of what studies share
import study
from finished import Finished

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.arguments import integer
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.console import end_command, run_command
from llm_encoders.jobs.lock import LOCK_NAME, locked
from llm_encoders.reading import read_object

_TOP = Path(study.RECIPES)
_LOGS = Path(study.RUNS) / "logs"
FINISHED = Path(study.RUNS) / "finished.json"
_Item = TypeVar("_Item")


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        description="Train and measure the cells of reproductions/scaling/study.yaml, at the top "
        "of the repository. What is finished is skipped. Results are in results.csv beside it."
    )
    parser.add_argument(
        "--collections",
        default="BEIR",
        metavar="DIR",
        help="folder that holds the collections in BEIR layout (default: BEIR)",
    )
    parser.add_argument(
        "--study",
        type=Path,
        default=study.FILE,
        metavar="FILE",
        help="another study, such as a larger range for a GPU",
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="GROUP", help="groups of the grid")
    parser.add_argument(
        "--parallel", type=integer(1), default=1, metavar="N", help="cells at a time (default: 1)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the commands and run none")
    args = parser.parse_args()
    return run_command(lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Run groups of a study.

    Raises:
        UsageError: an unknown group, another working folder, or a file that is not there.
        EncoderError: a command failed.
    """
    plan = study.load(args.study)
    if unknown := [name for name in args.only if name not in plan.groups]:
        raise UsageError(f"--only: no group {unknown[0]}; there are {', '.join(plan.groups)}.")
    if not _TOP.is_dir():
        raise UsageError(f"There is no {_TOP} here; run this at the top of the repository.")
    job = Job(plan, args.study, args.collections, args.dry_run)
    cells = plan.cells(args.only)
    sizes = list(dict.fromkeys(cell.size for cell in cells))
    if args.dry_run:
        for size in sizes:
            job.pretrain(size)
        for cell in cells:
            job.cell(cell)
        return
    job.require_inputs(cells)
    _LOGS.mkdir(parents=True, exist_ok=True)
    with locked(_LOGS.with_name(LOCK_NAME), "Another run of the study is at work here; wait."):
        _in_parallel(job.pretrain, sizes, args.parallel)
        _in_parallel(job.cell, cells, args.parallel)


def _in_parallel(do: Callable[[_Item], None], items: Iterable[_Item], workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(do, item) for item in items]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class Job:
    """A run of the study."""

    def __init__(self, plan: study.Study, file: Path, collections: str, dry: bool) -> None:
        self.plan = plan
        self.file = file
        self.collections = collections
        self.dry = dry
        self._finished = Finished(FINISHED)
        self._writing = Lock()

    def require_inputs(self, cells: Sequence[study.Cell]) -> None:
        """Refuse to begin without the files that no command of the study makes.

        A file of pairs must have exactly as many lines as its cells have pairs.
        """
        needed = [Path(study.RUNS) / "family" / cell.size for cell in cells]
        needed += [Path(cell.training_file) for cell in cells]
        for path in needed:
            if not path.exists():
                raise UsageError(
                    f"There is no {path}; reproductions/scaling-laws.md says how to make it."
                )
        for path, pairs in {Path(cell.training_file): cell.pairs for cell in cells}.items():
            with path.open("rb") as lines:
                count = sum(1 for _ in lines)
            if count != pairs:
                raise UsageError(
                    f"{path} has {count:,} lines; its cells learn from {pairs:,} pairs."
                )
        for name, place in self.plan.collections.items():
            folder = Path(self.collections) / place["folder"]
            if not folder.is_dir():
                raise UsageError(f"--collections: there is no {folder}, the collection {name}.")

    def pretrain(self, size: str) -> None:
        """Teach a member of the family the language."""
        self._once(self.plan.pretrain(size), Path(study.pretrained(size)), [], size)

    def cell(self, cell: study.Cell) -> None:
        """Train a cell and write its row."""
        train = self.plan.train(cell)
        self._once(train, Path(cell.output), [self.plan.pretrain(cell.size)], cell.name)
        measure = ["python", "reproductions/scaling/measure.py", cell.name]
        measure += [] if self.file == study.FILE else ["--study", str(self.file)]
        measure += ["--collections", self.collections]
        present = any(row["cell"] == cell.name for row in self._rows())
        measured = Path(cell.output) / "measured.json"
        ran = self._once(measure, measured, [train], f"{cell.name}-measure")
        if ran or not (present or self.dry):
            row = read_object(measured)
            with self._writing:
                order = [one.name for one in self.plan.cells()]
                rows = results.merged(self._rows(), row, order)
                write_atomically(results.FILE, results.text(rows, self.plan.collections))
            print(f"{cell.name}: {row['entropy']:.4f} nats", flush=True)

    def _once(
        self, words: list[str], output: Path, after: Sequence[Sequence[str]], log: str
    ) -> bool:
        """Run a command that has not ended well since those before it; whether it ran."""
        if output.exists() and self._finished.holds(words, after):
            return False
        self._call(words, log)
        if not self.dry:
            self._finished.note(words)
        return not self.dry

    def _rows(self) -> list[results.Row]:
        return results.read(self.plan.collections)

    def _call(self, words: list[str], log: str) -> None:
        print(shlex.join(words), flush=True)
        if self.dry:
            return
        environment = {**os.environ, "OMP_NUM_THREADS": str(self.plan.threads)}
        path = _LOGS / f"{log}.txt"
        with path.open("wb") as stream:
            code = subprocess.run(
                [sys.executable, *words[1:]],
                check=False,
                env=environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
            ).returncode
        if code:
            raise EncoderError(
                f"The command ended with exit code {code}: {shlex.join(words)}. {path} says why; "
                "run this again to resume."
            )


if __name__ == "__main__":
    end_command(main)
