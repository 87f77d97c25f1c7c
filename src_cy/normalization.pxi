# Batch normalization (Ioffe & Szegedy 2015). Its sums run over the rows, so it is cut by channels and
# stands between barriers (step.pxi). A channel's numbers: k / m positions, each a column of panels.
# a0 momentum, a1 epsilon; aux keeps xhat, keep the scales 1 / sqrt(variance + epsilon).

cdef void batch_norm_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    cdef real* x = work + op.src * r.capacity
    cdef real* xhat = work + op.aux * r.capacity
    cdef real* y = work + op.dst * r.capacity
    cdef Py_ssize_t c0 = share(op.m, r.thread, r.threads, 1), c1 = share(op.m, r.thread + 1, r.threads, 1)
    cdef norm_t d
    if r.lanes == 1:
        batch_norm_row[real](r, op, work, c0, c1)
        return
    describe_norm[real](r, op, work, &d)
    if real is float:
        batch_norm_f(&d, c0, c1, x, xhat, y)
    else:
        batch_norm_d(&d, c0, c1, x, xhat, y)

cdef void batch_norm_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """The chain rule after their algorithm 1, collected."""
    cdef real* dy = work + op.ddst * r.capacity
    cdef real* xhat = work + op.aux * r.capacity
    cdef real* dx = work + op.dsrc * r.capacity if op.dsrc >= 0 else NULL
    cdef Py_ssize_t c0 = share(op.m, r.thread, r.threads, 1), c1 = share(op.m, r.thread + 1, r.threads, 1)
    cdef norm_t d
    if r.lanes == 1:
        batch_norm_row_gradient[real](r, op, work, c0, c1)
        return
    describe_norm[real](r, op, work, &d)
    if real is float:
        batch_norm_gradient_f(&d, c0, c1, dy, xhat, dx)
    else:
        batch_norm_gradient_d(&d, c0, c1, dy, xhat, dx)

cdef inline void describe_norm(run_t* r, const op_t* op, real* work, norm_t* d) noexcept nogil:
    cdef real* params = <real*>r.params
    cdef real* grads = <real*>r.grads
    d.panel, d.positions, d.apart, d.n = op.k * r.lanes, op.k // op.m, op.m * r.lanes, r.n
    d.momentum, d.epsilon = op.a0, op.a1
    d.own_statistics = r.training and not op.frozen
    d.moving_mean, d.moving_variance = params + op.s, params + op.s + op.m
    d.scale = work + op.keep * r.capacity
    d.gamma = params + op.w if op.w >= 0 else NULL
    d.beta = params + op.b if op.b >= 0 else NULL
    d.dgamma = grads + op.w if op.trains and op.w >= 0 else NULL
    d.dbeta = grads + op.b if op.trains and op.b >= 0 else NULL

# A batch of one row, where a column is one number.

cdef void batch_norm_row(
    run_t* r, const op_t* op, real* work, Py_ssize_t c0, Py_ssize_t c1,
) noexcept nogil:
    cdef real* x = work + op.src * r.capacity
    cdef real* xhat = work + op.aux * r.capacity
    cdef real* y = work + op.dst * r.capacity
    cdef real* scales = work + op.keep * r.capacity
    cdef real* params = <real*>r.params
    cdef real* moving = params + op.s
    cdef real momentum = <real>op.a0, mean, variance, gamma, beta
    cdef Py_ssize_t c, j, m = op.m, count = op.k // m
    for c in range(c0, c1):
        mean = moving[c]
        variance = moving[m + c]
        if r.training and not op.frozen:
            mean = variance = 0
            for j in range(count):
                mean += x[c + j * m]
            mean /= count
            for j in range(count):
                variance += (x[c + j * m] - mean) * (x[c + j * m] - mean)
            variance /= count
            moving[c] = momentum * moving[c] + (1 - momentum) * mean
            moving[m + c] = momentum * moving[m + c] + (1 - momentum) * variance
        scales[c] = 1 / sqrt_(variance + <real>op.a1)
        gamma = params[op.w + c] if op.w >= 0 else 1
        beta = params[op.b + c] if op.b >= 0 else 0
        for j in range(count):
            xhat[c + j * m] = (x[c + j * m] - mean) * scales[c]
            y[c + j * m] = gamma * xhat[c + j * m] + beta

cdef void batch_norm_row_gradient(
    run_t* r, const op_t* op, real* work, Py_ssize_t c0, Py_ssize_t c1,
) noexcept nogil:
    cdef real* dy = work + op.ddst * r.capacity
    cdef real* dx = work + op.dsrc * r.capacity
    cdef real* xhat = work + op.aux * r.capacity
    cdef real* scales = work + op.keep * r.capacity
    cdef real* grads = <real*>r.grads
    cdef real dgamma, dbeta, scale
    cdef Py_ssize_t c, j, m = op.m, count = op.k // m
    for c in range(c0, c1):
        dgamma = dbeta = 0
        for j in range(count):
            dgamma += dy[c + j * m] * xhat[c + j * m]
            dbeta += dy[c + j * m]
        if op.trains and op.w >= 0:
            grads[op.w + c] = dgamma
        if op.trains and op.b >= 0:
            grads[op.b + c] = dbeta
        if op.dsrc < 0:
            continue
        scale = scales[c] * (<real*>r.params)[op.w + c] if op.w >= 0 else scales[c]
        dgamma = 0 if op.frozen else dgamma / count
        dbeta = 0 if op.frozen else dbeta / count
        for j in range(count):
            dx[c + j * m] = (dy[c + j * m] - dbeta - xhat[c + j * m] * dgamma) * scale
