import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from glassbox.nets.lookup import _LONGEST_BAG, Rows, _BagProduct, _HostProduct, lookup

PATHS = {"host": _HostProduct, "bags": lambda matrix: _BagProduct(matrix, "cpu")}
ROUNDING = {np.float32: 1e-5, np.float64: 1e-12}


def _matrix(rng, n_rows, n_coefficients, dtype=np.float64, crowded=False):
    """Rows of uneven length, some empty, some touching a coefficient twice."""
    lengths = rng.integers(0, 5, n_rows)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    indices = rng.integers(0, n_coefficients, starts[-1])
    if crowded:
        indices[rng.random(len(indices)) < 0.7] = n_coefficients - 1
    values = rng.normal(size=len(indices)).astype(dtype)
    return sparse.csr_array((values, indices, starts), shape=(n_rows, n_coefficients))


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("path", PATHS)
@given(
    seed=st.integers(0, 2**31),
    n_rows=st.integers(0, 40),
    n_coefficients=st.integers(1, 12),
    n_columns=st.integers(1, 5),
)
def test_both_paths_are_the_dense_product(path, dtype, seed, n_rows, n_coefficients, n_columns):
    rng = np.random.default_rng(seed)
    matrix = _matrix(rng, n_rows, n_coefficients, dtype)
    dense = rng.normal(size=(n_coefficients, n_columns)).astype(dtype)
    found = PATHS[path](matrix)(torch.from_numpy(dense)).numpy()
    assert found.dtype == dtype
    expected = matrix.toarray() @ dense
    np.testing.assert_allclose(found, expected, rtol=ROUNDING[dtype], atol=ROUNDING[dtype])


@pytest.mark.parametrize("n_rows", [127, 128, 129, 256, 1_000])
def test_a_coefficient_that_most_rows_touch_is_summed_in_pieces(n_rows):
    rng = np.random.default_rng(n_rows)
    touches_all = sparse.csr_array(np.c_[np.ones(n_rows), rng.normal(size=n_rows)])
    for matrix in (touches_all, _matrix(rng, n_rows, 6, crowded=True)):
        transposed = sparse.csr_array(matrix.T)
        dense = torch.from_numpy(rng.normal(size=(n_rows, 3)))
        bags = PATHS["bags"](transposed)
        assert bags.starts.diff().max() <= _LONGEST_BAG
        torch.testing.assert_close(bags(dense), PATHS["host"](transposed)(dense))


@given(seed=st.integers(0, 2**31))
def test_the_gradient_is_that_of_the_dense_product(seed):
    rng = np.random.default_rng(seed)
    matrix = _matrix(rng, 15, 7)
    tables = torch.from_numpy(rng.normal(size=(7, 3))).requires_grad_()
    pull = torch.from_numpy(rng.normal(size=(15, 3)))
    (lookup(Rows.of(matrix), tables) * pull).sum().backward()
    np.testing.assert_allclose(tables.grad, matrix.toarray().T @ pull.numpy(), atol=1e-12)


def test_gradcheck():
    rng = np.random.default_rng(0)
    rows = Rows.of(_matrix(rng, 9, 5))
    tables = torch.from_numpy(rng.normal(size=(5, 2))).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: lookup(rows, t), (tables,))


def test_tables_and_gradients_need_not_be_contiguous():
    rng = np.random.default_rng(1)
    matrix = _matrix(rng, 20, 6)
    rows = Rows.of(matrix)
    by_member = torch.from_numpy(rng.normal(size=(4, 6))).requires_grad_()
    scores = lookup(rows, by_member.t())
    np.testing.assert_allclose(
        scores.detach(), matrix.toarray() @ by_member.detach().numpy().T, atol=1e-12
    )
    # The gradient of a sum is one number, expanded; that of a transpose has its strides.
    scores.sum().backward()
    expected = np.tile(matrix.toarray().sum(axis=0), (4, 1))
    np.testing.assert_allclose(by_member.grad, expected, atol=1e-12)
    by_member.grad = None
    pull = torch.from_numpy(rng.normal(size=(4, 20)))
    (lookup(rows, by_member.t()).t() * pull).sum().backward()
    np.testing.assert_allclose(by_member.grad, pull.numpy() @ matrix.toarray(), atol=1e-12)


def test_prepared_rows_say_what_they_are():
    matrix = sparse.csr_matrix(np.eye(3, 4, dtype=np.float32))
    rows = Rows.of(matrix)
    assert (rows.n_rows, rows.n_coefficients) == (3, 4)
    assert (rows.device, rows.dtype) == (torch.device("cpu"), torch.float32)
    assert not lookup(rows, torch.ones(4, 2)).requires_grad


@pytest.mark.parametrize(
    "tables, message",
    [
        (torch.ones(3, 2), r"\(4, n_columns\).*got \(3, 2\)"),
        (torch.ones(4), r"got \(4,\)"),
        (torch.ones(4, 2, dtype=torch.float64), "float64.*float32"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tables, message):
    with pytest.raises(ValueError, match=message):
        lookup(Rows.of(sparse.csr_array(np.eye(3, 4, dtype=np.float32))), tables)


def test_rows_of_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="int64"):
        Rows.of(sparse.csr_array(np.eye(3, dtype=np.int64)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("crowded", [False, True])
def test_same_scores_and_gradient_on_both_devices(crowded):
    rng = np.random.default_rng(2)
    matrix = _matrix(rng, 5_000, 60, np.float32, crowded)
    found = {}
    for device in ("cpu", "cuda"):
        tables = torch.from_numpy(np.random.default_rng(3).normal(size=(60, 8)).astype("f"))
        tables = tables.to(device).requires_grad_()
        scores = lookup(Rows.of(matrix, device), tables)
        scores.square().mean().backward()
        found[device] = scores.detach().cpu(), tables.grad.cpu()
    for on_cpu, on_cuda in zip(*found.values(), strict=True):
        torch.testing.assert_close(on_cuda, on_cpu, rtol=1e-4, atol=1e-5)


@given(seed=st.integers(0, 2**31))
def test_both_paths_train_alike_in_single_precision(seed):
    rng = np.random.default_rng(seed)
    matrix = _matrix(rng, 200, 9, np.float32, crowded=True)
    tables = torch.from_numpy(rng.normal(size=(9, 4)).astype("f"))
    pull = torch.from_numpy(rng.normal(size=(200, 4)).astype("f"))
    found = []
    for path in PATHS.values():
        rows = Rows.of(matrix)
        rows._product, rows._transposed = path(matrix), path(sparse.csr_array(matrix.T))
        leaf = tables.clone().requires_grad_()
        scores = lookup(rows, leaf)
        scores.backward(pull)
        found.append((scores.detach(), leaf.grad))
    for host, bags in zip(*found, strict=True):
        torch.testing.assert_close(bags, host, rtol=1e-4, atol=1e-4)


def test_a_transpose_that_the_caller_has_is_used():
    matrix = _matrix(np.random.default_rng(2), 6, 4)
    tables = torch.zeros(4, 1, dtype=torch.float64, requires_grad=True)
    lookup(Rows.of(matrix, transposed=sparse.csr_array(2 * matrix.T)), tables).sum().backward()
    np.testing.assert_allclose(tables.grad[:, 0], 2 * matrix.toarray().sum(axis=0), atol=1e-12)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_products_on_cuda_wait_for_nothing():
    matrix = _matrix(np.random.default_rng(4), 2_000, 20, np.float32, crowded=True)
    rows = Rows.of(matrix, "cuda")
    tables = torch.zeros(20, 3, device="cuda", requires_grad=True)
    torch.cuda.set_sync_debug_mode("error")
    try:
        lookup(rows, tables).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert tables.grad.abs().sum() > 0
