import sys
import weakref

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.validation import _check_y

from glassbox.core.schema import MAX_CATEGORIES, Schema
from glassbox.estimators._blocks import MemoryBlocks
from glassbox.estimators._parquet import ParquetBlocks, is_parquet_source
from glassbox.estimators._training import TrainingTable

N_ROWS = 97


def encode_numbers(y):
    return _check_y(y, y_numeric=True).astype(float)


class Classes:
    """Encodes classes as the classifiers do, and remembers them."""

    def __call__(self, y):
        self.seen, codes = np.unique(y, return_inverse=True)
        return codes


def patients(seed=0, n_rows=N_ROWS):
    """A table with a column of every type that a model can read."""
    rng = np.random.default_rng(seed)

    def with_nulls(values):
        values = np.asarray(values, dtype=object)
        values[rng.random(n_rows) < 0.2] = None
        return values

    stages = pd.Categorical(
        with_nulls(rng.choice(["II", "IV", "I"], n_rows)), ["IV", "I", "III", "II"], ordered=True
    )
    sites = with_nulls(rng.choice(["north", "south", "é"], n_rows))
    late = np.where(np.arange(n_rows) < n_rows // 2, None, "late")
    columns = {
        "age": pa.array(with_nulls(rng.normal(60, 9, n_rows)), pa.float64()),
        "bun": pa.array(rng.normal(size=n_rows), pa.float32()),
        "visits": pa.array(with_nulls(rng.integers(0, 9, n_rows)), pa.int32()),
        "days": pa.array(rng.integers(0, 2**60, n_rows)),
        "smoker": pa.array(rng.random(n_rows) < 0.4),
        "diabetic": pa.array(with_nulls(rng.random(n_rows) < 0.4), pa.bool_()),
        "dose": pa.array(np.round(rng.random(n_rows), 2)).cast(pa.decimal128(5, 2), safe=False),
        "site": pa.array(sites, pa.string()),
        "large.site": pa.array(sites, pa.large_string()),
        "ward": pa.array(sites, pa.string()).dictionary_encode(),
        "stage": pa.array(stages),
        "late": pa.array(late, pa.string()),
        "empty": pa.nulls(n_rows, pa.string()),
        "nothing": pa.nulls(n_rows),
        "code": pa.array(with_nulls(rng.integers(0, 4, n_rows)), pa.int64()),
        "died": pa.array(rng.choice(["yes", "no", "lost"], n_rows)),
        "score": pa.array(rng.normal(size=n_rows)),
        "w": pa.array(rng.choice([0.0, 0.5, 1.0, 3.0], n_rows)),
        "whole": pa.array(rng.choice([0, 1, 2], n_rows), pa.int16()),
        "used": pa.array(rng.random(n_rows) < 0.7),
    }
    return pa.table(columns)


def in_memory(source, target, weight=None, listed="from_dtype", block_rows=10, classes=False):
    """The blocks of the table that pandas reads, made as ``fit`` makes its training table."""
    frame = pd.read_parquet(source)
    weights = np.ones(len(frame)) if weight is None else frame[weight].to_numpy().astype(float)
    X = frame.drop(columns=[target] if weight is None else [target, weight])
    y = _check_y(frame[target])
    used = weights > 0
    schema = Schema.infer(X[used], listed)
    encode = Classes() if classes else encode_numbers
    table = TrainingTable(schema, schema.read(X[used]), encode(y[used]), weights[used])
    return MemoryBlocks(table, block_rows)


def assert_same_block(left, right):
    assert list(left.columns) == list(right.columns)
    for name, column in left.columns.items():
        assert column.dtype == right.columns[name].dtype, name
        np.testing.assert_array_equal(column, right.columns[name], err_msg=name)
    for one, other in ((left.y, right.y), (left.weights, right.weights)):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def assert_same_blocks(blocks, expected):
    assert blocks.schema == expected.schema
    assert (blocks.n_rows, blocks.n_blocks) == (expected.n_rows, expected.n_blocks)
    for left, right in zip(blocks, expected, strict=True):
        assert_same_block(left, right)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "patients.parquet"


@pytest.mark.parametrize("group_rows", [4, 25, N_ROWS])
@pytest.mark.parametrize("weight", [None, "w", "whole", "used"])
def test_a_file_is_its_table(path, group_rows, weight):
    pq.write_table(patients(), path, row_group_size=group_rows)
    listed = ["code", "diabetic"]
    blocks = ParquetBlocks(
        path, "score", weight, listed, encode_target=encode_numbers, block_rows=10
    )
    assert_same_blocks(blocks, in_memory(path, "score", weight, listed))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.integers(1, 40), st.integers(1, 40), st.integers(1, 50))
def test_any_cut_of_any_table(tmp_path_factory, seed, n_rows, group_rows, block_rows):
    path = tmp_path_factory.mktemp("parquet") / "patients.parquet"
    table = patients(seed, n_rows).set_column(
        17, "w", pa.array([1.0] + [0.0, 2.0] * n_rows)[:n_rows]
    )
    pq.write_table(table, path, row_group_size=group_rows)
    blocks = ParquetBlocks(path, "score", "w", encode_target=encode_numbers, block_rows=block_rows)
    expected = in_memory(path, "score", "w", block_rows=block_rows)
    assert_same_blocks(blocks, expected)
    for k in np.random.default_rng(seed).permutation(blocks.n_blocks):
        assert_same_block(blocks[k], expected[k])
    with pytest.raises(IndexError):
        blocks[blocks.n_blocks]


@pytest.mark.parametrize("target", ["died", "ward", "stage", "smoker", "visits", "score"])
def test_classes_are_those_of_the_whole(path, target):
    table = patients()
    table = table.filter(table[target].is_valid())
    pq.write_table(table, path, row_group_size=7)
    classes = Classes()
    blocks = ParquetBlocks(path, target, encode_target=classes, has_classes=True, block_rows=10)
    expected = np.unique(_check_y(pd.read_parquet(path)[target]))
    np.testing.assert_array_equal(classes.seen, expected)
    assert classes.seen.dtype == expected.dtype
    assert_same_blocks(blocks, in_memory(path, target, classes=True))


def test_a_folder_is_its_files_one_after_the_other(tmp_path):
    table = patients()
    for number, start in enumerate(range(0, N_ROWS, 30)):
        part = table.slice(start, 30)
        pq.write_table(part, tmp_path / f"part{number}.parquet", row_group_size=8)
    for source in (tmp_path, str(tmp_path), ds.dataset(tmp_path, format="parquet")):
        blocks = ParquetBlocks(source, "score", "w", encode_target=encode_numbers, block_rows=10)
        assert_same_blocks(blocks, in_memory(tmp_path, "score", "w"))


def test_partition_folders_are_a_column(tmp_path):
    table = patients().select(["age", "died", "score"])
    pq.write_to_dataset(table, tmp_path, partition_cols=["died"])
    blocks = ParquetBlocks(tmp_path, "score", encode_target=encode_numbers, block_rows=10)
    assert blocks.schema["died"].categories == ("lost", "no", "yes")
    assert_same_blocks(blocks, in_memory(tmp_path, "score"))


def test_levels_of_files_are_in_order_of_appearance(tmp_path):
    for name, levels in (("a", ["low", "mid", "high"]), ("b", ["low", "high", "top"])):
        stage = pd.Categorical(levels[::-1], levels, ordered=True)
        frame = pd.DataFrame({"stage": stage, "score": range(len(levels))})
        frame.to_parquet(tmp_path / f"{name}.parquet")
    blocks = ParquetBlocks(tmp_path, "score", encode_target=encode_numbers)
    assert blocks.schema["stage"].categories == ("low", "mid", "high", "top")
    assert blocks.schema["stage"].ordered
    assert_same_blocks(blocks, in_memory(tmp_path, "score", block_rows=blocks.block_rows))


def test_the_index_of_pandas_is_no_feature(path):
    frame = patients().select(["age", "score"]).to_pandas()
    frame.index = [f"patient {i}" for i in range(N_ROWS)]
    frame.to_parquet(path)
    assert ParquetBlocks(path, "score", encode_target=encode_numbers).schema.names == ["age"]


def test_memory_is_a_block_and_a_row_group(path, monkeypatch):
    group_rows, block_rows = 30, 100
    table = pa.concat_tables([patients(seed) for seed in range(10)])
    pq.write_table(table, path, row_group_size=group_rows)
    alive, most = {}, 0
    load, typed = ParquetBlocks._load, ParquetBlocks._typed

    def recorded(thing, n_rows):
        nonlocal most
        alive[id(thing)] = n_rows
        most = max(most, sum(alive.values()))
        weakref.finalize(thing, alive.pop, id(thing))
        return thing

    def recorded_load(self, group):
        rows = load(self, group)
        return recorded(rows, len(rows))

    def recorded_typed(self, rows):
        # The columns, because the table only points to them.
        part = typed(self, rows)
        recorded(part.columns["age"], part.n_rows)
        return part

    monkeypatch.setattr(ParquetBlocks, "_load", recorded_load)
    monkeypatch.setattr(ParquetBlocks, "_typed", recorded_typed)
    blocks = ParquetBlocks(path, "score", encode_target=encode_numbers, block_rows=block_rows)
    assert most == group_rows
    for block in blocks:
        assert block.n_rows <= block_rows
    assert 0 < most <= block_rows + group_rows
    assert len(blocks) == 10


def test_only_the_row_groups_of_a_block_are_read(path, monkeypatch):
    pq.write_table(patients(), path, row_group_size=7)
    blocks = ParquetBlocks(path, "score", encode_target=encode_numbers, block_rows=20)
    loaded = []
    load = ParquetBlocks._load

    def recorded(self, group):
        loaded.append(group.row_groups[0].id)
        return load(self, group)

    monkeypatch.setattr(ParquetBlocks, "_load", recorded)
    blocks[3]
    assert loaded == [8, 9, 10, 11]
    loaded.clear()
    list(blocks)
    assert loaded == list(range(14))


def test_what_is_a_source(path, tmp_path):
    pq.write_table(patients(), path)
    assert is_parquet_source(path) and is_parquet_source(str(path))
    assert is_parquet_source(ds.dataset(path))
    assert not is_parquet_source(patients())
    assert not is_parquet_source(patients().to_pandas())
    assert not is_parquet_source(np.ones((2, 2)))


def blocks_of(path, table, target="score", weight=None, **settings):
    settings = {"encode_target": encode_numbers, "block_rows": 10} | settings
    pq.write_table(table, path, row_group_size=7)
    return ParquetBlocks(path, target, weight, **settings)


def with_value(name, row, value):
    table = patients()
    values = table[name].to_pylist()
    values[row] = value
    kind = table[name].type
    return table.set_column(table.column_names.index(name), name, pa.array(values, kind))


@pytest.mark.parametrize(
    "row, value, shown",
    [(3, None, "nan"), (52, float("nan"), "nan"), (96, float("inf"), "inf"), (7, -2.0, "-2")],
)
def test_bad_weights_are_named(path, row, value, shown):
    with pytest.raises(ValueError, match=f"'w' holds the weight {shown} in row {row}\\."):
        blocks_of(path, with_value("w", row, value), weight="w")


@pytest.mark.parametrize(
    "name, row, value, shown",
    [("score", 60, None, "nan"), ("score", 8, np.inf, "inf"), ("died", 33, None, "(None|nan)")],
)
def test_bad_outcomes_are_named(path, name, row, value, shown):
    with pytest.raises(ValueError, match=f"'{name}' holds {shown} in row {row}\\."):
        blocks_of(path, with_value(name, row, value), name, has_classes=name == "died")


def test_columns_must_be_there(path):
    with pytest.raises(ValueError, match=r"no column 'dead' for the outcome; .* \['age', 'bun'"):
        blocks_of(path, patients(), "dead")
    with pytest.raises(ValueError, match=r"no column 'v' for the weights; .* \['age', 'bun'"):
        blocks_of(path, patients(), weight="v")
    with pytest.raises(ValueError, match="'w' cannot be both"):
        blocks_of(path, patients(), "w", "w")
    with pytest.raises(TypeError, match="'site' has type string; weights are numbers"):
        blocks_of(path, patients(), weight="site")
    with pytest.raises(ValueError, match=r"no features; the columns are \['score'\]"):
        blocks_of(path, patients().select(["score"]))
    twice = pa.Table.from_arrays([[1], [2], [3]], ["a", "a", "score"])
    with pytest.raises(ValueError, match="cannot be read as Parquet: .* duplicate"):
        blocks_of(path, twice)


def test_columns_that_cannot_be_used(path):
    when = pa.array(pd.date_range("2020-01-01", periods=N_ROWS))
    with pytest.raises(TypeError, match="Column 'when' has type datetime64"):
        blocks_of(path, patients().append_column("when", when))
    with pytest.raises(ValueError, match="Column 'age' holds infinity"):
        blocks_of(path, with_value("age", 50, np.inf))
    n_rows = MAX_CATEGORIES + 500
    names = pa.table({"id": [f"p{i}" for i in range(n_rows)], "score": range(n_rows)})
    with pytest.raises(ValueError, match="'id' has 2,00. categories"):
        blocks_of(path, names)
    with pytest.raises(ValueError, match="'id' has more than 2,000 distinct values .* classes"):
        blocks_of(path, names, "id", encode_target=Classes(), has_classes=True)


def test_no_rows(path, tmp_path):
    with pytest.raises(ValueError, match=r"patients\.parquet holds no rows\."):
        blocks_of(path, patients().slice(0, 0))
    with pytest.raises(ValueError, match="holds no rows with a positive 'w'"):
        blocks_of(path, patients().set_column(17, "w", pa.array(np.zeros(N_ROWS))), weight="w")


def test_sources_that_cannot_be_read(tmp_path):
    def read(source):
        return ParquetBlocks(source, "score", encode_target=encode_numbers)

    with pytest.raises(FileNotFoundError, match=r"no file or folder .*away\.parquet"):
        read(tmp_path / "away.parquet")
    text = tmp_path / "table.csv"
    text.write_text("age,score\n40,1\n")
    with pytest.raises(ValueError, match=r"table\.csv cannot be read as Parquet: "):
        read(text)
    with pytest.raises(TypeError, match="not Parquet. Write it"):
        read(ds.dataset(text, format="csv"))
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ValueError, match="folder holds no Parquet file"):
        read(folder)
    pq.write_table(patients(), folder / "a.parquet")
    (folder / "b.parquet").write_text("no table")
    with pytest.raises(ValueError, match=r"b\.parquet cannot be read as Parquet: "):
        read(folder)


def test_without_pyarrow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"a\.parquet .*pip install glassbox\[parquet\]"):
        ParquetBlocks("a.parquet", "score", encode_target=encode_numbers)
