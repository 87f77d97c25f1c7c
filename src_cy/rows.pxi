# The heads that look at a whole row: cosine, categorical hinge, powers of probabilities, overlaps.
# fastnn.losses.rows is the specification. A head works on panels: `[width][L]` numbers, L rows side
# by side, and all inner loops run over these.

cdef inline real* row_losses(run_t* r, const op_t* op, real* work) noexcept nogil:
    return work + (op.keep + op.m) * r.capacity

cdef inline Py_ssize_t label_of(run_t* r, Py_ssize_t row) noexcept nogil:
    """The class number of the batch's row for the head at work."""
    return r.labels[r.rows[row] * r.label_width + r.head.t]

cdef inline bint ignored(run_t* r, const op_t* op, Py_ssize_t row) noexcept nogil:
    """Whether the batch's row is of the class that does not count."""
    return op.sparse == 2 and row < r.n and label_of(r, row) == op.s

cdef inline real row_weight(run_t* r, real* work, Py_ssize_t row) noexcept nogil:
    """The weight of the batch's row for the head at work; `work` only says of which type."""
    if r.weights == NULL:
        return 1
    return (<const real*>r.weights)[r.rows[row] * r.weight_width + r.head.v]

cdef double batch_divisor(run_t* r, const op_t* op, real* work) noexcept nogil:
    """What the batch's summed loss is divided by: its rows, 1, or the sum of their weights."""
    cdef Py_ssize_t i
    cdef double total = 0
    if op.kind == OVERLAP_LOSS and op.formula and r.weights == NULL:
        return r.n  # the one loss of a batch is no sum
    if op.sums == 1:
        return 1
    if op.sparse != 2 and (op.sums == 0 or r.weights == NULL):
        return r.n
    for i in range(r.n):
        if ignored(r, op, i):
            continue
        if op.sums == 0:
            total += 1
        else:
            total += row_weight[real](r, work, i)
    return total

cdef inline void row_weights(
    run_t* r, const op_t* op, Py_ssize_t L, Py_ssize_t p, real* weight, real* factor,
) noexcept nogil:
    """A panel's row weights, and the factors of its rows in the gradient: weight / divisor times the
    loss's own, 0 for no row and for one that does not count."""
    cdef Py_ssize_t i, row
    cdef real divisor = <real>r.divisor, share = <real>op.weight
    if r.weights == NULL and op.sparse != 2 and (p + 1) * L <= r.n:
        for i in range(L):
            weight[i] = 1
            factor[i] = share / divisor  # which is no sum of weights
        return
    for i in range(L):
        row = p * L + i
        if row >= r.n or ignored(r, op, row):
            weight[i] = 0
        else:
            weight[i] = row_weight[real](r, weight, row)
        factor[i] = weight[i] * share / divisor if divisor != 0 else 0

cdef inline real smooth(real t, real smoothing, Py_ssize_t m) noexcept nogil:
    return t * (1 - smoothing) + smoothing / m

cdef inline bint beats(real y, real best) noexcept nogil:
    """Whether argmax moves on: NumPy's rule, by which the first NaN wins."""
    return y > best or (y != y and best == best)

cdef void row_head(run_t* r, const op_t* op, real* work, Py_ssize_t p) noexcept nogil:
    """The losses and gradients of a panel's rows."""
    if r.lanes == 1:
        row_head_lanes[real](1, r, op, work, p)
    else:
        row_head_lanes[real](64 // sizeof(real), r, op, work, p)

cdef inline void row_head_lanes(
    Py_ssize_t L, run_t* r, const op_t* op, real* work, Py_ssize_t p,
) noexcept nogil:
    cdef Py_ssize_t i, size = op.m * L
    cdef real* y = work + op.src * r.capacity + p * size
    cdef real* t = work + op.aux * r.capacity + p * size
    cdef real* scratch = work + op.keep * r.capacity + p * size
    cdef real* losses = row_losses[real](r, op, work) + p * L
    cdef real* dy = NULL
    cdef real[16] weight
    cdef real[16] factor
    row_weights[real](r, op, L, p, weight, factor)
    if r.training and op.dsrc >= 0:
        dy = work + op.dsrc * r.capacity + p * size
    if op.kind == COSINE_LOSS:
        cosine_panel[real](L, op.m, t, y, losses, dy)
    elif op.kind == CATEGORICAL_HINGE_LOSS:
        hinge_panel[real](L, op.m, t, y, losses, dy)
    elif op.kind == POWER_LOSS:
        if op.sparse:
            labels_to_panel[real](L, r, op, p, t)
        if op.formula < 2:
            focal_panel[real](L, op, t, y, scratch, losses, dy)
        else:
            generalized_panel[real](L, op, t, y, scratch, losses, dy)
    elif op.formula:  # of the batch: its gradient waits for the sums over all rows
        overlap_sums[real](L, r, op, p, t, y, losses)
        return
    else:
        overlap_panel[real](L, op, t, y, losses, dy)
    for i in range(L):
        losses[i] *= weight[i]
    if dy != NULL:
        weigh_panel[real](L, op.m, factor, dy)

cdef inline void weigh_panel(Py_ssize_t L, Py_ssize_t m, const real* factor, real* dy) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(m):
        for i in range(L):
            # the lanes of no row may hold inf or NaN
            dy[j * L + i] = dy[j * L + i] * factor[i] if factor[i] != 0 else 0

cdef inline void labels_to_panel(
    Py_ssize_t L, run_t* r, const op_t* op, Py_ssize_t p, real* t,
) noexcept nogil:
    """One-hot targets."""
    cdef Py_ssize_t i
    memset(t, 0, op.m * L * sizeof(real))
    for i in range(min(L, r.n - p * L)):
        t[label_of(r, p * L + i) * L + i] = 1

cdef inline void cosine_panel(
    Py_ssize_t L, Py_ssize_t m, const real* t, const real* y, real* losses, real* dy,
) noexcept nogil:
    """-u.v with u, v the unit vectors of t and y; a norm below Keras's epsilon counts as it."""
    cdef Py_ssize_t i, j
    cdef real limit = <real>1e7, keep
    cdef real[16] over_t
    cdef real[16] over_y
    cdef real[16] cosine
    for i in range(L):
        over_t[i] = over_y[i] = cosine[i] = 0
    for j in range(m):
        for i in range(L):
            over_t[i] += t[j * L + i] * t[j * L + i]
            over_y[i] += y[j * L + i] * y[j * L + i]
    for i in range(L):
        over_t[i] = minimum_(1 / sqrt_(over_t[i]), limit)
        over_y[i] = minimum_(1 / sqrt_(over_y[i]), limit)
    for j in range(m):
        for i in range(L):
            cosine[i] += (t[j * L + i] * over_t[i]) * (y[j * L + i] * over_y[i])
    for i in range(L):
        losses[i] = -cosine[i]
    if dy == NULL:
        return
    for i in range(L):
        # below the limit the norm is no variable
        cosine[i] = cosine[i] if over_y[i] < limit else 0
    for j in range(m):
        for i in range(L):
            keep = y[j * L + i] * over_y[i]
            dy[j * L + i] = (cosine[i] * keep - t[j * L + i] * over_t[i]) * over_y[i]
    for i in range(L):
        if over_y[i] >= limit and zeros[real](L, m, y + i):
            for j in range(m):
                dy[j * L + i] = 0

cdef inline bint zeros(Py_ssize_t L, Py_ssize_t m, const real* column) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(m):
        if column[j * L] != 0:
            return False
    return True

cdef inline void hinge_panel(
    Py_ssize_t L, Py_ssize_t m, const real* t, const real* y, real* losses, real* dy,
) noexcept nogil:
    """max(1 + max_j (1 - t_j) y_j - sum_j t_j y_j, 0)."""
    cdef Py_ssize_t i, j, best
    cdef real top, dot, wrong, margin
    for i in range(L):
        top, dot, best = (1 - t[i]) * y[i], 0, 0
        for j in range(m):
            wrong = (1 - t[j * L + i]) * y[j * L + i]
            dot += t[j * L + i] * y[j * L + i]
            if beats(wrong, top):
                top, best = wrong, j
        margin = 1 + top - dot
        losses[i] = maximum_(margin, <real>0)
        if dy != NULL:
            for j in range(m):
                dy[j * L + i] = 0 if margin <= 0 else -t[j * L + i]
            if not margin <= 0:
                dy[best * L + i] = 1 - 2 * t[best * L + i]

cdef inline void focal_panel(
    Py_ssize_t L, const op_t* op, const real* t, real* y, real* g, real* losses, real* dy,
) noexcept nogil:
    """-sum_j alpha t_j (1 - p_j)^gamma log p_j: a1 smoothing, a2 alpha, a3 gamma; formula 1: y are
    logits. g: room for m columns."""
    cdef Py_ssize_t i, j, at, m = op.m
    cdef bint linked = op.formula == 1
    cdef real smoothing = <real>op.a1, alpha = <real>op.a2, gamma = <real>op.a3
    # Keras's epsilon, and what log does not send to -inf: as in fastnn.losses.rows
    cdef real low = <real>1e-7, high = <real>(1 - 1e-7), tiny = <real>1e-37
    cdef real target, q, p, log_p, rest, weight
    cdef real[16] shift
    cdef real[16] total
    cdef real[16] log_total
    cdef real[16] dot
    for i in range(L):
        total[i] = dot[i] = losses[i] = log_total[i] = 0
    if linked:
        softmax_panel[real](L, y, g, m, shift, total)
        for i in range(L):
            log_total[i] = log_(total[i])
    else:
        for j in range(m):
            for i in range(L):
                total[i] += y[j * L + i]
    for j in range(m):
        for i in range(L):
            at = j * L + i
            target = smooth(t[at], smoothing, m)
            if linked:
                q = p = g[at]
                log_p = y[at] - shift[i] - log_total[i]
            else:
                q = y[at] / total[i]
                p = minimum_(maximum_(q, low), high)
                log_p = log_(p)
            rest = maximum_(1 - p, tiny)
            weight = alpha * target * exp_(gamma * log_(rest))
            losses[i] -= 0 if target == 0 else weight * log_p
            weight = 0 if target == 0 else weight * (gamma * p * log_p / rest - 1)
            if linked:
                dot[i] += weight
                if dy != NULL:
                    dy[at] = weight
            else:
                weight = weight / p if p == q else 0
                dot[i] += weight * q
                g[at] = weight
    if dy == NULL:
        return
    for j in range(m):
        for i in range(L):
            at = j * L + i
            dy[at] = dy[at] - g[at] * dot[i] if linked else (g[at] - dot[i]) / total[i]

cdef inline void generalized_panel(
    Py_ssize_t L, const op_t* op, const real* t, real* y, real* p, real* losses, real* dy,
) noexcept nogil:
    """(1 - p^q) / q of the label's probability: a2 is q; formula 3: y are logits. p: room for m
    columns."""
    cdef Py_ssize_t i, j, at, m = op.m
    cdef bint linked = op.formula == 3
    cdef real q = <real>op.a2
    cdef real[16] shift
    cdef real[16] total
    cdef real[16] label
    cdef real[16] power
    if linked:
        softmax_panel[real](L, y, p, m, shift, total)
    else:
        memcpy(p, y, m * L * sizeof(real))
    for i in range(L):
        label[i] = 0
    for j in range(m):
        for i in range(L):
            label[i] += t[j * L + i] * p[j * L + i]
    for i in range(L):
        power[i] = 0 if label[i] == 0 else exp_(q * log_(label[i]))
        losses[i] = (1 - power[i]) / q
    if dy == NULL:
        return
    if not linked:  # the slope in p, which is bounded by that at Keras's epsilon
        for i in range(L):
            power[i] = exp_((q - 1) * log_(maximum_(label[i], <real>1e-7)))
    for j in range(m):
        for i in range(L):
            at = j * L + i
            if linked:
                dy[at] = power[i] * (p[at] - t[at])
            else:
                dy[at] = -t[at] * power[i]

cdef inline void overlap_panel(
    Py_ssize_t L, const op_t* op, const real* t, const real* y, real* losses, real* dy,
) noexcept nogil:
    """1 - c I / (a I + b sum t + d sum y + epsilon), I = sum t y; the op's numbers are c, a, b, d."""
    cdef Py_ssize_t i, j
    cdef real[16] inside
    cdef real[16] below
    cdef real[16] all_t
    cdef real[16] all_y
    for i in range(L):
        inside[i] = all_t[i] = all_y[i] = 0
    for j in range(op.m):
        for i in range(L):
            inside[i] += t[j * L + i] * y[j * L + i]
            all_t[i] += t[j * L + i]
            all_y[i] += y[j * L + i]
    for i in range(L):
        below[i] = (<real>op.a1 * inside[i] + <real>op.a2 * all_t[i] + <real>op.a3 * all_y[i]
                    + <real>1e-7)  # Keras's epsilon
        losses[i] = 1 - <real>op.a0 * inside[i] / below[i]
    if dy == NULL:
        return
    for j in range(op.m):
        for i in range(L):
            dy[j * L + i] = overlap_slope[real](op, t[j * L + i], inside[i], below[i])

cdef inline real overlap_slope(const op_t* op, real t, real inside, real below) noexcept nogil:
    return -<real>op.a0 * (t * below - inside * (<real>op.a1 * t + <real>op.a3)) / (below * below)

cdef inline void overlap_sums(
    Py_ssize_t L, run_t* r, const op_t* op, Py_ssize_t p, const real* t, const real* y, real* losses,
) noexcept nogil:
    """Behind the row losses, which are 0 for now: each row's sums of t y, of t, and of y."""
    cdef Py_ssize_t i, j, apart = r.capacity
    for i in range(L):
        losses[i] = losses[apart + i] = losses[2 * apart + i] = losses[3 * apart + i] = 0
    for j in range(op.m):
        for i in range(L):
            losses[apart + i] += t[j * L + i] * y[j * L + i]
            losses[2 * apart + i] += t[j * L + i]
            losses[3 * apart + i] += y[j * L + i]

cdef void overlap_of_batch(run_t* r, const op_t* op, real* work) noexcept nogil:
    """The batch's one loss times the weight of each row, and the gradient, from the rows' sums.

    Every thread adds all the sums up, in their order.
    """
    cdef Py_ssize_t i, j, p, p0, p1, L = r.lanes, size = op.m * L, apart = r.capacity
    cdef const real* t = work + op.aux * r.capacity
    cdef real* losses = row_losses[real](r, op, work)
    cdef real* dy = work + op.dsrc * r.capacity
    cdef double inside = 0, below = 0, weights = 0, loss
    cdef real part
    if not rows_only(r, &p0, &p1):
        return
    for i in range(r.n):
        inside += losses[apart + i]
        below += op.a2 * losses[2 * apart + i] + op.a3 * losses[3 * apart + i]
        weights += row_weight[real](r, work, i)
    below += op.a1 * inside + 1e-7
    loss = 1 - op.a0 * inside / below
    part = <real>(weights * op.weight / r.divisor) if r.divisor != 0 else 0
    for p in range(p0, p1):
        for i in range(min(L, r.n - p * L)):
            losses[p * L + i] = <real>loss * row_weight[real](r, work, p * L + i)
        for j in range(op.m if op.dsrc >= 0 else 0):
            for i in range(L):
                dy[p * size + j * L + i] = 0 if p * L + i >= r.n else part * overlap_slope[real](
                    op, t[p * size + j * L + i], <real>inside, <real>below)
