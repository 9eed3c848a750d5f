"""The command line of the regressions."""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs import arguments as parse
from llm_encoders.jobs.atomic import write_atomically
from llm_encoders.jobs.console import run_command
from llm_encoders.jobs.lock import LOCK_NAME, locked
from llm_encoders.jobs.removal import require_apart
from pyserini_ext import commands
from pyserini_ext.conditions import Condition, load_conditions, select
from pyserini_ext.conditions.steps import COLLECTIONS
from pyserini_ext.regress.data import Collections
from pyserini_ext.regress.execution import Execution, Runner
from pyserini_ext.regress.graph import Plan, make_plan
from pyserini_ext.regress.page import page
from pyserini_ext.regress.report import report, text

DEFAULT = "tiny"
_THREADS = "OMP_NUM_THREADS"
_DESCRIPTION = """\
Run conditions of reproductions/conditions and compare their scores with the expected ones.

A condition is named FAMILY/NAME, for instance tiny/llm-splade-tiny; FAMILY alone names all of a
family, NAME alone that of every family, FAMILY/NAME/KEY one set of topics or dataset.

Commands read collections below collections/; --data names the folder that stands for it, in which
a collection is a folder of its name in BEIR layout (nfcorpus/) or, for msmarco-v1-passage, has MS
MARCO's TSV files. Topics and judgements come with the collection where it has them, else from
Pyserini, which fetches them.

What is finished is kept with its fingerprint and used again; a run that was cut short, or made by
another command, encoder, index or version, is made again. Exit code: 0 if every score is the
expected one or within the tolerance of Pyserini's harness, 1 if one is not or a command fails, 2 on
wrong usage. A task without expected scores is reported as new; it fails only if a command does.
"""


def main(arguments: list[str] | None = None, runner: Runner = commands.run) -> int:
    """Run the command; returns the exit code.

    Args:
        arguments: of the command line.
        runner: runs one command of a condition.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pyserini_ext.regress",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "conditions",
        nargs="*",
        type=parse.text,
        metavar="CONDITION",
        help=f"what to run (default: {DEFAULT}, which needs no GPU)",
    )
    parser.add_argument("--all", action="store_true", help="run every condition")
    parser.add_argument("--list", action="store_true", help="list what would run, with its scores")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the commands, and run none of them"
    )
    parser.add_argument(
        "--data",
        nargs="+",
        type=parse.path,
        default=[Path(COLLECTIONS)],
        metavar="DIR",
        help=f"folders with collections, or collections (default: {COLLECTIONS})",
    )
    parser.add_argument(
        "--output",
        type=parse.output,
        default=Path("regress"),
        metavar="DIR",
        help="folder for indexes, runs, logs, report.json and report.html (default: regress)",
    )
    parser.add_argument(
        "--parallel",
        type=parse.integer(1, 256),
        default=1,
        metavar="N",
        help="commands that run at a time (default: 1)",
    )
    parser.add_argument(
        "--stale-indexes",
        choices=("use", "renew"),
        help="what becomes of a finished index that was made by other code or versions (default: "
        "it is made again, unless that took more than ten minutes: then this command stops)",
    )
    parser.add_argument(
        "--condition-files",
        type=parse.path,
        metavar="DIR",
        help="folder of condition files (default: those of this package)",
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: run(options, runner))


def run(options: argparse.Namespace, runner: Runner = commands.run) -> None:
    """Choose conditions, then list, show or run them.

    Raises:
        UsageError: an unknown condition, a missing collection, files in the way.
        EncoderError: a command failed, or a score is not the expected one.
    """
    if options.all and options.conditions:
        raise UsageError("--all and names of conditions exclude each other.")
    known = load_conditions(options.condition_files)
    chosen = known if options.all else select(known, options.conditions or [DEFAULT])
    if options.list:
        print("\n".join(_listing(chosen)))
        return
    collections = Collections(options.data)
    if options.dry_run:
        _show(make_plan(chosen, collections, required=False))
        return
    for folder in options.data:
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder}; name one with --data.")
    plan = make_plan(chosen, collections)
    require_apart(options.output, options.data)
    busy = f"Another regression runs in {options.output}; wait for it, or name another --output."
    with locked(options.output / LOCK_NAME, busy):
        failed = _execute(plan, chosen, options, runner)
    if failed:
        count = sum(len(tasks) for _, tasks in plan.conditions)
        raise EncoderError(
            f"{failed} of {count} tasks failed; see {options.output / 'report.html'}."
        )


def _listing(chosen: Sequence[Condition]) -> list[str]:
    lines = []
    for condition in chosen:
        scored = sum(bool(task.scores) for task in condition.tasks)
        tasks = f"{len(condition.tasks)} tasks, {scored} with expected scores"
        lines.append(f"{condition.selector:45} {tasks}")
    return lines


def _show(plan: Plan) -> None:
    for node in plan.nodes:
        print(node.step.text)
    for _, tasks in plan.conditions:
        for planned in tasks:
            for one in planned.task.evaluations(planned.place.evaluation):
                print(one.text)


def _execute(
    plan: Plan, chosen: Sequence[Condition], options: argparse.Namespace, runner: Runner
) -> int:
    start, clock, cpu = datetime.now(UTC), time.perf_counter(), _cpu_seconds()
    print(f"$ cd {options.output}", flush=True)
    say: Callable[[str], None] = lambda line: print(line, flush=True)  # noqa: E731
    stale = {"use": True, "renew": False}.get(options.stale_indexes)
    with _shared_cores(options.parallel):
        found = Execution(plan, options.output, stale, runner, say).run(options.parallel)
    results = list(zip(chosen, found, strict=True))
    values = report(results, start, time.perf_counter() - clock, _cpu_seconds() - cpu)
    print(f"\n{text(results)}")
    print(f"{values['seconds']:.0f} seconds, {values['cpu seconds']:.0f} of CPU.", flush=True)
    write_atomically(options.output / "report.json", json.dumps(values, indent=1) + "\n")
    write_atomically(options.output / "report.html", page(values))
    return int(values["failed"])


@contextmanager
def _shared_cores(count: int) -> Iterator[None]:
    """Give each of so many commands at a time its share of the cores, unless the user has said.

    Each would take all of them, and threads that wait for one another would use up the time.
    """
    if count == 1 or _THREADS in os.environ:
        yield
        return
    os.environ[_THREADS] = str(max(1, (os.cpu_count() or 1) // count))
    try:
        yield
    finally:
        del os.environ[_THREADS]


def _cpu_seconds() -> float:
    """CPU of this process and of the commands that have ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, who))
