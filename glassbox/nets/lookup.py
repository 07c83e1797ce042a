"""Scores from tables: a sparse product with the basis rows, and its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


@dataclass(frozen=True)
class _Bags:
    """A sparse matrix as torch's bags of weighted indices: one bag per row."""

    indices: Tensor
    starts: Tensor
    weights: Tensor

    @classmethod
    def of(cls, matrix: sparse.csr_array, device: torch.device) -> _Bags:
        return cls(
            torch.as_tensor(matrix.indices.astype(np.int64), device=device),
            torch.as_tensor(matrix.indptr[:-1].astype(np.int64), device=device),
            torch.as_tensor(matrix.data, device=device),
        )

    def product(self, values: Tensor) -> Tensor:
        """The matrix times dense columns."""
        return torch.nn.functional.embedding_bag(
            self.indices, values, self.starts, mode="sum", per_sample_weights=self.weights
        )


class Rows:
    """Basis rows on a device, ready for products in both directions.

    Examples
    --------
    >>> matrix = sparse.csr_array(np.array([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]]))
    >>> rows = Rows.of(matrix)
    >>> rows.n_rows, rows.n_coefficients
    (2, 3)
    >>> lookup(rows, torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64)).ravel()
    tensor([0.5000, 1.7500], dtype=torch.float64)
    """

    def __init__(
        self,
        matrix: sparse.csr_array,
        transposed: sparse.csr_array,
        device: torch.device,
        as_bags: bool,
    ):
        self._matrix, self._transposed = matrix, transposed
        self.device, self._as_bags = device, as_bags
        self.n_rows, self.n_coefficients = matrix.shape
        if as_bags:
            # The copy to the device happens here, once, and never in a training step.
            _ = self._bags, self._transposed_bags

    @classmethod
    def of(
        cls,
        matrix: sparse.csr_array,
        device: torch.device | str = "cpu",
        *,
        transposed: sparse.csr_array | None = None,
        as_bags: bool | None = None,
    ) -> Rows:
        """Prepare basis rows.

        Parameters
        ----------
        matrix : sparse array of shape (n_rows, n_coefficients)
            A few non-zeros per row; float32 or float64.
        device : torch.device or str
        transposed : sparse array, optional
            The transpose in CSR form, if the caller has it already.
        as_bags : bool, optional
            Use torch's embedding bags, which run on every device, rather than SciPy's product,
            which is several times faster on a CPU. By default bags are for CUDA only.
        """
        device = torch.device(device)
        if as_bags is None:
            as_bags = device.type != "cpu"
        if transposed is None:
            transposed = sparse.csr_array(matrix.T)
        return cls(matrix, transposed, device, as_bags)

    @cached_property
    def _bags(self) -> _Bags:
        return _Bags.of(self._matrix, self.device)

    @cached_property
    def _transposed_bags(self) -> _Bags:
        return _Bags.of(self._transposed, self.device)

    def product(self, tables: Tensor) -> Tensor:
        """The basis rows times tables of shape (n_coefficients, n_columns)."""
        if self._as_bags:
            return self._bags.product(tables.detach())
        return torch.from_numpy(self._matrix @ tables.detach().numpy())

    def transposed_product(self, values: Tensor) -> Tensor:
        """The transposed basis rows times values of shape (n_rows, n_columns)."""
        values = values.contiguous()
        if self._as_bags:
            return self._transposed_bags.product(values)
        return torch.from_numpy(self._transposed @ values.numpy())


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tables: Tensor, rows: Rows) -> Tensor:
        ctx.rows = rows
        return rows.product(tables.contiguous())

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return ctx.rows.transposed_product(gradient), None


def lookup(rows: Rows, tables: Tensor) -> Tensor:
    """Values of tables at every row.

    Parameters
    ----------
    rows : Rows
    tables : Tensor of shape (n_coefficients, n_columns)
        On the device of the rows, and of their type. Gradients flow to it.

    Returns
    -------
    Tensor of shape (n_rows, n_columns)
    """
    return _Lookup.apply(tables, rows)
