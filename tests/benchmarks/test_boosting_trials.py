"""What the trials of the boosting engine change, and that it is as before afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._boosting_trial_tables import markdown
from benchmarks._boosting_variants import BANDS, ENGINE, VARIANTS, bootstrap, tried
from glassbox.estimators import _gram


@pytest.mark.parametrize("name", VARIANTS)
def test_every_constant_is_there_and_comes_back(name):
    before = dict(vars(_gram))
    with VARIANTS[name].in_place():
        pass
    assert dict(vars(_gram)) == before


def test_a_variant_changes_the_fit_and_only_within_its_block():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 4, size=(200, 2)).astype(str)
    y = (X[:, 0] == "1") ^ (rng.random(200) < 0.2)

    def scores(name):
        model = VARIANTS[name].estimator("classification", n_bags=2, random_state=0)
        with VARIANTS[name].in_place():
            return model.fit(X, y).decision_function(X)

    engine = scores(ENGINE)
    assert not np.allclose(engine, scores("prior worth 10 rows"))
    np.testing.assert_array_equal(engine, scores(ENGINE))


def test_bootstrap_bags_hold_out_a_share_of_one_over_e():
    draws = bootstrap(None, 20_000, 0, 4, 0)
    assert draws.dtype == np.uint8
    np.testing.assert_allclose((draws == 0).mean(axis=0), np.exp(-1), atol=0.02)


def test_what_a_variant_is_compared_with_is_fitted_too():
    assert tried(0, ["20 bootstrap bags, to 20 bags"])[:2] == [ENGINE, "20 bags"]
    assert tried(10, ["prior worth 4 rows"]) == [ENGINE]


def test_the_band_of_bootstrap_bags_is_their_standard_deviation():
    *_, bootstrapped = BANDS.values()
    d = bootstrapped.settings["validation_size"]
    assert np.sqrt((1 - d) / d) == 1.0


def test_tables_say_what_is_equal_and_what_is_rare():
    def row(variant, mean, se):
        loss = {"mean": 0.5, "difference": {"mean": mean, "se": se}}
        return {"trial": "loss", "table": "t", "pairs": 0, "variant": variant, "splits": 5} | {
            "log_loss": loss, "cpu_ratio": 2.0,
        }  # fmt: skip

    _, a, b, c, *_ = VARIANTS
    text = markdown([row(c, 2e-4, 1e-4), row(ENGINE, 0, 0), row(a, 0, 0), row(b, 4e-4, 1e-4)])
    assert "| engine as it is | 0.5000 | 1 |" in text
    assert text.index(f"| {b} |") < text.index(f"| {c} |")
    assert f"| {a} | = | 2.00 |" in text
    assert f"| {b} | **+4.0 ± 1.0** | 2.00 |" in text
    assert f"| {c} | +2.0 ± 1.0 | 2.00 |" in text
