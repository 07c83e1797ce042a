"""Files that cannot be used are refused with a reason."""

import hashlib
import sys

import pandas as pd
import pytest

from glassbox.report import InputError, read_dictionary, read_table, sha256_of


def write(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("t.csv", "", "empty"),
        ("t.csv", "a,b\n", "no rows"),
        ("t.csv", "a,b\n1,2\n3\n", "line 3: 1 fields where the header has 2"),
        ("t.csv", "a,b\n1,2\n3,4,5\n", "line 3: 3 fields"),
        ("t.csv", "a,b\n1,2,9\n3,4,9\n", "line 2: 3 fields"),
        ("t.csv", "a,a\n1,2\n", "two columns are called 'a'"),
        ("t.csv", "a,\n1,2\n", "column 2 has no name"),
        ("t.csv", "a;b\n1;2\n", "semicolons"),
        ("t.csv", 'a,b\n1,"' + "x" * 1_100_000 + "\n", "field larger"),
        ("t.xlsx", "a,b\n1,2\n", "ends in '.xlsx'"),
        ("t.parquet", "a,b\n1,2\n", "not a readable Parquet file"),
    ],
)
def test_bad_tables(tmp_path, name, text, reason):
    with pytest.raises(InputError) as caught:
        read_table(write(tmp_path, name, text))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file_folder_and_wrong_encoding(tmp_path):
    for path, reason in (
        (tmp_path / "none.csv", "no file"),
        (tmp_path, "is a folder"),
        (write(tmp_path, "latin.csv", "a\nMüller\n", "latin-1"), "not UTF-8"),
    ):
        with pytest.raises(InputError, match=reason):
            read_table(path)


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    path = write(tmp_path, "t.parquet", "x")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="pip install"):
        read_table(path)


def test_good_tables(tmp_path):
    expected = pd.DataFrame({"a": [1, 2], "b": ["x, y", None]})
    text = 'a,b\n1,"x, y"\n2,\n'
    files = [
        write(tmp_path, "t.csv", text),
        write(tmp_path, "bom.csv", "\ufeff" + text),
        write(tmp_path, "t.tsv", "a\tb\n1\tx, y\n2\t\n"),
        tmp_path / "t.parquet",
    ]
    pytest.importorskip("pyarrow")
    expected.to_parquet(files[-1])
    for path in files:
        frame = read_table(path)
        assert frame.columns.tolist() == ["a", "b"]
        assert frame["a"].tolist() == [1, 2]
        assert frame["b"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name,label\nage,Age\n", "no column called 'column'"),
        ("column,label\nage,Age\nage,Years\n", "'age' twice"),
        ("column,ref_low\nage,low\n", "not a number"),
        ("column,kind\nage,colour\n", "unknown"),
        ("dataset,column\nother,age\n", "no rows for dataset 'mine'"),
        ("column\n", "no rows"),
    ],
)
def test_bad_dictionaries(tmp_path, text, reason):
    with pytest.raises(InputError, match=reason):
        read_dictionary(write(tmp_path, "d.csv", text), dataset="mine")


def test_dictionary_of_several_tables(tmp_path):
    path = write(tmp_path, "d.csv", "dataset,column,label\nmine,age,Age\nother,age,Years\n")
    assert read_dictionary(path, dataset="mine").title("age") == "Age"


def test_fingerprint(tmp_path):
    path = write(tmp_path, "t.csv", "a\n1\n")
    assert sha256_of(path) == hashlib.sha256(b"a\n1\n").hexdigest()
