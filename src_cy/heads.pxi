# Heads and metrics. A head makes the prediction, each row's loss and the gradient of the batch's
# loss; its `aux` holds the targets in panels, its `keep` m columns of scratch, then one number a
# row: the loss. Rows are cut into parts; one thread adds them up, in order.

cdef void link_panels(run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1) noexcept nogil:
    """dst <- sigmoid or softmax of src."""
    cdef Py_ssize_t p, size = op.m * r.lanes
    cdef const real* z = work + op.src * r.capacity
    cdef real* y = work + op.dst * r.capacity
    cdef real[16] shift
    cdef real[16] total
    if op.link == LINK_SOFTMAX:
        for p in range(p0, p1):
            softmax_panel[real](r.lanes, z + p * size, y + p * size, op.m, shift, total)
    elif op.link == LINK_SIGMOID:
        memcpy(y + p0 * size, z + p0 * size, (p1 - p0) * size * sizeof(real))
        activate[real](SIGMOID, y, &op.a0, p0 * size, p1 * size)

cdef void gather_targets(run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1) noexcept nogil:
    cdef Py_ssize_t p, count, L = r.lanes, width = r.target_width
    cdef real* t = work + op.aux * r.capacity
    if L == 1:
        memcpy(t, <const real*>r.T + r.rows[0] * width + op.t, op.m * sizeof(real))
        return
    for p in range(p0, p1):
        count = min(L, r.n - p * L)
        if real is float:
            rows_to_panel_f(<const real*>r.T + op.t, width, r.rows + p * L, t + p * op.m * L, op.m, count)
        else:
            rows_to_panel_d(<const real*>r.T + op.t, width, r.rows + p * L, t + p * op.m * L, op.m, count)

# A user's own loss is compiled by Numba: its op holds the addresses of value and gradient in w and b.
ctypedef void (*own_loss_t)(
    void* out, const void* t, const void* y, int64_t m, int64_t lanes, int64_t rows) noexcept nogil

cdef void element_loss(run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1) noexcept nogil:
    """Row loss a0 * sum_j formula(t_j, src_j)."""
    if r.lanes == 1:
        element_lanes[real](1, r, op, work, p0, p1)
    else:
        element_lanes[real](64 // sizeof(real), r, op, work, p0, p1)

cdef inline void element_lanes(
    Py_ssize_t L, run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1,
) noexcept nogil:
    cdef Py_ssize_t p, i, j, size = op.m * L
    cdef real* t = work + op.aux * r.capacity
    cdef real* z = work + op.src * r.capacity
    cdef real* values = work + op.keep * r.capacity
    cdef real* losses = row_losses[real](r, op, work)
    cdef real* dz = work + op.dsrc * r.capacity
    cdef real[16] weight
    cdef real[16] factor
    cdef real scale = <real>op.a0, total
    cdef Py_ssize_t rows = min(r.n, p1 * L) - p0 * L, at = p0 * size
    if op.w >= 0:
        (<own_loss_t>op.w)(values + at, t + at, z + at, op.m, L, rows)
    else:
        loss[real](op.formula, values, t, z, (&op.a0) + 1, at, p1 * size)
    if r.training and op.dsrc >= 0 and op.w >= 0:
        (<own_loss_t>op.b)(dz + at, t + at, z + at, op.m, L, rows)
    elif r.training and op.dsrc >= 0:
        slope[real](op.formula, dz, t, z, (&op.a0) + 1, at, p1 * size)
    for p in range(p0, p1):
        row_weights[real](r, op, L, p, weight, factor)
        for i in range(L):
            losses[p * L + i] = 0
        for j in range(op.m):
            for i in range(L):
                losses[p * L + i] += values[p * size + j * L + i]
        for i in range(L):
            losses[p * L + i] *= scale * weight[i]
        if r.training and op.dsrc >= 0:
            for j in range(op.m):
                for i in range(L):
                    # the lanes of no row may hold inf or NaN
                    dz[p * size + j * L + i] = (
                        dz[p * size + j * L + i] * (scale * factor[i]) if factor[i] != 0 else 0)

cdef void softmax_loss(run_t* r, const op_t* op, real* work, Py_ssize_t p) noexcept nogil:
    """Cross-entropy of the logits src: sum_j t_j (log total - (z_j - shift)), for one panel."""
    if r.lanes == 1:
        softmax_loss_lanes[real](1, r, op, work, p)
    else:
        softmax_loss_lanes[real](64 // sizeof(real), r, op, work, p)

cdef inline void softmax_loss_lanes(
    Py_ssize_t L, run_t* r, const op_t* op, real* work, Py_ssize_t p,
) noexcept nogil:
    cdef Py_ssize_t i, j, size = op.m * L, label
    cdef real* z = work + op.src * r.capacity + p * size
    cdef real* y = work + (op.dst if op.link else op.keep) * r.capacity + p * size
    cdef real* t = work + op.aux * r.capacity + p * size
    cdef real* dz = work + op.dsrc * r.capacity + p * size
    cdef real* losses = row_losses[real](r, op, work) + p * L
    cdef real[16] shift
    cdef real[16] total
    cdef real[16] weight
    cdef real[16] factor
    cdef real[16] sums
    cdef real smoothing = <real>op.a1, target
    cdef bint wanted = r.training and op.dsrc >= 0
    softmax_panel[real](L, z, y, op.m, shift, total)
    row_weights[real](r, op, L, p, weight, factor)
    for i in range(L):
        total[i] = log_(total[i])
        losses[i] = 0
        sums[i] = 1 if op.sparse else 0
    if op.sparse:
        for i in range(min(L, r.n - p * L)):
            label = label_of(r, p * L + i)
            if not ignored(r, op, p * L + i):
                losses[i] = total[i] - (z[label * L + i] - shift[i])
    else:
        for j in range(op.m):
            for i in range(L):
                target = smooth(t[j * L + i], smoothing, op.m)
                sums[i] += target
                losses[i] += 0 if target == 0 else target * (total[i] - (z[j * L + i] - shift[i]))
    for i in range(L):
        losses[i] = (minimum_(losses[i], <real>op.a2) if op.a2 else losses[i]) * weight[i]
    if not wanted:
        return
    for j in range(op.m):
        for i in range(L):
            target = 0 if op.sparse else smooth(t[j * L + i], smoothing, op.m)
            dz[j * L + i] = (y[j * L + i] * sums[i] - target) * factor[i] if factor[i] != 0 else 0
    if op.sparse:
        for i in range(min(L, r.n - p * L)):
            label = label_of(r, p * L + i)
            if factor[i] != 0:
                dz[label * L + i] = (y[label * L + i] - 1) * factor[i]

cdef void cross_loss(run_t* r, const op_t* op, real* work, Py_ssize_t p) noexcept nogil:
    """Cross-entropy of probabilities src, rows divided by their sums and clipped, for one panel."""
    cdef Py_ssize_t i, j, L = r.lanes, size = op.m * L, label
    cdef real* y = work + op.src * r.capacity + p * size
    cdef real* dq = work + op.keep * r.capacity + p * size
    cdef real* t = work + op.aux * r.capacity + p * size
    cdef real* dy = work + op.dsrc * r.capacity + p * size
    cdef real* losses = row_losses[real](r, op, work) + p * L
    cdef real[16] total
    cdef real[16] dot
    cdef real[16] weight
    cdef real[16] factor
    cdef real smoothing = <real>op.a1, target, q, clipped
    # Keras's epsilon, as in fastnn.losses
    cdef real low = <real>1e-7, high = <real>(1 - 1e-7)
    row_weights[real](r, op, L, p, weight, factor)
    for i in range(L):
        total[i] = dot[i] = losses[i] = 0
    for j in range(op.m):
        for i in range(L):
            total[i] += y[j * L + i]
    for j in range(op.m):
        for i in range(L):
            if op.sparse:
                label = label_of(r, p * L + i) if p * L + i < r.n else -1
                target = 1 if j == label else 0  # also in a row to be ignored, which weighs 0
            else:
                target = smooth(t[j * L + i], smoothing, op.m)
            q = y[j * L + i] / total[i]
            clipped = minimum_(maximum_(q, low), high)
            losses[i] -= target * log_(clipped)
            dq[j * L + i] = -target / clipped if clipped == q else 0
            dot[i] += dq[j * L + i] * q
    for i in range(L):
        losses[i] = 0 if ignored(r, op, p * L + i) else losses[i] * weight[i]
    if r.training and op.dsrc >= 0:
        for j in range(op.m):
            for i in range(L):
                dy[j * L + i] = (
                    (dq[j * L + i] - dot[i]) / total[i] * factor[i] if factor[i] != 0 else 0)

cdef void head_losses(run_t* r, const op_t* op, real* work, Py_ssize_t p0, Py_ssize_t p1) noexcept nogil:
    """The rows' losses and dsrc of some panels."""
    cdef Py_ssize_t p
    if not op.sparse:
        gather_targets[real](r, op, work, p0, p1)
    if op.kind == ELEMENT_LOSS:
        element_loss[real](r, op, work, p0, p1)
    for p in range(p0, p1):
        if op.kind == SOFTMAX_LOSS:
            softmax_loss[real](r, op, work, p)
        elif op.kind == CROSS_LOSS:
            cross_loss[real](r, op, work, p)
        elif op.kind > CROSS_LOSS:
            row_head[real](r, op, work, p)

cdef void head_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """The prediction, handed out if wanted; with targets, the rows' losses and dsrc."""
    cdef Py_ssize_t p, p0, p1, L = r.lanes
    cdef real* y = work + op.dst * r.capacity
    cdef real* Y = <real*>r.Y
    if r.T != NULL and r.training:
        r.divisor = batch_divisor[real](r, op, work)
    if not rows_only(r, &p0, &p1):
        return
    if op.link and op.kind != SOFTMAX_LOSS or r.T == NULL and op.link:
        link_panels[real](r, op, work, p0, p1)
    if r.T != NULL and op.kind != OUTPUT:
        head_losses[real](r, op, work, p0, p1)
    elif r.training and op.kind == OUTPUT and op.dsrc >= 0:  # an output without a loss
        memset(
            work + op.dsrc * r.capacity + p0 * op.m * L, 0, (p1 - p0) * op.m * L * sizeof(real))
    if Y != NULL and L == 1:
        memcpy(Y + op.y, y, op.m * sizeof(real))
    elif Y != NULL:
        for p in range(p0, p1):
            if real is float:
                panel_to_rows_f(
                    y + p * op.m * L, Y + p * L * r.n_outputs + op.y, r.n_outputs, op.m, min(L, r.n - p * L))
            else:
                panel_to_rows_d(
                    y + p * op.m * L, Y + p * L * r.n_outputs + op.y, r.n_outputs, op.m, min(L, r.n - p * L))

cdef inline double sum_rows(const real* rows, Py_ssize_t n) noexcept nogil:
    """Sum of n numbers in float64: eight running sums, added up in order."""
    cdef double[8] sums
    cdef double total = 0
    cdef Py_ssize_t i, j
    if n == 1:
        return rows[0]
    for j in range(8):
        sums[j] = 0
    for i in range(0, n - 7, 8):
        for j in range(8):
            sums[j] += rows[i + j]
    for i in range(n - n % 8, n):
        sums[i % 8] += rows[i]
    for j in range(8):
        total += sums[j]
    return total

cdef void metric_rows(run_t* r, const op_t* op, real* work) noexcept nogil:
    """aux[row] <- the metric of each row."""
    cdef Py_ssize_t p, p0, p1, i, j, best, L = r.lanes, size = op.m * L, label
    cdef real* y = work + op.src * r.capacity
    cdef real* t = work + r.head.aux * r.capacity
    cdef real* rows = work + op.aux * r.capacity
    cdef real* values = work + r.head.keep * r.capacity  # the head is done with it
    cdef real top, threshold = <real>op.a0, scale = <real>op.a0
    if not rows_only(r, &p0, &p1):
        return
    if op.kind == ELEMENT_METRIC:
        loss[real](op.formula, values, t, y, (&op.a0) + 1, p0 * size, p1 * size)
    for p in range(p0, p1):
        for i in range(min(L, r.n - p * L)):
            if op.kind == ELEMENT_METRIC:
                top = 0
                for j in range(op.m):
                    top += values[p * size + j * L + i]
                rows[p * L + i] = top * scale
            elif op.kind == BINARY_ACCURACY:
                best = 0
                for j in range(op.m):
                    best += (y[p * size + j * L + i] > threshold) == t[p * size + j * L + i]
                rows[p * L + i] = <real>best / op.m
            elif op.kind == CONFUSION:
                rows[p * L + i] = confusion[real](op, L, y + p * size + i, t + p * size + i)
            elif op.kind == TOP_K_ACCURACY or op.kind == SPARSE_TOP_K_ACCURACY:
                if op.kind == SPARSE_TOP_K_ACCURACY:
                    label = label_of(r, p * L + i)
                else:
                    label = arg_max[real](L, t + p * size + i, op.m)
                best = larger[real](L, y + p * size + i, op.m, label)
                rows[p * L + i] = best < op.a0
            else:
                best = arg_max[real](L, y + p * size + i, op.m)
                if op.kind == SPARSE_CATEGORICAL_ACCURACY:
                    label = label_of(r, p * L + i)
                else:
                    label = arg_max[real](L, t + p * size + i, op.m)
                rows[p * L + i] = best == label

cdef inline Py_ssize_t arg_max(Py_ssize_t L, const real* column, Py_ssize_t m) noexcept nogil:
    """Where the largest of m numbers, a panel's lanes apart, is first."""
    cdef Py_ssize_t j, best = 0
    for j in range(1, m):
        if beats(column[j * L], column[best * L]):
            best = j
    return best

from libc.math cimport INFINITY

cdef inline Py_ssize_t larger(Py_ssize_t L, const real* column, Py_ssize_t m,
                              Py_ssize_t label) noexcept nogil:
    """How many of m numbers, a panel's lanes apart, are larger than that at the label."""
    cdef Py_ssize_t j, count = 0
    cdef real at = column[label * L]
    for j in range(m):  # NaN is no large probability
        count += column[j * L] > at if at == at else column[j * L] > -INFINITY
    return count

cdef inline Py_ssize_t confusion(const op_t* op, Py_ssize_t L, const real* y,
                                 const real* t) noexcept nogil:
    """How many of a row's outputs (a3 alone, if it is not -1) are in the cell a1, a2."""
    cdef Py_ssize_t j, count = 0
    cdef Py_ssize_t first = 0 if op.a3 < 0 else <Py_ssize_t>op.a3
    cdef Py_ssize_t last = op.m if op.a3 < 0 else first + 1
    cdef real threshold = <real>op.a0
    for j in range(first, last):
        count += (y[j * L] > threshold) == (op.a1 != 0) and (t[j * L] != 0) == (op.a2 != 0)
    return count

cdef void add_sums(run_t* r, real* work) noexcept nogil:
    """sums[0] += batch loss times rows, sums[1:] += the metrics. One thread's work."""
    cdef Py_ssize_t i
    cdef double total, divisor
    cdef const op_t* op
    for i in range(r.n_ops):
        op = &r.ops[i]
        if ELEMENT_LOSS <= op.kind <= OVERLAP_LOSS:
            total = sum_rows(row_losses[real](r, op, work), r.n)
            if r.training:
                r.head = op
                divisor = batch_divisor[real](r, op, work)
                if divisor != r.n:
                    total = total * r.n / divisor if divisor else 0
            r.sums[0] += op.weight * total
            if op.own > 0:
                r.sums[op.own] += total
        elif ELEMENT_METRIC <= op.kind < PENALTY:
            r.sums[op.dst] += sum_rows(work + op.aux * r.capacity, r.n)
        elif op.kind == ACTIVITY:
            r.sums[0] += sum_rows(work + op.aux * r.capacity, r.n)
