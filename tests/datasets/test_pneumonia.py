"""The pneumonia generator keeps its promises about the truth that it returns."""

import pickle

import numpy as np
import pandas as pd
import pytest

from glassbox.datasets import make_pneumonia

N = 20_000


@pytest.fixture(scope="module")
def observed():
    return make_pneumonia(N, random_state=0)


@pytest.fixture(scope="module")
def true():
    return make_pneumonia(N, random_state=0, version="true")


@pytest.fixture(params=["observed", "true"])
def bunch(request):
    return request.getfixturevalue(request.param)


def raise_at(bunch, name, low, high):
    below, above = bunch.shapes[name](np.array([low, high], dtype=float))
    return above - below


def test_score_is_the_sum_of_the_shapes(bunch):
    assert list(bunch.shapes) == list(bunch.data) and bunch.data.shape == (N, 28)
    total = bunch.intercept + sum(bunch.shapes[name](bunch.data[name]) for name in bunch.data)
    for (first, second), pair in bunch.pair_shapes.items():
        total = total + pair(bunch.data[first], bunch.data[second])
    np.testing.assert_allclose(total, bunch.score, rtol=0, atol=1e-12)
    np.testing.assert_allclose(bunch.probability, 1 / (1 + np.exp(-bunch.score)), atol=1e-15)


def test_shapes_have_mean_zero_over_the_data(bunch):
    for name, shape in bunch.shapes.items():
        assert abs(shape(bunch.data[name]).mean()) < 1e-12, name
    for (first, second), pair in bunch.pair_shapes.items():
        assert abs(pair(bunch.data[first], bunch.data[second]).mean()) < 1e-12


def test_pairs_hold_no_main_effect(bunch):
    for (first, second), pair in bunch.pair_shapes.items():
        one = bunch.data[first].to_numpy(dtype=float)
        two = bunch.data[second].to_numpy(dtype=float)
        for value in np.quantile(one, [0.01, 0.5, 0.99]):
            # Up to the constant that moved its mean over the joint data to zero.
            assert abs(pair(np.full(N, value), two).mean()) < 3e-3
        for value in [np.nan, *np.nanquantile(two, [0.01, 0.5, 0.99])]:
            assert abs(pair(one, np.full(N, value)).mean()) < 3e-3


def test_age_and_cancer_is_the_largest_pair(observed):
    sizes = {
        names: pair(observed.data[names[0]], observed.data[names[1]]).std()
        for names, pair in observed.pair_shapes.items()
    }
    assert max(sizes, key=sizes.get) == ("age", "cancer")
    pair = observed.pair_shapes["age", "cancer"]
    young, old = (pair([age, age], [0, 1]) for age in (40, 90))
    assert young[1] - young[0] > 0 > old[1] - old[0]


def test_deaths_are_as_frequent_as_published(observed):
    expected = observed.probability.mean()
    assert abs(expected - 0.1086) < 0.003
    spread = np.sqrt(np.sum(observed.probability * (1 - observed.probability))) / N
    assert abs(observed.target.mean() - expected) < 3 * spread


def test_observed_shapes_have_the_published_values(observed):
    age = observed.shapes["age"]
    levels = age(np.array([45.0, 67.0, 67.5, 69.5, 78.0, 86.0, 86.5, 97.0, 104.0]))
    published = np.array([-0.39, -0.27, -0.10, 0.06, 0.22, 0.24, 0.46, 0.46, -0.01])
    np.testing.assert_allclose(levels - levels[0], published - published[0], atol=1e-3)
    np.testing.assert_allclose(observed.shapes["asthma"]([0, 1]), [0.014, -0.204], atol=0.01)
    np.testing.assert_allclose(observed.shapes["cancer"]([0, 1]), [-0.062, 0.562], atol=0.01)
    assert raise_at(observed, "creatinine", 5.05, 5.35) == pytest.approx(-0.74)
    assert raise_at(observed, "systolic_bp", 89, 90) == pytest.approx(-0.47)
    assert raise_at(observed, "bun", 32.5, 36.5) == pytest.approx(0.57)


def test_truth_reverses_what_treatment_did(observed, true):
    for name in ("asthma", "chest_pain", "chronic_lung", "diabetes"):
        assert raise_at(observed, name, 0, 1) < 0 < raise_at(true, name, 0, 1)
    grids = {"age": (18, 106), "creatinine": (0.3, 16), "bun": (3, 150)}
    for name, (low, high) in grids.items():
        x = np.linspace(low, high, 2000)
        assert np.all(np.diff(true.shapes[name](x)) >= 0), name
        assert np.diff(true.shapes[name](x)).max() < 0.05, name
    assert np.any(np.diff(observed.shapes["creatinine"](np.linspace(0.3, 16, 2000))) < 0)
    for name in ("temperature", "albumin", "heart_failure", "sex"):
        values = observed.data[name]
        np.testing.assert_array_equal(
            true.shapes[name](values) - true.shapes[name](values)[0],
            observed.shapes[name](values) - observed.shapes[name](values)[0],
        )


def test_versions_share_patients_and_luck(observed, true):
    pd.testing.assert_frame_equal(observed.data, true.data)
    higher = true.probability >= observed.probability
    assert (true.target[higher] >= observed.target[higher]).all()
    assert (true.target[~higher] <= observed.target[~higher]).all()
    assert true.target.sum() > observed.target.sum()


def test_missing_scores_like_normal(observed):
    normal = {"bun": 15.0, "creatinine": 1.0, "ph": 7.4, "po2": 80.0, "albumin": 3.8}
    assert set(observed.data.columns[observed.data.isna().any()]) == {*normal, "pco2"}
    for name, value in normal.items():
        slot, level = observed.shapes[name](np.array([np.nan, value]))
        assert slot == pytest.approx(level), name
    # Recorded only when abnormal.
    assert observed.data["bun"].min() > 20
    assert observed.data["creatinine"].min() > 1.2


def test_null_features_are_exactly_zero(observed):
    for name in ("sex", "pco2", "sodium", "glucose"):
        assert not observed.shapes[name](observed.data[name]).any()


def test_same_number_same_patients(observed):
    again = make_pneumonia(N, random_state=0)
    pd.testing.assert_frame_equal(again.frame, observed.frame)
    np.testing.assert_array_equal(again.score, observed.score)
    other = make_pneumonia(N, random_state=1)
    assert (other.target != observed.target).any()
    X, y = make_pneumonia(N, random_state=0, return_X_y=True)
    pd.testing.assert_frame_equal(X, observed.data)
    pd.testing.assert_series_equal(y, observed.target)
    arrays = make_pneumonia(50, random_state=0, as_frame=False)
    assert arrays.data.shape == (50, 28) and arrays.frame is None


def test_truth_survives_pickling(observed):
    copy = pickle.loads(pickle.dumps(observed))
    values = observed.data["age"]
    np.testing.assert_array_equal(copy.shapes["age"](values), observed.shapes["age"](values))


def test_dictionary_describes_every_column(observed):
    assert set(observed.dictionary) == set(observed.frame)
    for name, values in observed.data.items():
        numeric = observed.dictionary[name].kind == "numeric"
        assert numeric or values.nunique() == 2, name


def test_refuses():
    with pytest.raises(ValueError, match="version='real' is not one of 'observed', 'true'"):
        make_pneumonia(10, version="real")
    with pytest.raises(ValueError, match="n_samples=0 must be at least 1"):
        make_pneumonia(0)
    with pytest.raises(ValueError, match="The level 'other' has no effect"):
        make_pneumonia(10, random_state=0).shapes["sex"](["other"])
