# What fastnn.functional calls for optimizers' rules, clipping and one-hot rows.

cdef struct rule_t:
    int64_t code
    void* p
    const void* g
    void* slots
    Py_ssize_t stride  # numbers from one slot to the next
    Py_ssize_t size
    double decay
    double[8] numbers

cdef void rule_part(const void* job, int thread, int threads, real* type) noexcept nogil:
    cdef const rule_t* r = <const rule_t*>job
    cdef real* p = <real*>r.p
    cdef Py_ssize_t lo = share(r.size, thread, threads, 64), hi = share(r.size, thread + 1, threads, 64), end
    while lo < hi:
        end = min(hi, lo + BLOCK_NUMBERS) if r.decay != 0 else hi
        if r.decay != 0:
            subtract[real](p, p, <real>r.decay, lo, end)
        update[real](r.code, p, <real*>r.g, <real*>r.slots, r.stride, r.numbers, lo, end)
        lo = end

cdef inline bint is_number(x, double* to, double low, double high) noexcept:
    """to <- the float x, if low <= x < high."""
    if type(x) is not float:
        return False
    to[0] = <double>x
    return low <= to[0] < high

cdef object run_rule(rule_t* r, str rule, p, g, m, v):
    """p, if the rule was applied; None where the general function has to look."""
    cdef array_t* a
    cdef Py_ssize_t item, one, two
    if not is_array(p):
        return None
    a = as_array(p)
    if not (is_real(a) and a.flags & WRITABLE == WRITABLE and is_like(g, a, False)):
        return None
    r.stride = 0
    if m is not None:
        if not (is_like(m, a, True) and apart(as_array(m), a) and apart(as_array(m), as_array(g))):
            return None
        r.slots = as_array(m).data
    if v is not None:
        if not (is_like(v, a, True) and apart(as_array(v), a) and apart(as_array(v), as_array(g))
                and apart(as_array(v), as_array(m))):
            return None
        # the rule finds a slot so many numbers behind the one before: here wherever the array lies
        item, one, two = item_bytes(a), <Py_ssize_t>as_array(m).data, <Py_ssize_t>as_array(v).data
        if one % item != two % item:
            return None
        r.stride = two // item - one // item
    if as_array(g).data != a.data and not apart(as_array(g), a):
        return None
    r.code, r.p, r.g, r.size = <int64_t>rule_codes[rule], a.data, as_array(g).data, numbers_in(a)
    share_work(RULE, a.descr == float_type, r, guess(<double>r.size, a, PASS))
    return p

cdef dict rule_codes = {name: code for code, name in enumerate(UPDATE_FORMULAS)}

def array_sgd_update(p, g, learning_rate=0.01):
    cdef rule_t r
    r.decay = 0
    if is_number(learning_rate, &r.numbers[0], 0, INFINITY):
        if run_rule(&r, "SGD_plain", p, g, None, None) is not None:
            return p
    return general["sgd_update"](p, g, learning_rate)

def array_momentum_update(p, g, m, learning_rate=0.01, momentum=0.9):
    cdef rule_t r
    r.decay = 0
    if (is_number(learning_rate, &r.numbers[0], 0, INFINITY) and is_number(momentum, &r.numbers[1], 0, 1)
            and run_rule(&r, "SGD_momentum_rule", p, g, m, None) is not None):
        return p
    return general["momentum_update"](p, g, m, learning_rate, momentum)

def array_nesterov_update(p, g, m, learning_rate=0.01, momentum=0.9):
    cdef rule_t r
    r.decay = 0
    if (is_number(learning_rate, &r.numbers[0], 0, INFINITY) and is_number(momentum, &r.numbers[1], 0, 1)
            and run_rule(&r, "SGD_nesterov_rule", p, g, m, None) is not None):
        return p
    return general["nesterov_update"](p, g, m, learning_rate, momentum)

def array_rmsprop_update(p, g, v, learning_rate=0.001, rho=0.9, epsilon=1e-7):
    cdef rule_t r
    r.decay = 0
    if (is_number(learning_rate, &r.numbers[0], 0, INFINITY) and is_number(rho, &r.numbers[1], 0, 1)
            and is_number(epsilon, &r.numbers[2], 0, INFINITY)
            and run_rule(&r, "RMSprop_plain", p, g, v, None) is not None):
        return p
    return general["rmsprop_update"](p, g, v, learning_rate, rho, epsilon)

def array_adagrad_update(p, g, a, learning_rate=0.001, epsilon=1e-7):
    cdef rule_t r
    r.decay = 0
    if (is_number(learning_rate, &r.numbers[0], 0, INFINITY) and is_number(epsilon, &r.numbers[1], 0, INFINITY)
            and run_rule(&r, "Adagrad_plain", p, g, a, None) is not None):
        return p
    return general["adagrad_update"](p, g, a, learning_rate, epsilon)

def array_adadelta_update(p, g, v, d, learning_rate=0.001, rho=0.95, epsilon=1e-7):
    cdef rule_t r
    r.decay = 0
    if (d is not None and is_number(learning_rate, &r.numbers[0], 0, INFINITY)
            and is_number(rho, &r.numbers[1], 0, 1) and is_number(epsilon, &r.numbers[2], 0, INFINITY)
            and run_rule(&r, "Adadelta_plain", p, g, v, d) is not None):
        return p
    return general["adadelta_update"](p, g, v, d, learning_rate, rho, epsilon)

def array_lion_update(p, g, m, learning_rate=0.001, beta_1=0.9, beta_2=0.99):
    cdef rule_t r
    r.decay = 0
    if (is_number(learning_rate, &r.numbers[0], 0, INFINITY) and is_number(beta_1, &r.numbers[1], 1e-300, 1)
            and is_number(beta_2, &r.numbers[2], 0, 1)
            and run_rule(&r, "Lion_plain", p, g, m, None) is not None):
        return p
    return general["lion_update"](p, g, m, learning_rate, beta_1, beta_2)

cdef bint adam_numbers(rule_t* r, t, learning_rate, beta_1, beta_2, epsilon) except -1:
    """The numbers of Adam's and Adamax's rules, the rate still uncorrected."""
    return (type(t) is int and t >= 1 and is_number(learning_rate, &r.numbers[0], 0, INFINITY)
            and is_number(beta_1, &r.numbers[1], 0, 1) and is_number(beta_2, &r.numbers[2], 0, 1)
            and is_number(epsilon, &r.numbers[3], 0, INFINITY))

from libc.math cimport pow as power

def array_adam_update(p, g, m, v, t, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    if adam_step(p, g, m, v, t, learning_rate, beta_1, beta_2, epsilon, 0.0):
        return p
    return general["adam_update"](p, g, m, v, t, learning_rate, beta_1, beta_2, epsilon)

def array_adamw_update(p, g, m, v, t, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    if adam_step(p, g, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay):
        return p
    return general["adamw_update"](p, g, m, v, t, learning_rate, weight_decay, beta_1, beta_2, epsilon)

cdef bint adam_step(p, g, m, v, t, learning_rate, beta_1, beta_2, epsilon, weight_decay) except -1:
    """Whether Adam's step was done; fastnn.optimizers.Adam.scalar has its rate."""
    cdef rule_t r
    cdef double steps, decay
    if (m is None or v is None or not adam_numbers(&r, t, learning_rate, beta_1, beta_2, epsilon)
            or not is_number(weight_decay, &decay, 0, INFINITY)):
        return False
    steps = t
    r.decay = decay * r.numbers[0]
    r.numbers[0] = r.numbers[0] * sqrt(1 - power(r.numbers[2], steps)) / (1 - power(r.numbers[1], steps))
    return run_rule(&r, "Adam_plain", p, g, m, v) is not None

def array_adamax_update(p, g, m, u, t, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    cdef rule_t r
    cdef double steps
    r.decay = 0
    if m is not None and u is not None and adam_numbers(&r, t, learning_rate, beta_1, beta_2, epsilon):
        steps = t
        r.numbers[0] = r.numbers[0] / (1 - power(r.numbers[1], steps))
        if run_rule(&r, "Adamax_plain", p, g, m, u) is not None:
            return p
    return general["adamax_update"](p, g, m, u, t, learning_rate, beta_1, beta_2, epsilon)

# gradients' norm, rows of ones

cdef double sum_of_squares(const array_t* a) noexcept nogil:
    """In float64, by blocks, as step.pxi takes it."""
    cdef double[2] sums
    cdef double total = 0
    cdef Py_ssize_t i, first, size = numbers_in(a)
    for i in range((size + BLOCK - 1) // BLOCK):
        first = i * BLOCK
        if a.descr == float_type:
            block_sums_f(<const float*>a.data + first, min(<Py_ssize_t>BLOCK, size - first), sums)
        else:
            block_sums_d(<const double*>a.data + first, min(<Py_ssize_t>BLOCK, size - first), sums)
        total += sums[1]
    return total

cdef void scale_by(const array_t* a, double factor) noexcept nogil:
    cdef Py_ssize_t i, size = numbers_in(a)
    cdef float* f = <float*>a.data
    cdef double* d = <double*>a.data
    cdef float narrow = <float>factor
    if a.descr == float_type:
        for i in range(size):
            f[i] *= narrow
    else:
        for i in range(size):
            d[i] *= factor

def array_clip_by_global_norm(grads, max_norm):
    cdef double total = 0, limit
    cdef array_t* a
    if type(grads) is not list and type(grads) is not tuple or not is_number(max_norm, &limit, 1e-300, INFINITY):
        return general["clip_by_global_norm"](grads, max_norm)
    for grad in grads:
        if not (is_array(grad) and is_real(as_array(grad)) and as_array(grad).flags & WRITABLE == WRITABLE):
            return general["clip_by_global_norm"](grads, max_norm)
        total += sum_of_squares(as_array(grad))
    total = sqrt(total)
    if total > limit:
        for grad in grads:
            a = as_array(grad)
            with nogil:
                scale_by(a, limit / total)
    return total

def array_one_hot(labels, num_classes, dtype=None, out=None):
    cdef array_t* a
    cdef array_t* y
    cdef Py_ssize_t n, m, i
    cdef const int64_t* l
    if not (is_array(labels) and type(num_classes) is int and dtype is None):
        return general["one_hot"](labels, num_classes, dtype, out)
    a = as_array(labels)
    if a.nd != 1 or a.descr != int64_type or not 0 < num_classes < 1 << 40:
        return general["one_hot"](labels, num_classes, dtype, out)
    n, m, l = a.shape[0], num_classes, <const int64_t*>a.data
    for i in range(n):
        if not 0 <= l[i] < m:
            return general["one_hot"](labels, num_classes, dtype, out)
    if out is None:
        out = new_matrix(n, m, float_type)
    elif not is_array(out) or not is_output(out, n, m, as_array(out).descr) or not is_real(as_array(out)):
        return general["one_hot"](labels, num_classes, dtype, out)
    y = as_array(out)
    if not apart(a, y):
        return general["one_hot"](labels, num_classes, dtype, out)
    memset(y.data, 0, n * m * item_bytes(y))
    for i in range(n):
        if y.descr == float_type:
            (<float*>y.data)[i * m + l[i]] = 1
        else:
            (<double*>y.data)[i * m + l[i]] = 1
    return out
