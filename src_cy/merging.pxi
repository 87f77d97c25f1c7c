# MERGE and DOT: two values made one; fastnn.backends.numpy_merging is the specification.

cdef void merge_two_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dst <- a0 src + a1 src2, or the larger or smaller of them."""
    cdef Py_ssize_t p0, p1, i, size = op.k * r.lanes
    cdef real* y = work + op.dst * r.capacity
    cdef const real* one = work + op.src * r.capacity
    cdef const real* two = work + op.src2 * r.capacity
    cdef real a = <real>op.a0, b = <real>op.a1
    if not rows_only(r, &p0, &p1):
        return
    if op.formula == COMBINE:
        for i in range(p0 * size, p1 * size):
            y[i] = a * one[i] + b * two[i]
    elif op.formula == MAXIMUM:
        for i in range(p0 * size, p1 * size):
            # a NaN on either side comes through
            y[i] = one[i] if one[i] > two[i] or one[i] != one[i] else two[i]
    else:
        for i in range(p0 * size, p1 * size):
            y[i] = one[i] if one[i] < two[i] or one[i] != one[i] else two[i]

cdef void merge_two_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """Of two equal numbers each gets half of the gradient."""
    cdef Py_ssize_t p0, p1, i, size = op.k * r.lanes
    cdef const real* dy = work + op.ddst * r.capacity
    cdef const real* one = work + op.src * r.capacity
    cdef const real* two = work + op.src2 * r.capacity
    if not rows_only(r, &p0, &p1):
        return
    if op.formula == MINIMUM:
        one, two = two, one
    if op.dsrc >= 0:
        merge_side[real](
            op.formula, <real>op.a0, work + op.dsrc * r.capacity, dy, one, two, p0 * size, p1 * size)
    if op.dsrc2 >= 0:
        merge_side[real](
            op.formula, <real>op.a1, work + op.dsrc2 * r.capacity, dy, two, one, p0 * size, p1 * size)

cdef void merge_side(
    int64_t formula, real a, real* dx, const real* dy, const real* own, const real* other,
    Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    if formula == COMBINE:
        for i in range(lo, hi):
            dx[i] = dy[i] * a
    else:
        for i in range(lo, hi):
            dx[i] = dy[i] * (<real>1 if own[i] > other[i] else (<real>0.5 if own[i] == other[i] else 0))

cdef void dot_forward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dst <- src . src2, of rows divided by their norms if a0; keep: 1 / |src|, 1 / |src2|."""
    cdef Py_ssize_t p, p0, p1, i, j, L = r.lanes, size = op.k * L
    cdef const real* one
    cdef const real* two
    cdef real* c
    cdef real* inverse
    cdef real sum, first, second
    if not rows_only(r, &p0, &p1):
        return
    for p in range(p0, p1):
        one = work + op.src * r.capacity + p * size
        two = work + op.src2 * r.capacity + p * size
        c = work + op.dst * r.capacity + p * L
        inverse = work + op.keep * r.capacity + p * 2 * L
        for i in range(L):
            sum = first = second = 0
            for j in range(op.k):
                sum += one[j * L + i] * two[j * L + i]
                first += one[j * L + i] * one[j * L + i]
                second += two[j * L + i] * two[j * L + i]
            if op.a0 != 0:
                inverse[i] = minimum_(1 / sqrt_(first), <real>1e7)
                inverse[L + i] = minimum_(1 / sqrt_(second), <real>1e7)
                sum = sum * inverse[i] * inverse[L + i]
            c[i] = sum

cdef void dot_backward(run_t* r, const op_t* op, real* work) noexcept nogil:
    """dx = y dc, or (y / |y| - c x / |x|) / |x| dc."""
    cdef Py_ssize_t p0, p1
    if not rows_only(r, &p0, &p1):
        return
    if op.dsrc >= 0:
        dot_side[real](r, op, work, op.src, op.src2, op.dsrc, 0, p0, p1)
    if op.dsrc2 >= 0:
        dot_side[real](r, op, work, op.src2, op.src, op.dsrc2, 1, p0, p1)

cdef void dot_side(
    run_t* r, const op_t* op, real* work, int64_t own, int64_t other, int64_t source, int side,
    Py_ssize_t p0, Py_ssize_t p1,
) noexcept nogil:
    cdef Py_ssize_t p, i, j, L = r.lanes, size = op.k * L
    cdef const real* x
    cdef const real* y
    cdef const real* inverse
    cdef const real* c
    cdef const real* dc
    cdef real* dx
    cdef real slope, mine, yours
    for p in range(p0, p1):
        x = work + own * r.capacity + p * size
        y = work + other * r.capacity + p * size
        dx = work + source * r.capacity + p * size
        c = work + op.dst * r.capacity + p * L
        dc = work + op.ddst * r.capacity + p * L
        inverse = work + op.keep * r.capacity + p * 2 * L
        for i in range(L):
            if op.a0 == 0:
                for j in range(op.k):
                    dx[j * L + i] = y[j * L + i] * dc[i]
                continue
            mine, yours = inverse[side * L + i], inverse[(1 - side) * L + i]
            slope = mine if mine < <real>1e7 else 0  # where the bound holds it is fixed
            for j in range(op.k):
                dx[j * L + i] = (y[j * L + i] * yours - c[i] * x[j * L + i] * slope) * mine * dc[i]
