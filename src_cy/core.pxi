# The Cython core: interprets the plan over the rows of whole stretches, GIL released, nothing
# allocated. `kernels.h` holds the innermost loops, `formulas.pxi` the printed formulas.

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.math cimport rint
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from cython.parallel cimport parallel, threadid

cdef extern from *:
    const int FASTNN_OPENMP  # 1 or 0, from setup.py

ctypedef fused real:
    float
    double

include "ops.pxi"
include "elementary.pxi"
include "formulas.pxi"
include "sparse.pxi"
include "network.pxi"
include "merging.pxi"
include "groups.pxi"
include "rows.pxi"
include "heads.pxi"
include "normalization.pxi"
include "layers.pxi"
include "penalties.pxi"
include "around.pxi"
include "step.pxi"
include "pace.pxi"
include "entry.pxi"
include "jacobian.pxi"
include "arrays.pxi"
include "functional.pxi"
include "functional_dense.pxi"
include "functional_norms.pxi"
include "functional_losses.pxi"
include "functional_updates.pxi"
