# A first dense op whose rows are sparse: X in CSR form, read where it lies. Every number is one sum
# over the row's entries, or over the rows, in their order; loops run over the outputs, 256 at a time.

cdef void sparse_forward(
    run_t* r, const op_t* op, const real* w, const real* bias, real* y, Py_ssize_t p0, Py_ssize_t p1,
    Py_ssize_t j0, Py_ssize_t j1,
) noexcept nogil:
    """y <- X w + bias for outputs j0:j1 of some panels; the lanes that no row fills become 0."""
    cdef Py_ssize_t p, i, j, at, first, width, L = r.lanes, row, m = op.m
    cdef const real* values = <const real*>r.values
    cdef const real* line
    cdef real* out
    cdef real[256] sums
    cdef real value
    for p in range(p0, p1):
        for i in range(L):
            for first in range(j0, j1, 256):
                width = min(<Py_ssize_t>256, j1 - first)
                for j in range(width):
                    sums[j] = bias[first + j] if bias != NULL else 0
                if p * L + i < r.n:
                    row = r.rows[p * L + i]
                    for at in range(r.indptr[row], r.indptr[row + 1]):
                        line, value = w + <Py_ssize_t>r.indices[at] * m + first, values[at]
                        for j in range(width):
                            sums[j] += value * line[j]
                out = y + (p * m + first) * L + i
                for j in range(width):
                    out[j * L] = sums[j]

cdef void sparse_weight_gradient(run_t* r, const op_t* op, real* work) noexcept nogil:
    """grads[w], grads[b] <- X^T dz, sum of dz: this thread's outputs, rows in order."""
    cdef Py_ssize_t i, j, at, c, first, width, L = r.lanes, row, m = op.m
    cdef Py_ssize_t j0 = share(m, r.thread, r.threads, 16)
    cdef Py_ssize_t j1 = share(m, r.thread + 1, r.threads, 16)
    cdef const real* values = <const real*>r.values
    cdef const real* dz
    cdef real* dw = <real*>r.grads + op.w
    cdef real* line
    cdef real[256] slopes
    cdef real[256] sums
    cdef real value
    if j0 >= j1:
        return
    if j1 - j0 == m:
        memset(dw, 0, op.k * m * sizeof(real))
    else:
        for c in range(op.k):
            memset(dw + c * m + j0, 0, (j1 - j0) * sizeof(real))
    for first in range(j0, j1, 256):
        width = min(<Py_ssize_t>256, j1 - first)
        for j in range(width):
            sums[j] = 0
        for i in range(r.n):
            row = r.rows[i]
            dz = work + op.ddst * r.capacity + (i // L * m + first) * L + i % L
            for j in range(width):
                slopes[j] = dz[j * L]
                sums[j] += slopes[j]
            for at in range(r.indptr[row], r.indptr[row + 1]):
                line, value = dw + <Py_ssize_t>r.indices[at] * m + first, values[at]
                for j in range(width):
                    line[j] += value * slopes[j]
        if op.b >= 0:
            memcpy(<real*>r.grads + op.b + first, sums, width * sizeof(real))

cdef object set_sparse(run_t* r, csr):
    """Let the run read its rows from (indptr, indices, values); returns how many there are."""
    cdef const int64_t[::1] indptr = csr[0]
    cdef const int32_t[::1] indices = csr[1]
    cdef const uint8_t[::1] values = csr[2].view("u1")
    r.indptr = &indptr[0]
    r.indices = &indices[0] if indices.shape[0] else NULL
    r.values = <const void*>&values[0] if values.shape[0] else NULL
    return indptr.shape[0] - 1
