"""Reading the corpus before anything is encoded: its faults stop the run or are listed."""

import sys
from pathlib import Path

from tqdm import tqdm

from llm_encoders.corpora import Corpus, CorpusError
from llm_encoders.errors import EncoderError
from pyserini_ext.encode.options import EncodeOptions
from pyserini_ext.encode.scan import CorpusScan, scan_corpus
from pyserini_ext.folders.manifest import Manifest
from pyserini_ext.folders.state import SKIPPED_LINES_NAME, state_folder

_SHOWN_FAULTS = 10


def checked_scan(corpus: Corpus, options: EncodeOptions, earlier: Manifest | None) -> CorpusScan:
    """Read the whole corpus once, unless an earlier run has read the same files.

    Args:
        corpus: to read.
        options: of the command; with ``on_error`` ``"skip"`` faults are listed beside the output.
        earlier: manifest of the run that is resumed.

    Raises:
        EncoderError: faults that are not to be skipped, counted, the first ones named; no document
            at all.
    """
    if earlier is not None and earlier.scan:
        known = _known(earlier)
        accepted = known is not None and (options.on_error == "skip" or not known.faults)
        if known is not None and accepted and known.window == options.window:
            fingerprint = options.scan_fingerprint(corpus.fingerprint())
            if fingerprint[1] and known.fingerprint == fingerprint:
                return known
    skip = options.on_error == "skip"
    listed = _new_list(Path(options.embeddings))
    shown = 0
    with listed.open("w", encoding="utf-8") as stream:

        def note(fault: CorpusError) -> None:
            nonlocal shown
            shown += 1
            if shown <= _SHOWN_FAULTS:
                tqdm.write(f"{'skipped' if skip else 'fault'}: {fault}", file=sys.stderr)
            stream.write(f"{fault}\n")

        scan = scan_corpus(corpus, options.window, note)
    scan.fingerprint = options.scan_fingerprint(scan.fingerprint)
    if scan.faults and not skip:
        lines = "1 faulty line" if scan.faults == 1 else f"{scan.faults} faulty lines"
        which = f"the first {_SHOWN_FAULTS}" if scan.faults > _SHOWN_FAULTS else "listed"
        raise EncoderError(
            f"{lines} in {corpus.name}, {which} above. Nothing was written. Correct them, or leave "
            "them out with --on-error skip."
        )
    if scan.documents == 0:
        raise EncoderError(f"No documents in {corpus.name}. Check --corpus and --fields.")
    return scan


def require_unchanged(options: EncodeOptions, scan: CorpusScan, manifest: Manifest) -> None:
    """Look whether the corpus is still what the scan found; read it again where it may differ.

    While documents are encoded each window of them is compared; this finds what was changed
    behind the window that was read last. Datasets of the Hub do not change in place.

    Raises:
        EncoderError: it was changed; names the first documents that differ.
    """
    corpus = options.open_corpus()
    fingerprint = options.scan_fingerprint(corpus.fingerprint())
    if fingerprint == scan.fingerprint or not fingerprint[1]:
        return
    again = scan_corpus(corpus, options.window, lambda fault: None)
    if (again.digest, again.documents) != (scan.digest, scan.documents):
        raise EncoderError(
            f"{corpus.name} was changed while it was encoded: {again.difference(corpus, scan)}. "
            f"{manifest.folder} is not finished: its vectors are of the corpus as it was at the "
            "beginning. Restore the corpus and run the same command again, or give --overwrite to "
            "encode it as it is now."
        )
    scan.fingerprint = manifest.scan["fingerprint"] = fingerprint
    manifest.save_scan()


def _known(earlier: Manifest) -> CorpusScan | None:
    """The scan of an earlier run, if it can be read."""
    try:
        return CorpusScan.from_json(earlier.scan)
    except (TypeError, ValueError):
        return None


def keep_skipped_lines(folder: Path) -> None:
    """Put the list that :func:`checked_scan` wrote, if it did, in place of an earlier one."""
    listed = _new_list(folder)
    if listed.exists():
        kept = state_folder(folder) / SKIPPED_LINES_NAME
        listed.replace(kept)
        if kept.stat().st_size == 0:
            kept.unlink()


def _new_list(folder: Path) -> Path:
    return state_folder(folder) / f".{SKIPPED_LINES_NAME}.new"
