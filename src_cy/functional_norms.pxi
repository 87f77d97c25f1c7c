# What fastnn.functional calls for normalizations and dropout: rows become panels, a few columns or a few
# rows at a time, and go through the kernels of the layers.

cdef struct norms_t:
    # forwards x, y; backwards dy, dx; the others as in norm_t
    const void* x
    void* y
    void* xhat
    void* scale
    const void* gamma
    const void* beta
    void* mean
    void* variance
    const void* dy
    void* dx
    void* dgamma
    void* dbeta
    Py_ssize_t n, m
    double momentum, epsilon
    bint training
    int* failed  # set where there was no memory

cdef enum:
    SOME = 16  # columns at a time

cdef inline real* shifted(const void* numbers, Py_ssize_t by, real* type) noexcept nogil:
    return <real*>numbers + by if numbers != NULL else NULL

cdef void columns_part(const void* job, int thread, int threads, real* type) noexcept nogil:
    """Batch normalization of some columns, or its gradients: of a layer's, where dx is NULL, gamma's and
    beta's alone."""
    cdef const norms_t* d = <const norms_t*>job
    cdef Py_ssize_t L = 64 // sizeof(real), n = d.n, m = d.m, panels = (n + L - 1) // L, p, width
    cdef Py_ssize_t c = share(m, thread, threads, SOME), c1 = share(m, thread + 1, threads, SOME)
    cdef Py_ssize_t size = panels * SOME * L
    cdef real* one
    cdef real* two
    cdef real* three
    cdef real[2 * SOME] statistics
    cdef norm_t s
    if c >= c1:
        return
    one = <real*>raw_workspace(3 * size * sizeof(real))
    if one == NULL:
        d.failed[0] = 1
        return
    two, three = one + size, one + 2 * size
    memset(&s, 0, sizeof(s))
    s.positions, s.n, s.momentum, s.epsilon, s.own_statistics = 1, n, d.momentum, d.epsilon, d.training
    while c < c1:
        width = min(<Py_ssize_t>SOME, c1 - c)
        s.panel = width * L
        s.moving_mean = shifted[real](d.mean, c, type) if d.mean != NULL else statistics
        s.moving_variance = shifted[real](d.variance, c, type) if d.mean != NULL else statistics + SOME
        if d.mean == NULL:
            memset(statistics, 0, sizeof(statistics))
        s.scale, s.gamma = shifted[real](d.scale, c, type), shifted[real](d.gamma, c, type)
        s.beta = shifted[real](d.beta, c, type)
        s.dgamma, s.dbeta = shifted[real](d.dgamma, c, type), shifted[real](d.dbeta, c, type)
        for p in range(panels):
            if d.dy == NULL:
                to_panel[real](<const real*>d.x + p * L * m + c, m, one + p * s.panel, width, min(L, n - p * L))
            else:
                to_panel[real](<const real*>d.dy + p * L * m + c, m, one + p * s.panel, width, min(L, n - p * L))
                to_panel[real](<real*>d.xhat + p * L * m + c, m, two + p * s.panel, width, min(L, n - p * L))
        if d.dy == NULL:
            if real is float:
                batch_norm_f(&s, 0, width, one, two, three)
            else:
                batch_norm_d(&s, 0, width, one, two, three)
        elif real is float:
            batch_norm_gradient_f(&s, 0, width, one, two, three if d.dx != NULL else NULL)
        else:
            batch_norm_gradient_d(&s, 0, width, one, two, three if d.dx != NULL else NULL)
        for p in range(panels):
            if d.dy == NULL:
                from_panel[real](two + p * s.panel, <real*>d.xhat + p * L * m + c, m, width, min(L, n - p * L))
                from_panel[real](three + p * s.panel, <real*>d.y + p * L * m + c, m, width, min(L, n - p * L))
            elif d.dx != NULL:
                from_panel[real](three + p * s.panel, <real*>d.dx + p * L * m + c, m, width, min(L, n - p * L))
        c += width
    free(one)

cdef void normal_rows_part(const void* job, int thread, int threads, real* type) noexcept nogil:
    """Layer normalization of some rows, or its gradient in them."""
    cdef const norms_t* d = <const norms_t*>job
    cdef Py_ssize_t L = 64 // sizeof(real), m = d.m, count
    cdef Py_ssize_t r = share(d.n, thread, threads, 16), r1 = share(d.n, thread + 1, threads, 16)
    cdef row_norm_t s
    cdef real* one
    cdef real* two
    cdef real* three
    cdef real* scale = <real*>d.scale
    s.k, s.m, s.groups, s.pooled, s.kind, s.epsilon = m, m, 1, 0, NORM_LAYER, d.epsilon
    s.gamma, s.beta = d.gamma, d.beta
    if r >= r1:
        return
    one = <real*>raw_workspace((3 * m + 1) * L * sizeof(real))
    if one == NULL:
        d.failed[0] = 1
        return
    two, three = one + m * L, one + 2 * m * L
    cdef real* scales = one + 3 * m * L
    while r < r1:
        count = min(L, r1 - r)
        if count < FEW:
            normal_row[real](&s, d, r)
            r += 1
            continue
        if d.dy == NULL:
            to_panel[real](<const real*>d.x + r * m, m, one, m, count)
            if real is float:
                row_norm_panel_f(&s, one, two, three, scales)
            else:
                row_norm_panel_d(&s, one, two, three, scales)
            memcpy(scale + r, scales, count * sizeof(real))
            from_panel[real](two, <real*>d.xhat + r * m, m, m, count)
            from_panel[real](three, <real*>d.y + r * m, m, m, count)
        else:
            to_panel[real](<const real*>d.dy + r * m, m, one, m, count)
            to_panel[real](<real*>d.xhat + r * m, m, two, m, count)
            memset(scales, 0, L * sizeof(real))
            memcpy(scales, scale + r, count * sizeof(real))
            if real is float:
                row_norm_gradient_panel_f(&s, one, two, scales, three)
            else:
                row_norm_gradient_panel_d(&s, one, two, scales, three)
            from_panel[real](three, <real*>d.dx + r * m, m, m, count)
        r += count
    free(one)

cdef inline void normal_row(const row_norm_t* s, const norms_t* d, Py_ssize_t r, real* type=NULL) noexcept nogil:
    cdef Py_ssize_t m = d.m
    cdef const real* x = <const real*>d.x + r * m
    cdef const real* dy = <const real*>d.dy + r * m
    cdef real* xhat = <real*>d.xhat + r * m
    cdef real* scale = <real*>d.scale + r
    if real is float:
        if d.dy == NULL:
            row_norm_row_f(s, x, xhat, <real*>d.y + r * m, scale)
        else:
            row_norm_gradient_row_f(s, dy, xhat, scale, <real*>d.dx + r * m)
    else:
        if d.dy == NULL:
            row_norm_row_d(s, x, xhat, <real*>d.y + r * m, scale)
        else:
            row_norm_gradient_row_d(s, dy, xhat, scale, <real*>d.dx + r * m)

cdef int run_norms(part_t part, norms_t* d, const array_t* x) except -1:
    cdef int failed = 0
    d.n, d.m, d.failed = x.shape[0], x.shape[1], &failed
    share_work(part, x.descr == float_type, d, guess(<double>d.n * d.m, x, 2 * PASS))
    if failed:
        raise MemoryError("no memory for the workspace of a normalization")
    return 0

cdef inline bint fits_norm(X, gamma, beta, out) noexcept:
    cdef array_t* x
    if not is_array(X):
        return False
    x = as_array(X)
    return (is_real(x) and x.nd == 2 and x.shape[0] > 0 and x.shape[1] > 0
            and (gamma is None or is_row(gamma, x.shape[1], x.descr))
            and (beta is None or is_row(beta, x.shape[1], x.descr))
            and (out is None or is_like(out, x, True) and apart(as_array(out), x)
                 and (gamma is None or apart(as_array(out), as_array(gamma)))
                 and (beta is None or apart(as_array(out), as_array(beta)))))

def array_batch_norm_forward(X, gamma=None, beta=None, running_mean=None, running_var=None, training=True,
                       momentum=0.99, epsilon=1e-3, out=None):
    cdef norms_t d
    cdef array_t* x
    memset(&d, 0, sizeof(d))
    arguments = X, gamma, beta, running_mean, running_var, training, momentum, epsilon, out
    if not (fits_norm(X, gamma, beta, out) and type(training) is bool
            and is_number(momentum, &d.momentum, 0, INFINITY) and d.momentum <= 1
            and is_number(epsilon, &d.epsilon, 0, INFINITY)):
        return general["batch_norm_forward"](*arguments)
    x = as_array(X)
    if running_mean is not None or running_var is not None or not training:
        if not (is_row(running_mean, x.shape[1], x.descr) and is_row(running_var, x.shape[1], x.descr)
                and as_array(running_mean).flags & as_array(running_var).flags & WRITABLE == WRITABLE
                and apart(as_array(running_mean), as_array(running_var))
                and apart(as_array(running_mean), x) and apart(as_array(running_var), x)
                and (out is None or apart(as_array(running_mean), as_array(out))
                     and apart(as_array(running_var), as_array(out)))):
            return general["batch_norm_forward"](*arguments)
        d.mean, d.variance = as_array(running_mean).data, as_array(running_var).data
    if out is None:
        out = new_like(x)
    xhat, scale = new_like(x), new_row(x.shape[1], x.descr)
    d.x, d.y, d.xhat, d.scale = x.data, as_array(out).data, as_array(xhat).data, as_array(scale).data
    d.gamma = as_array(gamma).data if gamma is not None else NULL
    d.beta = as_array(beta).data if beta is not None else NULL
    d.training = training
    run_norms(NORMAL_COLUMNS, &d, x)
    return out, (xhat, scale, gamma, training)

cdef bint fits_norm_gradient(dY, cache, Py_ssize_t scales, out) except -1:
    """Whether cache is (xhat, scale, gamma, ...) for dY, and out None or (dX, dgamma, dbeta)."""
    cdef array_t* dy
    if not (is_array(dY) and type(cache) is tuple and len(<tuple>cache) == 4):
        return False
    dy = as_array(dY)
    xhat, scale, gamma, _ = cache
    if not (is_real(dy) and dy.nd == 2 and dy.shape[0] > 0 and dy.shape[1] > 0 and is_like(xhat, dy, False)
            and is_array(scale) and as_array(scale).descr == dy.descr and as_array(scale).nd == 1
            and as_array(scale).shape[0] == dy.shape[scales]
            and (gamma is None or is_row(gamma, dy.shape[1], dy.descr))):
        return False
    if out is None:
        return True
    if type(out) is not tuple or len(<tuple>out) != 3:
        return False
    dX, dgamma, dbeta = out
    if not (is_like(dX, dy, True) and is_row(dgamma, dy.shape[1], dy.descr)
            and is_row(dbeta, dy.shape[1], dy.descr)
            and as_array(dgamma).flags & as_array(dbeta).flags & WRITABLE == WRITABLE):
        return False
    for i, written in enumerate(out):
        for other in (dY, xhat, scale, gamma, *out[i + 1:]):
            if other is not None and not apart(as_array(written), as_array(other)):
                return False
    return True

cdef object new_norm_gradients(const array_t* dy, out):
    return out if out is not None else (
        new_like(dy), new_row(dy.shape[1], dy.descr), new_row(dy.shape[1], dy.descr))

def array_batch_norm_backward(dY, cache, out=None):
    cdef norms_t d
    cdef array_t* dy
    if not fits_norm_gradient(dY, cache, 1, out) or type(cache[3]) is not bool:
        return general["batch_norm_backward"](dY, cache, out)
    dy = as_array(dY)
    xhat, scale, gamma, training = cache
    out = new_norm_gradients(dy, out)
    dX, dgamma, dbeta = out
    memset(&d, 0, sizeof(d))
    d.dy, d.dx, d.xhat = dy.data, as_array(dX).data, as_array(xhat).data
    d.scale, d.dgamma, d.dbeta = as_array(scale).data, as_array(dgamma).data, as_array(dbeta).data
    d.gamma = as_array(gamma).data if gamma is not None else NULL
    d.training = training
    run_norms(NORMAL_COLUMNS, &d, dy)
    return out

def array_layer_norm_forward(X, gamma=None, beta=None, epsilon=1e-3, out=None):
    cdef norms_t d
    cdef array_t* x
    memset(&d, 0, sizeof(d))
    if not (fits_norm(X, gamma, beta, out) and is_number(epsilon, &d.epsilon, 0, INFINITY)):
        return general["layer_norm_forward"](X, gamma, beta, epsilon, out)
    x = as_array(X)
    if out is None:
        out = new_like(x)
    xhat, scale = new_like(x), new_row(x.shape[0], x.descr)
    d.x, d.y, d.xhat, d.scale = x.data, as_array(out).data, as_array(xhat).data, as_array(scale).data
    d.gamma = as_array(gamma).data if gamma is not None else NULL
    d.beta = as_array(beta).data if beta is not None else NULL
    run_norms(NORMAL_ROWS, &d, x)
    return out, (xhat, scale, gamma, None)

def array_layer_norm_backward(dY, cache, out=None):
    cdef norms_t d
    cdef array_t* dy
    if not fits_norm_gradient(dY, cache, 0, out):
        return general["layer_norm_backward"](dY, cache, out)
    dy = as_array(dY)
    xhat, scale, gamma, _ = cache
    out = new_norm_gradients(dy, out)
    dX, dgamma, dbeta = out
    memset(&d, 0, sizeof(d))
    d.dy, d.dx, d.xhat = dy.data, as_array(dX).data, as_array(xhat).data
    d.scale, d.gamma = as_array(scale).data, as_array(gamma).data if gamma is not None else NULL
    run_norms(NORMAL_ROWS, &d, dy)
    d.dx, d.dgamma, d.dbeta, d.gamma, d.scale = NULL, as_array(dgamma).data, as_array(dbeta).data, NULL, NULL
    run_norms(NORMAL_COLUMNS, &d, dy)
    return out

cdef struct masks_t:
    const void* x
    void* y
    void* mask
    Py_ssize_t n, m
    uint64_t seed, step
    int32_t threshold
    double scale
    int* failed

cdef void masks_part(const void* job, int thread, int threads, real* type) noexcept nogil:
    """mask <- the numbers of network.pxi's dropout; y <- x mask."""
    cdef const masks_t* d = <const masks_t*>job
    cdef Py_ssize_t L = 64 // sizeof(real), m = d.m, count, i
    cdef Py_ssize_t r = share(d.n, thread, threads, 16), r1 = share(d.n, thread + 1, threads, 16)
    cdef const real* x = <const real*>d.x
    cdef real* y = <real*>d.y
    cdef real* mask = <real*>d.mask
    cdef real* panel
    if r >= r1:
        return
    panel = <real*>raw_workspace(m * L * sizeof(real))
    if panel == NULL:
        d.failed[0] = 1
        return
    while r < r1:
        count = min(L, r1 - r)
        if d.n == 1:
            if real is float:
                dropout_row_f(d.seed, d.step, m, d.threshold, <float>d.scale, mask)
            else:
                dropout_row_d(d.seed, d.step, m, d.threshold, d.scale, mask)
        else:
            if real is float:
                dropout_mask_f(d.seed, d.step, r, m, d.threshold, <float>d.scale, panel)
            else:
                dropout_mask_d(d.seed, d.step, r, m, d.threshold, d.scale, panel)
            from_panel[real](panel, mask + r * m, m, m, count)
        for i in range(r * m, (r + count) * m):
            y[i] = x[i] * mask[i]
        r += count
    free(panel)

def array_dropout(X, rate, seed, step=0, out=None):
    cdef masks_t d
    cdef array_t* x
    cdef double share_dropped
    cdef int failed = 0
    if not (is_array(X) and is_real(as_array(X)) and as_array(X).nd == 2
            and is_number(rate, &share_dropped, 0, 1) and type(seed) is int and type(step) is int
            and 0 <= seed < 1 << 63 and 0 <= step < 1 << 63):
        return general["dropout"](X, rate, seed, step, out)
    x = as_array(X)
    if out is None:
        out = new_like(x), new_like(x)
    elif not (type(out) is tuple and len(<tuple>out) == 2 and is_like(out[0], x, True)
              and is_like(out[1], x, True) and apart(as_array(out[0]), as_array(out[1]))
              and apart(as_array(out[1]), x)
              and (as_array(out[0]).data == x.data or apart(as_array(out[0]), x))):
        return general["dropout"](X, rate, seed, step, out)
    y, mask = out
    d.x, d.y, d.mask, d.n, d.m = x.data, as_array(y).data, as_array(mask).data, x.shape[0], x.shape[1]
    d.seed, d.step, d.failed = seed, step, &failed
    d.threshold, d.scale = <int32_t>rint(share_dropped * 65536), 1 / (1 - share_dropped)
    if d.n and d.m:
        share_work(MASKS, x.descr == float_type, &d, guess(<double>d.n * d.m, x, 2 * PASS))
    if failed:
        raise MemoryError("no memory for a panel of masks")
    return out
