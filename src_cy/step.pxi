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
        elif op.kind == SOFTMAX or LOG_SOFTMAX <= op.kind <= GLU:
            row_wise_forward[real](r, op, work)
        elif op.kind == PRELU:
            prelu_forward[real](r, op, work)
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
        elif ROW_NORM <= op.kind <= GATHER:
            layer_forward[real](r, op, work)
        elif op.kind == ACTIVITY:
            activity_forward[real](r, op, work)
        elif OUTPUT <= op.kind <= OVERLAP_LOSS:
            r.head = op
            head_forward[real](r, op, work)
            if op.kind == OVERLAP_LOSS and op.formula and r.training and r.T != NULL:
                barrier_wait(r.barrier)
                overlap_of_batch[real](r, op, work)
        elif op.kind >= ELEMENT_METRIC and op.kind < PENALTY and r.T != NULL:
            metric_rows[real](r, op, work)
        elif op.kind == MERGE:
            merge_two_forward[real](r, op, work)
        elif op.kind == DOT:
            dot_forward[real](r, op, work)
        if r.column_parts > 1 and (in_network(op.kind) or op.kind <= OVERLAP_LOSS):
            barrier_wait(r.barrier)

cdef void backward_ops(run_t* r, real* work) noexcept nogil:
    cdef Py_ssize_t i
    cdef const op_t* op
    for i in range(r.n_ops - 1, -1, -1):
        op = &r.ops[i]
        if not in_network(op.kind) or op.ddst < 0:
            continue
        if op.adds and op.kind == BATCH_NORM:
            begin_adding[real](r, op, work)
        if op.kind == DENSE:
            dense_derive[real](r, op, work)
            if op.dsrc >= 0:
                if r.column_parts > 1:
                    barrier_wait(r.barrier)
                dense_input_gradient[real](r, op, work)
        elif op.kind == ACTIVATION:
            activation_backward[real](r, op, work)
        elif op.kind == SOFTMAX or LOG_SOFTMAX <= op.kind <= GLU:
            row_wise_backward[real](r, op, work)
        elif op.kind == PRELU:
            prelu_backward[real](r, op, work)
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
        elif ROW_NORM <= op.kind <= GATHER:
            layer_backward[real](r, op, work)
        elif op.kind == ACTIVITY:
            activity_backward[real](r, op, work)
        elif op.kind == MERGE:
            merge_two_backward[real](r, op, work)
        elif op.kind == DOT:
            dot_backward[real](r, op, work)
        if op.adds and op.kind == BATCH_NORM:
            end_adding[real](r, op, work)
        if r.column_parts > 1:
            barrier_wait(r.barrier)
    barrier_wait(r.barrier)
    for i in range(r.n_ops - 1, -1, -1):
        op = &r.ops[i]
        if op.trains and op.kind != BATCH_NORM:  # which has done so above
            if op.adds:
                begin_adding[real](r, op, work)
            if op.kind == DENSE:
                dense_weight_gradient[real](r, op, work)
            elif op.kind == ROW_NORM or op.kind == EMBEDDING:
                layer_weight_gradient[real](r, op, work)
            elif op.kind == PRELU:
                prelu_gradient[real](r, op, work)
            if op.adds:
                end_adding[real](r, op, work)

# Parameters that several ops train: the first backward of them writes the gradient, the others write
# to a spare vector, which is then added.

cdef inline void own_share(run_t* r, const op_t* op, Py_ssize_t* lo, Py_ssize_t* hi) noexcept nogil:
    """This thread's numbers among those up to op.adds."""
    cdef Py_ssize_t first = op.b if op.w < 0 or 0 <= op.b < op.w else op.w
    lo[0] = first + share(op.adds - first, r.thread, r.threads, 64)
    hi[0] = first + share(op.adds - first, r.thread + 1, r.threads, 64)

cdef void begin_adding(run_t* r, const op_t* op, const real* work) noexcept nogil:
    """From here on gradients go to the spare vector, which holds zeros. Ends at a barrier."""
    cdef Py_ssize_t lo, hi
    own_share(r, op, &lo, &hi)
    memset(<real*>r.spare + lo, 0, (hi - lo) * sizeof(real))
    r.grads, r.spare = r.spare, r.grads
    barrier_wait(r.barrier)

cdef void end_adding(run_t* r, const op_t* op, const real* work) noexcept nogil:
    """Add what came to the gradient. Starts and ends at a barrier."""
    cdef Py_ssize_t i, lo, hi
    cdef const real* new = <const real*>r.grads
    cdef real* g = <real*>r.spare
    barrier_wait(r.barrier)
    own_share(r, op, &lo, &hi)
    for i in range(lo, hi):
        g[i] += new[i]
    r.grads, r.spare = r.spare, r.grads
    barrier_wait(r.barrier)

# Sums over all parameters are taken in blocks, each by one thread, and those added up in order.
cdef enum:
    BLOCK = 4096

cdef inline double* block_space(run_t* r, const op_t* op, real* work) noexcept nogil:
    """Room for two sums a block, at a multiple of eight bytes."""
    cdef size_t address = <size_t>(work + op.aux * r.capacity)
    return <double*>((address + 7) & ~<size_t>7)

cdef void sum_blocks(run_t* r, const op_t* op, const real* x, real* work) noexcept nogil:
    """Of this thread's blocks of x[w : w + k]: the sums of |x| and of x^2."""
    cdef double* sums = block_space[real](r, op, work)
    cdef Py_ssize_t i, blocks = (op.k + BLOCK - 1) // BLOCK
    for i in range(share(blocks, r.thread, r.threads, 1), share(blocks, r.thread + 1, r.threads, 1)):
        if real is float:
            block_sums_f(x + op.w + i * BLOCK, min(<Py_ssize_t>BLOCK, op.k - i * BLOCK), sums + 2 * i)
        else:
            block_sums_d(x + op.w + i * BLOCK, min(<Py_ssize_t>BLOCK, op.k - i * BLOCK), sums + 2 * i)

cdef inline double total_of_blocks(run_t* r, const op_t* op, real* work, int which) noexcept nogil:
    """The sum of |x| (0) or of x^2 (1) over all blocks."""
    cdef double total = 0
    cdef double* sums = block_space[real](r, op, work)
    cdef Py_ssize_t i
    for i in range((op.k + BLOCK - 1) // BLOCK):
        total += sums[2 * i + which]
    return total

cdef inline double penalty_factor(run_t* r, const op_t* op) noexcept nogil:
    """What a penalty is times in this step."""
    return r.numbers[op.m] if op.m >= 0 and r.training else 1

cdef void add_penalty(run_t* r, const op_t* op, real* work) noexcept nogil:
    """g += l1 sign(w) + 2 l2 w, and the sums of the penalty's value."""
    cdef real* g = <real*>r.grads
    cdef const real* p = <const real*>r.params
    cdef double factor = penalty_factor(r, op)
    cdef real l1 = <real>(op.a0 * factor), l2 = 2 * <real>(op.a1 * factor)
    cdef Py_ssize_t i, lo, hi
    sum_blocks[real](r, op, p, work)
    lo = op.w + share(op.k, r.thread, r.threads, 64)
    hi = op.w + share(op.k, r.thread + 1, r.threads, 64)
    for i in range(lo, hi):
        g[i] += l2 * p[i]
    if l1 != 0:
        for i in range(lo, hi):
            # a NaN has no sign: it comes in through l2 or w itself
            g[i] += l1 if p[i] > 0 else (-l1 if p[i] < 0 else <real>0)

cdef double penalty_value(run_t* r, const op_t* op, real* work) noexcept nogil:
    """l1 sum |w| + l2 sum w^2, times the step's factor, from the blocks' sums."""
    cdef double value = 0
    if op.a0 != 0:
        value += op.a0 * total_of_blocks[real](r, op, work, 0)
    if op.a1 != 0:
        value += op.a1 * total_of_blocks[real](r, op, work, 1)
    return value * penalty_factor(r, op)

cdef void add_penalty_values(run_t* r, real* work) noexcept nogil:
    """For an evaluation, by its one thread."""
    cdef Py_ssize_t i
    for i in range(r.n_ops):
        if r.ops[i].kind == PENALTY:
            sum_blocks[real](r, &r.ops[i], <const real*>r.params, work)
            r.sums[max(r.ops[i].dst, 0)] += penalty_value[real](r, &r.ops[i], work) * r.n
        elif r.ops[i].kind == ORTHOGONALITY:
            orthogonality_sizes[real](r, &r.ops[i], work, 0, 1)
            orthogonality_rows[real](r, &r.ops[i], work, 0, 1, NULL)
            r.sums[0] += orthogonality_value[real](r, &r.ops[i], work) * r.n

cdef void clip_gradient(run_t* r, const op_t* op, real* work) noexcept nogil:
    """CLIP_VALUE or CLIP_NORM. Ends at a barrier."""
    cdef real* g = <real*>r.grads
    cdef real limit = <real>op.a0
    cdef double norm
    cdef Py_ssize_t i, lo, hi
    lo = op.w + share(op.k, r.thread, r.threads, 64)
    hi = op.w + share(op.k, r.thread + 1, r.threads, 64)
    if op.kind == CLIP_VALUE:
        for i in range(lo, hi):
            g[i] = minimum_(maximum_(g[i], -limit), limit)
    else:
        sum_blocks[real](r, op, g, work)
        barrier_wait(r.barrier)
        norm = sqrt(total_of_blocks[real](r, op, work, 1))
        if norm > op.a0:
            limit = <real>(op.a0 / norm)
            for i in range(lo, hi):
                g[i] *= limit
    barrier_wait(r.barrier)

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
            if r.thread == 0:
                r.sums[max(op.dst, 0)] += penalty_value[real](r, op, work) * r.n
        elif op.kind == ORTHOGONALITY:
            add_orthogonality[real](r, op, work)
        elif CLIP_VALUE <= op.kind <= AVERAGE and op.b >= 0 and r.numbers[op.b] == 0:
            continue
        elif op.kind == CLIP_VALUE or op.kind == CLIP_NORM:
            clip_gradient[real](r, op, work)
        elif op.kind == UPDATE:
            lo = op.w + share(op.k, r.thread, r.threads, 64)
            hi = op.w + share(op.k, r.thread + 1, r.threads, 64)
            update[real](
                op.formula, <real*>r.params, <real*>r.grads, <real*>r.slots, r.n_trained,
                r.numbers, lo, hi)
        elif ACCUMULATE <= op.kind <= AVERAGE:
            around_update[real](r, op, work)
        elif op.kind == NON_NEGATIVE or op.kind == BOUND_NORM:
            constrain[real](r, op, work)
    barrier_wait(r.barrier)

cdef void training_step(run_t* r, real* work) noexcept nogil:
    """Forward, loss, backward, update for the batch r.rows[0 : r.n]."""
    forward_ops[real](r, work)
    backward_ops[real](r, work)
    if r.thread == 0:
        add_sums[real](r, work)
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
