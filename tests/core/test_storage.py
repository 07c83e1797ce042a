import ast
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassbox.core import model_json, storage, value_json
from glassbox.core.storage import ModelFileError, load_document, save_document

DOCUMENT = {"name": "äge", "values": [1.5, -0.0, 3, None, True, 1e-308], "deep": {"a": [[]]}}

keys = st.text(max_size=5).filter(lambda k: k not in ("format", "schema_version", "checksum"))
scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5)
scalars |= st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)
quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.json"


def write(path, **envelope):
    """A file with a right checksum, whatever it holds."""
    payload = {"format": "glassbox", "schema_version": 1, **envelope}
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    payload["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(payload))


@quick
@given(st.dictionaries(keys, plain, max_size=4))
def test_documents_come_back_the_same(path, document):
    save_document(document, path)
    assert repr(load_document(path)) == repr(document)


def test_written_at_once_and_alone(path, monkeypatch):
    save_document({"version": "old"}, path)
    monkeypatch.setattr(os, "replace", lambda *names: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        save_document(DOCUMENT, path)
    assert load_document(path) == {"version": "old"}
    assert os.listdir(path.parent) == ["model.json"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1, 2}, object()])
def test_what_is_not_json_is_not_written(path, bad):
    with pytest.raises((TypeError, ValueError)):
        save_document({"bad": bad}, path)
    assert os.listdir(path.parent) == []


@settings(quick, max_examples=300)
@given(st.data())
def test_mutated_bytes_are_refused_or_harmless(path, data):
    save_document(DOCUMENT, path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["flip", "delete", "insert", "truncate"]))
        if kind == "flip":
            content[at] = data.draw(st.integers(0, 255))
        elif kind == "delete":
            del content[at : at + data.draw(st.integers(1, 5))]
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=5))
        else:
            del content[at:]
        if not content:
            break
    path.write_bytes(content)
    try:
        loaded = load_document(path)
    except ModelFileError as error:
        assert str(path) in str(error)
    else:
        assert loaded == DOCUMENT


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not valid JSON"),
        ("[1, 2]", "not in the format 'glassbox'"),
        ('{"format": "other"}', "not in the format 'glassbox'"),
        ('{"format": "glassbox", "schema_version": 2}', "schema version 2.*reads 1"),
        ('{"format": "glassbox", "schema_version": true}', "schema version True"),
        ('{"format": "glassbox", "schema_version": 1}', "no checksum"),
        ('{"format": "glassbox", "schema_version": 1, "checksum": "0"}', "does not match"),
        ('{"format": "glassbox", "format": "glassbox"}', "same key twice"),
        ('{"x": NaN}', "NaN, which is not a number"),
        ('{"x": -Infinity}', "-Infinity, which is not a number"),
        ('{"x": ' + "9" * 100_000 + "}", "integer of 100000 digits"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "not valid JSON"),
    ],
)
def test_the_reason_is_given(path, content, reason):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ModelFileError, match=reason):
        load_document(path)


def test_infinity_in_disguise(path):
    write(path, x=[1.0])
    path.write_text(path.read_text().replace("1.0", "1e999"))
    with pytest.raises(ModelFileError):
        load_document(path)


def test_an_edited_file_is_refused(path):
    save_document(DOCUMENT, path)
    path.write_text(path.read_text().replace("1.5", "2.5"))
    with pytest.raises(ModelFileError, match="checksum does not match"):
        load_document(path)


def test_a_large_file_is_not_read(path, monkeypatch):
    save_document({"x": "a" * 1000}, path)
    monkeypatch.setattr(storage, "open", lambda *a, **k: pytest.fail("was opened"), raising=False)
    with pytest.raises(ModelFileError, match="more than max_bytes=1,000"):
        load_document(path, max_bytes=1000)


def test_only_regular_files(tmp_path):
    with pytest.raises(IsADirectoryError):
        load_document(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_document(tmp_path / "nothing.json")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ModelFileError, match="not a regular file"):
        load_document(pipe)


@pytest.mark.parametrize("module", [storage, value_json, model_json])
def test_no_means_of_running_code_are_at_hand(module):
    tree = ast.parse(Path(module.__file__).read_text())
    imported = {
        name.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    called = {
        n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and hasattr(n.func, "id")
    }
    assert not imported & {"pickle", "marshal", "shelve", "joblib", "dill", "importlib", "yaml"}
    assert not called & {"eval", "exec", "compile", "__import__"}
