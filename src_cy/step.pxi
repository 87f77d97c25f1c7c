# One batch through the plan, by one of `threads` threads that all come here together. Barriers stand
# where a thread reads what others wrote: around batch norm, before the weight gradients (which sum
# over all rows), before clipping, before and after the update. Cut by columns, an op needs all of
# its source, so then there is one after every op.

cdef void forward_ops(run_t* r, real* work) noexcept nogil:
    cdef Py_ssize_t i
    cdef const op_t* op
    for i in range(r.n_ops):
        op = &r.ops[i]
        if op.kind == INPUT:
            input_forward[real](r, op, work)
        elif op.kind == DENSE:
            dense_forward[real](r, op, work)
        elif op.kind == ACTIVATION:
            activation_forward[real](r, op, work)
        elif op.kind == SOFTMAX:
            softmax_forward[real](r, op, work)
        elif op.kind == DROPOUT:
            dropout_forward[real](r, op, work)
        elif op.kind == BATCH_NORM:
            barrier_wait(r.barrier)
            batch_norm_forward[real](r, op, work)
            barrier_wait(r.barrier)
        elif op.kind == ADD or op.kind == MULTIPLY:
            merge_forward[real](r, op, work)
        elif op.kind == CONCATENATE:
            concatenate[real](r, op, work, True)
        elif OUTPUT <= op.kind <= CROSS_LOSS:
            head_forward[real](r, op, work)
        elif op.kind >= ELEMENT_METRIC and op.kind < PENALTY and r.T != NULL:
            metric_rows[real](r, op, work)
        if r.column_parts > 1 and op.kind <= CROSS_LOSS:
            barrier_wait(r.barrier)

cdef void backward_ops(run_t* r, real* work) noexcept nogil:
    cdef Py_ssize_t i
    cdef const op_t* op
    for i in range(r.n_ops - 1, -1, -1):
        op = &r.ops[i]
        if op.kind > CONCATENATE or op.ddst < 0:
            continue
        if op.kind == DENSE:
            dense_derive[real](r, op, work)
            if op.dsrc >= 0:
                if r.column_parts > 1:
                    barrier_wait(r.barrier)
                dense_input_gradient[real](r, op, work)
        elif op.kind == ACTIVATION:
            activation_backward[real](r, op, work)
        elif op.kind == SOFTMAX:
            softmax_backward[real](r, op, work)
        elif op.kind == DROPOUT:
            dropout_backward[real](r, op, work)
        elif op.kind == BATCH_NORM:
            barrier_wait(r.barrier)
            batch_norm_backward[real](r, op, work)
            barrier_wait(r.barrier)
        elif op.kind == FORK:
            fork_backward[real](r, op, work)
        elif op.kind == ADD or op.kind == MULTIPLY:
            merge_backward[real](r, op, work)
        elif op.kind == CONCATENATE:
            concatenate[real](r, op, work, False)
        if r.column_parts > 1:
            barrier_wait(r.barrier)
    barrier_wait(r.barrier)
    for i in range(r.n_ops):
        op = &r.ops[i]
        if op.kind == DENSE and op.trains:
            dense_weight_gradient[real](r, op, work)

cdef void add_penalty(run_t* r, const op_t* op, real* work) noexcept nogil:
    """g += l1 sign(w) + 2 l2 w."""
    cdef real* g = <real*>r.grads
    cdef const real* p = <const real*>r.params
    cdef real l1 = <real>op.a0, l2 = 2 * <real>op.a1
    cdef Py_ssize_t i
    for i in range(op.w + share(op.k, r.thread, r.threads, 64), op.w + share(op.k, r.thread + 1, r.threads, 64)):
        # a NaN has no sign: it stays NaN through l2 or w itself
        g[i] += l1 * <real>((p[i] > 0) - (p[i] < 0)) + l2 * p[i]

cdef void clip_gradient(run_t* r, const op_t* op, real* work) noexcept nogil:
    """CLIP_VALUE or CLIP_NORM; one thread's work."""
    cdef real* g = <real*>r.grads + op.w
    cdef real limit = <real>op.a0, factor
    cdef double squares = 0
    cdef Py_ssize_t i
    if op.kind == CLIP_VALUE:
        for i in range(op.k):
            g[i] = minimum_(maximum_(g[i], -limit), limit)
        return
    for i in range(op.k):
        squares += <double>g[i] * g[i]
    if sqrt(squares) > op.a0:
        factor = <real>(op.a0 / sqrt(squares))
        for i in range(op.k):
            g[i] *= factor

cdef void update_ops(run_t* r, real* work) noexcept nogil:
    """Penalties, clipping and the optimizer's step. Starts and ends at a barrier."""
    cdef Py_ssize_t i, lo, hi
    cdef const op_t* op
    barrier_wait(r.barrier)
    for i in range(r.n_ops):
        op = &r.ops[i]
        if op.kind == PENALTY:
            add_penalty[real](r, op, work)
            barrier_wait(r.barrier)
        elif op.kind == CLIP_VALUE or op.kind == CLIP_NORM:
            if r.thread == 0:
                clip_gradient[real](r, op, work)
            barrier_wait(r.barrier)
        elif op.kind == UPDATE:
            lo = op.w + share(op.k, r.thread, r.threads, 64)
            hi = op.w + share(op.k, r.thread + 1, r.threads, 64)
            update[real](
                op.formula, <real*>r.params, <real*>r.grads, <real*>r.slots, r.n_trained,
                r.numbers, lo, hi)
    barrier_wait(r.barrier)

cdef void training_step(run_t* r, real* work) noexcept nogil:
    """Forward, loss, backward, update for the batch r.rows[0 : r.n]."""
    forward_ops[real](r, work)
    backward_ops[real](r, work)
    if r.thread == 0:
        add_sums[real](r, work)  # the parameters are still those of the loss
    update_ops[real](r, work)

cdef void cut_shares(run_t* r) noexcept nogil:
    """Cut the batch into rows for as many threads as it has panels, and the rest into columns."""
    r.panels = (r.n + r.lanes - 1) // r.lanes
    r.row_parts = <int>min(<Py_ssize_t>r.threads, max(r.panels, <Py_ssize_t>1))
    r.column_parts = r.threads // r.row_parts
    r.row_part = r.thread % r.row_parts
    r.column_part = r.thread // r.row_parts
    if r.column_part >= r.column_parts:  # threads left over: they only join where all do
        r.column_part = r.column_parts
