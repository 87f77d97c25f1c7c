# What fastnn.functional calls for losses.

cdef class Head:
    """A loss of m outputs, as the row of a plan: src 0, dsrc m, aux 2 m, keep 3 m."""

    cdef op_t op

    def __init__(self, const uint8_t[::1] row):
        memcpy(&self.op, &row[0], sizeof(op_t))

cdef double run_elements_head(
    const op_t* op, const real* y, const real* t, real* dy, Py_ssize_t n, real* values,
) noexcept nogil:
    """The same for a loss of single outputs whose rows count alike: it needs no panels."""
    cdef Py_ssize_t i = 0, j, count, size = n * op.m
    cdef double total = 0, divisor = 1 if op.sums == 1 else n
    cdef real scale = <real>(op.a0 / divisor)
    while i < size:
        count = min(<Py_ssize_t>BLOCK_NUMBERS, size - i)
        loss[real](op.formula, values, <real*>t + i, <real*>y + i, (&op.a0) + 1, 0, count)
        total += sum_rows(values, count)
        slope[real](op.formula, values, <real*>t + i, <real*>y + i, (&op.a0) + 1, 0, count)
        for j in range(count):
            dy[i + j] = values[j] * scale
        i += count
    return total * op.a0 / divisor

cdef double run_head(
    const op_t* op, const real* y, const void* targets, const int64_t* labels, const void* weights,
    real* dy, Py_ssize_t n, real* work, Py_ssize_t capacity, int64_t* order,
) noexcept nogil:
    """The loss of n rows; dy <- its gradient. `capacity` rows go through the head at a time."""
    cdef run_t r
    cdef barrier_t barrier
    cdef Py_ssize_t first = 0, p, count, i, m = op.m
    cdef double total = 0
    memset(&r, 0, sizeof(r))
    barrier_init(&barrier, 1)
    for i in range(capacity):
        order[i] = i
    r.ops, r.n_ops, r.head, r.barrier = op, 1, op, &barrier
    r.work, r.capacity, r.lanes = work, capacity, 1 if n == 1 else 64 // sizeof(real)
    r.rows, r.target_width, r.training, r.threads, r.n = order, m, True, 1, n
    r.label_width = r.weight_width = 1
    r.labels, r.weights = labels, weights
    r.divisor = capacity if op.sparse == 2 and capacity < n else 0
    r.divisor = divisor_of_all[real](&r, op, work)
    while first < n:
        r.n = count = min(capacity, n - first)
        r.T = <const real*>targets + first * m if targets != NULL else NULL
        r.labels = labels + first if labels != NULL else NULL
        r.weights = <const real*>weights + first if weights != NULL else NULL
        cut_shares(&r)
        if r.lanes == 1:
            memcpy(work, y, m * sizeof(real))
        else:
            for p in range(r.panels):
                to_panel[real](y + (first + p * r.lanes) * m, m, work + p * r.lanes * m, m,
                               min(r.lanes, count - p * r.lanes))
        head_losses[real](&r, op, work, 0, r.panels)
        if op.kind == OVERLAP_LOSS and op.formula:
            overlap_of_batch[real](&r, op, work)
        total += sum_rows(row_losses[real](&r, op, work), count)
        if r.lanes == 1:
            memcpy(dy, work + op.dsrc, m * sizeof(real))
        else:
            for p in range(r.panels):
                from_panel[real](work + op.dsrc * capacity + p * r.lanes * m,
                                 dy + (first + p * r.lanes) * m, m, m, min(r.lanes, count - p * r.lanes))
        first += count
    return total / r.divisor if r.divisor != 0 else 0

cdef double divisor_of_all(run_t* r, const op_t* op, real* work) noexcept nogil:
    """batch_divisor of rows that lie one behind the other, however many."""
    cdef Py_ssize_t i
    cdef double total = 0
    if op.kind == OVERLAP_LOSS and op.formula and r.weights == NULL:
        return r.n
    if op.sums == 1:
        return 1
    if op.sparse != 2 and (op.sums == 0 or r.weights == NULL):
        return r.n
    for i in range(r.n):
        if op.sparse == 2 and r.labels[i] == op.s:
            continue
        total += 1 if op.sums == 0 or r.weights == NULL else (<const real*>r.weights)[i]
    return total

cdef bint labels_fit(const int64_t* labels, Py_ssize_t n, const op_t* op) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint64_t worst = 0
    if op.sparse == 2:
        for i in range(n):
            if labels[i] != op.s and not 0 <= labels[i] < op.m:
                return False
        return True
    for i in range(n):  # as unsigned numbers the negative ones are the largest
        worst = <uint64_t>labels[i] if <uint64_t>labels[i] > worst else worst
    return worst < <uint64_t>op.m

cdef object head_gradient(Head head, y_pred, y_true, weights, out):
    """(loss, gradient), or None where the general function has to look."""
    cdef array_t* y = as_array(y_pred)
    cdef const op_t* op = &head.op
    cdef Py_ssize_t n = y.shape[0], m = op.m, item = item_bytes(y), lanes = 64 // item
    cdef Py_ssize_t capacity, columns = 4 * m + 4
    cdef const int64_t* labels = NULL
    cdef const void* targets = NULL
    cdef const void* w = NULL
    if n == 0:
        return None
    if op.sparse:
        if not (is_array(y_true) and as_array(y_true).descr == int64_type and numbers_in(as_array(y_true)) == n):
            return None
        labels = <const int64_t*>as_array(y_true).data
        if not labels_fit(labels, n, op):
            return None
    else:
        if not is_like(y_true, y, False):
            return None
        targets = as_array(y_true).data
    if weights is not None:
        if not (is_array(weights) and as_array(weights).nd == 1 and as_array(weights).shape[0] == n
                and as_array(weights).descr == y.descr):
            return None
        w = as_array(weights).data
    if out is None:
        out = new_like(y)
    elif not (is_like(out, y, True) and (as_array(out).data == y.data or apart(as_array(out), y))
              and (op.sparse or apart(as_array(out), as_array(y_true)))
              and (weights is None or apart(as_array(out), as_array(weights)))):
        return None
    if op.kind == OVERLAP_LOSS and op.formula:
        capacity = (n + lanes - 1) // lanes * lanes
    else:
        capacity = max(8192 // columns // lanes, <Py_ssize_t>1) * lanes
    capacity = min(capacity, 1 if n == 1 else (n + lanes - 1) // lanes * lanes)
    cdef Py_ssize_t numbers = (columns * capacity * item + 63) // 64 * 64
    if op.kind == ELEMENT_LOSS and weights is None:
        numbers = min(<Py_ssize_t>BLOCK_NUMBERS, n * m) * item
    cdef char* space = <char*>new_workspace(numbers + capacity * 8)
    if space == NULL:
        raise MemoryError(f"no memory for {numbers} bytes of workspace")
    cdef double value
    cdef bint single = y.descr == float_type
    cdef void* dy = as_array(out).data
    if n * m * 5 < RELEASED:
        value = head_of_type(single, op, y.data, targets, labels, w, dy, n, space, capacity, numbers)
    else:
        with nogil:
            value = head_of_type(single, op, y.data, targets, labels, w, dy, n, space, capacity, numbers)
    free(space)
    return value, out

cdef double head_of_type(
    bint single, const op_t* op, const void* y, const void* targets, const int64_t* labels,
    const void* weights, void* dy, Py_ssize_t n, char* space, Py_ssize_t capacity, Py_ssize_t numbers,
) noexcept nogil:
    cdef int64_t* order = <int64_t*>(space + numbers)
    if op.kind == ELEMENT_LOSS and weights == NULL:
        if single:
            return run_elements_head[float](op, <const float*>y, <const float*>targets, <float*>dy, n, <float*>space)
        return run_elements_head[double](op, <const double*>y, <const double*>targets, <double*>dy, n, <double*>space)
    if single:
        return run_head[float](op, <const float*>y, targets, labels, weights, <float*>dy, n, <float*>space,
                               capacity, order)
    return run_head[double](op, <const double*>y, targets, labels, weights, <double*>dy, n, <double*>space,
                            capacity, order)

def make_loss(dict dense, dict sparse, anything):
    """The function of one loss. `dense` and `sparse` hold its heads by width, which `anything`, the
    general function, has made."""
    def function(y_pred, y_true, sample_weight=None, out=None, **hyper):
        cdef array_t* y
        cdef Head head
        if not hyper and is_array(y_pred):
            y = as_array(y_pred)
            if is_real(y) and 1 <= y.nd <= 2:
                width = y.shape[1] if y.nd == 2 else 1
                if y.nd == 2 and is_array(y_true) and as_array(y_true).descr == int64_type:
                    head = sparse.get(width)
                else:
                    head = dense.get(width)
                if head is not None:
                    result = head_gradient(head, y_pred, y_true, sample_weight, out)
                    if result is not None:
                        return result
        return anything(y_pred, y_true, sample_weight, out, **hyper)
    return function
