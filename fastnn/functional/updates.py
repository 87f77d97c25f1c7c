"""Optimizers' steps on plain arrays, in place: ``p -= rate * g`` and its kin.

The formulas are those of `fastnn.optimizers`, with Keras's defaults and conventions; slots (m, v)
are arrays like ``p`` that begin as zeros, Adagrad's with 0.1. Every function returns ``p``. For
schedules, clipping, Lamb, Nadam and Ftrl there is ``fastnn.optimizers``, whose ``apply_gradients``
moves arrays too.
"""

from __future__ import annotations

import numpy as np

from fastnn import optimizers
from fastnn.functional import _arguments
from fastnn.functional._arguments import in_order, in_place, kernel, need, number, whole


def _move(name: str, cls, rule: str, p, g, slots: dict, numbers: dict, t: int = 1,
          decay: float = 0.0):
    """One step of an optimizer's rule. ``numbers`` are its arguments, already looked at."""
    in_place("p", p)
    for slot, array in slots.items():
        in_place(slot, array, p)
    need(np.shape(g) == p.shape, "g", f"have the shape of p, {p.shape}", np.asarray(g))
    g = in_order(np.asarray(g), p.dtype)
    arrays = [p, *slots.values()]
    for i, one in enumerate(arrays):
        shared = any(np.may_share_memory(one, other) for other in arrays[i + 1:])
        need(not shared, (["p", *slots])[i], "have memory of its own", "an array that shares it",
             "Make it by np.zeros_like(p).")
    if any(np.may_share_memory(g, array) for array in arrays):
        g = g.copy()
    core = _arguments.core
    fast = [in_order(array, p.dtype) for array in arrays]
    if core is not None and p.size:
        steps = () if t == 1 and "t" not in numbers else (t,)
        _call(core, name, fast, g, steps, numbers)
    else:
        _spell_out(cls, rule, fast, g, numbers, t, decay)
    for array, result in zip(arrays, fast, strict=True):
        if result is not array and not np.may_share_memory(result, array):
            array[...] = result
    return p


def _call(core, name, arrays, g, steps, numbers):
    values = [value for key, value in numbers.items() if key != "t"]
    getattr(core, f"array_{name}")(arrays[0], g, *arrays[1:], *steps, *values)


def _spell_out(cls, rule, arrays, g, numbers, t, decay):
    """The rule on NumPy arrays, with the scalars of the optimizer's class."""
    p, real = arrays[0], arrays[0].dtype.type
    optimizer = cls(**{key: value for key, value in numbers.items() if key != "t"})
    formula = getattr(cls, rule)
    names = formula.__code__.co_varnames[1 + len(arrays) : formula.__code__.co_argcount]
    rate = numbers["learning_rate"]
    scalars = [real(optimizer.scalar(key, np.float64(t), rate)) for key in names]
    with np.errstate(all="ignore"):
        if decay:
            p -= real(decay * rate) * p
        new = formula(p, g, *arrays[1:], *scalars)
    for array, value in zip(arrays, new if isinstance(new, tuple) else (new,), strict=True):
        array[...] = value


def _rate(learning_rate) -> float:
    return number("learning_rate", learning_rate, 0.0)


@kernel
def sgd_update(p, g, learning_rate=0.01):
    """p <- p - learning_rate g.

    p : array, changed in place. g : its gradient, of the same shape. Returns p.
    Raises ValueError for shapes that differ, TypeError for a p that is no float32 or float64.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.sgd_update(np.array([1.0, 2.0]), np.array([1.0, -1.0]), 0.5)
    array([0.5, 2.5])
    """
    return _move("sgd_update", optimizers.SGD, "plain", p, g, {},
                 {"learning_rate": _rate(learning_rate)})


def _momentum(momentum) -> float:
    return number("momentum", momentum, 0.0, 1.0)


@kernel
def momentum_update(p, g, m, learning_rate=0.01, momentum=0.9):
    """m <- momentum m - learning_rate g, p <- p + m.

    p, m : changed in place; the velocity m holds the learning rate, as in Keras. Returns p.
    Sutskever et al. 2013, equations 1 and 2.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.momentum_update(np.array([1.0]), np.array([2.0]), np.array([0.5]), 0.1)
    array([1.25])
    """
    return _move("momentum_update", optimizers.SGD, "momentum_rule", p, g, {"m": m},
                 {"learning_rate": _rate(learning_rate), "momentum": _momentum(momentum)})


@kernel
def nesterov_update(p, g, m, learning_rate=0.01, momentum=0.9):
    """m <- momentum m - learning_rate g, p <- p + momentum m - learning_rate g.

    p, m : changed in place. Returns p. Sutskever et al. 2013, equations 3 and 4, rearranged so
    that g is the gradient at p.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.nesterov_update(np.array([1.0]), np.array([2.0]), np.array([0.5]), 0.1).round(3)
    array([1.025])
    """
    return _move("nesterov_update", optimizers.SGD, "nesterov_rule", p, g, {"m": m},
                 {"learning_rate": _rate(learning_rate), "momentum": _momentum(momentum)})


@kernel
def rmsprop_update(p, g, v, learning_rate=0.001, rho=0.9, epsilon=1e-7):
    """v <- rho v + (1 - rho) g^2, p <- p - learning_rate g / sqrt(v + epsilon).

    p, v : changed in place. Returns p. Hinton, lecture 6e (2012), as in Keras.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.rmsprop_update(np.array([1.0]), np.array([2.0]), np.zeros(1), 0.1).round(4)
    array([0.6838])
    """
    return _move("rmsprop_update", optimizers.RMSprop, "plain", p, g, {"v": v},
                 {"learning_rate": _rate(learning_rate), "rho": number("rho", rho, 0.0, 1.0),
                  "epsilon": number("epsilon", epsilon, 0.0)})


@kernel
def adagrad_update(p, g, a, learning_rate=0.001, epsilon=1e-7):
    """a <- a + g^2, p <- p - learning_rate g / sqrt(a + epsilon).

    p, a : changed in place; Keras begins with a = 0.1. Returns p. Duchi et al. 2011, figure 1.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.adagrad_update(np.array([1.0]), np.array([2.0]), np.zeros(1), 0.5).round(4)
    array([0.5])
    """
    return _move("adagrad_update", optimizers.Adagrad, "plain", p, g, {"a": a},
                 {"learning_rate": _rate(learning_rate),
                  "epsilon": number("epsilon", epsilon, 0.0)})


@kernel
def adadelta_update(p, g, v, d, learning_rate=0.001, rho=0.95, epsilon=1e-7):
    """v <- rho v + (1 - rho) g^2, s = sqrt(d + epsilon) g / sqrt(v + epsilon), p <- p - rate s.

    p, v, d : changed in place; d <- rho d + (1 - rho) s^2. Returns p. Zeiler 2012, algorithm 1.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.adadelta_update(np.array([1.0]), np.array([2.0]), np.zeros(1), np.zeros(1), 1.0).round(4)
    array([0.9986])
    """
    return _move("adadelta_update", optimizers.Adadelta, "plain", p, g, {"v": v, "d": d},
                 {"learning_rate": _rate(learning_rate), "rho": number("rho", rho, 0.0, 1.0),
                  "epsilon": number("epsilon", epsilon, 0.0)})


@kernel
def lion_update(p, g, m, learning_rate=0.001, beta_1=0.9, beta_2=0.99):
    """p <- p - learning_rate sign(beta_1 m + (1 - beta_1) g), m <- beta_2 m + (1 - beta_2) g.

    p, m : changed in place. Returns p. Chen et al. 2023, algorithm 2.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.lion_update(np.array([1.0]), np.array([2.0]), np.zeros(1), 0.25)
    array([0.75])
    """
    return _move("lion_update", optimizers.Lion, "plain", p, g, {"m": m},
                 {"learning_rate": _rate(learning_rate),
                  "beta_1": number("beta_1", beta_1, 0.0, 1.0, above=True),
                  "beta_2": number("beta_2", beta_2, 0.0, 1.0)})


def _moments(t, learning_rate, beta_1, beta_2, epsilon) -> dict:
    """The numbers of Adam and Adamax; t is not the rule's own."""
    return {"t": whole("t", t, 1), "learning_rate": _rate(learning_rate),
            "beta_1": number("beta_1", beta_1, 0.0, 1.0),
            "beta_2": number("beta_2", beta_2, 0.0, 1.0),
            "epsilon": number("epsilon", epsilon, 0.0)}


@kernel
def adam_update(p, g, m, v, t, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """m <- m + (1 - b1)(g - m), v <- v + (1 - b2)(g^2 - v), p <- p - alpha m / (sqrt(v) + epsilon).

    alpha = learning_rate sqrt(1 - b2^t) / (1 - b1^t). p, m, v : changed in place. t : the number of
    this step, from 1. Returns p. Kingma & Ba 2015, end of section 2; epsilon is added to the root
    of the uncorrected v, as in Keras.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.adam_update(np.array([1.0]), np.array([2.0]), np.zeros(1), np.zeros(1), 1).round(4)
    array([0.999])
    """
    return _move("adam_update", optimizers.Adam, "plain", p, g, {"m": m, "v": v},
                 _moments(t, learning_rate, beta_1, beta_2, epsilon), whole("t", t, 1))


@kernel
def adamw_update(p, g, m, v, t, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999,
                 epsilon=1e-7):
    """p <- p - weight_decay learning_rate p, then `adam_update`.

    Loshchilov & Hutter 2019, algorithm 2.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> p, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> F.adamw_update(p, np.array([2.0]), m, v, 1, weight_decay=0.5).round(4)
    array([0.9985])
    """
    decay = number("weight_decay", weight_decay, 0.0)
    numbers = _moments(t, learning_rate, beta_1, beta_2, epsilon)
    if _arguments.core is not None:  # the core takes it behind the rate
        t, rate, *rest = numbers.values()
        numbers = {"t": t, "learning_rate": rate, "weight_decay": decay,
                   **dict(zip(("beta_1", "beta_2", "epsilon"), rest, strict=True))}
    return _move("adamw_update", optimizers.Adam, "plain", p, g, {"m": m, "v": v}, numbers,
                 whole("t", t, 1), decay)


@kernel
def adamax_update(p, g, m, u, t, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """m <- m + (1 - b1)(g - m), u <- max(b2 u, |g|), p <- p - alpha m / (u + epsilon).

    alpha = learning_rate / (1 - b1^t). p, m, u : changed in place. t : the number of this step,
    from 1. Returns p. Kingma & Ba 2015, algorithm 2.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.adamax_update(np.array([1.0]), np.array([2.0]), np.zeros(1), np.zeros(1), 1).round(4)
    array([0.999])
    """
    return _move("adamax_update", optimizers.Adamax, "plain", p, g, {"m": m, "u": u},
                 _moments(t, learning_rate, beta_1, beta_2, epsilon), whole("t", t, 1))


@kernel
def clip_by_global_norm(grads, max_norm):
    """Scale gradients, in place, so that their common norm is at most ``max_norm``.

    grads : list of arrays. Returns the norm before, sqrt(sum g^2) over all of them, in float64.
    Pascanu et al. 2013, algorithm 1.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> grads = [np.array([3.0]), np.array([4.0])]
    >>> F.clip_by_global_norm(grads, 1.0), grads
    (5.0, [array([0.6]), array([0.8])])
    """
    limit = number("max_norm", max_norm, 0.0, above=True)
    if isinstance(grads, np.ndarray):
        raise TypeError("grads must be a list of arrays, received one array. Pass [g].")
    grads = [in_place(f"grads[{i}]", grad) for i, grad in enumerate(grads)]
    norm = float(np.sqrt(sum(np.square(grad, dtype=np.float64).sum() for grad in grads)))
    if norm > limit:
        for grad in grads:
            grad *= grad.dtype.type(limit / norm)
    return norm
