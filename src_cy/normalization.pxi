# Batch normalization. Its sums run over the rows, so it is cut by channels and stands between
# barriers (step.pxi). A channel's numbers: k / m positions, each a column of panels.

# In a batch of one row a column is one number; otherwise the loops over a column's panels are C's.

cdef inline real column_mean(Py_ssize_t L, const real* x, Py_ssize_t panel, Py_ssize_t n) noexcept nogil:
    """Sum of a column."""
    if L == 1:
        return x[0]
    if real is float:
        return column_mean_f(x, panel, n)
    else:
        return column_mean_d(x, panel, n)

cdef inline real column_dot(
    Py_ssize_t L, const real* x, const real* factor, Py_ssize_t panel, Py_ssize_t n,
) noexcept nogil:
    """Sum of a column times another."""
    if L == 1:
        return x[0] * factor[0]
    if real is float:
        return column_dot_f(x, factor, panel, n)
    else:
        return column_dot_d(x, factor, panel, n)

cdef inline real column_variance(
    Py_ssize_t L, const real* x, real mean, Py_ssize_t panel, Py_ssize_t n,
) noexcept nogil:
    """Sum of (x - mean)^2 of a column."""
    if L == 1:
        return (x[0] - mean) * (x[0] - mean)
    if real is float:
        return column_variance_f(x, mean, panel, n)
    else:
        return column_variance_d(x, mean, panel, n)

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
                mean += column_mean[real](L, x + j * L, panel, r.n)
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
    """xhat <- (x - mean) scale, y <- gamma xhat + beta."""
    if L == 1:
        xhat[0] = (x[0] - mean) * scale
        y[0] = gamma * xhat[0] + beta
    elif real is float:
        normalize_column_f(x, xhat, y, panel, panels, mean, scale, gamma, beta)
    else:
        normalize_column_d(x, xhat, y, panel, panels, mean, scale, gamma, beta)

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
            dgamma += column_dot[real](L, dy + j * L, xhat + j * L, panel, r.n)
            dbeta += column_mean[real](L, dy + j * L, panel, r.n)
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
    if L == 1:
        dx[0] = (dy[0] - dbeta - xhat[0] * dgamma) * scale
    elif real is float:
        denormalize_column_f(dy, xhat, dx, panel, n, dbeta, dgamma, scale)
    else:
        denormalize_column_d(dy, xhat, dx, panel, n, dbeta, dgamma, scale)
