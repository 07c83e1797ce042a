import pandas as pd
import pytest

from glassbox.core.dictionary import DataDictionary, Entry


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "column": ["crea", "stage", "age"],
            "label": ["Creatinine", None, "Age"],
            "unit": ["mg/dL", None, "years"],
            "ref_low": [0.6, None, None],
            "ref_high": ["1.3", None, None],
            "kind": ["numeric", "ordinal", "numeric"],
            "order": [None, "I|II|III", None],
            "note": [None, None, "at admission"],
        }
    )


def test_entries(frame):
    dictionary = DataDictionary.from_frame(frame)
    assert dictionary["crea"] == Entry("Creatinine", "mg/dL", 0.6, 1.3, "numeric")
    assert dictionary["stage"] == Entry("stage", kind="ordinal", order=("I", "II", "III"))
    assert dictionary["age"].note == "at admission"
    assert dictionary.title("crea") == "Creatinine (mg/dL)"
    assert dictionary.title("unknown") == "unknown"
    assert list(dictionary) == ["crea", "stage", "age"]


def test_frame_round_trip(frame):
    dictionary = DataDictionary.from_frame(frame)
    again = DataDictionary.from_frame(dictionary.to_frame())
    assert dict(again) == dict(dictionary)


def test_csv_of_several_datasets(frame, tmp_path):
    path = tmp_path / "dictionary.csv"
    frame.assign(dataset=["a", "a", "b"]).to_csv(path, index=False)
    assert list(DataDictionary.from_csv(path, dataset="a")) == ["crea", "stage"]
    with pytest.raises(ValueError, match="no rows for dataset 'c'"):
        DataDictionary.from_csv(path, dataset="c")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"ref_low": [9.0, None, None]}, "'crea': ref_low 9.0 lies above"),
        ({"ref_low": ["low", None, None]}, "'crea': ref_low is 'low'"),
        ({"kind": ["nombre", None, None]}, "'crea': kind 'nombre' is unknown"),
        ({"column": ["crea", "crea", "age"]}, "column 'crea' twice"),
    ],
)
def test_errors_name_column_and_value(frame, change, message):
    with pytest.raises(ValueError, match=message):
        DataDictionary.from_frame(frame.assign(**change))
