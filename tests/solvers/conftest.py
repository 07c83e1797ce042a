import numpy as np
import pytest


@pytest.fixture
def waves():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    return X, np.sin(2 * X[:, 0]) + 0.5 * X[:, 1], rng
