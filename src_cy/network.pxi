# Forward and backward of the network's ops. Every thread calls every function and does its share:
# a dense op is cut into row parts x column parts, the others into row parts only.

cdef inline bint rows_only(run_t* r, Py_ssize_t* p0, Py_ssize_t* p1) noexcept nogil:
    """This thread's panels in an op that is not cut by columns; False if it has none."""
    p0[0] = share(r.panels, r.row_part, r.row_parts, 1)
    p1[0] = share(r.panels, r.row_part + 1, r.row_parts, 1)
    return r.column_part == 0 and p0[0] < p1[0]

cdef void input_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dst <- rows of X, turned into panels; the lanes that no row fills are zero."""
    cdef Py_ssize_t p, p0, p1, count, L = r.lanes
    cdef const real* X = <const real*>r.X + op.s
    cdef real* y = work + op.dst * r.capacity
    if not rows_only(r, &p0, &p1):
        return
    if L == 1:
        memcpy(y, X + r.rows[0] * r.n_inputs, op.k * sizeof(real))
        return
    for p in range(p0, p1):
        count = min(L, r.n - p * L)
        if real is float:
            rows_to_panel_f(X, r.n_inputs, r.rows + p * L, y + p * op.k * L, op.k, count)
        else:
            rows_to_panel_d(X, r.n_inputs, r.rows + p * L, y + p * op.k * L, op.k, count)

cdef void dense_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dst[m] <- formula(src[k] @ w[k, m] + b[m]). src2 >= 0: the rows are read from X, at that column."""
    cdef Py_ssize_t L = r.lanes, p0, p1, j0, j1
    cdef real* y = work + op.dst * r.capacity
    cdef const real* w = <const real*>r.params + op.w
    cdef const real* bias = <const real*>r.params + op.b if op.b >= 0 else NULL
    p0 = share(r.panels, r.row_part, r.row_parts, 1)
    p1 = share(r.panels, r.row_part + 1, r.row_parts, 1)
    j0 = share(op.m, r.column_part, r.column_parts, 48)
    j1 = share(op.m, r.column_part + 1, r.column_parts, 48)
    if bias != NULL:
        bias += j0
    y += (p0 * op.m + j0) * L
    if r.indptr != NULL and op.src2 >= 0:
        sparse_forward[real](
            r, op, w, <const real*>r.params + op.b if op.b >= 0 else NULL,
            work + op.dst * r.capacity, p0, p1, j0, j1)
    elif L == 1:
        row_product[real](dense_row(r, op, work), w + j0, op.m, op.k, bias, y, j1 - j0)
    elif op.src2 < 0:
        product[real](
            work + op.src * r.capacity + p0 * op.k * L, op.k * L, w + j0, op.m, 1, op.k, bias, y,
            op.m * L, j1 - j0, min(r.n, p1 * L) - p0 * L)
    elif p0 < p1:
        product_rows[real](
            <const real*>r.X + op.src2, r.n_inputs, r.rows + p0 * L, min(r.n, p1 * L) - p0 * L,
            w + j0, op.m, op.k, bias, y, op.m * L, j1 - j0)
    if op.formula:
        dense_activate(r, op, work, p0, p1, j0, j1)

cdef inline const real* dense_row(run_t* r, const op_t* op, real* work) noexcept nogil:
    """The input of a dense op in a batch of one row."""
    if op.src2 >= 0:
        return <const real*>r.X + r.rows[0] * r.n_inputs + op.src2
    return work + op.src * r.capacity

cdef void dense_activate(
    run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1, Py_ssize_t j0, Py_ssize_t j1,
) noexcept nogil:
    """The formula on columns j0:j1 of some panels, in place; z is kept first where that is asked."""
    cdef Py_ssize_t p, at, L = r.lanes
    cdef real* y = work + op.dst * r.capacity
    for p in range(p0, p1):
        at = (p * op.m + j0) * L
        if op.keep >= 0:
            memcpy(work + op.keep * r.capacity + at, y + at, (j1 - j0) * L * sizeof(real))
        activate[real](op.formula, y + at, &op.a0, 0, (j1 - j0) * L)

cdef void dense_derive(run_t* r, const op_t* op, real* work) noexcept nogil:
    """ddst <- dz, in place, with lanes that no row fills at zero; aux <- its rows in strips of columns."""
    cdef Py_ssize_t L = r.lanes, p, p0, p1, at, j, i, count, m = op.m
    cdef real* dy = work + op.ddst * r.capacity
    cdef real* y = work + op.dst * r.capacity
    cdef real* z = work + op.keep * r.capacity if op.keep >= 0 else y
    cdef real* transposed = work + op.aux * r.capacity
    if not rows_only(r, &p0, &p1):
        return
    for p in range(p0, p1):
        at = p * m * L
        count = min(L, r.n - p * L)
        if op.formula:
            derive[real](op.formula, dy + at, y + at, z + at, &op.a0, 0, m * L)
        if count < L:
            for j in range(m):
                for i in range(count, L):
                    dy[at + j * L + i] = 0
        if op.trains and m >= WIDE and L > 1:
            if real is float:
                panel_to_strips_f(dy + at, transposed + p * L * L, r.capacity * L, m)
            else:
                panel_to_strips_d(dy + at, transposed + p * L * L, r.capacity * L, m)

cdef void dense_input_gradient(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dsrc[k] <- dz[m] @ w[k, m]^T."""
    cdef Py_ssize_t L = r.lanes, p0, p1, k0, k1
    cdef const real* w = <const real*>r.params + op.w
    p0 = share(r.panels, r.row_part, r.row_parts, 1)
    p1 = share(r.panels, r.row_part + 1, r.row_parts, 1)
    k0 = share(op.k, r.column_part, r.column_parts, 48)
    k1 = share(op.k, r.column_part + 1, r.column_parts, 48)
    if L == 1:
        row_input_gradient[real](
            work + op.ddst * r.capacity, w + k0 * op.m, op.m, work + op.dsrc * r.capacity + k0, k1 - k0)
        return
    product[real](
        work + op.ddst * r.capacity + p0 * op.m * L, op.m * L, w + k0 * op.m, 1, op.m, op.m, NULL,
        work + op.dsrc * r.capacity + (p0 * op.k + k0) * L, op.k * L, k1 - k0, min(r.n, p1 * L) - p0 * L)

cdef void dense_weight_gradient(run_t* r, const op_t* op, real* work) noexcept nogil:
    """grads[w], grads[b] <- src^T dz, sum of dz: each number by one thread, rows in order."""
    cdef Py_ssize_t L = r.lanes, k0 = 0, k1 = op.k, j0 = 0, j1 = op.m
    cdef Py_ssize_t strip = r.capacity * L
    cdef const real* x = work + op.src * r.capacity
    cdef const real* dz = work + op.ddst * r.capacity
    cdef const real* transposed = work + op.aux * r.capacity
    cdef real* dw = <real*>r.grads + op.w
    cdef real* db = NULL
    cdef bint by_inputs = op.m < WIDE or op.k >= op.m
    if r.indptr != NULL and op.src2 >= 0:
        sparse_weight_gradient[real](r, op, work)
        return
    if by_inputs:
        k0 = share(op.k, r.thread, r.threads, 12)
        k1 = share(op.k, r.thread + 1, r.threads, 12)
    else:
        j0 = share(op.m, r.thread, r.threads, 2 * L)
        j1 = share(op.m, r.thread + 1, r.threads, 2 * L)
    if op.b >= 0 and (not by_inputs or r.thread == 0):
        db = <real*>r.grads + op.b
    if L == 1:
        row_gradient[real](dense_row(r, op, work) + k0, dz + j0, dw + k0 * op.m + j0, op.m, k1 - k0, j1 - j0)
        if db != NULL:
            memcpy(db + j0, dz + j0, (j1 - j0) * sizeof(real))
    elif op.src2 >= 0:
        x = <const real*>r.X + op.src2
        if real is float:
            gradient_rows_f(x, r.n_inputs, r.rows, transposed, strip, r.n, dw, op.m, k0, k1, j0, j1, db)
        else:
            gradient_rows_d(x, r.n_inputs, r.rows, transposed, strip, r.n, dw, op.m, k0, k1, j0, j1, db)
    elif op.m >= WIDE:
        if real is float:
            gradient_wide_f(x, op.k * L, transposed, strip, r.n, dw, op.m, k0, k1, j0, j1, db)
        else:
            gradient_wide_d(x, op.k * L, transposed, strip, r.n, dw, op.m, k0, k1, j0, j1, db)
    elif real is float:
        gradient_narrow_f(x, op.k * L, dz, op.m * L, r.panels, dw, k0, k1, op.m, db)
    else:
        gradient_narrow_d(x, op.k * L, dz, op.m * L, r.panels, dw, k0, k1, op.m, db)

# A user's own formula is compiled by Numba: its op holds the addresses in w and b.
ctypedef void (*own_activate_t)(void* y, int64_t size) noexcept nogil
ctypedef void (*own_derive_t)(void* dy, const void* y, const void* z, int64_t size) noexcept nogil

cdef void activation_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    cdef Py_ssize_t p0, p1, size = op.k * r.lanes
    cdef real* y = work + op.dst * r.capacity
    if rows_only(r, &p0, &p1):
        memcpy(y + p0 * size, work + op.src * r.capacity + p0 * size, (p1 - p0) * size * sizeof(real))
        if op.w >= 0:
            (<own_activate_t>op.w)(y + p0 * size, (p1 - p0) * size)
        else:
            activate[real](op.formula, y, &op.a0, p0 * size, p1 * size)

cdef void activation_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    cdef Py_ssize_t p0, p1, size = op.k * r.lanes
    cdef real* dz = work + op.dsrc * r.capacity
    if rows_only(r, &p0, &p1):
        memcpy(dz + p0 * size, work + op.ddst * r.capacity + p0 * size, (p1 - p0) * size * sizeof(real))
        if op.w >= 0:
            (<own_derive_t>op.b)(
                dz + p0 * size, work + op.dst * r.capacity + p0 * size,
                work + op.src * r.capacity + p0 * size, (p1 - p0) * size)
        else:
            derive[real](
                op.formula, dz, work + op.dst * r.capacity, work + op.src * r.capacity, &op.a0,
                p0 * size, p1 * size)

cdef void softmax_panel(
    Py_ssize_t lanes, const real* z, real* y, Py_ssize_t m, real* shift, real* total,
) noexcept nogil:
    """y[m] <- exp(z - shift) / total for each lane; shift is the largest z, total the sum."""
    if lanes == 1:
        softmax_lanes[real](1, z, y, m, shift, total)
    else:  # a constant, for the compiler
        softmax_lanes[real](64 // sizeof(real), z, y, m, shift, total)

cdef inline void softmax_lanes(
    Py_ssize_t L, const real* z, real* y, Py_ssize_t m, real* shift, real* total,
) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(L):
        shift[i] = z[i]
        total[i] = 0
    for j in range(1, m):
        for i in range(L):
            # `not >=` lets a NaN in, and keeps it
            shift[i] = shift[i] if shift[i] >= z[j * L + i] or shift[i] != shift[i] else z[j * L + i]
    for j in range(m):
        for i in range(L):
            y[j * L + i] = z[j * L + i] - shift[i]
    for i in range(m * L):
        y[i] = exp_(y[i])
    for j in range(m):
        for i in range(L):
            total[i] += y[j * L + i]
    for j in range(m):
        for i in range(L):
            y[j * L + i] /= total[i]

cdef void dropout_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dst <- src * mask in training, src otherwise. Inverted: what stays is scaled by 1 / (1 - rate)."""
    cdef Py_ssize_t p, p0, p1, i, L = r.lanes, size = op.k * L
    cdef const real* x = work + op.src * r.capacity
    cdef real* y = work + op.dst * r.capacity
    cdef real* mask = work + op.aux * r.capacity
    cdef real scale = 0 if op.a0 == 1 else <real>(1 / (1 - op.a0))
    cdef int32_t threshold = <int32_t>rint(op.a0 * 65536)
    if not rows_only(r, &p0, &p1):
        return
    if not r.training:
        memcpy(y + p0 * size, x + p0 * size, (p1 - p0) * size * sizeof(real))
        return
    for p in range(p0, p1):
        dropout_mask[real](r, op, p * L, threshold, scale, mask + p * size)
        for i in range(p * size, (p + 1) * size):
            y[i] = x[i] * mask[i]

cdef inline void dropout_mask(
    run_t* r, const op_t* op, Py_ssize_t row, int32_t threshold, real scale, real* mask,
) noexcept nogil:
    """A panel of masks; fastnn.random.dropout_halves is the specification."""
    if r.lanes == 1:
        if real is float:
            dropout_row_f(op.s, r.step, op.k, threshold, scale, mask)
        else:
            dropout_row_d(op.s, r.step, op.k, threshold, scale, mask)
    elif real is float:
        dropout_mask_f(op.s, r.step, row, op.k, threshold, scale, mask)
    else:
        dropout_mask_d(op.s, r.step, row, op.k, threshold, scale, mask)

cdef void dropout_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    cdef Py_ssize_t p0, p1, i, size = op.k * r.lanes
    cdef real* dx = work + op.dsrc * r.capacity
    cdef const real* dy = work + op.ddst * r.capacity
    cdef const real* mask = work + op.aux * r.capacity
    if rows_only(r, &p0, &p1):
        for i in range(p0 * size, p1 * size):
            dx[i] = dy[i] * mask[i]

cdef void fork_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    cdef Py_ssize_t p0, p1, i, size = op.k * r.lanes
    cdef real* dx = work + op.dsrc * r.capacity
    cdef const real* one = work + op.ddst * r.capacity
    cdef const real* two = work + op.dsrc2 * r.capacity
    if rows_only(r, &p0, &p1):
        for i in range(p0 * size, p1 * size):
            dx[i] = one[i] + two[i]

cdef void merge_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """ADD or MULTIPLY."""
    cdef Py_ssize_t p0, p1, i, size = op.k * r.lanes
    cdef real* y = work + op.dst * r.capacity
    cdef const real* one = work + op.src * r.capacity
    cdef const real* two = work + op.src2 * r.capacity
    if not rows_only(r, &p0, &p1):
        return
    if op.kind == ADD:
        for i in range(p0 * size, p1 * size):
            y[i] = one[i] + two[i]
    else:
        for i in range(p0 * size, p1 * size):
            y[i] = one[i] * two[i]

cdef void merge_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """ADD hands dy to both sources, MULTIPLY dy times the other source."""
    cdef Py_ssize_t p0, p1, i, side, size = op.k * r.lanes
    cdef const real* dy = work + op.ddst * r.capacity
    cdef int64_t[2] sources
    cdef int64_t[2] others
    cdef real* dx
    cdef const real* other
    sources[:] = [op.dsrc, op.dsrc2]
    others[:] = [op.src2, op.src]
    if not rows_only(r, &p0, &p1):
        return
    for side in range(2):
        if sources[side] < 0:
            continue
        dx = work + sources[side] * r.capacity
        other = work + others[side] * r.capacity
        if op.kind == ADD:
            memcpy(dx + p0 * size, dy + p0 * size, (p1 - p0) * size * sizeof(real))
        else:
            for i in range(p0 * size, p1 * size):
                dx[i] = dy[i] * other[i]

cdef void concatenate(run_t* r, const op_t* op, real* work, bint forward) noexcept nogil:
    """dst[k + m] <- src[k], src2[m]; backwards the gradients the other way."""
    cdef Py_ssize_t p, p0, p1, L = r.lanes, k = op.k * L, m = op.m * L
    cdef real* one = work + (op.src if forward else op.dsrc) * r.capacity
    cdef real* two = work + (op.src2 if forward else op.dsrc2) * r.capacity
    cdef real* both = work + (op.dst if forward else op.ddst) * r.capacity
    if not rows_only(r, &p0, &p1):
        return
    for p in range(p0, p1):
        if forward:
            memcpy(both + p * (k + m), one + p * k, k * sizeof(real))
            memcpy(both + p * (k + m) + k, two + p * m, m * sizeof(real))
        else:
            if op.dsrc >= 0:
                memcpy(one + p * k, both + p * (k + m), k * sizeof(real))
            if op.dsrc2 >= 0:
                memcpy(two + p * m, both + p * (k + m) + k, m * sizeof(real))
