# What fastnn.functional calls for dense layers and activations.

cdef inline double guess(double steps, const array_t* a, double each) noexcept:
    """Nanoseconds that so many steps take one thread; float64 twice as long."""
    return steps * each * (1 if a.descr == float_type else 2)

cdef double MULTIPLY_ADD = 0.012  # nanoseconds of a multiplication and addition
cdef double PASS = 0.3  # and of an element that goes through a formula

def array_dense_forward(X, W, b=None, activation=None, out=None):
    cdef array_t* x
    cdef array_t* w
    cdef dense_t d
    cdef int failed = 0
    cdef Formula f = find_formula(activation)
    if f is None or f.it.kind == GLU or not is_array(X) or not is_array(W):
        return general["dense_forward"](X, W, b, activation, out)
    x, w = as_array(X), as_array(W)
    if x.nd != 2 or w.nd != 2 or x.shape[1] != w.shape[0] or x.descr != w.descr or not is_real(x):
        return general["dense_forward"](X, W, b, activation, out)
    d.n, d.k, d.m = x.shape[0], x.shape[1], w.shape[1]
    if b is not None and not is_row(b, d.m, x.descr):
        return general["dense_forward"](X, W, b, activation, out)
    if out is None:
        out = new_matrix(d.n, d.m, x.descr)
    elif not (is_output(out, d.n, d.m, x.descr) and apart(as_array(out), x) and apart(as_array(out), w)
              and (b is None or apart(as_array(out), as_array(b)))):
        return general["dense_forward"](X, W, b, activation, out)
    d.x, d.w, d.y, d.f = x.data, w.data, as_array(out).data, f.it
    d.b = as_array(b).data if b is not None else NULL
    d.failed = &failed
    if d.n and d.m:
        share_work(DENSE_FORWARD, x.descr == float_type, &d,
                   guess(<double>d.n * d.k * d.m, x, MULTIPLY_ADD) + guess(<double>d.n * d.m, x, PASS))
    if failed:
        raise MemoryError("no memory for the workspace of a product")
    return out

def array_dense_backward(dY, X, W, Y=None, activation=None, Z=None, input_gradient=True, out=None):
    cdef array_t* x
    cdef array_t* w
    cdef array_t* dy
    cdef gradient_t g
    cdef Formula f = find_formula(activation)
    cdef bint plain = f is not None and f.it.kind == ACTIVATION and f.it.code == 0
    arguments = (dY, X, W, Y, activation, Z, input_gradient, out)
    if f is None or f.it.kind == GLU or not (is_array(dY) and is_array(X) and is_array(W)):
        return general["dense_backward"](*arguments)
    dy, x, w = as_array(dY), as_array(X), as_array(W)
    if (x.nd != 2 or w.nd != 2 or x.shape[1] != w.shape[0] or x.descr != w.descr or not is_real(x)
            or not is_matrix(dY, x.descr) or dy.shape[0] != x.shape[0] or dy.shape[1] != w.shape[1]
            or not plain and not is_like(Y, dy, False)
            or f.it.keeps_z and not is_like(Z, dy, False)
            or type(input_gradient) is not bool):
        return general["dense_backward"](*arguments)
    memset(&g, 0, sizeof(g))
    g.n, g.k, g.m, g.f = x.shape[0], x.shape[1], w.shape[1], f.it
    if g.n == 0 or g.k == 0 or g.m == 0:
        return general["dense_backward"](*arguments)
    if out is None:
        dX = new_matrix(g.n, g.k, x.descr) if input_gradient else None
        out = dX, new_matrix(g.k, g.m, x.descr), new_row(g.m, x.descr)
    elif not fits_gradients(out, dy, x, w, Y, Z, input_gradient):
        return general["dense_backward"](*arguments)
    dX, dW, db = out
    g.x, g.w, g.dy = x.data, w.data, dy.data
    g.y = as_array(Y).data if not plain else NULL
    g.z = as_array(Z).data if f.it.keeps_z else NULL
    g.dw, g.db = as_array(dW).data, as_array(db).data
    g.dx = as_array(dX).data if input_gradient else NULL
    find_gradients(&g, x, plain)
    return out

cdef bint fits_gradients(
    out, const array_t* dy, const array_t* x, const array_t* w, Y, Z, bint input_gradient,
) except -1:
    """Whether `out` is (dX, dW, db) as `dense_backward` may write them, all apart from what it reads."""
    cdef const array_t* one
    cdef const array_t* other
    if type(out) is not tuple or len(<tuple>out) != 3:
        return False
    dX, dW, db = out
    if (not is_like(dW, w, True) or not is_row(db, w.shape[1], w.descr)
            or as_array(db).flags & WRITABLE != WRITABLE
            or input_gradient and not is_like(dX, x, True)):
        return False
    written = (dX, dW, db) if input_gradient else (dW, db)
    for i, array in enumerate(written):
        one = as_array(array)
        if not (apart(one, dy) and apart(one, x) and apart(one, w)):
            return False
        for other_array in (Y, Z, *written[i + 1:]):
            if is_array(other_array):
                other = as_array(other_array)
                if is_real(other) and not apart(one, other):
                    return False
    return True

cdef int find_gradients(gradient_t* all_rows, const array_t* x, bint plain) except -1:
    """All rows at a time, or blocks of them whose gradients stay in the second cache."""
    cdef gradient_t g = all_rows[0]
    cdef Py_ssize_t item = item_bytes(x), n = g.n, first = 0, block = 1 << 18
    cdef bint single = x.descr == float_type
    cdef int failed = 0
    cdef double work
    if g.m > 1:
        block = max(block // (g.m * item) // 64 * 64, <Py_ssize_t>256)
    block = min(block, n) if g.m > 1 else n
    cdef Py_ssize_t strips = (g.m * item + 63) // 64 * 64 * block if n > 1 and g.m > 1 else 0
    cdef Py_ssize_t copies = 0 if plain else (block * g.m * item + 63) // 64 * 64
    cdef char* space = <char*>raw_workspace(strips + copies + block * sizeof(int64_t))
    if space == NULL:
        raise MemoryError(f"no memory for {strips + copies} bytes of workspace")
    g.strips, g.order, g.failed = space if strips else NULL, <int64_t*>(space + strips + copies), &failed
    while first < n:
        g.n, g.goes_on = min(block, n - first), first > 0
        g.x = <const char*>all_rows.x + first * g.k * item
        g.dy = <const char*>all_rows.dy + first * g.m * item
        g.dz = <void*>g.dy if plain else space + strips
        if g.y != NULL:
            g.y = <const char*>all_rows.y + first * g.m * item
        if g.z != NULL:
            g.z = <const char*>all_rows.z + first * g.m * item
        work = guess(<double>g.n * g.k * g.m, x, MULTIPLY_ADD)
        if strips or copies:
            share_work(SLOPES, single, &g, guess(<double>g.n * g.m, x, PASS))
        share_work(WEIGHT_GRADIENT, single, &g, work)
        if g.dx != NULL:
            g.dx = <char*>all_rows.dx + first * g.k * item
            share_work(INPUT_GRADIENT, single, &g, work)
        first += g.n
    free(space)
    if failed:
        raise MemoryError("no memory for the workspace of a product")
    return 0

cdef int run_elements(const array_t* a, elements_t* e, Py_ssize_t size) except -1:
    """An activation's elements, or rows, forwards or backwards."""
    if e.f.kind == ACTIVATION:
        e.size, e.width = size, 0
    else:
        e.width = a.shape[a.nd - 1]
        e.size = size // e.width
    share_work(ELEMENTS, a.descr == float_type, e, guess(size, a, PASS))
    return 0

cdef inline bint acceptable(Formula f, const array_t* a) noexcept:
    """Whether an array can go through the formula as it is."""
    return is_real(a) and (f.it.kind == ACTIVATION or f.it.kind != GLU and a.nd > 0 and a.shape[a.nd - 1] > 0)

cdef object forward_elements(Formula f, z, out):
    """None where the general function has to look."""
    cdef array_t* a
    cdef elements_t e
    if not is_array(z):
        return None
    a = as_array(z)
    if not acceptable(f, a):
        return None
    if out is None:
        out = new_like(a)
    elif not is_like(out, a, True) or as_array(out).data != a.data and not apart(as_array(out), a):
        return None
    e.dy, e.y, e.z, e.out, e.f = NULL, NULL, a.data, as_array(out).data, f.it
    cdef Py_ssize_t size = numbers_in(a)
    if size:
        run_elements(a, &e, size)
    return out

cdef object backward_elements(Formula f, dy, y, z, out):
    cdef array_t* a
    cdef elements_t e
    if not is_array(dy):
        return None
    a = as_array(dy)
    if (not acceptable(f, a) or not is_like(y, a, False)
            or f.it.keeps_z and not is_like(z, a, False)):
        return None
    if out is None:
        out = new_like(a)
    elif (not is_like(out, a, True) or as_array(out).data != a.data and not apart(as_array(out), a)
            or not apart(as_array(out), as_array(y))
            or f.it.keeps_z and not apart(as_array(out), as_array(z))):
        return None
    e.dy, e.y, e.out, e.f = a.data, as_array(y).data, as_array(out).data, f.it
    e.z = as_array(z).data if f.it.keeps_z else NULL
    cdef Py_ssize_t size = numbers_in(a)
    if size:
        run_elements(a, &e, size)
    return out

def array_activation_forward(z, activation, out=None):
    cdef Formula f = find_formula(activation)
    result = forward_elements(f, z, out) if f is not None else None
    return general["activation_forward"](z, activation, out) if result is None else result

def array_activation_backward(dy, y, activation, z=None, out=None):
    cdef Formula f = find_formula(activation)
    result = backward_elements(f, dy, y, z, out) if f is not None else None
    return general["activation_backward"](dy, y, activation, z, out) if result is None else result

def make_activation(Formula formula, anything):
    """The function of one activation; `anything` takes what this one does not."""
    def function(z, out=None, **hyper):
        if not hyper:
            result = forward_elements(formula, z, out)
            if result is not None:
                return result
        return anything(z, out, **hyper)
    return function

def make_backward(Formula formula, anything):
    def function(dy, y, z=None, out=None, **hyper):
        if not hyper:
            result = backward_elements(formula, dy, y, z, out)
            if result is not None:
                return result
        return anything(dy, y, z, out, **hyper)
    return function
