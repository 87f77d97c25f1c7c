# The ops of single layers: normalizations of rows, noise, fixed maps, lookups, places. All work on
# rows, so they are cut into row parts; what they sum over rows stands with the weight gradients.

cdef inline const double* constants(run_t* r) noexcept nogil:
    """The plan's constants, which lie behind the op table."""
    return <const double*>(r.ops + r.n_ops)

cdef void layer_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    cdef Py_ssize_t p, p0, p1
    if not rows_only(r, &p0, &p1):
        return
    if op.kind == ROW_NORM:
        row_norm_forward[real](r, op, work, p0, p1)
    elif op.kind == NOISE:
        noise_forward[real](r, op, work, p0, p1)
    elif op.kind == AFFINE:
        affine_ops[real](r, op, work, p0, p1, True)
    elif op.kind == EMBEDDING:
        for p in range(p0, p1):
            embed[real](r, op, work, p)
    elif op.kind == ENCODE:
        for p in range(p0, p1):
            encode[real](r, op, work, p)
    elif op.kind == GATHER:
        gather[real](r, op, work, p0, p1)

cdef void layer_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dsrc alone: gradients of parameters come later."""
    cdef Py_ssize_t p0, p1, size = op.k * r.lanes
    if op.dsrc < 0 or not rows_only(r, &p0, &p1):
        return
    if op.kind == ROW_NORM:
        row_norm_backward[real](r, op, work, p0, p1)
    elif op.kind == NOISE:
        dropout_backward[real](r, op, work)
    elif op.kind == AFFINE:
        affine_ops[real](r, op, work, p0, p1, False)
    elif op.kind == GATHER:
        scatter[real](r, op, work, p0, p1)
    else:  # steps have no slope
        memset(work + op.dsrc * r.capacity + p0 * size, 0, (p1 - p0) * size * sizeof(real))

cdef void layer_weight_gradient(run_t* r, const op_t* op, real* work) noexcept nogil:
    """Each number by one thread, rows in order."""
    if op.kind == ROW_NORM:
        row_norm_weight_gradient[real](r, op, work)
    elif op.kind == EMBEDDING:
        embedding_gradient[real](r, op, work)

# normalizations of rows

cdef inline Py_ssize_t describe_row_norm(run_t* r, const op_t* op, const real* params, row_norm_t* d) noexcept nogil:
    """Returns how many statistics a row has."""
    d.k, d.m, d.groups, d.pooled, d.kind, d.epsilon = op.k, op.m, op.s, op.sums, <int>op.formula, op.a0
    d.gamma = params + op.w if op.w >= 0 else NULL
    d.beta = params + op.b if op.b >= 0 else NULL
    return op.s if op.sums else op.k // op.m * op.s

cdef void row_norm_forward(
    run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1,
) noexcept nogil:
    cdef row_norm_t d
    cdef Py_ssize_t p, at, L = r.lanes, statistics = describe_row_norm[real](r, op, <const real*>r.params, &d)
    cdef real* x = work + op.src * r.capacity
    cdef real* xhat = work + op.aux * r.capacity
    cdef real* y = work + op.dst * r.capacity
    cdef real* scale = work + op.keep * r.capacity
    if L == 1:
        if real is float:
            row_norm_row_f(&d, x, xhat, y, scale)
        else:
            row_norm_row_d(&d, x, xhat, y, scale)
        return
    for p in range(p0, p1):
        at = p * op.k * L
        if real is float:
            row_norm_panel_f(&d, x + at, xhat + at, y + at, scale + p * statistics * L)
        else:
            row_norm_panel_d(&d, x + at, xhat + at, y + at, scale + p * statistics * L)

cdef void row_norm_backward(
    run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1,
) noexcept nogil:
    cdef row_norm_t d
    cdef Py_ssize_t p, at, L = r.lanes, statistics = describe_row_norm[real](r, op, <const real*>r.params, &d)
    cdef real* dy = work + op.ddst * r.capacity
    cdef real* xhat = work + op.aux * r.capacity
    cdef real* dx = work + op.dsrc * r.capacity
    cdef real* scale = work + op.keep * r.capacity
    if L == 1:
        if real is float:
            row_norm_gradient_row_f(&d, dy, xhat, scale, dx)
        else:
            row_norm_gradient_row_d(&d, dy, xhat, scale, dx)
        return
    for p in range(p0, p1):
        at = p * op.k * L
        if real is float:
            row_norm_gradient_panel_f(&d, dy + at, xhat + at, scale + p * statistics * L, dx + at)
        else:
            row_norm_gradient_panel_d(&d, dy + at, xhat + at, scale + p * statistics * L, dx + at)
        clear_lanes[real](dx + at, op.k, L, r.n - p * L)

cdef inline void clear_lanes(real* x, Py_ssize_t k, Py_ssize_t L, Py_ssize_t count) noexcept nogil:
    """Zero where no row is: what was there may have been NaN."""
    cdef Py_ssize_t i, j
    if count < L:
        for j in range(k):
            for i in range(count, L):
                x[j * L + i] = 0

cdef void row_norm_weight_gradient(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dgamma and dbeta, whose sums are those of a batch normalization."""
    cdef norm_t d
    cdef real* dy = work + op.ddst * r.capacity
    cdef real* xhat = work + op.aux * r.capacity
    cdef real* grads = <real*>r.grads
    cdef Py_ssize_t c, j, m = op.m, positions = op.k // op.m
    cdef Py_ssize_t c0 = share(m, r.thread, r.threads, 1), c1 = share(m, r.thread + 1, r.threads, 1)
    cdef real dgamma, dbeta
    if r.lanes == 1:
        for c in range(c0, c1):
            dgamma = dbeta = 0
            for j in range(positions):
                dgamma = multiply_add(dy[j * m + c], xhat[j * m + c], dgamma)
                dbeta += dy[j * m + c]
            if op.w >= 0:
                grads[op.w + c] = dgamma
            if op.b >= 0:
                grads[op.b + c] = dbeta
        return
    memset(&d, 0, sizeof(d))
    d.panel, d.positions, d.apart, d.n = op.k * r.lanes, positions, m * r.lanes, r.n
    d.dgamma = grads + op.w if op.w >= 0 else NULL
    d.dbeta = grads + op.b if op.b >= 0 else NULL
    if real is float:
        batch_norm_gradient_f(&d, c0, c1, dy, xhat, NULL)
    else:
        batch_norm_gradient_d(&d, c0, c1, dy, xhat, NULL)

# noise

cdef void noise_forward(
    run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1,
) noexcept nogil:
    cdef Py_ssize_t p, i, L = r.lanes, size = op.k * L
    cdef const real* x = work + op.src * r.capacity
    cdef real* y = work + op.dst * r.capacity
    cdef real* factor = work + op.aux * r.capacity
    cdef real a0 = <real>op.a0, a2 = <real>op.a2, a3 = <real>op.a3
    if not r.training:
        memcpy(y + p0 * size, x + p0 * size, (p1 - p0) * size * sizeof(real))
        return
    for p in range(p0, p1):
        if op.formula == ALPHA_DROPOUT:
            dropout_mask[real](
                r, op, p * L, <int32_t>rint(op.a0 * 65536), <real>op.a1, factor + p * size)
            for i in range(p * size, (p + 1) * size):
                y[i] = x[i] * factor[i] + a2 if factor[i] != 0 else a3
            continue
        normals[real](r, op, p * L, factor + p * size)
        if op.formula == GAUSSIAN_NOISE:
            for i in range(p * size, (p + 1) * size):
                y[i] = x[i] + a0 * factor[i]
                factor[i] = 1
        else:
            for i in range(p * size, (p + 1) * size):
                factor[i] = 1 + a0 * factor[i]
                y[i] = x[i] * factor[i]

cdef inline void normals(run_t* r, const op_t* op, Py_ssize_t row, real* z) noexcept nogil:
    """A panel of normal numbers; fastnn.random.noise is the specification."""
    if r.lanes == 1:
        if real is float:
            normals_row_f(op.s, r.step, op.k, z)
        else:
            normals_row_d(op.s, r.step, op.k, z)
    elif real is float:
        normals_panel_f(op.s, r.step, row, op.k, z)
    else:
        normals_panel_d(op.s, r.step, row, op.k, z)

# fixed maps of a channel

cdef void affine_ops(
    run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1, bint forward,
) noexcept nogil:
    """dst <- (src - centre) factor + shift; backwards dsrc <- ddst factor."""
    cdef Py_ssize_t p, i, j, at, L = r.lanes
    cdef const real* x = work + (op.src if forward else op.ddst) * r.capacity
    cdef real* y = work + (op.dst if forward else op.dsrc) * r.capacity
    cdef real centre = 0, factor, shift = 0, wasted
    for j in range(op.k):
        if forward:
            channel_map[real](r, op, j % op.m, &centre, &factor, &shift)
        else:
            channel_map[real](r, op, j % op.m, &wasted, &factor, &wasted)
        for p in range(p0, p1):
            at = (p * op.k + j) * L
            for i in range(L):
                y[at + i] = multiply_add(x[at + i] - centre, factor, shift)

cdef inline void channel_map(
    run_t* r, const op_t* op, Py_ssize_t c, real* centre, real* factor, real* shift,
) noexcept nogil:
    cdef const double* numbers = constants(r) + op.s + c
    cdef real mean, deviation
    if op.formula == CONSTANTS:
        centre[0] = <real>numbers[0]
        factor[0] = <real>numbers[op.m]
        shift[0] = <real>numbers[2 * op.m]
        return
    mean = (<const real*>r.params)[op.w + c]
    # a constant column is divided by a small number instead of 0, as in Keras
    deviation = maximum_(sqrt_((<const real*>r.params)[op.b + c]), <real>op.a0)
    centre[0] = mean if op.formula == NORMALIZE else 0
    factor[0] = 1 / deviation if op.formula == NORMALIZE else deviation
    shift[0] = 0 if op.formula == NORMALIZE else mean

# lookups: whole numbers are read from floats, their fractions cut off

cdef inline Py_ssize_t whole(real x, Py_ssize_t limit) noexcept nogil:
    """The number as an index below the limit, or -1 if it is none; a NaN is not."""
    return <Py_ssize_t>x if x > -1 and x < limit else -1

cdef void embed(run_t* r, const op_t* op, real* work, Py_ssize_t p) noexcept nogil:
    """dst <- rows of w[s, m]; NaN for what is no row."""
    cdef Py_ssize_t i, j, c, index, L = r.lanes, m = op.m
    cdef const real* x = work + op.src * r.capacity + p * op.k * L
    cdef const real* table = <const real*>r.params + op.w
    cdef real* y = work + op.dst * r.capacity + p * op.k * m * L
    for j in range(op.k):
        for i in range(L):
            index = whole(x[j * L + i], op.s)
            if p * L + i >= r.n:
                index = 0
            for c in range(m):
                y[(j * m + c) * L + i] = table[index * m + c] if index >= 0 else <real>NAN

cdef void embedding_gradient(run_t* r, const op_t* op, real* work) noexcept nogil:
    """grads[w] <- the sums of ddst by rows of the table, of which every thread has some."""
    cdef Py_ssize_t row, i, j, c, index, L = r.lanes, m = op.m
    cdef Py_ssize_t first = share(op.s, r.thread, r.threads, 1), last = share(op.s, r.thread + 1, r.threads, 1)
    cdef const real* x = work + op.src * r.capacity
    cdef const real* dy = work + op.ddst * r.capacity
    cdef real* table = <real*>r.grads + op.w
    memset(table + first * m, 0, (last - first) * m * sizeof(real))
    for row in range(r.n):
        i = row % L
        for j in range(row // L * op.k, (row // L + 1) * op.k):
            index = whole(x[j * L + i], op.s)
            if first <= index < last:
                for c in range(m):
                    table[index * m + c] += dy[(j * m + c) * L + i]

cdef void encode(run_t* r, const op_t* op, real* work, Py_ssize_t p) noexcept nogil:
    cdef Py_ssize_t i, j, c, index, L = r.lanes, m = op.m
    cdef Py_ssize_t width = op.k if op.formula == BINS else m * op.k if op.formula == ONE_HOT else m
    cdef const real* x = work + op.src * r.capacity + p * op.k * L
    cdef real* y = work + op.dst * r.capacity + p * width * L
    cdef const double* bounds = constants(r) + op.s
    memset(y, 0, width * L * sizeof(real))
    for j in range(op.k):
        for i in range(L):
            if op.formula == BINS:
                for c in range(m):
                    y[j * L + i] += <real>bounds[c] <= x[j * L + i]
                continue
            index = whole(x[j * L + i], m)
            if index < 0:
                continue
            if op.formula == ONE_HOT:
                y[(j * m + index) * L + i] = 1
            elif op.formula == MULTI_HOT:
                y[index * L + i] = 1
            else:
                y[index * L + i] += 1

# places

cdef void gather(
    run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1,
) noexcept nogil:
    """dst[j] <- src[table[j]], 0 where that is -1."""
    cdef Py_ssize_t p, j, L = r.lanes
    cdef const double* table = constants(r) + op.s
    cdef const real* x = work + op.src * r.capacity
    cdef real* y = work + op.dst * r.capacity
    for p in range(p0, p1):
        for j in range(op.m):
            if table[j] < 0:
                memset(y + (p * op.m + j) * L, 0, L * sizeof(real))
            else:
                memcpy(y + (p * op.m + j) * L, x + (p * op.k + <Py_ssize_t>table[j]) * L, L * sizeof(real))

cdef void scatter(
    run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1,
) noexcept nogil:
    """dsrc[table[j]] <- the sum of ddst[j], j ascending."""
    cdef Py_ssize_t p, i, j, to, L = r.lanes
    cdef const double* table = constants(r) + op.s
    cdef const real* dy = work + op.ddst * r.capacity
    cdef real* dx = work + op.dsrc * r.capacity
    memset(dx + p0 * op.k * L, 0, (p1 - p0) * op.k * L * sizeof(real))
    for p in range(p0, p1):
        for j in range(op.m):
            if table[j] >= 0:
                to = (p * op.k + <Py_ssize_t>table[j]) * L
                for i in range(L):
                    dx[to + i] += dy[(p * op.m + j) * L + i]
