# What Python calls. The arguments are checked by fastnn.backends.cython_backend.

OPENMP = bool(FASTNN_OPENMP)

cdef const op_t* find_head(const op_t* ops, Py_ssize_t n_ops) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n_ops):
        if OUTPUT <= ops[i].kind <= CROSS_LOSS:
            return &ops[i]
    return ops

cdef void train_stretch(
    run_t shared, real* work, const int64_t* order, Py_ssize_t parts, Py_ssize_t rows,
    Py_ssize_t batch, const double* scalars, Py_ssize_t n_scalars, double* sums,
    Py_ssize_t n_sums, real* Y, int thread,
) noexcept nogil:
    """All steps of a stretch, by one thread among `shared.threads`."""
    cdef run_t r = shared
    cdef Py_ssize_t part, first
    r.thread = thread
    for part in range(parts):
        r.sums = sums + part * n_sums
        first = 0
        while first < rows:
            r.rows = order + part * rows + first
            r.n = min(batch, rows - first)
            r.numbers = scalars
            if Y != NULL:
                r.Y = Y + (part * rows + first) * r.head.m
            cut_shares[real](&r, work)
            training_step[real](&r, work)
            scalars += n_scalars
            r.step += 1
            first += batch

def train(
    const op_t[::1] ops, real[::1] params, real[::1] grads, real[:, ::1] slots, real[::1] work,
    Py_ssize_t capacity, const real[:, ::1] X, const real[:, ::1] T, const int64_t[::1] labels,
    weights, const int64_t[:, ::1] order, Py_ssize_t batch, const double[:, ::1] scalars,
    int64_t step, double[:, ::1] sums, Y, int threads,
):
    """A stretch of steps; the contract is in fastnn.backends."""
    cdef run_t r
    cdef barrier_t barrier
    cdef const real[::1] w
    cdef real[:, :, ::1] out
    cdef real* y = NULL
    memset(&r, 0, sizeof(r))
    r.ops, r.n_ops = &ops[0], ops.shape[0]
    r.head = find_head(r.ops, r.n_ops)
    r.params, r.grads, r.n_trained = &params[0], &grads[0], grads.shape[0]
    r.slots = &slots[0, 0]
    r.work, r.capacity = &work[0], capacity
    r.X, r.n_inputs = &X[0, 0], X.shape[1]
    r.T, r.target_width, r.labels = &T[0, 0], T.shape[1], &labels[0]
    r.step, r.training, r.threads, r.barrier = step, True, threads, &barrier
    if weights is not None:
        w = weights
        r.weights = &w[0]
    if Y is not None:
        out = Y
        y = &out[0, 0, 0]
    barrier_init(&barrier, threads)
    cdef Py_ssize_t parts = order.shape[0], rows = order.shape[1]
    cdef const int64_t* o = &order[0, 0]
    cdef const double* s = &scalars[0, 0]
    cdef double* totals = &sums[0, 0]
    cdef real* memory = &work[0]
    if threads == 1:
        with nogil:
            train_stretch[real](r, memory, o, parts, rows, batch, s, scalars.shape[1], totals, sums.shape[1], y, 0)
    else:
        with nogil, parallel(num_threads=threads):
            train_stretch[real](
                r, memory, o, parts, rows, batch, s, scalars.shape[1], totals, sums.shape[1], y,
                threadid())

cdef void forward_chunks(
    run_t shared, real* work, Py_ssize_t size, Py_ssize_t n, Py_ssize_t chunk,
    double* sums, Py_ssize_t n_sums, real* Y, int thread, int threads,
) noexcept nogil:
    """Every `threads`-th chunk of rows from `thread` on, in a workspace of its own."""
    cdef run_t r = shared
    cdef Py_ssize_t first = thread * chunk
    work += thread * size
    while first < n:
        r.n = min(chunk, n - first)
        r.X = <const real*>shared.X + first * r.n_inputs
        if shared.T != NULL:
            r.T = <const real*>shared.T + first * r.target_width
            r.labels = shared.labels + first
        if shared.weights != NULL:
            r.weights = <const real*>shared.weights + first
        if Y != NULL:
            r.Y = Y + first * r.head.m
        cut_shares[real](&r, work)
        forward_ops[real](&r, work)
        if r.T != NULL:
            r.sums = sums + (first // chunk) * n_sums
            add_sums[real](&r, work)
        first += chunk * threads

def forward(
    const op_t[::1] ops, const real[::1] params, real[::1] work, Py_ssize_t size,
    Py_ssize_t capacity, const real[:, ::1] X, T, labels, weights, const int64_t[::1] order,
    sums, Y, bint training, int64_t step, int threads,
):
    """Predictions into Y and, where T is given, one row of sums a chunk of `capacity` rows."""
    cdef run_t r
    cdef barrier_t barrier
    cdef const real[::1] w
    cdef const real[:, ::1] t
    cdef const int64_t[::1] l
    cdef double[:, ::1] totals
    cdef real[:, ::1] out
    cdef real* y = NULL
    cdef double* s = NULL
    cdef Py_ssize_t n_sums = 0
    memset(&r, 0, sizeof(r))
    r.ops, r.n_ops = &ops[0], ops.shape[0]
    r.head = find_head(r.ops, r.n_ops)
    # only a forward in training mode writes parameters (moving statistics), and then they are writable
    r.params = <void*>&params[0]
    r.work, r.capacity = &work[0], capacity
    r.X, r.n_inputs = &X[0, 0], X.shape[1]
    r.step, r.training, r.threads, r.barrier = step, training, 1, &barrier
    r.rows = &order[0]
    barrier_init(&barrier, 1)
    if T is not None:
        t, l, totals = T, labels, sums
        r.T, r.target_width, r.labels = &t[0, 0], t.shape[1], &l[0]
        s, n_sums = &totals[0, 0], totals.shape[1]
    if weights is not None:
        w = weights
        r.weights = &w[0]
    if Y is not None:
        out = Y
        y = &out[0, 0]
    cdef Py_ssize_t n = X.shape[0]
    cdef real* memory = &work[0]
    if threads == 1:
        with nogil:
            forward_chunks[real](r, memory, size, n, capacity, s, n_sums, y, 0, 1)
    else:
        with nogil, parallel(num_threads=threads):
            forward_chunks[real](r, memory, size, n, capacity, s, n_sums, y, threadid(), threads)

def elementary(str name, real[::1] x):
    """One of the core's elementary functions, in place: for tests of their accuracy."""
    cdef Py_ssize_t i
    if name == "exp":
        for i in range(x.shape[0]):
            x[i] = exp_(x[i])
    elif name == "expm1":
        for i in range(x.shape[0]):
            x[i] = expm1_(x[i])
    elif name == "log":
        for i in range(x.shape[0]):
            x[i] = log_(x[i])
    elif name == "log1p":
        for i in range(x.shape[0]):
            x[i] = log1p_(x[i])
    elif name == "tanh":
        for i in range(x.shape[0]):
            x[i] = tanh_(x[i])
    else:
        raise ValueError(f"unknown function {name!r}")
