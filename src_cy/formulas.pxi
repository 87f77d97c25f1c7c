# Printed by `python -m fastnn._render`: edit the formulas in fastnn/, not this file.

cdef void activate_Linear(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = z

cdef void activate_ReLU(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = maximum_(z, <real>0.0)

cdef void activate_Sigmoid(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (<real>1.0 / (<real>1.0 + exp_((-z))))

cdef void activate_Tanh(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = tanh_(z)

cdef void activate_LeakyReLU(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z, negative_slope
    negative_slope = <real>numbers[0]
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (z if (z > <real>0.0) else (negative_slope * z))

cdef void activate_ELU(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z, alpha
    alpha = <real>numbers[0]
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (z if (z > <real>0.0) else (alpha * expm1_(z)))

cdef void activate_Softplus(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (maximum_(z, <real>0.0) + log1p_(exp_((-abs_(z)))))

cdef void activate_SiLU(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (z / (<real>1.0 + exp_((-z))))

cdef void activate_BoundedReLU(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z, negative_slope, low, high, threshold, below
    negative_slope = <real>numbers[0]
    low = <real>numbers[1]
    high = <real>numbers[2]
    threshold = <real>numbers[3]
    for i in range(lo, hi):
        z = y_[i]
        below = (negative_slope * (z - threshold))
        below = ((<real>0.0 * maximum_(z, threshold)) if (negative_slope == <real>0.0) else below)
        y_[i] = (minimum_(maximum_(z, low), high) if (z > threshold) else below)

cdef void activate_ReLU6(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = minimum_(maximum_(z, <real>0.0), <real>6.0)

cdef void activate_HardSigmoid(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (minimum_(maximum_((z + <real>3.0), <real>0.0), <real>6.0) / <real>6.0)

cdef void activate_HardSiLU(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (z * (minimum_(maximum_((z + <real>3.0), <real>0.0), <real>6.0) / <real>6.0))

cdef void activate_HardTanh(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = minimum_(maximum_(z, (-<real>1.0)), <real>1.0)

cdef void activate_HardShrink(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z, threshold
    threshold = <real>numbers[0]
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (<real>0.0 if (abs_(z) <= threshold) else z)

cdef void activate_SoftShrink(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z, threshold
    threshold = <real>numbers[0]
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (z - minimum_(maximum_(z, (-threshold)), threshold))

cdef void activate_Threshold(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z, threshold, default_value
    threshold = <real>numbers[0]
    default_value = <real>numbers[1]
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (default_value if (z <= threshold) else z)

cdef void activate_SparsePlus(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (<real>0.0 if (z <= (-<real>1.0)) else (z if (z >= <real>1.0) else (<real>0.25 * ((z + <real>1.0) * (z + <real>1.0)))))

cdef void activate_SparseSigmoid(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (<real>0.5 * minimum_(maximum_((z + <real>1.0), <real>0.0), <real>2.0))

cdef void activate_Exponential(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = exp_(z)

cdef void activate_CELU(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z, alpha
    alpha = <real>numbers[0]
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (z if (z > <real>0.0) else (alpha * expm1_((z / alpha))))

cdef void activate_SELU(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = ((<real>1.0507009873554805 * z) if (z > <real>0.0) else (<real>1.7580993408473768 * expm1_(z)))

cdef void activate_GELU(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = ((<real>0.5 * z) * (<real>1.0 + erf_((<real>0.7071067811865476 * z))))

cdef void activate_GeluTanh(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (z / (<real>1.0 + exp_(((-<real>1.5957691216057308) * (z + (<real>0.044715 * ((z * z) * z)))))))

cdef void activate_LogSigmoid(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (minimum_(z, <real>0.0) - log1p_(exp_((-abs_(z)))))

cdef void activate_Mish(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z, e, n
    for i in range(lo, hi):
        z = y_[i]
        e = exp_(minimum_(z, <real>20.0))
        n = ((e * e) + (<real>2.0 * e))
        y_[i] = (z * (n / (n + <real>2.0)))

cdef void activate_Softsign(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (z / (<real>1.0 + abs_(z)))

cdef void activate_Squareplus(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z, b, w, q
    b = <real>numbers[0]
    for i in range(lo, hi):
        z = y_[i]
        w = minimum_(abs_(z), <real>1e+18)
        q = ((<real>0.5 * (w + sqrt_(((w * w) + b)))) + (abs_(z) - w))
        y_[i] = (((<real>0.25 * b) / q) if (z < <real>0.0) else q)

cdef void activate_TanhShrink(
    real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real z
    for i in range(lo, hi):
        z = y_[i]
        y_[i] = (z - tanh_(z))

cdef void activate(
    int64_t code, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    """y[lo:hi] <- formula(y), in place."""
    if code == 0:
        activate_Linear[real](y_, numbers, lo, hi)
    elif code == 1:
        activate_ReLU[real](y_, numbers, lo, hi)
    elif code == 2:
        activate_Sigmoid[real](y_, numbers, lo, hi)
    elif code == 3:
        activate_Tanh[real](y_, numbers, lo, hi)
    elif code == 4:
        activate_LeakyReLU[real](y_, numbers, lo, hi)
    elif code == 5:
        activate_ELU[real](y_, numbers, lo, hi)
    elif code == 6:
        activate_Softplus[real](y_, numbers, lo, hi)
    elif code == 7:
        activate_SiLU[real](y_, numbers, lo, hi)
    elif code == 8:
        activate_BoundedReLU[real](y_, numbers, lo, hi)
    elif code == 9:
        activate_ReLU6[real](y_, numbers, lo, hi)
    elif code == 10:
        activate_HardSigmoid[real](y_, numbers, lo, hi)
    elif code == 11:
        activate_HardSiLU[real](y_, numbers, lo, hi)
    elif code == 12:
        activate_HardTanh[real](y_, numbers, lo, hi)
    elif code == 13:
        activate_HardShrink[real](y_, numbers, lo, hi)
    elif code == 14:
        activate_SoftShrink[real](y_, numbers, lo, hi)
    elif code == 15:
        activate_Threshold[real](y_, numbers, lo, hi)
    elif code == 16:
        activate_SparsePlus[real](y_, numbers, lo, hi)
    elif code == 17:
        activate_SparseSigmoid[real](y_, numbers, lo, hi)
    elif code == 18:
        activate_Exponential[real](y_, numbers, lo, hi)
    elif code == 19:
        activate_CELU[real](y_, numbers, lo, hi)
    elif code == 20:
        activate_SELU[real](y_, numbers, lo, hi)
    elif code == 21:
        activate_GELU[real](y_, numbers, lo, hi)
    elif code == 22:
        activate_GeluTanh[real](y_, numbers, lo, hi)
    elif code == 23:
        activate_LogSigmoid[real](y_, numbers, lo, hi)
    elif code == 24:
        activate_Mish[real](y_, numbers, lo, hi)
    elif code == 25:
        activate_Softsign[real](y_, numbers, lo, hi)
    elif code == 26:
        activate_Squareplus[real](y_, numbers, lo, hi)
    elif code == 27:
        activate_TanhShrink[real](y_, numbers, lo, hi)

ACTIVATE_FORMULAS = ('Linear', 'ReLU', 'Sigmoid', 'Tanh', 'LeakyReLU', 'ELU', 'Softplus', 'SiLU', 'BoundedReLU', 'ReLU6', 'HardSigmoid', 'HardSiLU', 'HardTanh', 'HardShrink', 'SoftShrink', 'Threshold', 'SparsePlus', 'SparseSigmoid', 'Exponential', 'CELU', 'SELU', 'GELU', 'GeluTanh', 'LogSigmoid', 'Mish', 'Softsign', 'Squareplus', 'TanhShrink')


cdef void derive_Linear(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = dy

cdef void derive_ReLU(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy if (y > <real>0.0) else <real>0.0)

cdef void derive_Sigmoid(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy * (y * (<real>1.0 - y)))

cdef void derive_Tanh(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy * (<real>1.0 - (y * y)))

cdef void derive_LeakyReLU(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, negative_slope
    negative_slope = <real>numbers[0]
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy if (y > <real>0.0) else (negative_slope * dy))

cdef void derive_ELU(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, alpha
    alpha = <real>numbers[0]
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy if (y > <real>0.0) else (dy * (y + alpha)))

cdef void derive_Softplus(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy * (-expm1_((-y))))

cdef void derive_SiLU(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, z, s
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        z = z_[i]
        s = (<real>1.0 / (<real>1.0 + exp_((-z))))
        dy_[i] = (dy * (s + (y * (<real>1.0 - s))))

cdef void derive_BoundedReLU(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, z, negative_slope, low, high, threshold, above
    negative_slope = <real>numbers[0]
    low = <real>numbers[1]
    high = <real>numbers[2]
    threshold = <real>numbers[3]
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        z = z_[i]
        above = ((dy if (z > low) else <real>0.0) if (z < high) else <real>0.0)
        dy_[i] = (above if (z > threshold) else (negative_slope * dy))

cdef void derive_ReLU6(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = ((dy if (y < <real>6.0) else <real>0.0) if (y > <real>0.0) else <real>0.0)

cdef void derive_HardSigmoid(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (((dy / <real>6.0) if (y < <real>1.0) else <real>0.0) if (y > <real>0.0) else <real>0.0)

cdef void derive_HardSiLU(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, z, h
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        z = z_[i]
        h = (minimum_(maximum_((z + <real>3.0), <real>0.0), <real>6.0) / <real>6.0)
        dy_[i] = (dy * (h + ((z / <real>6.0) if (abs_(z) < <real>3.0) else <real>0.0)))

cdef void derive_HardTanh(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy if (abs_(y) < <real>1.0) else <real>0.0)

cdef void derive_HardShrink(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, threshold
    threshold = <real>numbers[0]
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (<real>0.0 if (y == <real>0.0) else dy)

cdef void derive_SoftShrink(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, threshold
    threshold = <real>numbers[0]
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (<real>0.0 if (y == <real>0.0) else dy)

cdef void derive_Threshold(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, z, threshold, default_value
    threshold = <real>numbers[0]
    default_value = <real>numbers[1]
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        z = z_[i]
        dy_[i] = (<real>0.0 if (z <= threshold) else dy)

cdef void derive_SparsePlus(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy * minimum_(sqrt_(y), <real>1.0))

cdef void derive_SparseSigmoid(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (((<real>0.5 * dy) if (y < <real>1.0) else <real>0.0) if (y > <real>0.0) else <real>0.0)

cdef void derive_Exponential(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy * y)

cdef void derive_CELU(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, alpha
    alpha = <real>numbers[0]
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy if (y > <real>0.0) else (dy * ((y / alpha) + <real>1.0)))

cdef void derive_SELU(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy * (<real>1.0507009873554805 if (y > <real>0.0) else (y + <real>1.7580993408473768)))

cdef void derive_GELU(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, z, density
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        z = z_[i]
        density = (<real>0.3989422804014327 * exp_(((-<real>0.5) * (z * z))))
        dy_[i] = (dy * ((<real>0.5 * (<real>1.0 + erf_((<real>0.7071067811865476 * z)))) + (z * density)))

cdef void derive_GeluTanh(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, z, w, s, slope
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        z = z_[i]
        w = minimum_(maximum_(z, (-<real>10.0)), <real>10.0)
        s = (<real>1.0 / (<real>1.0 + exp_(((-<real>1.5957691216057308) * (w + (<real>0.044715 * ((w * w) * w)))))))
        slope = ((s * (<real>1.0 - s)) * (<real>1.5957691216057308 * (<real>1.0 + (<real>0.134145 * (w * w)))))
        dy_[i] = (dy * (s + (w * slope)))

cdef void derive_LogSigmoid(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy * (-expm1_(y)))

cdef void derive_Mish(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, z, w, e, n, slope
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        z = z_[i]
        w = minimum_(z, <real>20.0)
        e = exp_(w)
        n = (e * (e + <real>2.0))
        slope = (((<real>4.0 * e) * (<real>1.0 + e)) / ((n + <real>2.0) * (n + <real>2.0)))
        dy_[i] = (dy * ((n / (n + <real>2.0)) + (w * slope)))

cdef void derive_Softsign(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, s
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        s = (<real>1.0 - abs_(y))
        dy_[i] = (dy * (s * s))

cdef void derive_Squareplus(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, b
    b = <real>numbers[0]
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        dy_[i] = (dy / (<real>1.0 + ((<real>0.25 * b) / (y * y))))

cdef void derive_TanhShrink(
    real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real dy, y, z, t
    for i in range(lo, hi):
        dy = dy_[i]
        y = y_[i]
        z = z_[i]
        t = tanh_(z)
        dy_[i] = (dy * (t * t))

cdef void derive(
    int64_t code, real* dy_, real* y_, real* z_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    """dy[lo:hi] <- formula(dy, y[, z]), in place; z is read only where it was kept."""
    if code == 0:
        derive_Linear[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 1:
        derive_ReLU[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 2:
        derive_Sigmoid[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 3:
        derive_Tanh[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 4:
        derive_LeakyReLU[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 5:
        derive_ELU[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 6:
        derive_Softplus[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 7:
        derive_SiLU[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 8:
        derive_BoundedReLU[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 9:
        derive_ReLU6[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 10:
        derive_HardSigmoid[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 11:
        derive_HardSiLU[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 12:
        derive_HardTanh[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 13:
        derive_HardShrink[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 14:
        derive_SoftShrink[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 15:
        derive_Threshold[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 16:
        derive_SparsePlus[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 17:
        derive_SparseSigmoid[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 18:
        derive_Exponential[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 19:
        derive_CELU[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 20:
        derive_SELU[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 21:
        derive_GELU[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 22:
        derive_GeluTanh[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 23:
        derive_LogSigmoid[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 24:
        derive_Mish[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 25:
        derive_Softsign[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 26:
        derive_Squareplus[real](dy_, y_, z_, numbers, lo, hi)
    elif code == 27:
        derive_TanhShrink[real](dy_, y_, z_, numbers, lo, hi)

DERIVE_FORMULAS = ('Linear', 'ReLU', 'Sigmoid', 'Tanh', 'LeakyReLU', 'ELU', 'Softplus', 'SiLU', 'BoundedReLU', 'ReLU6', 'HardSigmoid', 'HardSiLU', 'HardTanh', 'HardShrink', 'SoftShrink', 'Threshold', 'SparsePlus', 'SparseSigmoid', 'Exponential', 'CELU', 'SELU', 'GELU', 'GeluTanh', 'LogSigmoid', 'Mish', 'Softsign', 'Squareplus', 'TanhShrink')


cdef void loss_PoissonDeviance(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = ((exp_(y) - t) - (t * (y - log_((t if (t > <real>0.0) else <real>1.0)))))

cdef void loss_LogLoss(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, most
    most = <real>numbers[0]
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = minimum_(((maximum_(y, <real>0.0) - (t * y)) + log1p_(exp_((-abs_(y))))), most)

cdef void loss_BinaryCrossentropy(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, label_smoothing, s, p
    label_smoothing = <real>numbers[0]
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((t * (<real>1.0 - label_smoothing)) + (<real>0.5 * label_smoothing))
        p = minimum_(maximum_(y, <real>1e-07), (<real>1.0 - <real>1e-07))
        out_[i] = (-((s * log_(p)) + ((<real>1.0 - s) * log_((<real>1.0 - p)))))

cdef void loss_BinaryCrossentropy_sigmoid(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, z, label_smoothing, s
    label_smoothing = <real>numbers[0]
    for i in range(lo, hi):
        t = t_[i]
        z = y_[i]
        s = ((t * (<real>1.0 - label_smoothing)) + (<real>0.5 * label_smoothing))
        out_[i] = ((maximum_(z, <real>0.0) - (s * z)) + log1p_(exp_((-abs_(z)))))

cdef void loss_BinaryFocalCrossentropy(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, label_smoothing, gamma, alpha, s, p, rest, weight, entropy
    label_smoothing = <real>numbers[0]
    gamma = <real>numbers[1]
    alpha = <real>numbers[2]
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((t * (<real>1.0 - label_smoothing)) + (<real>0.5 * label_smoothing))
        p = minimum_(maximum_(y, <real>1e-07), (<real>1.0 - <real>1e-07))
        rest = maximum_((s + ((<real>1.0 - (<real>2.0 * s)) * y)), <real>1e-37)
        weight = (<real>1.0 if (alpha < <real>0.0) else (((<real>1.0 - alpha) - s) + ((<real>2.0 * s) * alpha)))
        entropy = ((s * log_(p)) + ((<real>1.0 - s) * log_((<real>1.0 - p))))
        out_[i] = (((-weight) * exp_((gamma * log_(rest)))) * entropy)

cdef void loss_BinaryFocalCrossentropy_sigmoid(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, z, label_smoothing, gamma, alpha, s, rest, weight, entropy
    label_smoothing = <real>numbers[0]
    gamma = <real>numbers[1]
    alpha = <real>numbers[2]
    for i in range(lo, hi):
        t = t_[i]
        z = y_[i]
        s = ((t * (<real>1.0 - label_smoothing)) + (<real>0.5 * label_smoothing))
        rest = maximum_(((s / (<real>1.0 + exp_(z))) + ((<real>1.0 - s) / (<real>1.0 + exp_((-z))))), <real>1e-37)
        weight = (<real>1.0 if (alpha < <real>0.0) else (((<real>1.0 - alpha) - s) + ((<real>2.0 * s) * alpha)))
        entropy = ((maximum_(z, <real>0.0) - (s * z)) + log1p_(exp_((-abs_(z)))))
        out_[i] = ((weight * exp_((gamma * log_(rest)))) * entropy)

cdef void loss_Hinge(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, s
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((-<real>1.0) if (t == <real>0.0) else t)
        out_[i] = maximum_((<real>1.0 - (s * y)), <real>0.0)

cdef void loss_PerceptronLoss(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, s
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((-<real>1.0) if (t == <real>0.0) else t)
        out_[i] = maximum_(((-s) * y), <real>0.0)

cdef void loss_SquaredHinge(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, s, h
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((-<real>1.0) if (t == <real>0.0) else t)
        h = maximum_((<real>1.0 - (s * y)), <real>0.0)
        out_[i] = (h * h)

cdef void loss_MeanSquaredError(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = ((y - t) * (y - t))

cdef void loss_MeanAbsoluteError(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = abs_((y - t))

cdef void loss_MeanAbsolutePercentageError(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = (<real>100.0 * (abs_((y - t)) / maximum_(abs_(t), <real>1e-07)))

cdef void loss_MeanSquaredLogarithmicError(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, d
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        d = (log1p_(maximum_(y, <real>1e-07)) - log1p_(maximum_(t, <real>1e-07)))
        out_[i] = (d * d)

cdef void loss_Huber(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, delta, a, inner
    delta = <real>numbers[0]
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        a = abs_((y - t))
        inner = minimum_(a, delta)
        out_[i] = (inner * (a - (<real>0.5 * inner)))

cdef void loss_LogCosh(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, a
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        a = abs_((y - t))
        out_[i] = (a + log1p_((<real>0.5 * expm1_(((-<real>2.0) * a)))))

cdef void loss_Poisson(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = (y - (t * log_((y + <real>1e-07))))

cdef void loss_KLDivergence(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, s, p
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = minimum_(maximum_(t, <real>1e-07), <real>1.0)
        p = minimum_(maximum_(y, <real>1e-07), <real>1.0)
        out_[i] = (s * log_((s / p)))

cdef void loss(
    int64_t code, real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    """out[lo:hi] <- formula(t, y)."""
    if code == 0:
        loss_PoissonDeviance[real](out_, t_, y_, numbers, lo, hi)
    elif code == 1:
        loss_LogLoss[real](out_, t_, y_, numbers, lo, hi)
    elif code == 2:
        loss_BinaryCrossentropy[real](out_, t_, y_, numbers, lo, hi)
    elif code == 3:
        loss_BinaryCrossentropy_sigmoid[real](out_, t_, y_, numbers, lo, hi)
    elif code == 4:
        loss_BinaryFocalCrossentropy[real](out_, t_, y_, numbers, lo, hi)
    elif code == 5:
        loss_BinaryFocalCrossentropy_sigmoid[real](out_, t_, y_, numbers, lo, hi)
    elif code == 6:
        loss_Hinge[real](out_, t_, y_, numbers, lo, hi)
    elif code == 7:
        loss_PerceptronLoss[real](out_, t_, y_, numbers, lo, hi)
    elif code == 8:
        loss_SquaredHinge[real](out_, t_, y_, numbers, lo, hi)
    elif code == 9:
        loss_MeanSquaredError[real](out_, t_, y_, numbers, lo, hi)
    elif code == 10:
        loss_MeanAbsoluteError[real](out_, t_, y_, numbers, lo, hi)
    elif code == 11:
        loss_MeanAbsolutePercentageError[real](out_, t_, y_, numbers, lo, hi)
    elif code == 12:
        loss_MeanSquaredLogarithmicError[real](out_, t_, y_, numbers, lo, hi)
    elif code == 13:
        loss_Huber[real](out_, t_, y_, numbers, lo, hi)
    elif code == 14:
        loss_LogCosh[real](out_, t_, y_, numbers, lo, hi)
    elif code == 15:
        loss_Poisson[real](out_, t_, y_, numbers, lo, hi)
    elif code == 16:
        loss_KLDivergence[real](out_, t_, y_, numbers, lo, hi)

LOSS_FORMULAS = ('PoissonDeviance', 'LogLoss', 'BinaryCrossentropy', 'BinaryCrossentropy_sigmoid', 'BinaryFocalCrossentropy', 'BinaryFocalCrossentropy_sigmoid', 'Hinge', 'PerceptronLoss', 'SquaredHinge', 'MeanSquaredError', 'MeanAbsoluteError', 'MeanAbsolutePercentageError', 'MeanSquaredLogarithmicError', 'Huber', 'LogCosh', 'Poisson', 'KLDivergence')


cdef void slope_PoissonDeviance(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = (exp_(y) - t)

cdef void slope_LogLoss(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, most
    most = <real>numbers[0]
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = ((<real>1.0 / (<real>1.0 + exp_((-y)))) - t)

cdef void slope_BinaryCrossentropy(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, label_smoothing, s, p
    label_smoothing = <real>numbers[0]
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((t * (<real>1.0 - label_smoothing)) + (<real>0.5 * label_smoothing))
        p = minimum_(maximum_(y, <real>1e-07), (<real>1.0 - <real>1e-07))
        out_[i] = (((p - s) / (p * (<real>1.0 - p))) if (p == y) else <real>0.0)

cdef void slope_BinaryCrossentropy_sigmoid(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, z, label_smoothing, s
    label_smoothing = <real>numbers[0]
    for i in range(lo, hi):
        t = t_[i]
        z = y_[i]
        s = ((t * (<real>1.0 - label_smoothing)) + (<real>0.5 * label_smoothing))
        out_[i] = ((<real>1.0 / (<real>1.0 + exp_((-z)))) - s)

cdef void slope_BinaryFocalCrossentropy(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, label_smoothing, gamma, alpha, s, p, slope, wrong, rest, weight, entropy, inner, outer
    label_smoothing = <real>numbers[0]
    gamma = <real>numbers[1]
    alpha = <real>numbers[2]
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((t * (<real>1.0 - label_smoothing)) + (<real>0.5 * label_smoothing))
        p = minimum_(maximum_(y, <real>1e-07), (<real>1.0 - <real>1e-07))
        slope = (<real>1.0 - (<real>2.0 * s))
        wrong = (s + (slope * y))
        rest = maximum_(wrong, <real>1e-37)
        weight = (<real>1.0 if (alpha < <real>0.0) else (((<real>1.0 - alpha) - s) + ((<real>2.0 * s) * alpha)))
        entropy = ((s * log_(p)) + ((<real>1.0 - s) * log_((<real>1.0 - p))))
        inner = (((p - s) / (p * (<real>1.0 - p))) if (p == y) else <real>0.0)
        outer = ((((gamma * slope) * entropy) / rest) if (rest == wrong) else <real>0.0)
        out_[i] = ((weight * exp_((gamma * log_(rest)))) * (inner - outer))

cdef void slope_BinaryFocalCrossentropy_sigmoid(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, z, label_smoothing, gamma, alpha, s, y, n, rest, weight, entropy, outer
    label_smoothing = <real>numbers[0]
    gamma = <real>numbers[1]
    alpha = <real>numbers[2]
    for i in range(lo, hi):
        t = t_[i]
        z = y_[i]
        s = ((t * (<real>1.0 - label_smoothing)) + (<real>0.5 * label_smoothing))
        y = (<real>1.0 / (<real>1.0 + exp_((-z))))
        n = (<real>1.0 / (<real>1.0 + exp_(z)))
        rest = maximum_(((s * n) + ((<real>1.0 - s) * y)), <real>1e-37)
        weight = (<real>1.0 if (alpha < <real>0.0) else (((<real>1.0 - alpha) - s) + ((<real>2.0 * s) * alpha)))
        entropy = ((maximum_(z, <real>0.0) - (s * z)) + log1p_(exp_((-abs_(z)))))
        outer = (((gamma * (<real>1.0 - (<real>2.0 * s))) * ((y * n) / rest)) * entropy)
        out_[i] = ((weight * exp_((gamma * log_(rest)))) * ((y - s) + outer))

cdef void slope_Hinge(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, s
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((-<real>1.0) if (t == <real>0.0) else t)
        out_[i] = ((-s) if ((s * y) < <real>1.0) else <real>0.0)

cdef void slope_PerceptronLoss(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, s
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((-<real>1.0) if (t == <real>0.0) else t)
        out_[i] = ((-s) if ((s * y) <= <real>0.0) else <real>0.0)

cdef void slope_SquaredHinge(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, s
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = ((-<real>1.0) if (t == <real>0.0) else t)
        out_[i] = (((-<real>2.0) * s) * maximum_((<real>1.0 - (s * y)), <real>0.0))

cdef void slope_MeanSquaredError(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = (<real>2.0 * (y - t))

cdef void slope_MeanAbsoluteError(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = ((<real>1.0 if (y > t) else <real>0.0) - (<real>1.0 if (y < t) else <real>0.0))

cdef void slope_MeanAbsolutePercentageError(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, sign
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        sign = ((<real>100.0 if (y > t) else <real>0.0) - (<real>100.0 if (y < t) else <real>0.0))
        out_[i] = (sign / maximum_(abs_(t), <real>1e-07))

cdef void slope_MeanSquaredLogarithmicError(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, p, d
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        p = maximum_(y, <real>1e-07)
        d = (log1p_(p) - log1p_(maximum_(t, <real>1e-07)))
        out_[i] = (((<real>2.0 * d) / (<real>1.0 + p)) if (p == y) else <real>0.0)

cdef void slope_Huber(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, delta
    delta = <real>numbers[0]
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = minimum_(maximum_((y - t), (-delta)), delta)

cdef void slope_LogCosh(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = tanh_((y - t))

cdef void slope_Poisson(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        out_[i] = (<real>1.0 - (t / (y + <real>1e-07)))

cdef void slope_KLDivergence(
    real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real t, y, s, p
    for i in range(lo, hi):
        t = t_[i]
        y = y_[i]
        s = minimum_(maximum_(t, <real>1e-07), <real>1.0)
        p = minimum_(maximum_(y, <real>1e-07), <real>1.0)
        out_[i] = (((-s) / p) if (p == y) else <real>0.0)

cdef void slope(
    int64_t code, real* out_, real* t_, real* y_, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    """out[lo:hi] <- d formula / dy of (t, y)."""
    if code == 0:
        slope_PoissonDeviance[real](out_, t_, y_, numbers, lo, hi)
    elif code == 1:
        slope_LogLoss[real](out_, t_, y_, numbers, lo, hi)
    elif code == 2:
        slope_BinaryCrossentropy[real](out_, t_, y_, numbers, lo, hi)
    elif code == 3:
        slope_BinaryCrossentropy_sigmoid[real](out_, t_, y_, numbers, lo, hi)
    elif code == 4:
        slope_BinaryFocalCrossentropy[real](out_, t_, y_, numbers, lo, hi)
    elif code == 5:
        slope_BinaryFocalCrossentropy_sigmoid[real](out_, t_, y_, numbers, lo, hi)
    elif code == 6:
        slope_Hinge[real](out_, t_, y_, numbers, lo, hi)
    elif code == 7:
        slope_PerceptronLoss[real](out_, t_, y_, numbers, lo, hi)
    elif code == 8:
        slope_SquaredHinge[real](out_, t_, y_, numbers, lo, hi)
    elif code == 9:
        slope_MeanSquaredError[real](out_, t_, y_, numbers, lo, hi)
    elif code == 10:
        slope_MeanAbsoluteError[real](out_, t_, y_, numbers, lo, hi)
    elif code == 11:
        slope_MeanAbsolutePercentageError[real](out_, t_, y_, numbers, lo, hi)
    elif code == 12:
        slope_MeanSquaredLogarithmicError[real](out_, t_, y_, numbers, lo, hi)
    elif code == 13:
        slope_Huber[real](out_, t_, y_, numbers, lo, hi)
    elif code == 14:
        slope_LogCosh[real](out_, t_, y_, numbers, lo, hi)
    elif code == 15:
        slope_Poisson[real](out_, t_, y_, numbers, lo, hi)
    elif code == 16:
        slope_KLDivergence[real](out_, t_, y_, numbers, lo, hi)

SLOPE_FORMULAS = ('PoissonDeviance', 'LogLoss', 'BinaryCrossentropy', 'BinaryCrossentropy_sigmoid', 'BinaryFocalCrossentropy', 'BinaryFocalCrossentropy_sigmoid', 'Hinge', 'PerceptronLoss', 'SquaredHinge', 'MeanSquaredError', 'MeanAbsoluteError', 'MeanAbsolutePercentageError', 'MeanSquaredLogarithmicError', 'Huber', 'LogCosh', 'Poisson', 'KLDivergence')


cdef void update_Adadelta_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, v, d, learning_rate, rho, epsilon, step
    cdef real* v_ = slots + 0 * stride
    cdef real* d_ = slots + 1 * stride
    learning_rate = <real>numbers[0]
    rho = <real>numbers[1]
    epsilon = <real>numbers[2]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        v = v_[i]
        d = d_[i]
        v = ((rho * v) + ((<real>1.0 - rho) * (g * g)))
        step = ((sqrt_((d + epsilon)) * g) / sqrt_((v + epsilon)))
        d = ((rho * d) + ((<real>1.0 - rho) * (step * step)))
        p_[i] = (p - (learning_rate * step))
        v_[i] = v
        d_[i] = d

cdef void update_Adagrad_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, a, learning_rate, epsilon
    cdef real* a_ = slots + 0 * stride
    learning_rate = <real>numbers[0]
    epsilon = <real>numbers[1]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        a = a_[i]
        a = (a + (g * g))
        p_[i] = (p - ((learning_rate * g) / sqrt_((a + epsilon))))
        a_[i] = a

cdef void update_Adam_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, v, alpha, beta_1, beta_2, epsilon
    cdef real* m_ = slots + 0 * stride
    cdef real* v_ = slots + 1 * stride
    alpha = <real>numbers[0]
    beta_1 = <real>numbers[1]
    beta_2 = <real>numbers[2]
    epsilon = <real>numbers[3]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        v = v_[i]
        m = (m + ((<real>1.0 - beta_1) * (g - m)))
        v = (v + ((<real>1.0 - beta_2) * ((g * g) - v)))
        p_[i] = (p - ((alpha * m) / (sqrt_(v) + epsilon)))
        m_[i] = m
        v_[i] = v

cdef void update_Adam_amsgrad_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, v, h, alpha, beta_1, beta_2, epsilon
    cdef real* m_ = slots + 0 * stride
    cdef real* v_ = slots + 1 * stride
    cdef real* h_ = slots + 2 * stride
    alpha = <real>numbers[0]
    beta_1 = <real>numbers[1]
    beta_2 = <real>numbers[2]
    epsilon = <real>numbers[3]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        v = v_[i]
        h = h_[i]
        m = (m + ((<real>1.0 - beta_1) * (g - m)))
        v = (v + ((<real>1.0 - beta_2) * ((g * g) - v)))
        h = maximum_(v, h)
        p_[i] = (p - ((alpha * m) / (sqrt_(h) + epsilon)))
        m_[i] = m
        v_[i] = v
        h_[i] = h

cdef void update_Adamax_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, u, alpha, beta_1, beta_2, epsilon
    cdef real* m_ = slots + 0 * stride
    cdef real* u_ = slots + 1 * stride
    alpha = <real>numbers[0]
    beta_1 = <real>numbers[1]
    beta_2 = <real>numbers[2]
    epsilon = <real>numbers[3]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        u = u_[i]
        m = (m + ((<real>1.0 - beta_1) * (g - m)))
        u = ((beta_2 * u) if ((beta_2 * u) > abs_(g)) else abs_(g))
        p_[i] = (p - ((alpha * m) / (u + epsilon)))
        m_[i] = m
        u_[i] = u

cdef void update_Ftrl_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, n, z, learning_rate, lasso, ridge, shrinkage, before, after, clipped
    cdef real* n_ = slots + 0 * stride
    cdef real* z_ = slots + 1 * stride
    learning_rate = <real>numbers[0]
    lasso = <real>numbers[1]
    ridge = <real>numbers[2]
    shrinkage = <real>numbers[3]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        n = n_[i]
        z = z_[i]
        before = sqrt_(n)
        n = (n + (g * g))
        after = sqrt_(n)
        z = (z + ((g + (shrinkage * p)) - (((after - before) / learning_rate) * p)))
        clipped = minimum_(maximum_(z, (-lasso)), lasso)
        p_[i] = ((clipped - z) / ((after / learning_rate) + ridge))
        n_[i] = n
        z_[i] = z

cdef void update_Ftrl_power_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, n, z, learning_rate, power, lasso, ridge, shrinkage, before, after, clipped
    cdef real* n_ = slots + 0 * stride
    cdef real* z_ = slots + 1 * stride
    learning_rate = <real>numbers[0]
    power = <real>numbers[1]
    lasso = <real>numbers[2]
    ridge = <real>numbers[3]
    shrinkage = <real>numbers[4]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        n = n_[i]
        z = z_[i]
        before = (exp_((power * log_(n))) if (power > <real>0.0) else <real>1.0)
        n = (n + (g * g))
        after = (exp_((power * log_(n))) if (power > <real>0.0) else <real>1.0)
        z = (z + ((g + (shrinkage * p)) - (((after - before) / learning_rate) * p)))
        clipped = minimum_(maximum_(z, (-lasso)), lasso)
        p_[i] = ((clipped - z) / ((after / learning_rate) + ridge))
        n_[i] = n
        z_[i] = z

cdef void update_Lamb_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, v, correction_1, correction_2, beta_1, beta_2, epsilon
    cdef real* m_ = slots + 0 * stride
    cdef real* v_ = slots + 1 * stride
    correction_1 = <real>numbers[0]
    correction_2 = <real>numbers[1]
    beta_1 = <real>numbers[2]
    beta_2 = <real>numbers[3]
    epsilon = <real>numbers[4]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        v = v_[i]
        m = (m + ((<real>1.0 - beta_1) * (g - m)))
        v = (v + ((<real>1.0 - beta_2) * ((g * g) - v)))
        p_[i] = p
        m_[i] = m
        v_[i] = v
        g_[i] = ((m / correction_1) / (sqrt_((v / correction_2)) + epsilon))

cdef void update_Lion_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, learning_rate, beta_1, beta_2, blend, sign
    cdef real* m_ = slots + 0 * stride
    learning_rate = <real>numbers[0]
    beta_1 = <real>numbers[1]
    beta_2 = <real>numbers[2]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        blend = ((beta_1 * m) + ((<real>1.0 - beta_1) * g))
        sign = (<real>1.0 if (blend > <real>0.0) else ((-<real>1.0) if (blend < <real>0.0) else blend))
        p_[i] = (p - (learning_rate * sign))
        m_[i] = ((beta_2 * m) + ((<real>1.0 - beta_2) * g))

cdef void update_Nadam_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, v, fresh, old, correction, beta_1, beta_2, epsilon
    cdef real* m_ = slots + 0 * stride
    cdef real* v_ = slots + 1 * stride
    fresh = <real>numbers[0]
    old = <real>numbers[1]
    correction = <real>numbers[2]
    beta_1 = <real>numbers[3]
    beta_2 = <real>numbers[4]
    epsilon = <real>numbers[5]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        v = v_[i]
        m = (m + ((<real>1.0 - beta_1) * (g - m)))
        v = (v + ((<real>1.0 - beta_2) * ((g * g) - v)))
        p_[i] = (p - (((fresh * g) + (old * m)) / (sqrt_((v / correction)) + epsilon)))
        m_[i] = m
        v_[i] = v

cdef void update_RMSprop_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, v, learning_rate, rho, epsilon
    cdef real* v_ = slots + 0 * stride
    learning_rate = <real>numbers[0]
    rho = <real>numbers[1]
    epsilon = <real>numbers[2]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        v = v_[i]
        v = ((rho * v) + ((<real>1.0 - rho) * (g * g)))
        p_[i] = (p - ((learning_rate * g) / sqrt_((v + epsilon))))
        v_[i] = v

cdef void update_RMSprop_momentum_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, v, m, learning_rate, rho, epsilon, momentum
    cdef real* v_ = slots + 0 * stride
    cdef real* m_ = slots + 1 * stride
    learning_rate = <real>numbers[0]
    rho = <real>numbers[1]
    epsilon = <real>numbers[2]
    momentum = <real>numbers[3]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        v = v_[i]
        m = m_[i]
        v = ((rho * v) + ((<real>1.0 - rho) * (g * g)))
        m = ((momentum * m) + ((learning_rate * g) / sqrt_((v + epsilon))))
        p_[i] = (p - m)
        v_[i] = v
        m_[i] = m

cdef void update_RMSprop_centered_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, v, a, learning_rate, rho, epsilon
    cdef real* v_ = slots + 0 * stride
    cdef real* a_ = slots + 1 * stride
    learning_rate = <real>numbers[0]
    rho = <real>numbers[1]
    epsilon = <real>numbers[2]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        v = v_[i]
        a = a_[i]
        v = ((rho * v) + ((<real>1.0 - rho) * (g * g)))
        a = ((rho * a) + ((<real>1.0 - rho) * g))
        p_[i] = (p - ((learning_rate * g) / sqrt_(((v - (a * a)) + epsilon))))
        v_[i] = v
        a_[i] = a

cdef void update_RMSprop_centered_momentum_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, v, a, m, learning_rate, rho, epsilon, momentum
    cdef real* v_ = slots + 0 * stride
    cdef real* a_ = slots + 1 * stride
    cdef real* m_ = slots + 2 * stride
    learning_rate = <real>numbers[0]
    rho = <real>numbers[1]
    epsilon = <real>numbers[2]
    momentum = <real>numbers[3]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        v = v_[i]
        a = a_[i]
        m = m_[i]
        v = ((rho * v) + ((<real>1.0 - rho) * (g * g)))
        a = ((rho * a) + ((<real>1.0 - rho) * g))
        m = ((momentum * m) + ((learning_rate * g) / sqrt_(((v - (a * a)) + epsilon))))
        p_[i] = (p - m)
        v_[i] = v
        a_[i] = a
        m_[i] = m

cdef void update_RMSprop_torch_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, v, learning_rate, rho, epsilon
    cdef real* v_ = slots + 0 * stride
    learning_rate = <real>numbers[0]
    rho = <real>numbers[1]
    epsilon = <real>numbers[2]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        v = v_[i]
        v = ((rho * v) + ((<real>1.0 - rho) * (g * g)))
        p_[i] = (p - (learning_rate * (g / (sqrt_(v) + epsilon))))
        v_[i] = v

cdef void update_RMSprop_torch_momentum_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, v, m, learning_rate, rho, epsilon, momentum
    cdef real* v_ = slots + 0 * stride
    cdef real* m_ = slots + 1 * stride
    learning_rate = <real>numbers[0]
    rho = <real>numbers[1]
    epsilon = <real>numbers[2]
    momentum = <real>numbers[3]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        v = v_[i]
        m = m_[i]
        v = ((rho * v) + ((<real>1.0 - rho) * (g * g)))
        m = ((momentum * m) + (g / (sqrt_(v) + epsilon)))
        p_[i] = (p - (learning_rate * m))
        v_[i] = v
        m_[i] = m

cdef void update_RMSprop_torch_centered_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, v, a, learning_rate, rho, epsilon
    cdef real* v_ = slots + 0 * stride
    cdef real* a_ = slots + 1 * stride
    learning_rate = <real>numbers[0]
    rho = <real>numbers[1]
    epsilon = <real>numbers[2]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        v = v_[i]
        a = a_[i]
        v = ((rho * v) + ((<real>1.0 - rho) * (g * g)))
        a = (a + ((<real>1.0 - rho) * (g - a)))
        p_[i] = (p - (learning_rate * (g / (sqrt_((v - (a * a))) + epsilon))))
        v_[i] = v
        a_[i] = a

cdef void update_RMSprop_torch_centered_momentum_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, v, a, m, learning_rate, rho, epsilon, momentum
    cdef real* v_ = slots + 0 * stride
    cdef real* a_ = slots + 1 * stride
    cdef real* m_ = slots + 2 * stride
    learning_rate = <real>numbers[0]
    rho = <real>numbers[1]
    epsilon = <real>numbers[2]
    momentum = <real>numbers[3]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        v = v_[i]
        a = a_[i]
        m = m_[i]
        v = ((rho * v) + ((<real>1.0 - rho) * (g * g)))
        a = (a + ((<real>1.0 - rho) * (g - a)))
        m = ((momentum * m) + (g / (sqrt_((v - (a * a))) + epsilon)))
        p_[i] = (p - (learning_rate * m))
        v_[i] = v
        a_[i] = a
        m_[i] = m

cdef void update_SGD_plain(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, learning_rate
    learning_rate = <real>numbers[0]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        p_[i] = (p - (learning_rate * g))

cdef void update_SGD_momentum_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, learning_rate, momentum
    cdef real* m_ = slots + 0 * stride
    learning_rate = <real>numbers[0]
    momentum = <real>numbers[1]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        m = ((momentum * m) - (learning_rate * g))
        p_[i] = (p + m)
        m_[i] = m

cdef void update_SGD_nesterov_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, learning_rate, momentum
    cdef real* m_ = slots + 0 * stride
    learning_rate = <real>numbers[0]
    momentum = <real>numbers[1]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        m = ((momentum * m) - (learning_rate * g))
        p_[i] = ((p + (momentum * m)) - (learning_rate * g))
        m_[i] = m

cdef void update_SGD_torch_momentum_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, learning_rate, momentum
    cdef real* m_ = slots + 0 * stride
    learning_rate = <real>numbers[0]
    momentum = <real>numbers[1]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        m = ((momentum * m) + g)
        p_[i] = (p - (learning_rate * m))
        m_[i] = m

cdef void update_SGD_torch_nesterov_rule(
    real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef real p, g, m, learning_rate, momentum
    cdef real* m_ = slots + 0 * stride
    learning_rate = <real>numbers[0]
    momentum = <real>numbers[1]
    for i in range(lo, hi):
        p = p_[i]
        g = g_[i]
        m = m_[i]
        m = ((momentum * m) + g)
        p_[i] = (p - (learning_rate * (g + (momentum * m))))
        m_[i] = m

cdef void update(
    int64_t code, real* p_, real* g_, real* slots, Py_ssize_t stride, const double* numbers, Py_ssize_t lo, Py_ssize_t hi,
) noexcept nogil:
    """p[lo:hi] and its slots <- formula(p, g, slots); a slot is a row of slots."""
    if code == 0:
        update_Adadelta_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 1:
        update_Adagrad_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 2:
        update_Adam_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 3:
        update_Adam_amsgrad_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 4:
        update_Adamax_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 5:
        update_Ftrl_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 6:
        update_Ftrl_power_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 7:
        update_Lamb_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 8:
        update_Lion_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 9:
        update_Nadam_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 10:
        update_RMSprop_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 11:
        update_RMSprop_momentum_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 12:
        update_RMSprop_centered_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 13:
        update_RMSprop_centered_momentum_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 14:
        update_RMSprop_torch_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 15:
        update_RMSprop_torch_momentum_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 16:
        update_RMSprop_torch_centered_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 17:
        update_RMSprop_torch_centered_momentum_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 18:
        update_SGD_plain[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 19:
        update_SGD_momentum_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 20:
        update_SGD_nesterov_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 21:
        update_SGD_torch_momentum_rule[real](p_, g_, slots, stride, numbers, lo, hi)
    elif code == 22:
        update_SGD_torch_nesterov_rule[real](p_, g_, slots, stride, numbers, lo, hi)

UPDATE_FORMULAS = ('Adadelta_plain', 'Adagrad_plain', 'Adam_plain', 'Adam_amsgrad_rule', 'Adamax_plain', 'Ftrl_plain', 'Ftrl_power_rule', 'Lamb_plain', 'Lion_plain', 'Nadam_plain', 'RMSprop_plain', 'RMSprop_momentum_rule', 'RMSprop_centered_rule', 'RMSprop_centered_momentum_rule', 'RMSprop_torch_plain', 'RMSprop_torch_momentum_rule', 'RMSprop_torch_centered_rule', 'RMSprop_torch_centered_momentum_rule', 'SGD_plain', 'SGD_momentum_rule', 'SGD_nesterov_rule', 'SGD_torch_momentum_rule', 'SGD_torch_nesterov_rule')
