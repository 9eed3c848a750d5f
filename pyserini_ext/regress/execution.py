"""Running a plan: every step at most once, several at a time, and then the evaluation."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_encoders.errors import EncoderError, UsageError
from pyserini_ext import commands
from pyserini_ext.commands import Outcome
from pyserini_ext.conditions import Task
from pyserini_ext.conditions.evaluation import MODULE as TREC_EVAL
from pyserini_ext.regress.data import other_corpus
from pyserini_ext.regress.fingerprints import fingerprint_of
from pyserini_ext.regress.graph import Node, Plan, PlannedTask
from pyserini_ext.regress.outputs import StepOutput, require_ours
from pyserini_ext.regress.verdict import Verdict, judge

LOGS = "logs"
_STOPPED = "not run: the regression was stopped"

Runner = Callable[..., Outcome]
"""As :func:`pyserini_ext.commands.run`."""


@dataclass
class StepResult:
    """What became of a step."""

    text: str
    seconds: float = 0.0
    """Wall time; of a step whose output is used again, that of its making."""
    reused: bool = False
    remark: str = ""
    """Why an output that was there has been made again."""
    problem: str = ""
    """Why it failed, or was not run."""
    log: str = ""
    fingerprint: dict[str, Any] = field(default_factory=dict)


@dataclass
class TaskResult:
    """What became of a task."""

    task: Task
    steps: list[StepResult]
    verdicts: dict[str, Verdict]
    evaluations: list[str]
    """The commands of the evaluation."""
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether a command failed, or a score is not the expected one."""
        return bool(self.problem) or any(one.failed for one in self.verdicts.values())


class Execution:
    """Runs the steps of a plan inside a folder.

    Args:
        plan: of :func:`~pyserini_ext.regress.graph.make_plan`.
        folder: where commands run, and their outputs lie.
        use_stale: see :meth:`~pyserini_ext.regress.outputs.StepOutput.why_not`.
        runner: runs one command.
        say: takes a line for the user.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        use_stale: bool | None = None,
        runner: Runner = commands.run,
        say: Callable[[str], None] = print,
    ) -> None:
        self._plan, self._folder, self._use_stale = plan, folder, use_stale
        self._runner, self._say, self._lock = runner, say, threading.Lock()
        self._stopped = threading.Event()

    def run(self, parallel: int = 1) -> list[list[TaskResult]]:
        """Run everything; results of each condition's tasks, in the plan's order.

        Args:
            parallel: steps that run at a time.

        Raises:
            UsageError: an output is there that regress has not written, or is not to be replaced.
        """
        for node in self._plan.nodes:
            require_ours(self._folder / node.step.output)
        (self._folder / LOGS).mkdir(parents=True, exist_ok=True)
        results: dict[Node, Future[StepResult]] = {}
        # As many as there are steps: one that waits for another holds no place of `parallel`.
        places = threading.Semaphore(parallel)
        tasks = [task for _, tasks in self._plan.conditions for task in tasks]
        with ThreadPoolExecutor(len(self._plan.nodes) + len(tasks)) as pool:
            try:
                for node in self._plan.nodes:
                    before = [results[one] for one in node.before]
                    results[node] = pool.submit(self._step, node, before, places)
                evaluated = {
                    task: pool.submit(self._task, task, [results[n] for n in task.nodes], places)
                    for task in tasks
                }
                return [
                    [evaluated[task].result() for task in tasks]
                    for _, tasks in self._plan.conditions
                ]
            except BaseException:
                self._stopped.set()  # no further command is started
                commands.stop_running()
                raise

    def _step(
        self,
        node: Node,
        before: Sequence["Future[StepResult]"],
        places: threading.Semaphore,
    ) -> StepResult:
        earlier = [future.result() for future in before]
        result = StepResult(node.step.text)
        failed = next((one for one in earlier if one.problem), None)
        if failed is not None:
            result.problem = f"not run: {failed.problem.removeprefix('not run: ')}"
            return result
        with places:
            if self._stopped.is_set():
                result.problem = _STOPPED
                return result
            try:
                self._make(node, earlier, result)
            except UsageError:
                self._stopped.set()
                raise
            except EncoderError as error:
                result.problem = str(error)
            except BaseException:
                self._stopped.set()
                raise
        return result

    def _make(self, node: Node, earlier: Sequence[StepResult], result: StepResult) -> None:
        """Run a step unless its output is there."""
        step, before = node.step, [one.fingerprint for one in earlier]
        made = [step.output, *(one.step.output for one in node.before)]
        result.fingerprint = fingerprint_of(step, before, self._folder, made)
        output = StepOutput(self._folder, step, result.fingerprint)
        why_not = output.why_not(self._use_stale)
        if why_not is None:
            result.reused, result.seconds = True, output.seconds
            result.fingerprint = output.made_from
            return
        if self._stopped.is_set():
            raise EncoderError(_STOPPED)
        result.remark = why_not
        self._tell(f"$ {step.text}")
        if why_not:
            fate = "resumed" if output.resumable else "made again"
            self._tell(f"  {step.output} is {fate}: {why_not}.")
        output.begin()
        log = self._log(step.output, step.module)
        result.log = str(log.relative_to(self._folder))
        words = output.writing.words
        done = self._runner(step.module, *words, folder=self._folder.absolute(), log=log)
        try:
            output.finish(done.seconds)
        except FileNotFoundError:
            raise EncoderError(f"{step.module} did not write {step.output}; see {log}.") from None
        except ValueError:
            raise EncoderError(
                f"{step.module} found nothing: {step.output} is empty; see {log}."
            ) from None
        result.seconds = done.seconds

    def _task(
        self,
        planned: PlannedTask,
        futures: Sequence["Future[StepResult]"],
        places: threading.Semaphore,
    ) -> TaskResult:
        steps = [future.result() for future in futures]
        result = TaskResult(planned.task, steps, {}, [])
        failed = next((one for one in steps if one.problem), None)
        if failed is not None:
            result.problem = failed.problem
            return result
        with places:
            try:
                if not self._stopped.is_set():
                    self._evaluate(planned, result)
            except EncoderError as error:
                result.problem = str(error)
        return result

    def _evaluate(self, planned: PlannedTask, result: TaskResult) -> None:
        task = planned.task
        for one in task.evaluations(planned.place.evaluation):
            result.evaluations.append(one.text)
            log = self._log(task.run, f"{TREC_EVAL}{one.options.replace(' ', '')}")
            folder = self._folder.absolute()
            outcome = self._runner(TREC_EVAL, *one.words, folder=folder, log=log)
            figures = commands.trec_eval_figures(outcome.output)
            for measure, name in one.measures.items():
                if name.replace(".", "_") not in figures:
                    raise EncoderError(f"trec_eval gave no {measure} for {task.run}; see {log}.")
                measured = round(figures[name.replace(".", "_")], 4)
                verdict = judge(task.family, measured, task.scores.get(measure))
                result.verdicts[measure] = verdict
        if result.failed:
            result.problem = other_corpus(task, planned.place.steps)

    def _log(self, output: str, module: str) -> Path:
        return self._folder / LOGS / f"{output.replace('/', '.')}.{module}.log"

    def _tell(self, line: str) -> None:
        with self._lock:
            self._say(line)
