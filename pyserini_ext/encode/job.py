"""One encoding job from beginning to end: check, plan, continue, encode, assemble, report."""

import sys
from dataclasses import replace
from pathlib import Path

from llm_encoders.checkpoints import resolve
from llm_encoders.checkpoints.announcement import announce
from llm_encoders.checkpoints.two_sides import require_passages
from llm_encoders.errors import EncoderError, UsageError
from llm_encoders.jobs.removal import require_apart
from pyserini_ext.encode.checking import checked_scan, keep_skipped_lines, require_unchanged
from pyserini_ext.encode.engines import choose_engine
from pyserini_ext.encode.fingerprint import (
    describe_encoder,
    encoder_fingerprint,
    settled_dtype,
    vocabulary_of,
)
from pyserini_ext.encode.journal import forget_part
from pyserini_ext.encode.options import WINDOW_BATCHES, EncodeOptions, warn_of_ignored
from pyserini_ext.encode.outputs import (
    FaissOutput,
    LuceneOutput,
    NpzOutput,
    Output,
)
from pyserini_ext.encode.parts import Part, plan
from pyserini_ext.encode.progress import LateBar
from pyserini_ext.encode.report import report, write_report
from pyserini_ext.encode.scan import CorpusScan
from pyserini_ext.folders.folder import (
    clear_for_overwriting,
    finished_files_are_good,
    only_run,
    refuse_foreign_files,
)
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.folders.publish import complete
from pyserini_ext.folders.state import (
    building_folder,
    journal_folder,
    parts_folder,
    remove_folder,
)

_IN_PLACE = "Everything is in place already."


def run(options: EncodeOptions) -> None:
    """Encode a corpus, or resume an earlier run of the same job.

    Raises:
        UsageError: options that contradict each other, the encoder or an earlier run.
        EncoderError: faulty input, or a machine that is too small.
    """
    files = _find_encoder(options)
    if options.part_documents != options.part_size:
        print(
            f"Parts have {options.part_documents} documents, not {options.part_size}: whole "
            f"windows of {options.window} ({WINDOW_BATCHES} batches of {options.batch_size}).",
            file=sys.stderr,
        )
    folder = Path(options.embeddings)
    require_apart(folder, [options.corpus], "output folder")
    corpus = options.open_corpus()
    with only_run(folder):
        recorded = Manifest.load(folder)
        refuse_foreign_files(folder, recorded)
        earlier = None if options.overwrite else recorded
        scan = checked_scan(corpus, options, earlier)
        options = replace(options, dtype=settled_dtype(options))
        parts = _plan(scan, options)
        fingerprint = {
            "encoder": encoder_fingerprint(files, options),
            "corpus": {"documents": scan.documents, "content": scan.digest},
            "shard": f"{options.shard_id} of {options.shard_num}",
            "output": options.output,
            "batch size": options.batch_size,
            "part size": options.part_documents,
        }
        encoder = describe_encoder(files, options)
        if earlier is not None:
            earlier.require_same(fingerprint, encoder["name"])
        if options.overwrite:
            clear_for_overwriting(folder, recorded)
        keep_skipped_lines(folder)
        manifest = earlier or Manifest(folder, fingerprint)
        manifest.encoder = encoder
        manifest.scan = scan.to_json()
        manifest.save_scan()
        manifest.complete = False
        manifest.save()
        _encode(options, scan, parts, manifest, files)


def _plan(scan: CorpusScan, options: EncodeOptions) -> list[Part]:
    start, stop = shard(scan.documents, options.shard_id, options.shard_num)
    if start == stop:
        raise EncoderError(
            f"Shard {options.shard_id} of {options.shard_num} has no documents: the corpus has "
            f"{scan.documents}."
        )
    return plan(start, stop, options.part_documents)


def _encode(
    options: EncodeOptions,
    scan: CorpusScan,
    parts: list[Part],
    manifest: Manifest,
    files: resolve.Checkpoint,
) -> None:
    sparse = files.contract.paradigm == "sparse"
    vocabulary = vocabulary_of(files) if sparse and options.part_format == "npz" else []
    if manifest.finished:
        complete(building_folder(manifest.folder), manifest.folder, manifest)
    if options.assembled and finished_files_are_good(manifest):
        print(_IN_PLACE, file=sys.stderr)
        _conclude(manifest, parts)
        return
    manifest.forget_finished()
    total = parts[-1].stop - parts[0].start
    with _output(options, manifest.folder, vocabulary, parts) as output:
        done = output.done(manifest)
        manifest.save()
        todo = [part for part in parts if part.number not in done]
        before = total - sum(part.stop - part.start for part in todo)
        if done and todo:
            print(f"Resuming after {before} of {total} documents.", file=sys.stderr)
        elif not todo:
            print(
                "All parts are encoded already." if options.assembled else _IN_PLACE,
                file=sys.stderr,
            )
        with LateBar(total=total, initial=before, desc=files.name) as bar:
            engine = choose_engine(options, scan, manifest.folder) if todo else None
            for record in engine.encode(todo, bar.update) if engine else ():
                manifest.record_part(record)  # first, so that every file in the folder is recorded
                output.accept(record)
                forget_part(journal_folder(manifest.folder), record.number)
        require_unchanged(options, scan, manifest)
        output.finish(manifest)
    _conclude(manifest, parts)


def _conclude(manifest: Manifest, parts: list[Part]) -> None:
    for work in (parts_folder(manifest.folder), journal_folder(manifest.folder)):
        remove_folder(work)
    manifest.replaced, manifest.complete = [], True
    manifest.save()
    write_report(manifest, parts)
    report(manifest, parts)


def _output(
    options: EncodeOptions, folder: Path, vocabulary: list[str], parts: list[Part]
) -> Output:
    if options.to_lucene:
        return LuceneOutput(folder, vocabulary, [part.number for part in parts])
    if options.to_faiss:
        return FaissOutput(folder)
    return NpzOutput(folder, vocabulary) if options.to_npz else Output(folder)


def _find_encoder(options: EncodeOptions) -> resolve.Checkpoint:
    """Find the encoder's files before the corpus is read, which may take minutes."""
    files, _ = resolve.resolve_spec(options.encoder, options.paradigm, options.backbone)
    require_passages(files)
    paradigm = files.contract.paradigm
    if options.to_faiss and paradigm == "sparse":
        raise UsageError(
            f"{options.encoder} is a sparse encoder and cannot use a FAISS index. Give "
            "--to-lucene in place of --to-faiss."
        )
    if options.to_lucene and paradigm == "dense":
        raise UsageError(
            f"{options.encoder} is a dense encoder and has no impacts for Lucene. Give --to-faiss "
            "in place of --to-lucene."
        )
    ignored = {"--pooling": options.pooling, "--l2-norm": options.l2_norm}
    warn_of_ignored([name for name, value in ignored.items() if value], files.name)
    announce(files)
    return files


def shard(total: int, shard_id: int, shard_num: int) -> tuple[int, int]:
    """First and last-plus-one document of a shard, as Pyserini cuts them."""
    size = total // shard_num
    return shard_id * size, total if shard_id == shard_num - 1 else (shard_id + 1) * size
