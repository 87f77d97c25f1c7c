# fastnn.functional: dense layers and activations of plain arrays. A function here takes arrays of one
# floating type whose numbers lie in order, and hands everything else, mistakes included, to the general
# function of its name in fastnn.functional, which is written in Python.

cdef extern from "kernels.h" nogil:
    void matrix_product_f(const float*, int64_t, int64_t, int64_t, const float*, int64_t, const float*, float*, int64_t, int64_t)
    void matrix_product_d(const double*, int64_t, int64_t, int64_t, const double*, int64_t, const double*, double*, int64_t, int64_t)
    void far_product_f(const float*, int64_t, int64_t, const float*, int64_t, int64_t, const float*, float*, int64_t, int64_t)
    void far_product_d(const double*, int64_t, int64_t, const double*, int64_t, int64_t, const double*, double*, int64_t, int64_t)
    void gradient_matrix_f(const float*, int64_t, const int64_t*, const float*, int64_t, int64_t, int, float*, int64_t, int64_t, int64_t, int64_t, int64_t, float*)
    void gradient_matrix_d(const double*, int64_t, const int64_t*, const double*, int64_t, int64_t, int, double*, int64_t, int64_t, int64_t, int64_t, int64_t, double*)
    void rows_to_strips_f(const float*, int64_t, int64_t, float*, int64_t)
    void rows_to_strips_d(const double*, int64_t, int64_t, double*, int64_t)

cdef struct formula_t:
    int64_t kind  # ACTIVATION, or the op of a whole axis
    int64_t code
    double[4] numbers
    bint keeps_z

cdef class Formula:
    """An activation as the functions below take it."""

    cdef formula_t it
    cdef readonly object activation  # what it was made from

    def __init__(self, activation, int64_t kind, int64_t code, numbers, bint keeps_z):
        cdef int i
        memset(&self.it, 0, sizeof(formula_t))
        self.activation, self.it.kind, self.it.code, self.it.keeps_z = activation, kind, code, keeps_z
        for i, number in enumerate(numbers):
            self.it.numbers[i] = number

FORMULAS = {}  # what fastnn.functional has made of the identifiers of activations
cdef dict formulas = FORMULAS

cdef inline Formula find_formula(object identifier):
    """None for an activation that only the general functions know."""
    if type(identifier) is Formula:
        return <Formula>identifier
    if type(identifier) is str or identifier is None:
        return formulas.get(identifier)
    return None

# pieces of work

cdef enum:
    BLOCK_NUMBERS = 4096  # of an array that goes through a formula: they fit into the first cache
    NEAR = 65536  # weights that are as good as at hand

cdef inline bint by_rows(Py_ssize_t n, Py_ssize_t m, int threads) noexcept nogil:
    """Whether a product is cut by rows: they are many, or columns are few."""
    return n >= 64 * threads or m < 64 * threads or threads == 1

cdef void few_rows(
    const real* x, Py_ssize_t n, Py_ssize_t k, const real* w, const real* bias, real* y, Py_ssize_t apart,
    Py_ssize_t m,
) noexcept nogil:
    """y[n][m] <- x[n][k] w[k][m] + bias for fewer rows than a panel has; rows of w and y lie `apart`."""
    if n <= 8 and k * m > NEAR:
        if real is float:
            far_product_f(x, k, n, w, apart, k, bias, y, apart, m)
        else:
            far_product_d(x, k, n, w, apart, k, bias, y, apart, m)
    elif n == 1:
        row_product[real](x, w, apart, k, bias, y, m)
    elif real is float:
        matrix_product_f(x, k, n, k, w, apart, bias, y, apart, m)
    else:
        matrix_product_d(x, k, n, k, w, apart, bias, y, apart, m)

cdef int many_rows(
    const real* x, Py_ssize_t n, Py_ssize_t k, const real* w, Py_ssize_t wk, Py_ssize_t wj, const real* bias,
    real* y, Py_ssize_t y_row, Py_ssize_t m, const formula_t* f,
) noexcept nogil:
    """y[n][m] <- f(x[n][k] w + bias) with w[i wk + j wj], through panels; 1 if there is no memory for them.

    Many rows go at a time where weights are many: they are read, and turned, once for these.
    """
    cdef Py_ssize_t L = 64 // sizeof(real), p, q, count, first = 0
    cdef Py_ssize_t block = min(<Py_ssize_t>(384 if k * m >= 16384 else 96), (n + L - 1) // L * L)
    cdef real* xs = <real*>raw_workspace(block * (k + m) * sizeof(real))
    cdef real* ys = xs + block * k
    if xs == NULL:
        return 1
    while first < n:
        count = min(block, n - first)
        for q in range((count + L - 1) // L):
            p = q * L
            to_panel[real](x + (first + p) * k, k, xs + p * k, k, min(L, count - p))
        # of a last panel the product may leave half as it is
        memset(ys + (count - 1) // L * L * m, 0, L * m * sizeof(real))
        product[real](xs, k * L, w, wk, wj, k, bias, ys, m * L, m, count)
        for q in range((count + L - 1) // L):
            p = q * L
            if f != NULL and f.kind != ACTIVATION:
                group_forward[real](f.kind, L, ys + p * m, ys + p * m, m)
            elif f != NULL and f.code:
                activate[real](f.code, ys + p * m, f.numbers, 0, m * L)
            from_panel[real](ys + p * m, y + (first + p) * y_row, y_row, m, min(L, count - p))
        first += count
    free(xs)
    return 0

cdef struct dense_t:
    const void* x
    const void* w
    const void* b
    void* y
    Py_ssize_t n, k, m
    formula_t f
    int* failed  # set where there was no memory

cdef void dense_part(const void* job, int thread, int threads, real* type) noexcept nogil:
    """y[n][m] <- formula(x[n][k] w[k][m] + b[m])."""
    cdef const dense_t* d = <const dense_t*>job
    cdef const real* x = <const real*>d.x
    cdef const real* w = <const real*>d.w
    cdef const real* b = <const real*>d.b
    cdef real* y = <real*>d.y
    cdef Py_ssize_t n = d.n, k = d.k, m = d.m, i, j0 = 0, j1 = m, r0 = 0, r1 = n
    if d.f.kind != ACTIVATION or by_rows(n, m, threads):
        r0, r1 = share(n, thread, threads, 16), share(n, thread + 1, threads, 16)
    else:
        j0, j1 = share(m, thread, threads, 64), share(m, thread + 1, threads, 64)
    if r0 >= r1 or j0 >= j1:
        return
    x += r0 * k
    y += r0 * m + j0
    w += j0
    if b != NULL:
        b += j0
    n = r1 - r0
    if m > 1 and n >= 64 // <Py_ssize_t>sizeof(real) or k == 0:
        if many_rows[real](x, n, k, w, m, 1, b, y, m, j1 - j0, &d.f):
            d.failed[0] = 1
        return
    if m == 1 and n > 1:
        row_input_gradient[real](w, x, k, y, n)
        for i in range(n if b != NULL else 0):
            y[i] += b[0]
    else:
        few_rows[real](x, n, k, w, b, y, m, j1 - j0)
    if d.f.kind != ACTIVATION:
        rows_function[real](&d.f, y, y, n, m)
    elif d.f.code and j1 - j0 == m:
        activate[real](d.f.code, y, d.f.numbers, 0, n * m)
    elif d.f.code:
        for i in range(n):
            activate[real](d.f.code, y + i * m, d.f.numbers, 0, j1 - j0)

cdef struct gradient_t:
    # a block of rows at a time; dz is dy where there is no formula
    const void* x
    const void* w
    const void* dy
    const void* y
    const void* z
    void* dz
    void* strips
    int64_t* order
    void* dx
    void* dw
    void* db
    Py_ssize_t n, k, m
    bint goes_on
    formula_t f
    int* failed

cdef void slope_part(const void* job, int thread, int threads, real* type) noexcept nogil:
    """dz <- the gradient through the formula, and its columns in strips for `weights_part`."""
    cdef const gradient_t* g = <const gradient_t*>job
    cdef Py_ssize_t m = g.m, r, count
    cdef Py_ssize_t r0 = share(g.n, thread, threads, 16), r1 = share(g.n, thread + 1, threads, 16)
    cdef const real* dy = <const real*>g.dy
    cdef const real* z = <const real*>g.z
    cdef real* dz = <real*>g.dz
    cdef real* strips = <real*>g.strips
    cdef Py_ssize_t lanes = 64 // sizeof(real), strip = lanes * g.n, block = max(BLOCK_NUMBERS // m, <Py_ssize_t>16)
    for r in range(r0, r1):
        g.order[r] = r
    r = r0
    while r < r1:
        count = min(block, r1 - r)
        if dz != dy:
            back_through[real](
                &g.f, dy + r * m, <const real*>g.y + r * m, z + r * m if z != NULL else NULL, dz + r * m,
                count, m)
        if strips != NULL:
            if real is float:
                rows_to_strips_f(dz + r * m, count, m, strips + r * lanes, strip)
            else:
                rows_to_strips_d(dz + r * m, count, m, strips + r * lanes, strip)
        r += count

cdef void inputs_part(const void* job, int thread, int threads, real* type) noexcept nogil:
    """dx[n][k] <- dz[n][m] w[k][m]^T."""
    cdef const gradient_t* g = <const gradient_t*>job
    cdef const real* dz = <const real*>g.dz
    cdef const real* w = <const real*>g.w
    cdef real* dx = <real*>g.dx
    cdef Py_ssize_t n = g.n, k = g.k, m = g.m, r, i, i0 = 0, i1 = k, r0 = 0, r1 = n
    if by_rows(n, k, threads):
        r0, r1 = share(n, thread, threads, 16), share(n, thread + 1, threads, 16)
    else:
        i0, i1 = share(k, thread, threads, 64), share(k, thread + 1, threads, 64)
    if r0 >= r1 or i0 >= i1:
        return
    if m == 1:
        row_gradient[real](dz + r0, w + i0, dx + r0 * k + i0, k, r1 - r0, i1 - i0)
    elif r1 - r0 >= 64 // <Py_ssize_t>sizeof(real):
        if many_rows[real](dz + r0 * m, r1 - r0, m, w + i0 * m, 1, m, NULL, dx + r0 * k + i0, k, i1 - i0, NULL):
            g.failed[0] = 1
    else:  # rows of w, a few at a time, with every row of dz
        for i in range(i0, i1, 16):
            for r in range(r0, r1):
                row_input_gradient[real](dz + r * m, w + i * m, m, dx + r * k + i, min(<Py_ssize_t>16, i1 - i))

cdef void weights_part(const void* job, int thread, int threads, real* type) noexcept nogil:
    """dw[k][m] <- x[n][k]^T dz[n][m], db[m] <- the sum of dz; or added to what is there."""
    cdef const gradient_t* g = <const gradient_t*>job
    cdef const real* x = <const real*>g.x
    cdef const real* dz = <const real*>g.dz
    cdef const real* strips = <const real*>g.strips
    cdef real* dw = <real*>g.dw
    cdef real* db = <real*>g.db
    cdef Py_ssize_t n = g.n, k = g.k, m = g.m, k0 = 0, k1 = k, j0 = 0, j1 = m
    if k >= m:
        k0, k1 = share(k, thread, threads, 96), share(k, thread + 1, threads, 96)
        db = db if thread == 0 else NULL
    else:
        j0, j1 = share(m, thread, threads, 32), share(m, thread + 1, threads, 32)
    if n == 1 and not g.goes_on:
        row_gradient[real](x + k0, dz + j0, dw + k0 * m + j0, m, k1 - k0, j1 - j0)
        if db != NULL:
            memcpy(db + j0, dz + j0, (j1 - j0) * sizeof(real))
    elif m == 1:
        if real is float:
            far_product_f(dz, 0, 1, x + k0, k, n, NULL, dw + k0, 0, k1 - k0)
        else:
            far_product_d(dz, 0, 1, x + k0, k, n, NULL, dw + k0, 0, k1 - k0)
        if db != NULL:
            db[0] = <real>sum_rows(dz, n)
    elif real is float:
        gradient_matrix_f(x, k, g.order, strips, 16 * n, n, g.goes_on, dw, m, k0, k1, j0, j1, db)
    else:
        gradient_matrix_d(x, k, g.order, strips, 8 * n, n, g.goes_on, dw, m, k0, k1, j0, j1, db)

cdef struct elements_t:
    const void* dy  # NULL forwards
    const void* y
    const void* z
    void* out
    Py_ssize_t size, width
    formula_t f

cdef void elements_part(const void* job, int thread, int threads, real* type) noexcept nogil:
    """out <- formula(z), or dy through it, on parts of arrays that are rows of `width`."""
    cdef const elements_t* e = <const elements_t*>job
    cdef Py_ssize_t unit = 64 if e.f.kind == ACTIVATION else 16, scale = 1, out_scale = 1
    cdef Py_ssize_t i, count, i1, block = BLOCK_NUMBERS
    if e.f.kind != ACTIVATION:
        scale, out_scale = e.width, e.width // 2 if e.f.kind == GLU and e.dy == NULL else e.width
        block = max(BLOCK_NUMBERS // max(e.width, <Py_ssize_t>1), <Py_ssize_t>16)
    i, i1 = share(e.size, thread, threads, unit), share(e.size, thread + 1, threads, unit)
    cdef Py_ssize_t y_scale = scale // 2 if e.f.kind == GLU else scale
    while i < i1:
        count = min(block, i1 - i)
        if e.dy != NULL:
            back_through[real](
                &e.f, <const real*>e.dy + i * y_scale, <const real*>e.y + i * y_scale,
                <const real*>e.z + i * scale if e.z != NULL else NULL, <real*>e.out + i * scale,
                count, e.width)
        elif e.f.kind == ACTIVATION:
            if e.out != e.z:
                memcpy(<real*>e.out + i, <const real*>e.z + i, count * sizeof(real))
            activate[real](e.f.code, <real*>e.out + i, e.f.numbers, 0, count)
        else:
            rows_function[real](&e.f, <const real*>e.z + i * scale, <real*>e.out + i * out_scale, count, e.width)
        i += count

cdef void back_through(
    const formula_t* f, const real* dy, const real* y, const real* z, real* dz, Py_ssize_t n, Py_ssize_t m,
) noexcept nogil:
    """dz <- dy through the formula, for n rows of m; of an elementwise one, m numbers each or n in all."""
    if f.kind != ACTIVATION:
        rows_slope[real](f, dy, y, z, dz, n, m)
        return
    if m > 0:
        n *= m
    if dz != dy:
        memcpy(dz, dy, n * sizeof(real))
    derive[real](f.code, dz, <real*>y, <real*>z, f.numbers, 0, n)

# functions of a whole axis: single rows, or panels of them, through the kernels of groups.pxi

cdef void group_forward(
    int64_t kind, Py_ssize_t L, const real* z, real* y, Py_ssize_t m,
) noexcept nogil:
    cdef real[16] shift
    cdef real[16] total
    if kind == SOFTMAX:
        softmax_panel[real](L, z, y, m, shift, total)
    elif kind == LOG_SOFTMAX:
        log_softmax_panel[real](L, z, y, m)
    elif kind == SPARSEMAX:
        sparsemax_panel[real](L, z, y, m)
    else:
        glu_panel[real](z, y, m // 2 * L)

cdef void group_backward(
    int64_t kind, Py_ssize_t L, const real* dy, const real* y, const real* z, real* dz, Py_ssize_t m,
) noexcept nogil:
    if kind == SOFTMAX:
        softmax_panel_gradient[real](L, y, dy, dz, m)
    elif kind == LOG_SOFTMAX:
        log_softmax_panel_gradient[real](L, y, dy, dz, m)
    elif kind == SPARSEMAX:
        sparsemax_panel_gradient[real](L, y, dy, dz, m)
    else:
        glu_panel_gradient[real](z, dy, dz, m // 2 * L)

cdef inline void to_panel(const real* rows, Py_ssize_t apart, real* panel, Py_ssize_t m, Py_ssize_t count) noexcept nogil:
    cdef int64_t[16] order
    cdef int i
    for i in range(16):
        order[i] = i
    if real is float:
        rows_to_panel_f(rows, apart, order, panel, m, count)
    else:
        rows_to_panel_d(rows, apart, order, panel, m, count)

cdef inline void from_panel(const real* panel, real* rows, Py_ssize_t apart, Py_ssize_t m, Py_ssize_t count) noexcept nogil:
    if real is float:
        panel_to_rows_f(panel, rows, apart, m, count)
    else:
        panel_to_rows_d(panel, rows, apart, m, count)

cdef enum:
    FEW = 4  # rows that are not worth a panel

cdef void rows_function(const formula_t* f, const real* z, real* y, Py_ssize_t n, Py_ssize_t m) noexcept nogil:
    """y <- the function of every row of z, (n, m)."""
    cdef Py_ssize_t r = 0, count, L = 64 // sizeof(real), width = m // 2 if f.kind == GLU else m
    cdef real* space = NULL
    if n >= FEW and f.kind != GLU:
        space = <real*>new_workspace(m * 64)
    while r < n:
        count = min(L, n - r)
        if count < FEW or space == NULL:
            group_forward[real](f.kind, 1, z + r * m, y + r * width, m)
            r += 1
        else:
            to_panel[real](z + r * m, m, space, m, count)
            group_forward[real](f.kind, L, space, space, m)
            from_panel[real](space, y + r * m, m, m, count)
            r += count
    free(space)

cdef void rows_slope(
    const formula_t* f, const real* dy, const real* y, const real* z, real* dz, Py_ssize_t n, Py_ssize_t m,
) noexcept nogil:
    cdef Py_ssize_t r = 0, count, L = 64 // sizeof(real), width = m // 2 if f.kind == GLU else m
    cdef real* space = NULL
    if n >= FEW and f.kind != GLU:
        space = <real*>new_workspace(2 * m * 64)
    while r < n:
        count = min(L, n - r)
        if count < FEW or space == NULL:
            group_backward[real](
                f.kind, 1, dy + r * width, y + r * width, z + r * m if z != NULL else NULL, dz + r * m, m)
            r += 1
        else:
            to_panel[real](dy + r * m, m, space, m, count)
            to_panel[real](y + r * m, m, space + m * L, m, count)
            group_backward[real](f.kind, L, space, space + m * L, NULL, space, m)
            from_panel[real](space, dz + r * m, m, m, count)
            r += count
    free(space)
