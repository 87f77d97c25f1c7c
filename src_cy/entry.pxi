# What Python calls. The arguments are checked by fastnn.backends.cython_backend.

OPENMP = bool(FASTNN_OPENMP)

cdef extern from * nogil:
    """
    #if FASTNN_OPENMP
    #include <omp.h>
    static int stop_threads(void) { return omp_pause_resource_all(omp_pause_hard); }
    #else
    static int stop_threads(void) { return 0; }
    static int omp_get_max_threads(void) { return 1; }
    #endif
    """
    int stop_threads()
    int omp_get_max_threads()

def most_threads() -> int:
    """How many threads OpenMP would take now: fewer where threadpoolctl says so, 1 without OpenMP."""
    return omp_get_max_threads()

def rest():
    """Let go of the threads between two calls; the next call starts them anew.

    A child of fork() has none of its parent's threads, but OpenMP would wait for them for ever.
    """
    stop_threads()

cdef extern from *:
    """
    #if defined(__clang__)
    #define FASTNN_COMPILER "clang"
    #define FASTNN_COMPILER_VERSION __clang_major__
    #else
    #define FASTNN_COMPILER "gcc"
    #define FASTNN_COMPILER_VERSION __GNUC__
    #endif
    """
    const char* FASTNN_COMPILER
    const int FASTNN_COMPILER_VERSION

COMPILER = f"{FASTNN_COMPILER.decode()} {FASTNN_COMPILER_VERSION}"

# Of an array without numbers (a model without parameters, an optimizer without slots, a loss without
# labels) nothing is read: it has no first number, and its address is NULL.

# for a test that Python and C mean the same
MERGE_CODES = {"combine": COMBINE, "maximum": MAXIMUM, "minimum": MINIMUM}
LINK_CODES = {"sigmoid": LINK_SIGMOID, "softmax": LINK_SOFTMAX}
SIGMOID_CODE = SIGMOID
OP_BYTES = sizeof(op_t)

# how much room for sums a penalty or a clipping of so many parameters needs, in bytes
def block_bytes(Py_ssize_t k):
    return (k + BLOCK - 1) // BLOCK * 2 * sizeof(double) + sizeof(double)

cdef const op_t* find_head(const op_t* ops, Py_ssize_t n_ops) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n_ops):
        if OUTPUT <= ops[i].kind <= OVERLAP_LOSS:
            return &ops[i]
    return ops

cdef Py_ssize_t count_outputs(const op_t* ops, Py_ssize_t n_ops) noexcept nogil:
    """The outputs of all heads."""
    cdef Py_ssize_t i, count = 0
    for i in range(n_ops):
        if OUTPUT <= ops[i].kind < ELEMENT_METRIC:
            count += ops[i].m
    return count

cdef struct stretch_t:
    # what Python handed over: parts x rows of row numbers, cut into batches; one row of scalars a step
    const int64_t* order
    Py_ssize_t rows, batch, part_steps
    const double* scalars
    Py_ssize_t n_scalars
    double* sums
    Py_ssize_t n_sums
    void* Y

cdef void train_block(
    run_t shared, const stretch_t* stretch, real* work, Py_ssize_t start, Py_ssize_t stop, int thread,
    double* second,
) noexcept nogil:
    """The steps start..stop of a stretch, by one thread among `shared.threads`. `second` becomes the
    time when the first step is over."""
    cdef run_t r = shared
    cdef Py_ssize_t i, n, part = start // stretch.part_steps
    cdef Py_ssize_t first = start % stretch.part_steps * stretch.batch
    r.thread = thread
    for i in range(start, stop):
        if i == start + 1 and thread == 0:
            second[0] = seconds()
        if first >= stretch.rows:
            part += 1
            first = 0
        n = min(stretch.batch, stretch.rows - first)
        if n != r.n:
            r.n = n
            cut_shares(&r)
        r.rows = stretch.order + part * stretch.rows + first
        r.step = shared.step + i
        r.numbers = stretch.scalars + i * stretch.n_scalars
        r.sums = stretch.sums + part * stretch.n_sums
        if stretch.Y != NULL:
            r.Y = <real*>stretch.Y + (part * stretch.rows + first) * r.n_outputs
        training_step[real](&r, work)
        first += n

cdef void train_stretch(
    run_t shared, const stretch_t* stretch, real* work, Py_ssize_t steps, pace_t* pace,
) noexcept nogil:
    """All steps, in blocks, each with the number of threads that is worth its while."""
    cdef Py_ssize_t done = 0, count
    cdef int most = shared.threads, threads
    cdef int64_t level
    cdef bint trial
    cdef double start, second, given
    if most == 1:
        barrier_init(shared.barrier, 1)
        train_block[real](shared, stretch, work, 0, steps, 0, &second)
        return
    while done < steps:
        trial = wants_trial(pace, most)
        level = next_trial(pace, most) if trial else pace.level
        count = block_steps(pace, TRIAL if trial else min(max(pace.wait, TRIAL), 4 * TRIAL))
        count = min(max(count, <Py_ssize_t>4), steps - done)
        threads = level_threads(level, most)
        shared.threads = threads
        barrier_init(shared.barrier, threads)
        start, given = seconds(), processor_seconds()
        if threads == 1:
            train_block[real](shared, stretch, work, done, done + count, 0, &second)
        else:
            with parallel(num_threads=threads):
                train_block[real](shared, stretch, work, done, done + count, threadid(), &second)
        record(
            pace, level, count, seconds() - start, second - start if count > 1 else 0,
            processor_seconds() - given)
        done += count

def train(
    const op_t[::1] ops, real[::1] params, real[::1] grads, real[:, ::1] slots, real[::1] work,
    Py_ssize_t capacity, const real[:, ::1] X, const real[:, ::1] T, const int64_t[::1] labels,
    weights, const int64_t[:, ::1] order, Py_ssize_t batch, const double[:, ::1] scalars,
    int64_t step, double[:, ::1] sums, Y, int threads, uint8_t[::1] pace, csr=None,
):
    """A stretch of steps; the contract is in fastnn.backends. `pace` remembers what was measured.
    `csr`: the rows in place of X, of which the width alone counts then."""
    cdef run_t r
    cdef stretch_t stretch
    cdef barrier_t barrier
    cdef const real[::1] w
    cdef real[:, :, ::1] out
    cdef real* memory = &work[0]
    cdef Py_ssize_t n = X.shape[0]
    memset(&r, 0, sizeof(r))
    r.ops, r.n_ops = &ops[0], ops.shape[0]
    r.head, r.n_outputs = find_head(r.ops, r.n_ops), count_outputs(r.ops, r.n_ops)
    r.params = &params[0] if params.shape[0] else NULL
    r.grads, r.n_trained = &grads[0] if grads.shape[0] else NULL, grads.shape[0]
    r.slots = &slots[0, 0] if slots.shape[0] and slots.shape[1] else NULL
    r.work, r.capacity = memory, capacity
    r.spare = memory + (work.shape[0] - r.n_trained)  # of a plan with ops that add to gradients
    r.lanes = 1 if capacity == 1 else 64 // sizeof(real)
    r.X, r.n_inputs = &X[0, 0], X.shape[1]
    if csr is not None:
        n = set_sparse(&r, csr)
    r.T, r.target_width = &T[0, 0], T.shape[1]
    r.labels, r.label_width = &labels[0] if labels.shape[0] else NULL, labels.shape[0] // n
    r.step, r.training, r.threads, r.barrier = step, True, threads, &barrier
    stretch.order, stretch.rows, stretch.batch = &order[0, 0], order.shape[1], batch
    stretch.part_steps = (order.shape[1] + batch - 1) // batch
    stretch.scalars, stretch.n_scalars = &scalars[0, 0] if scalars.shape[1] else NULL, scalars.shape[1]
    stretch.sums, stretch.n_sums = &sums[0, 0], sums.shape[1]
    stretch.Y = NULL
    if weights is not None:
        w = weights
        r.weights, r.weight_width = &w[0], w.shape[0] // n
    if Y is not None:
        out = Y
        stretch.Y = &out[0, 0, 0]
    cdef Py_ssize_t steps = order.shape[0] * stretch.part_steps
    with nogil:
        train_stretch[real](r, &stretch, memory, steps, <pace_t*>&pace[0])

PACE_BYTES = sizeof(pace_t)

cdef void forward_chunks(
    run_t shared, real* work, Py_ssize_t size, Py_ssize_t n, double* sums, Py_ssize_t n_sums,
    real* Y, int thread, int threads,
) noexcept nogil:
    """Every `threads`-th chunk of `capacity` rows from `thread` on, in a workspace of its own."""
    cdef run_t r = shared
    cdef Py_ssize_t chunk = shared.capacity, first = thread * chunk
    work += thread * size
    r.work = work
    while first < n:
        r.n = min(chunk, n - first)
        r.X = <const real*>shared.X + first * r.n_inputs
        if shared.indptr != NULL:
            r.indptr = shared.indptr + first
        if shared.T != NULL:
            r.T = <const real*>shared.T + first * r.target_width
            r.labels = shared.labels + first * r.label_width
        if shared.weights != NULL:
            r.weights = <const real*>shared.weights + first * r.weight_width
        if Y != NULL:
            r.Y = Y + first * r.n_outputs
        cut_shares(&r)
        forward_ops[real](&r, work)
        if r.T != NULL:
            r.sums = sums + (first // chunk) * n_sums
            add_sums[real](&r, work)
            add_penalty_values[real](&r, work)
        first += chunk * threads

def forward(
    const op_t[::1] ops, const real[::1] params, Py_ssize_t columns, const int64_t[::1] order,
    const real[:, ::1] X, Y, bint training, int64_t step, int threads, T=None, labels=None,
    weights=None, sums=None, csr=None,
):
    """Predictions into Y and, where T is given, one row of sums a chunk of len(order) rows.

    `columns` are those of the workspace; `order` is 0, 1, 2, ...
    """
    cdef run_t r
    cdef barrier_t barrier
    cdef const real[::1] w
    cdef const real[:, ::1] t
    cdef const int64_t[::1] l
    cdef double[:, ::1] totals
    cdef real[:, ::1] out
    cdef real* y = NULL
    cdef double* s = NULL
    cdef Py_ssize_t n_sums = 0, n = X.shape[0], size = columns * order.shape[0]
    memset(&r, 0, sizeof(r))
    r.ops, r.n_ops = &ops[0], ops.shape[0]
    r.head, r.n_outputs = find_head(r.ops, r.n_ops), count_outputs(r.ops, r.n_ops)
    # only a forward in training mode writes parameters (moving statistics), and then they are writable
    r.params = <void*>&params[0] if params.shape[0] else NULL
    r.capacity, r.rows = order.shape[0], &order[0]
    r.lanes = 1 if r.capacity == 1 else 64 // sizeof(real)
    r.X, r.n_inputs = &X[0, 0], X.shape[1]
    r.step, r.training, r.threads, r.barrier = step, training, 1, &barrier
    barrier_init(&barrier, 1)
    if csr is not None:
        n = set_sparse(&r, csr)
    if T is not None:
        t, l, totals = T, labels, sums
        r.T, r.target_width = &t[0, 0], t.shape[1]
        r.labels, r.label_width = &l[0] if l.shape[0] else NULL, l.shape[0] // n
        s, n_sums = &totals[0, 0], totals.shape[1]
    if weights is not None:
        w = weights
        r.weights, r.weight_width = &w[0], w.shape[0] // n
    if Y is not None:
        out = Y
        y = &out[0, 0]
    cdef real* work = <real*>new_workspace(size * threads * sizeof(real))
    if work == NULL:
        raise MemoryError(f"no memory for {size * threads} numbers of workspace")
    with nogil:
        if threads == 1:
            forward_chunks[real](r, work, size, n, s, n_sums, y, 0, 1)
        else:
            with parallel(num_threads=threads):
                forward_chunks[real](r, work, size, n, s, n_sums, y, threadid(), threads)
        free(work)

cdef enum:
    STACK = 16384  # bytes of workspace that a prediction takes from the stack

cdef class Bound:
    """A plan with its parameters, for predictions of so few rows that the call itself counts.

    ``bound(x, y)`` writes the outputs of x (n, k) into y (n, m) and returns True; or returns False and
    does nothing where these are not C-contiguous arrays of the plan's type and widths. Safe to call
    from many threads at once.
    """

    cdef const op_t[::1] ops
    cdef object params  # keeps the numbers alive
    cdef const int64_t[::1] order
    cdef run_t run
    cdef Py_ssize_t columns, outputs, item
    cdef char code

    def __init__(self, const op_t[::1] ops, params, Py_ssize_t columns, const int64_t[::1] order,
                 Py_ssize_t inputs):
        cdef const uint8_t[::1] memory = params.view("u1")
        self.ops, self.params, self.columns, self.order = ops, memory, columns, order
        self.item, self.code = params.itemsize, ord(params.dtype.char)
        memset(&self.run, 0, sizeof(run_t))
        self.run.ops, self.run.n_ops = &ops[0], ops.shape[0]
        self.run.head = find_head(&ops[0], ops.shape[0])
        self.run.params = <void*>&memory[0] if memory.shape[0] else NULL
        self.run.n_inputs, self.run.threads = inputs, 1
        self.outputs = self.run.n_outputs = count_outputs(&ops[0], ops.shape[0])

    cdef bint fits(self, Py_buffer* b, Py_ssize_t width) noexcept:
        return (b.ndim == 2 and b.shape[1] == width and b.itemsize == self.item
                and b.format != NULL and b.format[0] == self.code and b.format[1] == 0
                and <size_t>b.buf % self.item == 0)

    def __call__(self, x, y):
        cdef Py_buffer source, target
        cdef bint done = False
        try:
            PyObject_GetBuffer(x, &source, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
        except (TypeError, BufferError, ValueError):
            return False
        try:
            PyObject_GetBuffer(y, &target, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        except (TypeError, BufferError, ValueError):
            PyBuffer_Release(&source)
            return False
        if (self.fits(&source, self.run.n_inputs) and self.fits(&target, self.outputs)
                and source.shape[0] == target.shape[0]):
            with nogil:
                done = self.predict(source.buf, target.buf, source.shape[0])
        PyBuffer_Release(&source)
        PyBuffer_Release(&target)
        return done

    cdef bint predict(self, const void* X, void* Y, Py_ssize_t n) noexcept nogil:
        cdef char[STACK + 64] near
        cdef barrier_t barrier
        cdef run_t r = self.run
        cdef void* far = NULL
        cdef void* work = <void*>((<size_t>&near[0] + 63) & ~<size_t>63)
        cdef Py_ssize_t size
        if n == 0:
            return True
        r.lanes = 1 if n == 1 else 64 // self.item
        r.capacity = min((n + r.lanes - 1) // r.lanes * r.lanes, self.order.shape[0])
        size = self.columns * r.capacity
        if n > 1 or size * self.item > STACK:  # panels need zeros where no row is
            far = work = new_workspace(size * self.item)
            if work == NULL:
                return False
        barrier_init(&barrier, 1)
        r.barrier, r.rows, r.X = &barrier, &self.order[0], X
        if self.item == sizeof(float):
            forward_chunks[float](r, <float*>work, size, n, NULL, 0, <float*>Y, 0, 1)
        else:
            forward_chunks[double](r, <double*>work, size, n, NULL, 0, <double*>Y, 0, 1)
        free(far)
        return True

def permutations(uint64_t seed, uint64_t first_epoch, int64_t[:, ::1] order):
    """order[e] <- the order of the rows in epoch first_epoch + e, as fastnn.random.permutations has it."""
    cdef Py_ssize_t e, n = order.shape[1]
    cdef int buckets = 2
    if n >> 32:  # rows are counted in 32 bits
        raise ValueError(f"{n} rows cannot be put in order: at most 2^32 - 1 can")
    while buckets < n // 2 and buckets < 1 << 24:
        buckets *= 2
    if order.shape[0] == 0 or n == 0:
        return
    cdef uint64_t* keys = <uint64_t*>new_workspace((n + 2 * COUNTERS) * sizeof(uint64_t))
    cdef uint32_t* counts = <uint32_t*>new_workspace((buckets + 1) * sizeof(uint32_t))
    try:
        if keys == NULL or counts == NULL:
            raise MemoryError(f"no memory to put {n} rows in order")
        with nogil:
            for e in range(order.shape[0]):
                epoch_order(seed, first_epoch + e, n, &order[e, 0], keys, counts, buckets)
    finally:
        free(keys)
        free(counts)

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
    elif name == "erf":
        for i in range(x.shape[0]):
            x[i] = erf_(x[i])
    elif name == "sqrt":
        for i in range(x.shape[0]):
            x[i] = sqrt_(x[i])
    else:
        raise ValueError(f"unknown function {name!r}")
