# Ops of a whole axis: softmax, log-softmax, sparsemax, GLU, each on groups of s columns; and PReLU.
# Every thread does its panels; lanes that no row fills hold anything.

cdef void row_wise_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dst <- the function of each group of s columns of src."""
    cdef Py_ssize_t L = r.lanes, p0, p1, p, groups = op.k // op.s, size = op.s * L
    cdef Py_ssize_t width = op.m // groups * L
    cdef const real* z = work + op.src * r.capacity
    cdef real* y = work + op.dst * r.capacity
    cdef real[16] shift
    cdef real[16] total
    if not rows_only(r, &p0, &p1):
        return
    for p in range(p0 * groups, p1 * groups):
        if op.kind == SOFTMAX:
            softmax_panel[real](L, z + p * size, y + p * size, op.s, shift, total)
        elif op.kind == LOG_SOFTMAX:
            log_softmax_panel[real](L, z + p * size, y + p * size, op.s)
        elif op.kind == SPARSEMAX:
            sparsemax_panel[real](L, z + p * size, y + p * size, op.s)
        elif op.kind == GLU:
            glu_panel[real](z + p * size, y + p * width, width)

cdef void row_wise_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dsrc <- the gradient through each group."""
    cdef Py_ssize_t L = r.lanes, p0, p1, p, groups = op.k // op.s, size = op.s * L
    cdef Py_ssize_t width = op.m // groups * L
    cdef const real* z = work + op.src * r.capacity
    cdef const real* y = work + op.dst * r.capacity
    cdef const real* dy = work + op.ddst * r.capacity
    cdef real* dz = work + op.dsrc * r.capacity
    if not rows_only(r, &p0, &p1):
        return
    for p in range(p0 * groups, p1 * groups):
        if op.kind == SOFTMAX:
            softmax_panel_gradient[real](L, y + p * size, dy + p * size, dz + p * size, op.s)
        elif op.kind == LOG_SOFTMAX:
            log_softmax_panel_gradient[real](L, y + p * size, dy + p * size, dz + p * size, op.s)
        elif op.kind == SPARSEMAX:
            sparsemax_panel_gradient[real](L, y + p * size, dy + p * size, dz + p * size, op.s)
        elif op.kind == GLU:
            glu_panel_gradient[real](z + p * size, dy + p * width, dz + p * size, width)

cdef void softmax_panel_gradient(
    Py_ssize_t L, const real* y, const real* dy, real* dz, Py_ssize_t m,
) noexcept nogil:
    """dz <- y (dy - sum_j dy_j y_j)."""
    cdef real[16] dot
    cdef Py_ssize_t i, j
    for i in range(L):
        dot[i] = 0
    for j in range(m):
        for i in range(L):
            dot[i] += dy[j * L + i] * y[j * L + i]
    for j in range(m):
        for i in range(L):
            dz[j * L + i] = y[j * L + i] * (dy[j * L + i] - dot[i])

cdef void subtract_largest(Py_ssize_t L, const real* z, real* y, Py_ssize_t m) noexcept nogil:
    """y <- z - the largest of its lane."""
    cdef real[16] shift
    cdef Py_ssize_t i, j
    for i in range(L):
        shift[i] = z[i]
    for j in range(1, m):
        for i in range(L):
            # `not >=` lets a NaN in, and keeps it
            shift[i] = shift[i] if shift[i] >= z[j * L + i] or shift[i] != shift[i] else z[j * L + i]
    for j in range(m):
        for i in range(L):
            y[j * L + i] = z[j * L + i] - shift[i]

cdef void log_softmax_panel(Py_ssize_t L, const real* z, real* y, Py_ssize_t m) noexcept nogil:
    """y <- z - log sum exp(z)."""
    cdef real[16] total
    cdef Py_ssize_t i, j
    subtract_largest[real](L, z, y, m)
    for i in range(L):
        total[i] = 0
    for j in range(m):
        for i in range(L):
            total[i] += exp_(y[j * L + i])
    for i in range(L):
        total[i] = log_(total[i])
    for j in range(m):
        for i in range(L):
            y[j * L + i] -= total[i]

cdef void log_softmax_panel_gradient(
    Py_ssize_t L, const real* y, const real* dy, real* dz, Py_ssize_t m,
) noexcept nogil:
    """dz <- dy - exp(y) sum_j dy_j."""
    cdef real[16] total
    cdef Py_ssize_t i, j
    for i in range(L):
        total[i] = 0
    for j in range(m):
        for i in range(L):
            total[i] += dy[j * L + i]
    for j in range(m):
        for i in range(L):
            dz[j * L + i] = dy[j * L + i] - exp_(y[j * L + i]) * total[i]

cdef void sparsemax_panel(Py_ssize_t L, const real* z, real* y, Py_ssize_t m) noexcept nogil:
    """y <- max(z - tau, 0), by the rounds of fastnn.activations.Sparsemax."""
    cdef real[16] tau
    cdef real[16] count
    cdef real[16] total
    cdef real[16] before
    cdef Py_ssize_t i, j
    cdef real inside
    cdef bint changed = True
    subtract_largest[real](L, z, y, m)
    for i in range(L):
        tau[i] = -1
        before[i] = -1
    while changed:
        for i in range(L):
            count[i] = total[i] = 0
        for j in range(m):
            for i in range(L):
                inside = 1 if y[j * L + i] > tau[i] else 0
                count[i] += inside
                total[i] += y[j * L + i] if y[j * L + i] > tau[i] else 0
        changed = False
        for i in range(L):
            changed = changed or count[i] != before[i]
            before[i] = count[i]
        if changed:
            for i in range(L):
                # a lane of NaN has no support: it keeps its tau, and its NaN
                inside = (total[i] - 1) / count[i]
                tau[i] = inside if inside > tau[i] else tau[i]
    for j in range(m):
        for i in range(L):
            y[j * L + i] = maximum_(y[j * L + i] - tau[i], 0)

cdef void sparsemax_panel_gradient(
    Py_ssize_t L, const real* y, const real* dy, real* dz, Py_ssize_t m,
) noexcept nogil:
    """dz <- dy - the mean of dy over the support, 0 outside it."""
    cdef real[16] total
    cdef real[16] count
    cdef Py_ssize_t i, j
    for i in range(L):
        total[i] = count[i] = 0
    for j in range(m):
        for i in range(L):
            count[i] += 1 if y[j * L + i] > 0 else 0
            total[i] += dy[j * L + i] if y[j * L + i] > 0 else 0
    for i in range(L):
        total[i] /= count[i]
    for j in range(m):
        for i in range(L):
            dz[j * L + i] = dy[j * L + i] - total[i] if y[j * L + i] > 0 else 0

cdef void glu_panel(const real* z, real* y, Py_ssize_t width) noexcept nogil:
    """y <- a sigmoid(b) of the halves of z, each of `width` numbers."""
    cdef Py_ssize_t i
    for i in range(width):
        y[i] = z[i] / (1 + exp_(-z[width + i]))

cdef void glu_panel_gradient(
    const real* z, const real* dy, real* dz, Py_ssize_t width,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real s
    for i in range(width):
        s = 1 / (1 + exp_(-z[width + i]))
        dz[i] = dy[i] * s
        dz[width + i] = dy[i] * (z[i] * s * (1 - s))

# PReLU (He et al. 2015): column j has the alpha (j // s) % m.

cdef void prelu(
    run_t* r, const op_t* op, const real* z, const real* x, real* out,
) noexcept nogil:
    """out <- x where z > 0, else alpha x."""
    cdef const real* alphas = <const real*>r.params + op.w
    cdef Py_ssize_t L = r.lanes, p, p0, p1, i, j, at
    cdef real alpha
    if not rows_only(r, &p0, &p1):
        return
    for p in range(p0, p1):
        for j in range(op.k):
            at = (p * op.k + j) * L
            alpha = alphas[j // op.s % op.m]
            for i in range(L):
                out[at + i] = x[at + i] if z[at + i] > 0 else alpha * x[at + i]

cdef void prelu_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    cdef const real* z = work + op.src * r.capacity
    prelu[real](r, op, z, z, work + op.dst * r.capacity)

cdef void prelu_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    if op.dsrc >= 0:
        prelu[real](r, op, work + op.src * r.capacity, work + op.ddst * r.capacity,
                    work + op.dsrc * r.capacity)

cdef void prelu_gradient(run_t* r, const op_t* op, real* work) noexcept nogil:
    """grads[w] <- the sum of dy z where z <= 0: each alpha's by one thread, lanes first, in order."""
    cdef const real* z = work + op.src * r.capacity
    cdef const real* dy = work + op.ddst * r.capacity
    cdef Py_ssize_t L = r.lanes, p, i, j, t, a, at, count, size = op.s
    cdef real[16] sums
    cdef real total
    for a in range(share(op.m, r.thread, r.threads, 1), share(op.m, r.thread + 1, r.threads, 1)):
        for i in range(L):
            sums[i] = 0
        for p in range(r.panels):
            count = min(L, r.n - p * L)
            for j in range(op.k // (op.m * size)):
                for t in range(size):
                    at = (p * op.k + (j * op.m + a) * size + t) * L
                    for i in range(count):
                        sums[i] += 0 if z[at + i] > 0 else dy[at + i] * z[at + i]
        total = sums[0]
        for i in range(1, L):
            total += sums[i]
        (<real*>r.grads)[op.w + a] = total
