"""Rows of a sparse matrix, in the form that a first dense layer reads without making them dense.

>>> import numpy as np
>>> from scipy.sparse import csr_array
>>> rows = SparseRows(csr_array(np.eye(3)), np.float32)
>>> rows[1:].toarray()
array([[0., 1., 0.],
       [0., 0., 1.]], dtype=float32)
"""

from __future__ import annotations

import numpy as np

# the greatest share of entries, and the least columns, with which that is faster than making
# batches dense; measured by benchmarks/sparse.py
MOST_DENSE = 0.05
LEAST_COLUMNS = 500


class SparseRows:
    """A matrix of SciPy in CSR form: ``rows[part]`` is one of some of its rows.

    values, indices, indptr : its arrays, of the dtype, int32 and int64.
    """

    def __init__(self, matrix, dtype):
        self.dtype, self.shape = np.dtype(dtype), matrix.shape
        with np.errstate(over="ignore"):  # 1e300 becomes inf in float32, which `inputs` finds
            self.values = np.ascontiguousarray(matrix.data, self.dtype)
        self.indices = np.ascontiguousarray(matrix.indices, np.int32)
        self.indptr = np.ascontiguousarray(matrix.indptr, np.int64)
        self.matrix = type(matrix)((self.values, matrix.indices, matrix.indptr), matrix.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part) -> SparseRows:
        """The rows of a slice or of an array of numbers."""
        return SparseRows(self.matrix[part], self.dtype)

    view = __getitem__

    def toarray(self) -> np.ndarray:
        return np.ascontiguousarray(self.matrix.toarray(), self.dtype)


def checked_csr(matrix, name: str = "x"):
    """A matrix of SciPy in CSR form, with a copy, checked, of where its entries stand.

    Kernels, and SciPy's, look up columns and rows by these numbers: they must point into the matrix
    and not change meanwhile. A ValueError, with ``name``, if they point out of it.
    """
    form = getattr(matrix, "format", None)
    try:
        if form in ("csr", "csc", "bsr"):
            places = matrix.indices.copy(), matrix.indptr.copy()
            matrix = type(matrix)((matrix.data, *places), shape=matrix.shape)
            matrix.check_format(full_check=True)
        elif form == "coo":
            places = tuple(part.copy() for part in matrix.coords)
            matrix = type(matrix)((matrix.data, places), shape=matrix.shape)
    except ValueError as error:
        raise ValueError(f"{name} is no sound sparse matrix of shape {matrix.shape} ({error}). "
                         "Make it again from its entries.") from None
    return matrix.tocsr()


def pays(matrix) -> bool:
    """Whether a CSR matrix is so thin that its rows are better left sparse."""
    rows, columns = matrix.shape
    return columns >= LEAST_COLUMNS and 0 < matrix.nnz <= MOST_DENSE * rows * columns


def dense(X) -> np.ndarray:
    """The rows as an array, for those who need one."""
    return X.toarray() if isinstance(X, SparseRows) else X
