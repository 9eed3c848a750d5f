"""The doctor's command line: the installation's checks, or those of an encoder."""

import argparse

from pyserini_ext.doctor import installation, machine
from pyserini_ext.doctor.encoder import check_encoder
from pyserini_ext.doctor.report import Report

_CHECKS = (
    installation.check_packages,
    machine.check_java,
    machine.check_anserini,
    machine.check_devices,
    installation.check_hook,
    installation.check_rankers,
    machine.check_jvm,
)


def main(arguments: list[str] | None = None) -> int:
    """Run all checks; returns 0 if there is no problem, 1 if there is one, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m pyserini_ext.doctor",
        description="Show the Java, Pyserini, Anserini jar, devices and hook in use, and what is "
        "wrong with them. With --encoder, look for silent faults of an encoder instead: it is "
        "loaded, in float32 unless its name says otherwise (NAME,dtype=bfloat16), and a few short "
        "texts are encoded. Exit code 1 if there is a problem.",
    )
    parser.add_argument(
        "--encoder",
        metavar="NAME",
        help="encoder to examine: a name, a folder or a Hub id, with options as in every command",
    )
    parser.add_argument(
        "--layers",
        type=_count,
        metavar="N",
        help="with --encoder: load the first N layers only, where the whole model is too large "
        "for this machine; checks that need all layers are left out",
    )
    options = parser.parse_args(arguments)
    if options.encoder is not None:
        return check_encoder(options.encoder, options.layers)
    if options.layers is not None:
        parser.error("--layers needs --encoder")
    report = Report()
    installation.check_python(report)
    for check in _CHECKS:
        check(report)
    print("\nAll well." if not report.problems else f"\n{report.problems} problem(s).")
    return 1 if report.problems else 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of layers; give 1 or more")
    return int(text)
