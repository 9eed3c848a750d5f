"""The doctor's command line: all checks, one after the other."""

import argparse

from pyserini_ext.doctor import installation, machine
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
    """Run all checks; returns 0 if there is no problem, else 1."""
    argparse.ArgumentParser(
        prog="python -m pyserini_ext.doctor",
        description="Show the Java, Pyserini, Anserini jar, devices and hook in use, and what is "
        "wrong with them.",
    ).parse_args(arguments)
    report = Report()
    installation.check_python(report)
    for check in _CHECKS:
        check(report)
    print("\nAll well." if not report.problems else f"\n{report.problems} problem(s).")
    return 1 if report.problems else 0
