# What happens around the optimizer's rule (fastnn.plan.Kind). Each begins and ends at a barrier: other
# ops cut the parameters among the threads in other places.

cdef void accumulate(
    run_t* r, const op_t* op, real* g, real* total, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    """total <- total + g; where the sum is complete, g <- total / a0 and total <- 0."""
    cdef real count = <real>op.a0
    cdef Py_ssize_t i
    if r.numbers[op.m] == 0:
        for i in range(lo, hi):
            total[i] += g[i]
    else:
        for i in range(lo, hi):
            g[i] = (total[i] + g[i]) / count
            total[i] = 0

cdef void subtract(real* p, const real* x, real factor, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    """p <- p - factor x."""
    cdef Py_ssize_t i
    for i in range(lo, hi):
        p[i] -= factor * x[i]

cdef real trusted_rate(run_t* r, const op_t* op, real* work) noexcept nogil:
    """The step's scalar times |p| / |g|; 1 for the ratio where a norm is 0 or no number."""
    cdef op_t other = op[0]
    cdef double size, length
    other.aux = op.keep
    sum_blocks[real](r, op, <real*>r.params, work)
    sum_blocks[real](r, &other, <real*>r.grads, work)
    barrier_wait(r.barrier)
    size = sqrt(total_of_blocks[real](r, op, work, 1))
    length = sqrt(total_of_blocks[real](r, &other, work, 1))
    return <real>((size / length if size > 0 and length > 0 else 1.0) * r.numbers[op.m])

cdef void average(
    run_t* r, const op_t* op, real* p, real* a, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    """a <- keep a + (1 - keep) p; where the next scalar is not 0, p <- a."""
    cdef real keep = <real>r.numbers[op.m]
    cdef real rest = 1 - keep
    cdef Py_ssize_t i
    for i in range(lo, hi):
        a[i] = keep * a[i] + rest * p[i]
    if r.numbers[op.m + 1] != 0:
        for i in range(lo, hi):
            p[i] = a[i]

cdef void around_update(run_t* r, const op_t* op, real* work) noexcept nogil:
    """ACCUMULATE, DECAY, TRUST or AVERAGE."""
    cdef real* p = <real*>r.params
    cdef real* slot = <real*>r.slots + op.s * r.n_trained if op.s >= 0 else NULL
    cdef Py_ssize_t lo = op.w + share(op.k, r.thread, r.threads, 64)
    cdef Py_ssize_t hi = op.w + share(op.k, r.thread + 1, r.threads, 64)
    barrier_wait(r.barrier)
    if op.kind == ACCUMULATE:
        accumulate[real](r, op, <real*>r.grads, slot, lo, hi)
    elif op.kind == DECAY:
        subtract[real](p, p, <real>r.numbers[op.m], lo, hi)
    elif op.kind == TRUST:
        subtract[real](p, <real*>r.grads, trusted_rate[real](r, op, work), lo, hi)
    else:
        average[real](r, op, p, slot, lo, hi)
    barrier_wait(r.barrier)
