"""Ctrl-C while a command still imports its modules, which takes seconds."""

import runpy
import sys

import pytest

COMMANDS = {
    "pyserini_ext.quickstart": "pyserini_ext.quickstart.command",
    "pyserini_ext.doctor": "pyserini_ext.doctor.command",
    "pyserini_ext.index": "pyserini_ext.indexes.command",
    "pyserini_ext.encode": "pyserini_ext.encode.command",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_interrupt_during_imports_is_one_line(monkeypatch, capsys, name):
    class Interrupter:
        @staticmethod
        def find_spec(imported, path=None, target=None):
            if imported == COMMANDS[name]:
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, COMMANDS[name], raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupter, *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    assert ended.value.code == 130
    shown = capsys.readouterr().err
    assert shown.startswith("Interrupted") and shown.count("\n") == 1
