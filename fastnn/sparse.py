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


def own_structure(matrix, name: str = "x"):
    """A CSR matrix with the same values and a copy, checked, of where they stand.

    Kernels, and SciPy's, look up columns and rows by these numbers: they must not change while
    that happens. A ValueError, with ``name``, if they point out of the matrix.
    """
    indptr, indices = matrix.indptr.copy(), matrix.indices.copy()
    rows, columns = matrix.shape
    sound = len(indptr) == rows + 1 and indptr[0] == 0 and (indptr[1:] >= indptr[:-1]).all()
    sound = sound and indptr[-1] <= min(len(indices), len(matrix.data))
    used = indices[: indptr[-1]] if sound else indices[:0]
    if not sound or (used.size and not 0 <= used.min() <= used.max() < columns):
        raise ValueError(f"{name} is no sound sparse matrix of shape {matrix.shape}: its indices "
                         "or indptr point out of it. Make it again from its entries.")
    return type(matrix)((matrix.data, indices, indptr), matrix.shape)


def pays(matrix) -> bool:
    """Whether a CSR matrix is so thin that its rows are better left sparse."""
    rows, columns = matrix.shape
    return columns >= LEAST_COLUMNS and 0 < matrix.nnz <= MOST_DENSE * rows * columns


def dense(X) -> np.ndarray:
    """The rows as an array, for those who need one."""
    return X.toarray() if isinstance(X, SparseRows) else X
