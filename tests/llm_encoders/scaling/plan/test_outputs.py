"""Outputs of a plan never destroy what is there."""

import pytest

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.plan.curves import COLUMNS
from llm_encoders.scaling.plan.outputs import CURVES, JSON, PLOT, require_outputs
from llm_encoders.scaling.plan.report import FORMAT


@pytest.fixture
def inputs(tmp_path):
    paths = [tmp_path / name for name in ("laws.json", "prices.yaml", "models.yaml")]
    for path in paths:
        path.write_text("kept")
    return [*paths, "1B=973M", None]


@pytest.mark.parametrize("option", [JSON, CURVES, PLOT])
@pytest.mark.parametrize("name", ["laws.json", "prices.yaml", "models.yaml"])
def test_no_output_is_an_input(option, name, inputs, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / name)
    for path in (tmp_path / name, tmp_path / "link"):
        with pytest.raises(EncoderError, match="is an input"):
            require_outputs({option: path}, inputs)


@pytest.mark.parametrize(
    ("option", "content", "problem"),
    [
        (JSON, '{"format": "of laws"}', "is no plan"),
        (JSON, "parameters,annotations,entropy\n", "is no plan"),
        (CURVES, "parameters,annotations,entropy\n", "is no table of curves"),
        (CURVES, b"\xff", "is no table of curves"),
    ],
)
def test_what_no_plan_has_written_stays(option, content, problem, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(EncoderError, match=f"{option} .*file exists and {problem}"):
        require_outputs({option: path}, [])


def test_an_earlier_plan_is_replaced(tmp_path):
    files = {JSON: tmp_path / "a", CURVES: tmp_path / "b", PLOT: tmp_path / "c.svg"}
    files[JSON].write_text(f'{{"format": "{FORMAT}"}}')
    files[CURVES].write_text(",".join(COLUMNS) + "\n")
    files[PLOT].write_text("<svg/>")
    require_outputs(files, [])


def test_two_outputs_are_two_files(tmp_path):
    with pytest.raises(EncoderError, match="--json and --curves name the same file"):
        require_outputs({JSON: tmp_path / "x", CURVES: tmp_path / "." / "x"}, [])
