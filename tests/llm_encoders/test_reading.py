"""Faults of small files are sentences with file and line."""

import json

import pytest
import yaml

from llm_encoders import EncoderError
from llm_encoders.reading import parse_json, parse_yaml, read_json, read_object, read_text


def test_text_that_is_not_utf8_names_line_and_byte(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'{"a":\n "M\xfcller"}')
    with pytest.raises(EncoderError, match=r"a\.json, line 2: byte 10 of the file is not UTF-8"):
        read_text(path)


def test_a_byte_order_mark_is_left_out(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_object(path) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5_000, "thousands of digits"),
        ('{\n"a": }', "line 2: not valid JSON"),
    ],
)
def test_json_that_cannot_be_read(tmp_path, content, problem):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(EncoderError, match=rf"a\.json.*{problem}"):
        read_json(path)


def test_what_is_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "none", tmp_path / "a\0b"):
        with pytest.raises(EncoderError, match="Cannot read"):
            read_text(path)
    with pytest.raises(EncoderError, match="expected a JSON object"):
        (tmp_path / "list").write_text("[1]")
        read_object(tmp_path / "list")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", r"r\.yaml, line 3: .*'a' stands on line 1 as well"),
        ("a: {b: 1, b: 2}\n", r"r\.yaml, line 1: .*'b' stands on line 1"),
        ("a: [1\nb: 2\n", r"r\.yaml, line 2: not valid YAML"),
        ("a: !!python/object:os.system {}\n", r"r\.yaml, line 1: not valid YAML"),
        ("a: " + "[" * 5000 + "\n", "nested too deeply"),
        ("a: " + "1" * 5000, "not valid YAML"),
        ("a: 2026-02-31\n", "not valid YAML"),
    ],
)
def test_yaml_that_cannot_be_read(content, problem):
    with pytest.raises(EncoderError, match=problem):
        parse_yaml(content, "r.yaml")


@pytest.mark.parametrize(
    "number",
    ["010", "012", "-010", "00", "0_10", "1:30", "1:30:00", "-1:30", "1:30.5", "!!int '010'"],
)
def test_yaml_numbers_of_another_base(number):
    """Those that YAML 1.1 takes for another number than ``int`` and ``float`` do."""
    meant = number.removeprefix("!!int ").strip("'").replace(":", "").replace("_", "")
    assert yaml.safe_load(number) != float(meant) or float(meant) == 0
    for text in (f"a: 1\nb: {number}\n", f"a: 1\nb: [{number}]\n"):
        with pytest.raises(EncoderError, match="r, line 2: .*base 8 or 60 .* write it in base 10"):
            parse_yaml(text, "r")
    quoted = number.removeprefix("!!int ").strip("'")
    assert parse_yaml(f"a: '{quoted}'", "r") == {"a": quoted}


@pytest.mark.parametrize(
    "number", ["0", "-0", "10", "1_000", "1.5", "0.5", "-.5", "1.0e-5", "0x1F", "0b11", ".inf"]
)
def test_yaml_numbers_that_mean_what_they_say(number):
    assert parse_yaml(f"a: {number}", "r") == {"a": yaml.safe_load(number)}


def test_a_line_of_json_names_the_column():
    with pytest.raises(EncoderError, match="c, line 7: not valid JSON .*, column 7"):
        parse_json(b'{"a": }', "c, line 7")
    with pytest.raises(EncoderError, match="c, line 7: not valid UTF-8"):
        parse_json(b'"\xfc"', "c, line 7")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('{"id": "1", "text": "a", "text": "b"}', "text"),
        ('{"id": "1", "vector": {"a": 1, "b": 2, "a": 1}}', "a"),
        ('[{"x": {"y": [{"caf\\u00e9": 1, "caf\u00e9": 2}]}}]', "caf\u00e9"),
    ],
)
def test_a_json_key_that_occurs_twice(tmp_path, line, key):
    """PyYAML's composer, which keeps both, says that the key is there twice."""
    pairs = list(_pairs(yaml.compose(line)))
    assert [one for one in pairs if pairs.count(one) > 1] == [key] * 2
    for content in (line, line.encode()):
        with pytest.raises(EncoderError, match=f"c, line 7: the key '{key}' occurs twice"):
            parse_json(content, "c, line 7")
    (tmp_path / "a.json").write_text(line, encoding="utf-8")
    with pytest.raises(EncoderError, match=rf"a\.json: the key '{key}' occurs twice"):
        read_json(tmp_path / "a.json")


def _pairs(node):
    """All keys of a YAML tree."""
    for one in node.value if isinstance(node.value, list) else []:
        if isinstance(one, tuple):
            yield one[0].value
            yield from _pairs(one[1])
        else:
            yield from _pairs(one)


def test_lines_in_bytes_are_those_of_the_json_module():
    """Whatever ``json.loads`` makes of UTF-8, with or without its mark, half pairs included."""
    for line in ('{"a": ["\u00e9\U0001f600", 1e3, null], "b": {}}', r'"\ud800"', " [1] ", "-0.0"):
        for content in (line.encode(), b"\xef\xbb\xbf" + line.encode()):
            assert parse_json(content, "c") == json.loads(content)
    half = b'"\xed\xa0\x80"'
    assert parse_json(half, "c") == json.loads(half) == "\ud800"
