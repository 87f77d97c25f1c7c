# Penalties of values, constraints, and the penalty of directions: what stands beside the loss. Every
# sum is taken by one thread in one order.

cdef void activity_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """aux[row] <- a0 sum |y| + a1 sum y^2, where there is a loss. dst is src."""
    cdef Py_ssize_t p, p0, p1, i, j, L = r.lanes
    cdef const real* y
    cdef real* rows
    cdef real l1 = <real>op.a0, l2 = <real>op.a1
    if r.T == NULL or not rows_only(r, &p0, &p1):
        return
    for p in range(p0, p1):
        y = work + op.src * r.capacity + p * op.k * L
        rows = work + op.aux * r.capacity + p * L
        for i in range(L):
            rows[i] = 0
        for j in range(op.k):
            for i in range(L):
                rows[i] += l1 * abs_(y[j * L + i]) + l2 * y[j * L + i] * y[j * L + i]

cdef void activity_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dsrc <- ddst + (a0 sign(y) + 2 a1 y) / n."""
    cdef Py_ssize_t p0, p1, i, size = op.k * r.lanes
    cdef real* dx = work + op.dsrc * r.capacity
    cdef const real* dy = work + op.ddst * r.capacity
    cdef const real* y = work + op.src * r.capacity
    cdef real l1 = <real>(op.a0 / r.n), l2 = <real>(2 * op.a1 / r.n)
    if rows_only(r, &p0, &p1):
        for i in range(p0 * size, p1 * size):
            # l1 * y where y is 0 or NaN
            dx[i] = dy[i] + (l2 * y[i] + (l1 if y[i] > 0 else (-l1 if y[i] < 0 else l1 * y[i])))

# constraints

cdef enum:
    GROUP = 64  # norms that are summed side by side

cdef void constrain(run_t* r, const op_t* op, real* work) noexcept nogil:
    """NON_NEGATIVE or BOUND_NORM of the updated parameters. Starts at a barrier, and ends before one
    or before the next constraint, of other parameters."""
    cdef Py_ssize_t i, lo, hi, groups
    cdef real* w = <real*>r.params + op.w
    barrier_wait(r.barrier)
    if op.kind == NON_NEGATIVE:
        lo = share(op.k, r.thread, r.threads, 64)
        hi = share(op.k, r.thread + 1, r.threads, 64)
        for i in range(lo, hi):
            w[i] = maximum_(w[i], <real>0)
        return
    groups = (op.s + GROUP - 1) // GROUP
    lo = share(op.k * groups, r.thread, r.threads, 1)
    hi = share(op.k * groups, r.thread + 1, r.threads, 1)
    for i in range(lo, hi):
        bound_norms[real](
            op, w + i // groups * op.m * op.s + i % groups * GROUP,
            min(<Py_ssize_t>GROUP, op.s - i % groups * GROUP))

cdef void bound_norms(const op_t* op, real* w, Py_ssize_t count) noexcept nogil:
    """w *= desired / (a3 + norm) for `count` neighbouring vectors of m numbers, s apart."""
    cdef Py_ssize_t i, j
    cdef double[GROUP] squares
    cdef real[GROUP] factor
    cdef real norm, desired, rate = <real>op.a2
    for i in range(count):
        squares[i] = 0
    for j in range(op.m):
        for i in range(count):
            squares[i] += <double>w[j * op.s + i] * w[j * op.s + i]
    for i in range(count):
        norm = <real>sqrt(squares[i])
        desired = minimum_(maximum_(norm, <real>op.a0), <real>op.a1)
        if rate != 1:
            desired = rate * desired + (1 - rate) * norm
        factor[i] = desired / (<real>op.a3 + norm)
    for j in range(op.m):
        for i in range(count):
            w[j * op.s + i] *= factor[i]

# The penalty a0 / (v (v - 1)) sum |u_i . u_j| over the v rows (s = 0) or columns (s = 1) of w[k, m],
# u_i being vector i over its norm, or over a1 if that is larger. aux: a double a vector for 1 / norm,
# less than 0 if a1 was, and one for its sum of |u_i . u_j|.

cdef inline Py_ssize_t vectors_of(const op_t* op) noexcept nogil:
    return op.m if op.s else op.k

cdef inline double dot(const op_t* op, const real* x, const real* y) noexcept nogil:
    """x . y of two vectors, in float64: eight running sums, added up in order."""
    cdef Py_ssize_t i, j, apart = op.m if op.s else 1, size = op.k if op.s else op.m
    cdef double[8] sums
    cdef double total = 0
    for j in range(8):
        sums[j] = 0
    for i in range(0, size - 7, 8):
        for j in range(8):
            sums[j] += <double>x[(i + j) * apart] * y[(i + j) * apart]
    for i in range(size - size % 8, size):
        sums[i % 8] += <double>x[i * apart] * y[i * apart]
    for j in range(8):
        total += sums[j]
    return total

cdef void orthogonality_sizes(run_t* r, const op_t* op, real* work, int part, int parts) noexcept nogil:
    """The inverse norms of this part's vectors."""
    cdef double* inverse = block_space[real](r, op, work)
    cdef const real* w = <const real*>r.params + op.w
    cdef Py_ssize_t i, count = vectors_of(op), apart = 1 if op.s else op.m
    cdef double norm
    for i in range(share(count, part, parts, 1), share(count, part + 1, parts, 1)):
        norm = sqrt(dot[real](op, w + i * apart, w + i * apart))
        inverse[i] = -1 / op.a1 if norm < op.a1 else 1 / norm

cdef void orthogonality_rows(
    run_t* r, const op_t* op, real* work, int part, int parts, real* grads,
) noexcept nogil:
    """The sums of this part's vectors, and their gradients if `grads` is not NULL."""
    cdef double* inverse = block_space[real](r, op, work)
    cdef Py_ssize_t i, j, e, count = vectors_of(op), apart = 1 if op.s else op.m
    cdef Py_ssize_t step = op.m if op.s else 1, size = op.k if op.s else op.m
    cdef double* sums = inverse + count
    cdef const real* w = <const real*>r.params + op.w
    cdef double cosine, scale = 2 * op.a0 / (<double>count * (count - 1))
    cdef real factor
    for i in range(share(count, part, parts, 1), share(count, part + 1, parts, 1)):
        sums[i] = 0
        for j in range(count):
            if j == i:
                continue
            cosine = fabs(inverse[i] * inverse[j])
            cosine *= dot[real](op, w + i * apart, w + j * apart)
            sums[i] += fabs(cosine)
            if grads == NULL or cosine == 0:
                continue
            factor = <real>(scale * fabs(inverse[i] * inverse[j]) * (1 if cosine > 0 else -1))
            for e in range(size):
                grads[i * apart + e * step] += factor * w[j * apart + e * step]
        if grads != NULL and inverse[i] > 0:  # what lies along the vector does not turn it
            factor = <real>(scale * sums[i] * inverse[i] * inverse[i])
            for e in range(size):
                grads[i * apart + e * step] -= factor * w[i * apart + e * step]

cdef double orthogonality_value(run_t* r, const op_t* op, real* work) noexcept nogil:
    cdef Py_ssize_t i, count = vectors_of(op)
    cdef double* sums = block_space[real](r, op, work) + count
    cdef double total = 0
    for i in range(count):
        total += sums[i]
    return op.a0 / (<double>count * (count - 1)) * total

cdef void add_orthogonality(run_t* r, const op_t* op, real* work) noexcept nogil:
    """The penalty into the loss, its gradient into grads. Starts and ends at a barrier."""
    orthogonality_sizes[real](r, op, work, r.thread, r.threads)
    barrier_wait(r.barrier)
    orthogonality_rows[real](r, op, work, r.thread, r.threads, <real*>r.grads + op.w)
    barrier_wait(r.barrier)
    if r.thread == 0:
        r.sums[0] += orthogonality_value[real](r, op, work) * r.n
