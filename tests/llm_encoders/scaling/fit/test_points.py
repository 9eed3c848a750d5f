"""Files of points: what is read, and a sentence with the line for what is not."""

import pytest

from llm_encoders.errors import EncoderError
from llm_encoders.scaling.fit.points import read_points

GOOD = "parameters,annotations,entropy\n1000000,5000,0.5\n2e6,5e3,.25\n"


def written(tmp_path, content):
    path = tmp_path / "points.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "\ufeff" + GOOD,  # as spreadsheets write it
        GOOD.replace("\n", "\r\n"),
        GOOD + "\n\n",
        GOOD.replace(",", " , "),
        GOOD.replace("0.5", '"0.5"').rstrip("\n"),
        GOOD.replace("1000000", "+1000000."),
        GOOD.replace("\n", ",,\n"),  # columns that a spreadsheet adds
        GOOD.replace("\n", ",7,8\n").replace("entropy,7,8", "entropy,,"),
    ],
)
def test_ways_to_write_the_same(content, tmp_path):
    points = read_points(written(tmp_path, content))
    assert points.sizes["parameters"].tolist() == [1e6, 2e6]
    assert points.sizes["annotations"].tolist() == [5e3, 5e3]
    assert points.entropy.tolist() == [0.5, 0.25]
    assert points.lines == (2, 3)


def test_other_columns_are_kept_as_text(tmp_path):
    text = 'note,parameters,annotations,entropy\n"a, b",1e6,5e3,1\n\n\'c,1e6,5e3,2\n'
    points = read_points(written(tmp_path, text))
    assert points.columns["note"] == ["a, b", "'c"]
    assert points.lines == (2, 4)
    assert points.only([False, True]).columns["note"] == ["'c"]


ROW = "parameters,annotations,entropy\n1e6,5e3,0.5\n{}\n"
FAULTS = [
    ("", "is empty. A file of points begins with the line parameters,annotations,entropy"),
    (" \n\n", "is empty"),
    ("parameters,annotations,entropy\n", "has a header, but no points"),
    ("parameters,entropy\n1,2\n", "line 1: the column annotations is missing"),
    ("a,b\n1,2\n", "line 1: the columns parameters, annotations and entropy are missing"),
    (
        "parameter,annotations,entropy\n1,2,3\n",
        "the column parameters is missing. .* Did you mean 'parameter'",
    ),
    ("parameters;annotations;entropy\n1;2;3\n", "line 1: columns are separated by semicolons"),
    ("parameters\tannotations\tentropy\n1\t2\t3\n", "line 1: columns are separated by tabs"),
    (
        "parameters,annotations,entropy,entropy\n1,2,3,4\n",
        "line 1: the column 'entropy' occurs twice",
    ),
    (ROW.format("1e6,5e3"), "line 3: has 2 values, but the header 3"),
    (ROW.format("1e6,5e3,0,25"), "line 3: has 4 values, but the header 3. Write a decimal point"),
    (ROW.format("1,000,000,5e3,1"), "line 3: has 5 values"),
    (ROW.format('1e6,5e3,"0,25"'), "line 3: entropy is '0,25', .* Write the decimal point as"),
    (ROW.format('"1,000,000",5e3,1'), "line 3: parameters is .* Leave thousands separators out"),
    (ROW.format("1.000.000,5e3,1"), "Leave thousands separators out"),
    (ROW.format("1'000'000,5e3,1"), "Leave thousands separators out"),
    (ROW.format("1 000 000,5e3,1"), "Leave thousands separators out"),
    (ROW.format("1_000_000,5e3,1"), "Leave thousands separators out"),
    (ROW.format("110M,5e3,1"), "line 3: parameters is '110M', which is no number"),
    (ROW.format("0x10,5e3,1"), "no number"),
    (ROW.format("١٢,5e3,1"), "no number"),
    (ROW.format("1e6,5e3,"), "line 3: entropy is empty"),
    (ROW.format("1e6,5e3,nan"), "entropy is 'nan', .* Leave a measurement that failed out"),
    (ROW.format("1e6,5e3,-inf"), "Leave a measurement that failed out"),
    (ROW.format("-1e6,5e3,1"), "line 3: parameters is -1e6, but must be above 0"),
    (ROW.format("1e6,0,1"), "line 3: annotations is 0, but must be above 0"),
    (ROW.format("1e6,5e3,0"), "entropy is 0, but must be above 0"),
    (ROW.format("28.000,5e3,1"), "line 3: parameters is 28.000, which is 28 to some and 28000 to"),
    (ROW.format("1e6,1.250,1"), "line 3: annotations is 1.250, which is 1.25 to some and 1250 to"),
    (ROW.format("1e6,2.5,1"), "line 3: annotations is 2.5, but counts are whole"),
    (
        "parameters,annotations,entropy\n7,1e5,1\n70,1e5,.5\n8,1e5,.9\n",
        "line 3: the largest parameters are 70, so they seem to be in thousands, millions",
    ),
    (
        "parameters,annotations,entropy\n7e6,2,1\n7e6,32,.5\n",
        "line 3: the largest annotations are 32, so they seem to be in thousands",
    ),
    ('"parameters";"annotations"\n"1";"2,5"\n', "line 1: columns are separated by semicolons"),
    ("\n\na,b\n1,2\n", "line 3: the columns parameters, annotations and entropy are missing"),
    (ROW.format("0.11,5e3,1"), "parameters is 0.11, but must be at least 1"),
    (ROW.format("1e400,5e3,1"), "out of all bounds"),
    (ROW.format('1e6,5e3,"1'), "line 3: is not valid CSV"),
    (ROW.format("1e6,5e3,1").encode("utf-16"), "is not UTF-8"),
    (b"parameters,annotations,entropy\n1,2,3\xff\n", "line 2: byte .* is not UTF-8"),
]


@pytest.mark.parametrize(("content", "sentence"), FAULTS)
def test_faults(content, sentence, tmp_path):
    path = written(tmp_path, content)
    with pytest.raises(EncoderError, match=sentence) as error:
        read_points(path)
    assert str(path) in str(error.value)


def test_a_value_on_several_lines_does_not_shift_the_numbers(tmp_path):
    text = 'parameters,annotations,entropy,note\n1e6,5e3,1,"two\nlines"\n1e6,5e3,x,c\n'
    with pytest.raises(EncoderError, match="line 4: entropy is 'x'"):
        read_points(written(tmp_path, text))


def test_no_file(tmp_path):
    with pytest.raises(EncoderError, match="Cannot read"):
        read_points(tmp_path / "points.csv")
