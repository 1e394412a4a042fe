import json

import pytest

from aiprod_pipelines.film.loose_json import first_object

# As instruct models of 1 to 7 billion parameters write them; each has one or two of their usual faults.
BROKEN = {
    "prose around": 'Sure! Here is your storyboard:\n\n{"shots": [{"prompt": "a cat"}]}\n\nLet me know if you like it.',
    "a fence": 'Here:\n```json\n{"shots": [{"prompt": "a cat"}]}\n```\n',
    "a fence without an end": '```\n{"shots": [{"prompt": "a cat"}]}',
    "trailing commas": '{"shots": [{"prompt": "a cat",},],}',
    "comments": '{"shots": [ // the first\n {"prompt": "a cat"} /* and last */ ]} # done',
    "single quotes": "{'shots': [{'prompt': 'a cat'}]}",
    "bare keys": '{shots: [{prompt: "a cat"}]}',
    "curly quotes": "{“shots”: [{“prompt”: “a cat”}]}",
    "no comma between": '{"shots": [{"prompt": "a cat"} {"prompt": "a dog"}]}',
    "a line break in a string": '{"shots": [{"prompt": "a\ncat"}]}',
    "quotes in a string": '{"shots": [{"prompt": "a "big" cat"}]}',
    "cut off in a string": '{"shots": [{"prompt": "a cat"}, {"prompt": "a do',
    "cut off after a key": '{"shots": [{"prompt": "a cat"}, {"prompt":',
    "cut off between": '{"shots": [{"prompt": "a cat"},',
    "cut off in the last": '{"title": "x", "shots": [{"prompt": "a cat", "dialogue": [{"who": "M", "line": "hel',
    "one brace too many": '{"shots": [{"prompt": "a cat"}]}}',
    "a bracket missing": '{"shots": [{"prompt": "a cat"}',
    "python's words": '{"shots": [{"prompt": "a cat", "camera": None, "loop": True}]}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_models_write_is_read(name: str) -> None:
    found = first_object(BROKEN[name])
    assert found is not None
    if name == "cut off in the last":
        assert found == {"title": "x", "shots": []}
    elif name == "quotes in a string":
        assert found["shots"][0]["prompt"] == 'a "big" cat'
    else:
        assert found["shots"][0]["prompt"] == "a cat"
        assert len(found["shots"]) == (2 if name == "no comma between" else 1)


def test_what_is_json_is_read_as_json() -> None:
    data = {"a": [1, -2.5, True, None, "é\n\"'{}[],:"], "b": {"c": {}}, "d": []}
    assert first_object(json.dumps(data)) == data
    assert first_object(f"text {json.dumps(data, indent=2)} text") == data


@pytest.mark.parametrize("text", ["", "no object", "[1, 2]", "null", "}"])
def test_nothing_is_none(text: str) -> None:
    assert first_object(text) is None


def test_any_beginning_of_an_object_is_read_without_failing() -> None:
    text = BROKEN["comments"] + BROKEN["quotes in a string"] + '\\u00e9 \\x {"a": [[{"b": \'c\'}]]}'
    whole = json.dumps({"shots": [{"prompt": text, "list": [[1, {"x": "y"}]]}]})
    for end in range(1, len(whole)):
        assert isinstance(first_object(whole[:end]), dict)
    assert set(first_object('{"a":' + "[" * 5000) or {}) == {"a"}
