from pathlib import Path

from llm_encoders.jobs.machine import processor_name


def test_processor_is_named_as_linux_lists_it(tmp_path: Path) -> None:
    cpus = tmp_path / "cpuinfo"
    cpus.write_text("processor : 0\nmodel name\t: One: Fast\n\nmodel name\t: Two\n")
    assert processor_name(cpus) == "One: Fast"


def test_processor_has_a_name_without_the_list(tmp_path: Path) -> None:
    assert processor_name(tmp_path / "absent")
