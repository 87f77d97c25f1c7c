"""Printed by `python -m fastnn._render`: edit the formulas in fastnn/, not this file."""
# ruff: noqa: E501, UP034

from fastnn.backends.numba_math import (
    abs_,
    erf_,
    exp_,
    expm1_,
    log1p_,
    log_,
    maximum_,
    minimum_,
    njit,
    sqrt_,
    tanh_,
)


@njit
def activate(code, y_, y0, numbers, size):
    """y <- formula(y), in place."""
    real = y_.dtype.type
    y_ = y_[y0 : y0 + size]
    if code == 0:  # Linear
        for i in range(size):
            z = y_[i]
            y_[i] = z
    elif code == 1:  # ReLU
        for i in range(size):
            z = y_[i]
            y_[i] = maximum_(z, real(0.0))
    elif code == 2:  # Sigmoid
        for i in range(size):
            z = y_[i]
            y_[i] = (real(1.0) / (real(1.0) + exp_((-z))))
    elif code == 3:  # Tanh
        for i in range(size):
            z = y_[i]
            y_[i] = tanh_(z)
    elif code == 4:  # LeakyReLU
        negative_slope = real(numbers[0])
        for i in range(size):
            z = y_[i]
            y_[i] = (z if (z > real(0.0)) else (negative_slope * z))
    elif code == 5:  # ELU
        alpha = real(numbers[0])
        for i in range(size):
            z = y_[i]
            y_[i] = (z if (z > real(0.0)) else (alpha * expm1_(z)))
    elif code == 6:  # Softplus
        for i in range(size):
            z = y_[i]
            y_[i] = (maximum_(z, real(0.0)) + log1p_(exp_((-abs_(z)))))
    elif code == 7:  # SiLU
        for i in range(size):
            z = y_[i]
            y_[i] = (z / (real(1.0) + exp_((-z))))
    elif code == 8:  # BoundedReLU
        negative_slope = real(numbers[0])
        low = real(numbers[1])
        high = real(numbers[2])
        threshold = real(numbers[3])
        for i in range(size):
            z = y_[i]
            below = (negative_slope * (z - threshold))
            below = ((real(0.0) * maximum_(z, threshold)) if (negative_slope == real(0.0)) else below)
            y_[i] = (minimum_(maximum_(z, low), high) if (z > threshold) else below)
    elif code == 9:  # ReLU6
        for i in range(size):
            z = y_[i]
            y_[i] = minimum_(maximum_(z, real(0.0)), real(6.0))
    elif code == 10:  # HardSigmoid
        for i in range(size):
            z = y_[i]
            y_[i] = (minimum_(maximum_((z + real(3.0)), real(0.0)), real(6.0)) / real(6.0))
    elif code == 11:  # HardSiLU
        for i in range(size):
            z = y_[i]
            y_[i] = (z * (minimum_(maximum_((z + real(3.0)), real(0.0)), real(6.0)) / real(6.0)))
    elif code == 12:  # HardTanh
        for i in range(size):
            z = y_[i]
            y_[i] = minimum_(maximum_(z, (-real(1.0))), real(1.0))
    elif code == 13:  # HardShrink
        threshold = real(numbers[0])
        for i in range(size):
            z = y_[i]
            y_[i] = (real(0.0) if (abs_(z) <= threshold) else z)
    elif code == 14:  # SoftShrink
        threshold = real(numbers[0])
        for i in range(size):
            z = y_[i]
            y_[i] = (z - minimum_(maximum_(z, (-threshold)), threshold))
    elif code == 15:  # Threshold
        threshold = real(numbers[0])
        default_value = real(numbers[1])
        for i in range(size):
            z = y_[i]
            y_[i] = (default_value if (z <= threshold) else z)
    elif code == 16:  # SparsePlus
        for i in range(size):
            z = y_[i]
            y_[i] = (real(0.0) if (z <= (-real(1.0))) else (z if (z >= real(1.0)) else (real(0.25) * ((z + real(1.0)) * (z + real(1.0))))))
    elif code == 17:  # SparseSigmoid
        for i in range(size):
            z = y_[i]
            y_[i] = (real(0.5) * minimum_(maximum_((z + real(1.0)), real(0.0)), real(2.0)))
    elif code == 18:  # Exponential
        for i in range(size):
            z = y_[i]
            y_[i] = exp_(z)
    elif code == 19:  # CELU
        alpha = real(numbers[0])
        for i in range(size):
            z = y_[i]
            y_[i] = (z if (z > real(0.0)) else (alpha * expm1_((z / alpha))))
    elif code == 20:  # SELU
        for i in range(size):
            z = y_[i]
            y_[i] = ((real(1.0507009873554805) * z) if (z > real(0.0)) else (real(1.7580993408473768) * expm1_(z)))
    elif code == 21:  # GELU
        for i in range(size):
            z = y_[i]
            y_[i] = ((real(0.5) * z) * (real(1.0) + erf_((real(0.7071067811865476) * z))))
    elif code == 22:  # GeluTanh
        for i in range(size):
            z = y_[i]
            y_[i] = (z / (real(1.0) + exp_(((-real(1.5957691216057308)) * (z + (real(0.044715) * ((z * z) * z)))))))
    elif code == 23:  # LogSigmoid
        for i in range(size):
            z = y_[i]
            y_[i] = (minimum_(z, real(0.0)) - log1p_(exp_((-abs_(z)))))
    elif code == 24:  # Mish
        for i in range(size):
            z = y_[i]
            e = exp_(minimum_(z, real(20.0)))
            n = ((e * e) + (real(2.0) * e))
            y_[i] = (z * (n / (n + real(2.0))))
    elif code == 25:  # Softsign
        for i in range(size):
            z = y_[i]
            y_[i] = (z / (real(1.0) + abs_(z)))
    elif code == 26:  # Squareplus
        b = real(numbers[0])
        for i in range(size):
            z = y_[i]
            w = minimum_(abs_(z), real(1e+18))
            q = ((real(0.5) * (w + sqrt_(((w * w) + b)))) + (abs_(z) - w))
            y_[i] = (((real(0.25) * b) / q) if (z < real(0.0)) else q)
    elif code == 27:  # TanhShrink
        for i in range(size):
            z = y_[i]
            y_[i] = (z - tanh_(z))

ACTIVATE_FORMULAS = ('Linear', 'ReLU', 'Sigmoid', 'Tanh', 'LeakyReLU', 'ELU', 'Softplus', 'SiLU', 'BoundedReLU', 'ReLU6', 'HardSigmoid', 'HardSiLU', 'HardTanh', 'HardShrink', 'SoftShrink', 'Threshold', 'SparsePlus', 'SparseSigmoid', 'Exponential', 'CELU', 'SELU', 'GELU', 'GeluTanh', 'LogSigmoid', 'Mish', 'Softsign', 'Squareplus', 'TanhShrink')


@njit
def derive(code, dy_, dy0, y_, y0, z_, z0, numbers, size):
    """dy <- formula(dy, y[, z]), in place; z is read only where it was kept."""
    real = dy_.dtype.type
    dy_ = dy_[dy0 : dy0 + size]
    y_ = y_[y0 : y0 + size]
    z_ = z_[z0 : z0 + size]
    if code == 0:  # Linear
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = dy
    elif code == 1:  # ReLU
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy if (y > real(0.0)) else real(0.0))
    elif code == 2:  # Sigmoid
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy * (y * (real(1.0) - y)))
    elif code == 3:  # Tanh
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy * (real(1.0) - (y * y)))
    elif code == 4:  # LeakyReLU
        negative_slope = real(numbers[0])
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy if (y > real(0.0)) else (negative_slope * dy))
    elif code == 5:  # ELU
        alpha = real(numbers[0])
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy if (y > real(0.0)) else (dy * (y + alpha)))
    elif code == 6:  # Softplus
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy * (-expm1_((-y))))
    elif code == 7:  # SiLU
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            z = z_[i]
            s = (real(1.0) / (real(1.0) + exp_((-z))))
            dy_[i] = (dy * (s + (y * (real(1.0) - s))))
    elif code == 8:  # BoundedReLU
        negative_slope = real(numbers[0])
        low = real(numbers[1])
        high = real(numbers[2])
        threshold = real(numbers[3])
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            z = z_[i]
            above = ((dy if (z > low) else real(0.0)) if (z < high) else real(0.0))
            dy_[i] = (above if (z > threshold) else (negative_slope * dy))
    elif code == 9:  # ReLU6
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = ((dy if (y < real(6.0)) else real(0.0)) if (y > real(0.0)) else real(0.0))
    elif code == 10:  # HardSigmoid
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (((dy / real(6.0)) if (y < real(1.0)) else real(0.0)) if (y > real(0.0)) else real(0.0))
    elif code == 11:  # HardSiLU
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            z = z_[i]
            h = (minimum_(maximum_((z + real(3.0)), real(0.0)), real(6.0)) / real(6.0))
            dy_[i] = (dy * (h + ((z / real(6.0)) if (abs_(z) < real(3.0)) else real(0.0))))
    elif code == 12:  # HardTanh
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy if (abs_(y) < real(1.0)) else real(0.0))
    elif code == 13:  # HardShrink
        threshold = real(numbers[0])
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (real(0.0) if (y == real(0.0)) else dy)
    elif code == 14:  # SoftShrink
        threshold = real(numbers[0])
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (real(0.0) if (y == real(0.0)) else dy)
    elif code == 15:  # Threshold
        threshold = real(numbers[0])
        default_value = real(numbers[1])
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            z = z_[i]
            dy_[i] = (real(0.0) if (z <= threshold) else dy)
    elif code == 16:  # SparsePlus
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy * minimum_(sqrt_(y), real(1.0)))
    elif code == 17:  # SparseSigmoid
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (((real(0.5) * dy) if (y < real(1.0)) else real(0.0)) if (y > real(0.0)) else real(0.0))
    elif code == 18:  # Exponential
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy * y)
    elif code == 19:  # CELU
        alpha = real(numbers[0])
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy if (y > real(0.0)) else (dy * ((y / alpha) + real(1.0))))
    elif code == 20:  # SELU
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy * (real(1.0507009873554805) if (y > real(0.0)) else (y + real(1.7580993408473768))))
    elif code == 21:  # GELU
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            z = z_[i]
            density = (real(0.3989422804014327) * exp_(((-real(0.5)) * (z * z))))
            dy_[i] = (dy * ((real(0.5) * (real(1.0) + erf_((real(0.7071067811865476) * z)))) + (z * density)))
    elif code == 22:  # GeluTanh
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            z = z_[i]
            w = minimum_(maximum_(z, (-real(10.0))), real(10.0))
            s = (real(1.0) / (real(1.0) + exp_(((-real(1.5957691216057308)) * (w + (real(0.044715) * ((w * w) * w)))))))
            slope = ((s * (real(1.0) - s)) * (real(1.5957691216057308) * (real(1.0) + (real(0.134145) * (w * w)))))
            dy_[i] = (dy * (s + (w * slope)))
    elif code == 23:  # LogSigmoid
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy * (-expm1_(y)))
    elif code == 24:  # Mish
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            z = z_[i]
            w = minimum_(z, real(20.0))
            e = exp_(w)
            n = (e * (e + real(2.0)))
            slope = (((real(4.0) * e) * (real(1.0) + e)) / ((n + real(2.0)) * (n + real(2.0))))
            dy_[i] = (dy * ((n / (n + real(2.0))) + (w * slope)))
    elif code == 25:  # Softsign
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            s = (real(1.0) - abs_(y))
            dy_[i] = (dy * (s * s))
    elif code == 26:  # Squareplus
        b = real(numbers[0])
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            dy_[i] = (dy / (real(1.0) + ((real(0.25) * b) / (y * y))))
    elif code == 27:  # TanhShrink
        for i in range(size):
            dy = dy_[i]
            y = y_[i]
            z = z_[i]
            t = tanh_(z)
            dy_[i] = (dy * (t * t))

DERIVE_FORMULAS = ('Linear', 'ReLU', 'Sigmoid', 'Tanh', 'LeakyReLU', 'ELU', 'Softplus', 'SiLU', 'BoundedReLU', 'ReLU6', 'HardSigmoid', 'HardSiLU', 'HardTanh', 'HardShrink', 'SoftShrink', 'Threshold', 'SparsePlus', 'SparseSigmoid', 'Exponential', 'CELU', 'SELU', 'GELU', 'GeluTanh', 'LogSigmoid', 'Mish', 'Softsign', 'Squareplus', 'TanhShrink')


@njit
def loss(code, out_, out0, t_, t0, y_, y0, numbers, size):
    """out <- formula(t, y)."""
    real = out_.dtype.type
    out_ = out_[out0 : out0 + size]
    t_ = t_[t0 : t0 + size]
    y_ = y_[y0 : y0 + size]
    if code == 0:  # PoissonDeviance
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = ((exp_(y) - t) - (t * (y - log_((t if (t > real(0.0)) else real(1.0))))))
    elif code == 1:  # LogLoss
        most = real(numbers[0])
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = minimum_(((maximum_(y, real(0.0)) - (t * y)) + log1p_(exp_((-abs_(y))))), most)
    elif code == 2:  # BinaryCrossentropy
        label_smoothing = real(numbers[0])
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((t * (real(1.0) - label_smoothing)) + (real(0.5) * label_smoothing))
            p = minimum_(maximum_(y, real(1e-07)), (real(1.0) - real(1e-07)))
            out_[i] = (-((s * log_(p)) + ((real(1.0) - s) * log_((real(1.0) - p)))))
    elif code == 3:  # BinaryCrossentropy_sigmoid
        label_smoothing = real(numbers[0])
        for i in range(size):
            t = t_[i]
            z = y_[i]
            s = ((t * (real(1.0) - label_smoothing)) + (real(0.5) * label_smoothing))
            out_[i] = ((maximum_(z, real(0.0)) - (s * z)) + log1p_(exp_((-abs_(z)))))
    elif code == 4:  # BinaryFocalCrossentropy
        label_smoothing = real(numbers[0])
        gamma = real(numbers[1])
        alpha = real(numbers[2])
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((t * (real(1.0) - label_smoothing)) + (real(0.5) * label_smoothing))
            p = minimum_(maximum_(y, real(1e-07)), (real(1.0) - real(1e-07)))
            rest = maximum_((s + ((real(1.0) - (real(2.0) * s)) * y)), real(1e-37))
            weight = (real(1.0) if (alpha < real(0.0)) else (((real(1.0) - alpha) - s) + ((real(2.0) * s) * alpha)))
            entropy = ((s * log_(p)) + ((real(1.0) - s) * log_((real(1.0) - p))))
            out_[i] = (((-weight) * exp_((gamma * log_(rest)))) * entropy)
    elif code == 5:  # BinaryFocalCrossentropy_sigmoid
        label_smoothing = real(numbers[0])
        gamma = real(numbers[1])
        alpha = real(numbers[2])
        for i in range(size):
            t = t_[i]
            z = y_[i]
            s = ((t * (real(1.0) - label_smoothing)) + (real(0.5) * label_smoothing))
            rest = maximum_(((s / (real(1.0) + exp_(z))) + ((real(1.0) - s) / (real(1.0) + exp_((-z))))), real(1e-37))
            weight = (real(1.0) if (alpha < real(0.0)) else (((real(1.0) - alpha) - s) + ((real(2.0) * s) * alpha)))
            entropy = ((maximum_(z, real(0.0)) - (s * z)) + log1p_(exp_((-abs_(z)))))
            out_[i] = ((weight * exp_((gamma * log_(rest)))) * entropy)
    elif code == 6:  # Hinge
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((-real(1.0)) if (t == real(0.0)) else t)
            out_[i] = maximum_((real(1.0) - (s * y)), real(0.0))
    elif code == 7:  # PerceptronLoss
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((-real(1.0)) if (t == real(0.0)) else t)
            out_[i] = maximum_(((-s) * y), real(0.0))
    elif code == 8:  # SquaredHinge
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((-real(1.0)) if (t == real(0.0)) else t)
            h = maximum_((real(1.0) - (s * y)), real(0.0))
            out_[i] = (h * h)
    elif code == 9:  # MeanSquaredError
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = ((y - t) * (y - t))
    elif code == 10:  # MeanAbsoluteError
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = abs_((y - t))
    elif code == 11:  # MeanAbsolutePercentageError
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = (real(100.0) * (abs_((y - t)) / maximum_(abs_(t), real(1e-07))))
    elif code == 12:  # MeanSquaredLogarithmicError
        for i in range(size):
            t = t_[i]
            y = y_[i]
            d = (log1p_(maximum_(y, real(1e-07))) - log1p_(maximum_(t, real(1e-07))))
            out_[i] = (d * d)
    elif code == 13:  # Huber
        delta = real(numbers[0])
        for i in range(size):
            t = t_[i]
            y = y_[i]
            a = abs_((y - t))
            inner = minimum_(a, delta)
            out_[i] = (inner * (a - (real(0.5) * inner)))
    elif code == 14:  # LogCosh
        for i in range(size):
            t = t_[i]
            y = y_[i]
            a = abs_((y - t))
            out_[i] = (a + log1p_((real(0.5) * expm1_(((-real(2.0)) * a)))))
    elif code == 15:  # Poisson
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = (y - (t * log_((y + real(1e-07)))))
    elif code == 16:  # KLDivergence
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = minimum_(maximum_(t, real(1e-07)), real(1.0))
            p = minimum_(maximum_(y, real(1e-07)), real(1.0))
            out_[i] = (s * log_((s / p)))

LOSS_FORMULAS = ('PoissonDeviance', 'LogLoss', 'BinaryCrossentropy', 'BinaryCrossentropy_sigmoid', 'BinaryFocalCrossentropy', 'BinaryFocalCrossentropy_sigmoid', 'Hinge', 'PerceptronLoss', 'SquaredHinge', 'MeanSquaredError', 'MeanAbsoluteError', 'MeanAbsolutePercentageError', 'MeanSquaredLogarithmicError', 'Huber', 'LogCosh', 'Poisson', 'KLDivergence')


@njit
def slope(code, out_, out0, t_, t0, y_, y0, numbers, size):
    """out <- d formula / dy of (t, y)."""
    real = out_.dtype.type
    out_ = out_[out0 : out0 + size]
    t_ = t_[t0 : t0 + size]
    y_ = y_[y0 : y0 + size]
    if code == 0:  # PoissonDeviance
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = (exp_(y) - t)
    elif code == 1:  # LogLoss
        most = real(numbers[0])
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = ((real(1.0) / (real(1.0) + exp_((-y)))) - t)
    elif code == 2:  # BinaryCrossentropy
        label_smoothing = real(numbers[0])
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((t * (real(1.0) - label_smoothing)) + (real(0.5) * label_smoothing))
            p = minimum_(maximum_(y, real(1e-07)), (real(1.0) - real(1e-07)))
            out_[i] = (((p - s) / (p * (real(1.0) - p))) if (p == y) else real(0.0))
    elif code == 3:  # BinaryCrossentropy_sigmoid
        label_smoothing = real(numbers[0])
        for i in range(size):
            t = t_[i]
            z = y_[i]
            s = ((t * (real(1.0) - label_smoothing)) + (real(0.5) * label_smoothing))
            out_[i] = ((real(1.0) / (real(1.0) + exp_((-z)))) - s)
    elif code == 4:  # BinaryFocalCrossentropy
        label_smoothing = real(numbers[0])
        gamma = real(numbers[1])
        alpha = real(numbers[2])
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((t * (real(1.0) - label_smoothing)) + (real(0.5) * label_smoothing))
            p = minimum_(maximum_(y, real(1e-07)), (real(1.0) - real(1e-07)))
            slope = (real(1.0) - (real(2.0) * s))
            wrong = (s + (slope * y))
            rest = maximum_(wrong, real(1e-37))
            weight = (real(1.0) if (alpha < real(0.0)) else (((real(1.0) - alpha) - s) + ((real(2.0) * s) * alpha)))
            entropy = ((s * log_(p)) + ((real(1.0) - s) * log_((real(1.0) - p))))
            inner = (((p - s) / (p * (real(1.0) - p))) if (p == y) else real(0.0))
            outer = ((((gamma * slope) * entropy) / rest) if (rest == wrong) else real(0.0))
            out_[i] = ((weight * exp_((gamma * log_(rest)))) * (inner - outer))
    elif code == 5:  # BinaryFocalCrossentropy_sigmoid
        label_smoothing = real(numbers[0])
        gamma = real(numbers[1])
        alpha = real(numbers[2])
        for i in range(size):
            t = t_[i]
            z = y_[i]
            s = ((t * (real(1.0) - label_smoothing)) + (real(0.5) * label_smoothing))
            y = (real(1.0) / (real(1.0) + exp_((-z))))
            n = (real(1.0) / (real(1.0) + exp_(z)))
            rest = maximum_(((s * n) + ((real(1.0) - s) * y)), real(1e-37))
            weight = (real(1.0) if (alpha < real(0.0)) else (((real(1.0) - alpha) - s) + ((real(2.0) * s) * alpha)))
            entropy = ((maximum_(z, real(0.0)) - (s * z)) + log1p_(exp_((-abs_(z)))))
            outer = (((gamma * (real(1.0) - (real(2.0) * s))) * ((y * n) / rest)) * entropy)
            out_[i] = ((weight * exp_((gamma * log_(rest)))) * ((y - s) + outer))
    elif code == 6:  # Hinge
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((-real(1.0)) if (t == real(0.0)) else t)
            out_[i] = ((-s) if ((s * y) < real(1.0)) else real(0.0))
    elif code == 7:  # PerceptronLoss
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((-real(1.0)) if (t == real(0.0)) else t)
            out_[i] = ((-s) if ((s * y) <= real(0.0)) else real(0.0))
    elif code == 8:  # SquaredHinge
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = ((-real(1.0)) if (t == real(0.0)) else t)
            out_[i] = (((-real(2.0)) * s) * maximum_((real(1.0) - (s * y)), real(0.0)))
    elif code == 9:  # MeanSquaredError
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = (real(2.0) * (y - t))
    elif code == 10:  # MeanAbsoluteError
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = ((real(1.0) if (y > t) else real(0.0)) - (real(1.0) if (y < t) else real(0.0)))
    elif code == 11:  # MeanAbsolutePercentageError
        for i in range(size):
            t = t_[i]
            y = y_[i]
            sign = ((real(100.0) if (y > t) else real(0.0)) - (real(100.0) if (y < t) else real(0.0)))
            out_[i] = (sign / maximum_(abs_(t), real(1e-07)))
    elif code == 12:  # MeanSquaredLogarithmicError
        for i in range(size):
            t = t_[i]
            y = y_[i]
            p = maximum_(y, real(1e-07))
            d = (log1p_(p) - log1p_(maximum_(t, real(1e-07))))
            out_[i] = (((real(2.0) * d) / (real(1.0) + p)) if (p == y) else real(0.0))
    elif code == 13:  # Huber
        delta = real(numbers[0])
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = minimum_(maximum_((y - t), (-delta)), delta)
    elif code == 14:  # LogCosh
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = tanh_((y - t))
    elif code == 15:  # Poisson
        for i in range(size):
            t = t_[i]
            y = y_[i]
            out_[i] = (real(1.0) - (t / (y + real(1e-07))))
    elif code == 16:  # KLDivergence
        for i in range(size):
            t = t_[i]
            y = y_[i]
            s = minimum_(maximum_(t, real(1e-07)), real(1.0))
            p = minimum_(maximum_(y, real(1e-07)), real(1.0))
            out_[i] = (((-s) / p) if (p == y) else real(0.0))

SLOPE_FORMULAS = ('PoissonDeviance', 'LogLoss', 'BinaryCrossentropy', 'BinaryCrossentropy_sigmoid', 'BinaryFocalCrossentropy', 'BinaryFocalCrossentropy_sigmoid', 'Hinge', 'PerceptronLoss', 'SquaredHinge', 'MeanSquaredError', 'MeanAbsoluteError', 'MeanAbsolutePercentageError', 'MeanSquaredLogarithmicError', 'Huber', 'LogCosh', 'Poisson', 'KLDivergence')


@njit
def update(code, p_, p0, g_, g0, slots, s0, numbers, size):
    """p and its slots <- formula(p, g, slots); a slot is a row of slots."""
    real = p_.dtype.type
    p_ = p_[p0 : p0 + size]
    g_ = g_[g0 : g0 + size]
    if code == 0:  # Adadelta_plain
        v_ = slots[0, s0 : s0 + size]
        d_ = slots[1, s0 : s0 + size]
        learning_rate = real(numbers[0])
        rho = real(numbers[1])
        epsilon = real(numbers[2])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            v = v_[i]
            d = d_[i]
            v = ((rho * v) + ((real(1.0) - rho) * (g * g)))
            step = ((sqrt_((d + epsilon)) * g) / sqrt_((v + epsilon)))
            d = ((rho * d) + ((real(1.0) - rho) * (step * step)))
            p_[i] = (p - (learning_rate * step))
            v_[i] = v
            d_[i] = d
    elif code == 1:  # Adagrad_plain
        a_ = slots[0, s0 : s0 + size]
        learning_rate = real(numbers[0])
        epsilon = real(numbers[1])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            a = a_[i]
            a = (a + (g * g))
            p_[i] = (p - ((learning_rate * g) / sqrt_((a + epsilon))))
            a_[i] = a
    elif code == 2:  # Adam_plain
        m_ = slots[0, s0 : s0 + size]
        v_ = slots[1, s0 : s0 + size]
        alpha = real(numbers[0])
        beta_1 = real(numbers[1])
        beta_2 = real(numbers[2])
        epsilon = real(numbers[3])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            v = v_[i]
            m = (m + ((real(1.0) - beta_1) * (g - m)))
            v = (v + ((real(1.0) - beta_2) * ((g * g) - v)))
            p_[i] = (p - ((alpha * m) / (sqrt_(v) + epsilon)))
            m_[i] = m
            v_[i] = v
    elif code == 3:  # Adam_amsgrad_rule
        m_ = slots[0, s0 : s0 + size]
        v_ = slots[1, s0 : s0 + size]
        h_ = slots[2, s0 : s0 + size]
        alpha = real(numbers[0])
        beta_1 = real(numbers[1])
        beta_2 = real(numbers[2])
        epsilon = real(numbers[3])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            v = v_[i]
            h = h_[i]
            m = (m + ((real(1.0) - beta_1) * (g - m)))
            v = (v + ((real(1.0) - beta_2) * ((g * g) - v)))
            h = maximum_(v, h)
            p_[i] = (p - ((alpha * m) / (sqrt_(h) + epsilon)))
            m_[i] = m
            v_[i] = v
            h_[i] = h
    elif code == 4:  # Adamax_plain
        m_ = slots[0, s0 : s0 + size]
        u_ = slots[1, s0 : s0 + size]
        alpha = real(numbers[0])
        beta_1 = real(numbers[1])
        beta_2 = real(numbers[2])
        epsilon = real(numbers[3])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            u = u_[i]
            m = (m + ((real(1.0) - beta_1) * (g - m)))
            u = ((beta_2 * u) if ((beta_2 * u) > abs_(g)) else abs_(g))
            p_[i] = (p - ((alpha * m) / (u + epsilon)))
            m_[i] = m
            u_[i] = u
    elif code == 5:  # Ftrl_plain
        n_ = slots[0, s0 : s0 + size]
        z_ = slots[1, s0 : s0 + size]
        learning_rate = real(numbers[0])
        lasso = real(numbers[1])
        ridge = real(numbers[2])
        shrinkage = real(numbers[3])
        for i in range(size):
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
    elif code == 6:  # Ftrl_power_rule
        n_ = slots[0, s0 : s0 + size]
        z_ = slots[1, s0 : s0 + size]
        learning_rate = real(numbers[0])
        power = real(numbers[1])
        lasso = real(numbers[2])
        ridge = real(numbers[3])
        shrinkage = real(numbers[4])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            n = n_[i]
            z = z_[i]
            before = (exp_((power * log_(n))) if (power > real(0.0)) else real(1.0))
            n = (n + (g * g))
            after = (exp_((power * log_(n))) if (power > real(0.0)) else real(1.0))
            z = (z + ((g + (shrinkage * p)) - (((after - before) / learning_rate) * p)))
            clipped = minimum_(maximum_(z, (-lasso)), lasso)
            p_[i] = ((clipped - z) / ((after / learning_rate) + ridge))
            n_[i] = n
            z_[i] = z
    elif code == 7:  # Lamb_plain
        m_ = slots[0, s0 : s0 + size]
        v_ = slots[1, s0 : s0 + size]
        correction_1 = real(numbers[0])
        correction_2 = real(numbers[1])
        beta_1 = real(numbers[2])
        beta_2 = real(numbers[3])
        epsilon = real(numbers[4])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            v = v_[i]
            m = (m + ((real(1.0) - beta_1) * (g - m)))
            v = (v + ((real(1.0) - beta_2) * ((g * g) - v)))
            p_[i] = p
            m_[i] = m
            v_[i] = v
            g_[i] = ((m / correction_1) / (sqrt_((v / correction_2)) + epsilon))
    elif code == 8:  # Lion_plain
        m_ = slots[0, s0 : s0 + size]
        learning_rate = real(numbers[0])
        beta_1 = real(numbers[1])
        beta_2 = real(numbers[2])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            blend = ((beta_1 * m) + ((real(1.0) - beta_1) * g))
            sign = (real(1.0) if (blend > real(0.0)) else ((-real(1.0)) if (blend < real(0.0)) else blend))
            p_[i] = (p - (learning_rate * sign))
            m_[i] = ((beta_2 * m) + ((real(1.0) - beta_2) * g))
    elif code == 9:  # Nadam_plain
        m_ = slots[0, s0 : s0 + size]
        v_ = slots[1, s0 : s0 + size]
        fresh = real(numbers[0])
        old = real(numbers[1])
        correction = real(numbers[2])
        beta_1 = real(numbers[3])
        beta_2 = real(numbers[4])
        epsilon = real(numbers[5])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            v = v_[i]
            m = (m + ((real(1.0) - beta_1) * (g - m)))
            v = (v + ((real(1.0) - beta_2) * ((g * g) - v)))
            p_[i] = (p - (((fresh * g) + (old * m)) / (sqrt_((v / correction)) + epsilon)))
            m_[i] = m
            v_[i] = v
    elif code == 10:  # RMSprop_plain
        v_ = slots[0, s0 : s0 + size]
        learning_rate = real(numbers[0])
        rho = real(numbers[1])
        epsilon = real(numbers[2])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            v = v_[i]
            v = ((rho * v) + ((real(1.0) - rho) * (g * g)))
            p_[i] = (p - ((learning_rate * g) / sqrt_((v + epsilon))))
            v_[i] = v
    elif code == 11:  # RMSprop_momentum_rule
        v_ = slots[0, s0 : s0 + size]
        m_ = slots[1, s0 : s0 + size]
        learning_rate = real(numbers[0])
        rho = real(numbers[1])
        epsilon = real(numbers[2])
        momentum = real(numbers[3])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            v = v_[i]
            m = m_[i]
            v = ((rho * v) + ((real(1.0) - rho) * (g * g)))
            m = ((momentum * m) + ((learning_rate * g) / sqrt_((v + epsilon))))
            p_[i] = (p - m)
            v_[i] = v
            m_[i] = m
    elif code == 12:  # RMSprop_centered_rule
        v_ = slots[0, s0 : s0 + size]
        a_ = slots[1, s0 : s0 + size]
        learning_rate = real(numbers[0])
        rho = real(numbers[1])
        epsilon = real(numbers[2])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            v = v_[i]
            a = a_[i]
            v = ((rho * v) + ((real(1.0) - rho) * (g * g)))
            a = ((rho * a) + ((real(1.0) - rho) * g))
            p_[i] = (p - ((learning_rate * g) / sqrt_(((v - (a * a)) + epsilon))))
            v_[i] = v
            a_[i] = a
    elif code == 13:  # RMSprop_centered_momentum_rule
        v_ = slots[0, s0 : s0 + size]
        a_ = slots[1, s0 : s0 + size]
        m_ = slots[2, s0 : s0 + size]
        learning_rate = real(numbers[0])
        rho = real(numbers[1])
        epsilon = real(numbers[2])
        momentum = real(numbers[3])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            v = v_[i]
            a = a_[i]
            m = m_[i]
            v = ((rho * v) + ((real(1.0) - rho) * (g * g)))
            a = ((rho * a) + ((real(1.0) - rho) * g))
            m = ((momentum * m) + ((learning_rate * g) / sqrt_(((v - (a * a)) + epsilon))))
            p_[i] = (p - m)
            v_[i] = v
            a_[i] = a
            m_[i] = m
    elif code == 14:  # RMSprop_torch_plain
        v_ = slots[0, s0 : s0 + size]
        learning_rate = real(numbers[0])
        rho = real(numbers[1])
        epsilon = real(numbers[2])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            v = v_[i]
            v = ((rho * v) + ((real(1.0) - rho) * (g * g)))
            p_[i] = (p - (learning_rate * (g / (sqrt_(v) + epsilon))))
            v_[i] = v
    elif code == 15:  # RMSprop_torch_momentum_rule
        v_ = slots[0, s0 : s0 + size]
        m_ = slots[1, s0 : s0 + size]
        learning_rate = real(numbers[0])
        rho = real(numbers[1])
        epsilon = real(numbers[2])
        momentum = real(numbers[3])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            v = v_[i]
            m = m_[i]
            v = ((rho * v) + ((real(1.0) - rho) * (g * g)))
            m = ((momentum * m) + (g / (sqrt_(v) + epsilon)))
            p_[i] = (p - (learning_rate * m))
            v_[i] = v
            m_[i] = m
    elif code == 16:  # RMSprop_torch_centered_rule
        v_ = slots[0, s0 : s0 + size]
        a_ = slots[1, s0 : s0 + size]
        learning_rate = real(numbers[0])
        rho = real(numbers[1])
        epsilon = real(numbers[2])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            v = v_[i]
            a = a_[i]
            v = ((rho * v) + ((real(1.0) - rho) * (g * g)))
            a = (a + ((real(1.0) - rho) * (g - a)))
            p_[i] = (p - (learning_rate * (g / (sqrt_((v - (a * a))) + epsilon))))
            v_[i] = v
            a_[i] = a
    elif code == 17:  # RMSprop_torch_centered_momentum_rule
        v_ = slots[0, s0 : s0 + size]
        a_ = slots[1, s0 : s0 + size]
        m_ = slots[2, s0 : s0 + size]
        learning_rate = real(numbers[0])
        rho = real(numbers[1])
        epsilon = real(numbers[2])
        momentum = real(numbers[3])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            v = v_[i]
            a = a_[i]
            m = m_[i]
            v = ((rho * v) + ((real(1.0) - rho) * (g * g)))
            a = (a + ((real(1.0) - rho) * (g - a)))
            m = ((momentum * m) + (g / (sqrt_((v - (a * a))) + epsilon)))
            p_[i] = (p - (learning_rate * m))
            v_[i] = v
            a_[i] = a
            m_[i] = m
    elif code == 18:  # SGD_plain
        learning_rate = real(numbers[0])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            p_[i] = (p - (learning_rate * g))
    elif code == 19:  # SGD_momentum_rule
        m_ = slots[0, s0 : s0 + size]
        learning_rate = real(numbers[0])
        momentum = real(numbers[1])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            m = ((momentum * m) - (learning_rate * g))
            p_[i] = (p + m)
            m_[i] = m
    elif code == 20:  # SGD_nesterov_rule
        m_ = slots[0, s0 : s0 + size]
        learning_rate = real(numbers[0])
        momentum = real(numbers[1])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            m = ((momentum * m) - (learning_rate * g))
            p_[i] = ((p + (momentum * m)) - (learning_rate * g))
            m_[i] = m
    elif code == 21:  # SGD_torch_momentum_rule
        m_ = slots[0, s0 : s0 + size]
        learning_rate = real(numbers[0])
        momentum = real(numbers[1])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            m = ((momentum * m) + g)
            p_[i] = (p - (learning_rate * m))
            m_[i] = m
    elif code == 22:  # SGD_torch_nesterov_rule
        m_ = slots[0, s0 : s0 + size]
        learning_rate = real(numbers[0])
        momentum = real(numbers[1])
        for i in range(size):
            p = p_[i]
            g = g_[i]
            m = m_[i]
            m = ((momentum * m) + g)
            p_[i] = (p - (learning_rate * (g + (momentum * m))))
            m_[i] = m

UPDATE_FORMULAS = ('Adadelta_plain', 'Adagrad_plain', 'Adam_plain', 'Adam_amsgrad_rule', 'Adamax_plain', 'Ftrl_plain', 'Ftrl_power_rule', 'Lamb_plain', 'Lion_plain', 'Nadam_plain', 'RMSprop_plain', 'RMSprop_momentum_rule', 'RMSprop_centered_rule', 'RMSprop_centered_momentum_rule', 'RMSprop_torch_plain', 'RMSprop_torch_momentum_rule', 'RMSprop_torch_centered_rule', 'RMSprop_torch_centered_momentum_rule', 'SGD_plain', 'SGD_momentum_rule', 'SGD_nesterov_rule', 'SGD_torch_momentum_rule', 'SGD_torch_nesterov_rule')
