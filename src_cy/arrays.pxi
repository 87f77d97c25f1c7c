# NumPy's arrays as C sees them, for functions so short that asking Python for a buffer would take longer
# than their work. The struct is the public part of NumPy's binary interface (the same since 1.7);
# `learn_arrays` compares it with what Python says of an array before anything relies on it.

from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_TYPE

cdef extern from *:
    """
    typedef struct {
        PyObject_HEAD
        char *data;
        int nd;
        Py_ssize_t *shape, *strides;
        PyObject *base, *descr;
        int flags;
    } array_t;
    """
    ctypedef struct array_t:
        char* data
        int nd
        Py_ssize_t* shape
        PyObject* descr
        int flags

cdef enum:
    ROWS_IN_ORDER = 0x101  # C-contiguous and aligned
    WRITABLE = 0x500  # aligned and writable

cdef object numpy_array = None, numpy_empty = None, type_float = None, type_double = None
cdef PyObject* float_type = NULL
cdef PyObject* double_type = NULL
cdef PyObject* int64_type = NULL
cdef dict general = {}  # the functions that take whatever the ones here do not
cdef object most_threads_now = None

def learn_arrays(array, empty, dtypes, functions, threads, example) -> bool:
    """Whether arrays are what this core takes them for; if so, the functions below may be called.

    example : a float64 array (2, 3). threads : a function that says how many there may be.
    """
    global numpy_array, numpy_empty, type_float, type_double, float_type, double_type, int64_type
    global most_threads_now
    cdef array_t* a = <array_t*><PyObject*>example
    numpy_array, numpy_empty, most_threads_now = array, empty, threads
    type_float, type_double = dtypes[0], dtypes[1]
    float_type, double_type = <PyObject*>dtypes[0], <PyObject*>dtypes[1]
    int64_type = <PyObject*>dtypes[2]
    for dtype in dtypes:
        Py_INCREF(dtype)  # for the pointers
    general.update(functions)
    return (type(example) is array and <size_t>a.data == <size_t>example.__array_interface__["data"][0]
            and a.nd == 2 and a.shape[0] == 2 and a.shape[1] == 3 and a.descr == double_type
            and a.flags & 0x7ff == example.flags.num & 0x7ff)

cdef inline bint is_array(object x) noexcept:
    """Whether x is an array, no subclass, whose numbers lie in order."""
    return (<object>Py_TYPE(x) is numpy_array
            and (<array_t*><PyObject*>x).flags & ROWS_IN_ORDER == ROWS_IN_ORDER)

cdef inline array_t* as_array(object x) noexcept:
    return <array_t*><PyObject*>x

cdef inline bint is_real(const array_t* a) noexcept nogil:
    return a.descr == float_type or a.descr == double_type

cdef inline bint is_matrix(object x, PyObject* descr) noexcept:
    return is_array(x) and as_array(x).nd == 2 and as_array(x).descr == descr

cdef inline bint is_row(object x, Py_ssize_t m, PyObject* descr) noexcept:
    """Whether x has the shape (m,) or (1, m)."""
    cdef array_t* a
    if not is_array(x):
        return False
    a = as_array(x)
    return a.descr == descr and (
        a.nd == 1 and a.shape[0] == m or a.nd == 2 and a.shape[0] == 1 and a.shape[1] == m)

cdef inline bint is_output(object x, Py_ssize_t n, Py_ssize_t m, PyObject* descr) noexcept:
    """Whether x may be overwritten by a matrix (n, m)."""
    return (is_matrix(x, descr) and as_array(x).shape[0] == n and as_array(x).shape[1] == m
            and as_array(x).flags & WRITABLE == WRITABLE)

cdef inline bint same_shape(const array_t* a, const array_t* b) noexcept nogil:
    cdef int i
    if a.nd != b.nd:
        return False
    for i in range(a.nd):
        if a.shape[i] != b.shape[i]:
            return False
    return True

cdef inline bint is_like(object x, const array_t* a, bint written) noexcept:
    """Whether x is an array of the shape and type of `a`, and may be written if that is wanted."""
    return (is_array(x) and as_array(x).descr == a.descr and same_shape(as_array(x), a)
            and (not written or as_array(x).flags & WRITABLE == WRITABLE))

cdef inline Py_ssize_t numbers_in(const array_t* a) noexcept nogil:
    cdef Py_ssize_t size = 1
    cdef int i
    for i in range(a.nd):
        size *= a.shape[i]
    return size

cdef inline Py_ssize_t item_bytes(const array_t* a) noexcept nogil:
    return 4 if a.descr == float_type else 8

cdef inline bint apart(const array_t* a, const array_t* b) noexcept nogil:
    """Whether the arrays share no byte; all of them lie in order."""
    return (a.data + numbers_in(a) * item_bytes(a) <= b.data
            or b.data + numbers_in(b) * item_bytes(b) <= a.data)

cdef inline object new_matrix(Py_ssize_t n, Py_ssize_t m, PyObject* descr):
    return numpy_empty((n, m), type_float if descr == float_type else type_double)

cdef inline object new_row(Py_ssize_t m, PyObject* descr):
    return numpy_empty(m, type_float if descr == float_type else type_double)

cdef object new_like(const array_t* a):
    if a.nd == 2:
        return new_matrix(a.shape[0], a.shape[1], a.descr)
    if a.nd == 1:
        return new_row(a.shape[0], a.descr)
    return numpy_empty(
        tuple([a.shape[i] for i in range(a.nd)]), type_float if a.descr == float_type else type_double)

# Work for one thread or several. What a thread does decides no bit, so that how many there are may be
# measured (pace.pxi), apart for each size of work; the measurements belong to whoever holds the GIL.

cdef enum:
    SIZES = 48

cdef enum part_t:
    DENSE_FORWARD, SLOPES, INPUT_GRADIENT, WEIGHT_GRADIENT, ELEMENTS, RULE, NORMAL_COLUMNS, NORMAL_ROWS, MASKS

cdef inline void do_part(part_t part, bint single, const void* job, int thread, int threads) noexcept nogil:
    """A thread's part of a job in float32 (single) or float64."""
    if single:
        part_of[float](part, job, thread, threads, NULL)
    else:
        part_of[double](part, job, thread, threads, NULL)

cdef inline void part_of(part_t part, const void* job, int thread, int threads, real* type) noexcept nogil:
    """`type` only says of which type the numbers are."""
    if part == DENSE_FORWARD:
        dense_part[real](job, thread, threads, type)
    elif part == SLOPES:
        slope_part[real](job, thread, threads, type)
    elif part == INPUT_GRADIENT:
        inputs_part[real](job, thread, threads, type)
    elif part == WEIGHT_GRADIENT:
        weights_part[real](job, thread, threads, type)
    elif part == ELEMENTS:
        elements_part[real](job, thread, threads, type)
    elif part == RULE:
        rule_part[real](job, thread, threads, type)
    elif part == NORMAL_COLUMNS:
        columns_part[real](job, thread, threads, type)
    elif part == NORMAL_ROWS:
        normal_rows_part[real](job, thread, threads, type)
    elif part == MASKS:
        masks_part[real](job, thread, threads, type)

cdef double RELEASED = 2e4  # nanoseconds, about, of work from which on others may have the interpreter
cdef double SHARED = 1e5  # and from which on a second thread is thought of
cdef double SURELY = 1e6  # and from which on a second thread is what one begins with
cdef pace_t[SIZES] paces

cdef int size_of_work(double nanoseconds) noexcept:
    cdef int size = 0
    while nanoseconds > 1 and size < SIZES - 1:
        nanoseconds /= 2
        size += 1
    return size

cdef void share_work(part_t part, bint single, const void* job, double nanoseconds):
    """Every part of the job; `nanoseconds` are a guess at how long one thread takes."""
    cdef int most, threads
    cdef int64_t level
    cdef pace_t* pace
    cdef double start, given
    if nanoseconds < RELEASED:
        do_part(part, single, job, 0, 1)
        return
    most = 1 if nanoseconds < SHARED else min(<int>most_threads_now(), omp_get_max_threads())
    if most == 1:
        with nogil:
            do_part(part, single, job, 0, 1)
        return
    pace = &paces[size_of_work(nanoseconds)]
    if not pace.measured and nanoseconds > SURELY:
        while level_threads(pace.level, most) < most:
            pace.level += 1
    level = next_trial(pace, most) if wants_trial(pace, most) else pace.level
    threads = level_threads(level, most)
    start, given = seconds(), processor_seconds()
    if threads == 1:
        with nogil:
            do_part(part, single, job, 0, 1)
    else:
        with nogil, parallel(num_threads=threads):
            do_part(part, single, job, threadid(), threads)
    record(pace, level, 1, seconds() - start, 0, processor_seconds() - given)
