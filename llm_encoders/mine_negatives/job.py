"""One mining job: check, prepare, rank, choose, write; a stream that can be stopped and resumed."""

import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from llm_encoders.data.prepare import prepare
from llm_encoders.data.sources import DataSources, skipped_of, source_files
from llm_encoders.errors import UsageError
from llm_encoders.evaluation.encoder_ranker import EncoderRanker, encoder_fingerprint
from llm_encoders.jobs.kept_folder import kept_folder
from llm_encoders.jobs.removal import require_apart
from llm_encoders.jobs.resumable_lines import resumable_lines
from llm_encoders.mine_negatives.miner import KeptRanker, Miner
from llm_encoders.mine_negatives.mining import Mining
from llm_encoders.mine_negatives.ranking import supplied
from llm_encoders.teachers.choice import TeacherChoice
from llm_encoders.teachers.scoring import TeacherScores

_WORK = ("data", "data.tmp", "scores", "ranker", "ranking.json")


def mine(
    sources: DataSources,
    mining: Mining,
    choice: TeacherChoice | None,
    output: Path,
    *,
    threads: int = 4,
    device: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write the queries of ``sources`` with hard negatives, as ``question, pos_pid, neg_pids``.

    With a teacher, ``pos_score`` and ``neg_scores`` are written as well, and the first record
    names the teacher and its number format under ``teacher``. No model is loaded before it is sure
    that there is something left to mine.

    Args:
        sources: queries with positives, and a corpus; or a BEIR folder.
        mining: how negatives are chosen.
        choice: the teacher that scores ranked passages, where false negatives are filtered.
        output: JSONL; stopped, the same call resumes.
        threads: for indexing and searching with BM25.
        device: where an encoder computes.
        overwrite: start again.

    Raises:
        EncoderError: faulty training data, or a failed command.
    """
    factory = supplied(mining.method)
    if mining.index is not None and factory is None:
        raise UsageError(
            f"--index is for bm25; {mining.method} encodes the passages itself. Leave it out."
        )
    files = source_files(sources)
    teacher_folder = None if choice is None else choice.folder
    require_apart(output, [sources.train, sources.corpus, mining.index, teacher_folder, *files])
    encoder = None if factory else encoder_fingerprint(mining.method, device)
    fingerprint = {
        **asdict(sources),
        **asdict(mining),
        "files": files,
        "teacher": None if choice is None else choice.fingerprint,
        "encoder": encoder,
    }
    index = None if mining.index is None else Path(mining.index)
    with resumable_lines(output, fingerprint, overwrite, _WORK) as lines:
        work = lines.work
        if lines.finished:
            print(f"{output} is finished already.", file=sys.stderr)
            return
        data = prepare(sources, work / "data", listing=skipped_of(output))
        if data.passages.inline:
            shutil.rmtree(work / "data")
            raise UsageError(
                "Negatives are mined from a corpus; name one whose ids the training data gives, or "
                "a BEIR folder."
            )
        lines.begin()
        stands = {"files": files, "method": mining.method, "encoder": encoder}
        place = kept_folder(stands, work / "ranker")
        ranker = KeptRanker(
            factory(data.passages, place, index=index, threads=threads)
            if factory
            else EncoderRanker(mining.method, encoder or {}, data.passages, place, device),
            work / "ranking.json",
            fingerprint,
        )
        teacher = None if choice is None else choice.load()
        with tqdm(total=len(data.queries), initial=lines.done, unit="query") as bar:

            def progress(what: str, done: int, count: int) -> None:
                bar.set_postfix_str(f"{done:,} of {count:,} {what}")

            ranker.progress = progress
            miner = Miner(data, mining, ranker, lines.done)
            if teacher is None or choice is None:
                records = miner.drawn()
            else:
                bar.write(f"Teacher: {choice.describe(teacher)}.", file=sys.stderr)
                scores = TeacherScores(teacher, fingerprint, work / "scores", progress)
                records = miner.filtered(scores, teacher.window, choice.record)
            for count in lines.write(records):
                bar.update(count)
        lines.finish()
