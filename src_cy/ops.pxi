# The op table as C sees it (fastnn.plan.OP), and what one thread knows of the step it works on.

cdef struct op_t:
    int64_t kind, formula, link, src, src2, dst, dsrc, dsrc2, ddst, keep, aux
    int64_t k, m, w, b, s, trains, frozen, sparse, sums, adds
    int64_t t, v, y, own
    double a0, a1, a2, a3, weight

# fastnn.plan.Kind; a test compares the two
cdef enum:
    INPUT = 0
    DENSE = 1
    ACTIVATION = 2
    SOFTMAX = 3
    DROPOUT = 4
    BATCH_NORM = 5
    FORK = 6
    ADD = 7
    MULTIPLY = 8
    CONCATENATE = 9
    ROW_NORM = 10
    NOISE = 11
    AFFINE = 12
    EMBEDDING = 13
    ENCODE = 14
    GATHER = 15
    ACTIVITY = 65
    OUTPUT = 16
    ELEMENT_LOSS = 17
    SOFTMAX_LOSS = 18
    CROSS_LOSS = 19
    COSINE_LOSS = 20
    CATEGORICAL_HINGE_LOSS = 21
    POWER_LOSS = 22
    OVERLAP_LOSS = 23
    ELEMENT_METRIC = 32
    BINARY_ACCURACY = 33
    CATEGORICAL_ACCURACY = 34
    SPARSE_CATEGORICAL_ACCURACY = 35
    TOP_K_ACCURACY = 36
    SPARSE_TOP_K_ACCURACY = 37
    CONFUSION = 38
    PENALTY = 48
    CLIP_VALUE = 49
    CLIP_NORM = 50
    UPDATE = 51
    ACCUMULATE = 52
    DECAY = 53
    TRUST = 54
    AVERAGE = 55
    NON_NEGATIVE = 56
    BOUND_NORM = 57
    ORTHOGONALITY = 58
    LOG_SOFTMAX = 60
    SPARSEMAX = 61
    GLU = 63
    PRELU = 64
    MERGE = 66
    DOT = 69

KINDS = {
    "INPUT": INPUT, "DENSE": DENSE, "ACTIVATION": ACTIVATION, "SOFTMAX": SOFTMAX,
    "DROPOUT": DROPOUT, "BATCH_NORM": BATCH_NORM, "FORK": FORK, "ADD": ADD, "MULTIPLY": MULTIPLY,
    "CONCATENATE": CONCATENATE, "ROW_NORM": ROW_NORM, "NOISE": NOISE, "AFFINE": AFFINE,
    "EMBEDDING": EMBEDDING, "ENCODE": ENCODE, "GATHER": GATHER,
    "OUTPUT": OUTPUT, "ELEMENT_LOSS": ELEMENT_LOSS,
    "SOFTMAX_LOSS": SOFTMAX_LOSS, "CROSS_LOSS": CROSS_LOSS, "COSINE_LOSS": COSINE_LOSS,
    "CATEGORICAL_HINGE_LOSS": CATEGORICAL_HINGE_LOSS, "POWER_LOSS": POWER_LOSS,
    "OVERLAP_LOSS": OVERLAP_LOSS, "ELEMENT_METRIC": ELEMENT_METRIC,
    "BINARY_ACCURACY": BINARY_ACCURACY, "CATEGORICAL_ACCURACY": CATEGORICAL_ACCURACY,
    "SPARSE_CATEGORICAL_ACCURACY": SPARSE_CATEGORICAL_ACCURACY, "TOP_K_ACCURACY": TOP_K_ACCURACY,
    "SPARSE_TOP_K_ACCURACY": SPARSE_TOP_K_ACCURACY, "CONFUSION": CONFUSION, "PENALTY": PENALTY,
    "CLIP_VALUE": CLIP_VALUE, "CLIP_NORM": CLIP_NORM, "UPDATE": UPDATE, "ACTIVITY": ACTIVITY,
    "ACCUMULATE": ACCUMULATE, "DECAY": DECAY, "TRUST": TRUST, "AVERAGE": AVERAGE,
    "NON_NEGATIVE": NON_NEGATIVE, "BOUND_NORM": BOUND_NORM, "ORTHOGONALITY": ORTHOGONALITY,
    "LOG_SOFTMAX": LOG_SOFTMAX, "SPARSEMAX": SPARSEMAX, "GLU": GLU, "PRELU": PRELU, "MERGE": MERGE,
    "DOT": DOT,
}

cdef inline bint in_network(int64_t kind) noexcept nogil:
    """Whether an op of this kind runs forwards and backwards; fastnn.plan.in_network."""
    return kind < OUTPUT or kind >= LOG_SOFTMAX

# the codes of a head's links, fastnn.plan.LINKS
cdef enum:
    LINK_SIGMOID = 1
    LINK_SOFTMAX = 2

# the codes of MERGE's formulas, fastnn.plan.MERGES
cdef enum:
    COMBINE = 0
    MAXIMUM = 1
    MINIMUM = 2

# the code of the sigmoid among ACTIVATE_FORMULAS; a test compares
cdef enum:
    SIGMOID = 2

# what stands in `formula` of ops that have no formula of a scalar: places in fastnn.plan.NOISES, AFFINES
# and ENCODINGS; a test compares. Those of ROW_NORMS are in kernels.h.
cdef enum:
    GAUSSIAN_NOISE = 0
    ALPHA_DROPOUT = 2
    CONSTANTS = 0
    NORMALIZE = 1
    ONE_HOT = 0
    MULTI_HOT = 1
    BINS = 3

LAYER_CODES = {
    "layer": NORM_LAYER, "rms": NORM_RMS, "unit": NORM_UNIT, "scaled": NORM_SCALED,
    "gaussian_noise": GAUSSIAN_NOISE, "alpha_dropout": ALPHA_DROPOUT, "constants": CONSTANTS,
    "normalize": NORMALIZE, "one_hot": ONE_HOT, "multi_hot": MULTI_HOT, "bins": BINS,
}

# how many outputs make the transposed form of a weight gradient pay
cdef enum:
    WIDE = 5

cdef struct run_t:
    # A batch on its way through the plan, as one thread sees it. Pointers to numbers are void
    # because a struct cannot be fused; a value lies at work + column * capacity, in panels.
    const op_t* ops
    Py_ssize_t n_ops
    void* params
    void* grads
    void* spare  # n_trained numbers, if an op adds to gradients
    void* slots
    Py_ssize_t n_trained
    void* work
    Py_ssize_t lanes  # rows side by side in a panel: 64 bytes of numbers, or 1 in batches of one row
    Py_ssize_t capacity  # rows the workspace is laid out for, a multiple of the lanes
    const void* X
    const void* T
    const void* weights
    const int64_t* labels
    Py_ssize_t n_inputs, n_outputs, target_width, label_width, weight_width
    const int64_t* indptr  # X in CSR form, if it is sparse, for the dense op with src2 >= 0; or NULL
    const int32_t* indices
    const void* values
    const int64_t* rows  # which rows of X make up the batch
    Py_ssize_t n, panels
    int64_t step
    bint training
    double divisor  # of the head's sum over this batch
    const double* numbers  # the optimizer's scalars of this step
    double* sums
    void* Y  # where predictions go, or NULL
    int thread, threads
    int row_part, row_parts, column_part, column_parts  # this thread's share of a dense op
    barrier_t* barrier
    const op_t* head  # the last one that was met: the metrics behind it are of its targets

cdef inline Py_ssize_t share(Py_ssize_t count, Py_ssize_t part, Py_ssize_t parts, Py_ssize_t unit) noexcept nogil:
    """Where part `part` of `count` things begins, parts being whole units."""
    if parts == 1:
        return 0 if part == 0 else count
    cdef Py_ssize_t units = (count + unit - 1) // unit
    cdef Py_ssize_t start = units * part // parts * unit
    return start if start < count else count
