"""Scores of rows: a sparse product of basis rows and tables, differentiable in the tables."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.autograd.function import once_differentiable

# An embedding bag is summed by one thread per column: longer ones are summed in pieces.
_LONGEST_BAG = 128


class Rows:
    """Basis rows on a device, prepared for products with tables and for their gradient.

    Made by :meth:`of`.

    Attributes
    ----------
    n_rows, n_coefficients : int
    device : torch.device
    dtype : torch.dtype
        Of the tables that they can be multiplied with.
    """

    def __init__(
        self,
        matrix: sparse.csr_array | sparse.csr_matrix,
        device: str | torch.device = "cpu",
        transposed: sparse.csr_array | None = None,
    ):
        matrix = sparse.csr_array(matrix)
        if matrix.dtype not in (np.float32, np.float64):
            raise TypeError(
                f"Basis rows must be float32 or float64, not {matrix.dtype}; use matrix.astype."
            )
        self.n_rows, self.n_coefficients = matrix.shape
        self.device = torch.device(device)
        self.dtype = torch.float32 if matrix.dtype == np.float32 else torch.float64
        self._product = _product(matrix, self.device)
        if transposed is None:
            transposed = sparse.csr_array(matrix.T)
        self._transposed = _product(transposed, self.device)

    @classmethod
    def of(
        cls,
        matrix: sparse.csr_array | sparse.csr_matrix,
        device: str | torch.device = "cpu",
        transposed: sparse.csr_array | None = None,
    ) -> Rows:
        """Prepare basis rows.

        Parameters
        ----------
        matrix : CSR array or matrix of shape (n_rows, n_coefficients)
            Of float32 or float64. On the CPU it is kept, not copied.
        device : str or torch.device
            Where the tables are.
        transposed : CSR array of shape (n_coefficients, n_rows), optional
            The transpose, if it is there already.

        Raises
        ------
        TypeError
            If the matrix is of another type.
        """
        return cls(matrix, device, transposed)


def lookup(rows: Rows, tables: Tensor) -> Tensor:
    """Scores of rows under many tables at once.

    Parameters
    ----------
    rows : Rows
    tables : Tensor of shape (n_coefficients, n_columns)
        On the device of the rows, and of their type. The gradient reaches the tables, once.

    Returns
    -------
    Tensor of shape (n_rows, n_columns)

    Raises
    ------
    ValueError
        If shape, type or device of the tables do not fit the rows.

    Examples
    --------
    >>> rows = Rows.of(sparse.csr_array(np.array([[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])))
    >>> tables = torch.tensor([[0.0], [4.0], [5.0]], dtype=torch.float64, requires_grad=True)
    >>> scores = lookup(rows, tables)
    >>> scores.flatten().tolist()
    [3.0, 5.0]
    >>> scores.sum().backward()
    >>> tables.grad.flatten().tolist()
    [0.25, 0.75, 1.0]
    """
    if tables.ndim != 2 or len(tables) != rows.n_coefficients:
        raise ValueError(
            f"Tables must have shape ({rows.n_coefficients}, n_columns), one row per coefficient "
            f"of the basis rows; got {tuple(tables.shape)}."
        )
    if tables.dtype != rows.dtype or tables.device.type != rows.device.type:
        raise ValueError(
            f"Tables are {tables.dtype} on {tables.device}, the basis rows {rows.dtype} on "
            f"{rows.device}; move one of them with .to()."
        )
    return _Lookup.apply(tables, rows)


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tables: Tensor, rows: Rows) -> Tensor:
        ctx.rows = rows
        return rows._product(tables.detach().contiguous())

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        return ctx.rows._transposed(gradient.contiguous()), None


class _Product(Protocol):
    """A sparse matrix that waits for dense ones."""

    def __call__(self, dense: Tensor) -> Tensor:
        """The product with a contiguous tensor of shape (matrix.shape[1], n_columns)."""


def _product(matrix: sparse.csr_array, device: torch.device) -> _Product:
    return _HostProduct(matrix) if device.type == "cpu" else _BagProduct(matrix, device)


class _HostProduct:
    """SciPy's product, on memory that it shares with torch."""

    def __init__(self, matrix: sparse.csr_array):
        self.matrix = matrix

    def __call__(self, dense: Tensor) -> Tensor:
        return torch.from_numpy(self.matrix @ dense.numpy())


class _BagProduct:
    """Every row of the product is a weighted sum of a bag of rows of the dense matrix.

    Nothing leaves the device, and no two threads add to the same number, so that results do not
    change from run to run. Long bags (a coefficient that most rows touch) are summed in pieces
    of equal length, then the pieces.
    """

    def __init__(self, matrix: sparse.csr_array, device: torch.device | str):
        index = sparse.get_index_dtype(maxval=max(*matrix.shape, matrix.nnz))
        n_pieces = -(-np.diff(matrix.indptr) // _LONGEST_BAG)
        self.pieces = None
        starts = matrix.indptr
        if n_pieces.max(initial=0) > 1:
            firsts = np.concatenate([[0], np.cumsum(n_pieces)])
            within = np.arange(firsts[-1]) - np.repeat(firsts[:-1], n_pieces)
            starts = np.repeat(matrix.indptr[:-1], n_pieces) + within * _LONGEST_BAG
            starts = np.append(starts, matrix.nnz)
            self.pieces = (
                torch.arange(int(firsts[-1]), device=device),
                torch.tensor(firsts, dtype=torch.int64, device=device),
            )
        self.members = torch.tensor(matrix.indices.astype(index), device=device)
        self.starts = torch.tensor(starts.astype(index), device=device)
        self.weights = torch.tensor(matrix.data, device=device)

    def __call__(self, dense: Tensor) -> Tensor:
        sums = _bag_sums(dense, self.members, self.starts, self.weights)
        return sums if self.pieces is None else _bag_sums(sums, *self.pieces)


def _bag_sums(
    dense: Tensor, members: Tensor, starts: Tensor, weights: Tensor | None = None
) -> Tensor:
    return torch.nn.functional.embedding_bag(
        members, dense, starts, mode="sum", per_sample_weights=weights, include_last_offset=True
    )
