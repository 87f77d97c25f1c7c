# Batch normalization. Its sums run over the rows, so it is cut by channels and stands between
# barriers (step.pxi). A channel's numbers: k / m positions, each a column of panels.

cdef inline real column_sum(
    Py_ssize_t L, const real* x, const real* factor, Py_ssize_t panel, Py_ssize_t n,
) noexcept nogil:
    """Sum over n rows of a column of panels, times `factor`'s column if given: by lanes, then those."""
    cdef Py_ssize_t i, first = 0, count
    cdef real[16] sums
    cdef real total = 0
    for i in range(L):
        sums[i] = 0
    while first < n:
        count = min(L, n - first)
        if factor == NULL:
            for i in range(count):
                sums[i] += x[i]
        else:
            for i in range(count):
                sums[i] += x[i] * factor[i]
            factor += panel
        x += panel
        first += L
    for i in range(L):
        total += sums[i]
    return total

cdef inline real column_variance(
    Py_ssize_t L, const real* x, real mean, Py_ssize_t panel, Py_ssize_t n,
) noexcept nogil:
    """Sum of (x - mean)^2 over n rows of a column of panels."""
    cdef Py_ssize_t i, first = 0, count
    cdef real[16] sums
    cdef real total = 0
    for i in range(L):
        sums[i] = 0
    while first < n:
        count = min(L, n - first)
        for i in range(count):
            sums[i] += (x[i] - mean) * (x[i] - mean)
        x += panel
        first += L
    for i in range(L):
        total += sums[i]
    return total

cdef void batch_norm_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """a0 momentum, a1 epsilon; m channels; aux keeps xhat, keep the scales 1 / sqrt(var + epsilon)."""
    cdef Py_ssize_t L = r.lanes, panel = op.k * L, c, c0, c1, j, q
    cdef real* x = work + op.src * r.capacity
    cdef real* scales = work + op.keep * r.capacity
    cdef real* params = <real*>r.params
    cdef real* moving = params + op.s
    cdef real momentum = <real>op.a0, count = <real>(r.n * (op.k // op.m))
    cdef real mean, variance, gamma, beta
    c0 = share(op.m, r.thread, r.threads, 1)
    c1 = share(op.m, r.thread + 1, r.threads, 1)
    for c in range(c0, c1):
        mean = moving[c]
        variance = moving[op.m + c]
        if r.training and not op.frozen:
            mean = variance = 0
            for q in range(op.k // op.m):
                j = c + q * op.m
                mean += column_sum[real](L, x + j * L, NULL, panel, r.n)
            mean /= count
            for q in range(op.k // op.m):
                j = c + q * op.m
                variance += column_variance[real](L, x + j * L, mean, panel, r.n)
            variance /= count
            moving[c] = momentum * moving[c] + (1 - momentum) * mean
            moving[op.m + c] = momentum * moving[op.m + c] + (1 - momentum) * variance
        scales[c] = 1 / sqrt_(variance + <real>op.a1)
        gamma = params[op.w + c] if op.w >= 0 else 1
        beta = params[op.b + c] if op.b >= 0 else 0
        for q in range(op.k // op.m):
            j = c + q * op.m
            normalize_column[real](
                L, x + j * L, work + op.aux * r.capacity + j * L, work + op.dst * r.capacity + j * L,
                panel, r.panels, mean, scales[c], gamma, beta)

cdef inline void normalize_column(
    Py_ssize_t L, const real* x, real* xhat, real* y, Py_ssize_t panel, Py_ssize_t panels,
    real mean, real scale, real gamma, real beta,
) noexcept nogil:
    cdef Py_ssize_t p, i
    for p in range(panels):
        for i in range(L):
            xhat[i] = (x[i] - mean) * scale
        for i in range(L):
            y[i] = gamma * xhat[i] + beta
        x += panel
        xhat += panel
        y += panel

cdef void batch_norm_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """Ioffe & Szegedy 2015, the chain rule after algorithm 1, collected."""
    cdef Py_ssize_t L = r.lanes, panel = op.k * L, c, c0, c1, j, q
    cdef real* dy = work + op.ddst * r.capacity
    cdef real* xhat = work + op.aux * r.capacity
    cdef real* scales = work + op.keep * r.capacity
    cdef real* grads = <real*>r.grads
    cdef real count = <real>(r.n * (op.k // op.m)), dgamma, dbeta, scale
    c0 = share(op.m, r.thread, r.threads, 1)
    c1 = share(op.m, r.thread + 1, r.threads, 1)
    for c in range(c0, c1):
        dgamma = dbeta = 0
        for q in range(op.k // op.m):
            j = c + q * op.m
            dgamma += column_sum[real](L, dy + j * L, xhat + j * L, panel, r.n)
            dbeta += column_sum[real](L, dy + j * L, NULL, panel, r.n)
        if op.trains and op.w >= 0:
            grads[op.w + c] = dgamma
        if op.trains and op.b >= 0:
            grads[op.b + c] = dbeta
        if op.dsrc < 0:
            continue
        scale = scales[c] * (<real*>r.params)[op.w + c] if op.w >= 0 else scales[c]
        if op.frozen:
            dgamma = dbeta = 0
        for q in range(op.k // op.m):
            j = c + q * op.m
            denormalize_column[real](
                L, dy + j * L, xhat + j * L, work + op.dsrc * r.capacity + j * L, panel, r.n,
                dbeta / count, dgamma / count, scale)

cdef inline void denormalize_column(
    Py_ssize_t L, const real* dy, const real* xhat, real* dx, Py_ssize_t panel, Py_ssize_t n,
    real dbeta, real dgamma, real scale,
) noexcept nogil:
    """dx <- scale (dy - dbeta - xhat dgamma), and zero in lanes that no row fills."""
    cdef Py_ssize_t i, first = 0, count
    while first < n:
        count = min(L, n - first)
        for i in range(count):
            dx[i] = (dy[i] - dbeta - xhat[i] * dgamma) * scale
        for i in range(count, L):
            dx[i] = 0
        dy += panel
        xhat += panel
        dx += panel
        first += L
