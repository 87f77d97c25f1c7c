"""Write tests/golden/activations.npz: Keras's activations and their gradients, in float64.

Run with an interpreter that has Keras 3.15 and JAX:
    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python tests/golden/make_activations.py
A case is a name and arguments: `<case>` are the values on GRID (or of the rows ROWS) and
`<case>/slope` the derivatives. At the points where two pieces of a function meet libraries differ:
those slopes are NaN. Row-wise functions have the gradient of the sum of WEIGHTS times their values.
sparsemax is not here: Keras 3.15 sums the cumulative sums of the support for its threshold, and
its rows do not sum to 1.
"""

from pathlib import Path

import numpy as np

TARGET = Path(__file__).with_name("activations.npz")

GRID = np.concatenate([
    [0.0, -0.0], [s * x for x in (1e-30, 1e-12, 1e-5, 1e-3) for s in (1, -1)],
    np.linspace(-12, 12, 97) + 0.01, [s * x for x in (0.5, 1, 3, 6) for s in (1, -1)],
    [s * x for x in (20.0, 100.0, 1e4) for s in (1, -1)]])
ROWS = np.concatenate([
    3 * np.sin(7.3 * np.arange(24) ** 1.3).reshape(4, 6), [[0, 0, 0, 0, 0, 0.0]],
    [[5, 5, -5, 1e4, 0, 1e4 + 0.5]], [[0.2, 0.2, 0.1, 0.0, -0.7, 0.2]]])
WEIGHTS = np.cos(3.1 * np.arange(ROWS.size) ** 1.1).reshape(ROWS.shape)

# case: (function, arguments, where its pieces meet)
ELEMENTWISE = {
    "celu": ("celu", {}, []), "celu_half": ("celu", {"alpha": 0.5}, [0]),
    "elu": ("elu", {}, []), "elu_2": ("elu", {"alpha": 2.0}, [0]),
    "exponential": ("exponential", {}, []),
    "gelu": ("gelu", {}, []), "gelu_tanh": ("gelu", {"approximate": True}, []),
    "hard_shrink": ("hard_shrink", {}, [-0.5, 0.5]),
    "hard_shrink_2": ("hard_shrink", {"threshold": 2.0}, [-2, 2]),
    "hard_sigmoid": ("hard_sigmoid", {}, [-3, 3]), "hard_silu": ("hard_silu", {}, [-3, 3]),
    "hard_tanh": ("hard_tanh", {}, [-1, 1]),
    "leaky_relu": ("leaky_relu", {}, [0]),
    "leaky_relu_half": ("leaky_relu", {"negative_slope": 0.5}, [0]),
    "linear": ("linear", {}, []), "log_sigmoid": ("log_sigmoid", {}, []), "mish": ("mish", {}, []),
    "relu": ("relu", {}, []), "relu6": ("relu6", {}, []),
    "relu_slope": ("relu", {"negative_slope": 0.25}, [0]),
    "relu_max": ("relu", {"max_value": 4.0}, [0, 4]),
    "relu_threshold": ("relu", {"threshold": 2.0}, [2]),
    "relu_all": ("relu", {"negative_slope": 0.3, "max_value": 5.0, "threshold": 1.5}, [1.5, 5]),
    "relu_below": ("relu", {"max_value": 5.0, "threshold": -1.5}, [-1.5, 0, 5]),
    "relu_far_below": ("relu", {"threshold": -1.5}, [-1.5]),
    "selu": ("selu", {}, [0]), "sigmoid": ("sigmoid", {}, []), "silu": ("silu", {}, []),
    "soft_shrink": ("soft_shrink", {}, [-0.5, 0.5]),
    "soft_shrink_2": ("soft_shrink", {"threshold": 2.0}, [-2, 2]),
    "softplus": ("softplus", {}, []), "softsign": ("softsign", {}, []),
    "sparse_plus": ("sparse_plus", {}, [-1, 1]), "sparse_sigmoid": ("sparse_sigmoid", {}, [-1, 1]),
    "squareplus": ("squareplus", {}, []), "squareplus_half": ("squareplus", {"b": 0.5}, []),
    "tanh": ("tanh", {}, []), "tanh_shrink": ("tanh_shrink", {}, []),
    "threshold": ("threshold", {"threshold": 1.0, "default_value": -2.0}, [1]),
}
ROW_WISE = {
    "softmax": ("softmax", {}), "softmax_0": ("softmax", {"axis": 0}),
    "log_softmax": ("log_softmax", {}), "log_softmax_0": ("log_softmax", {"axis": 0}),
    "glu": ("glu", {}),
}


def main():
    import jax
    import jax.numpy as jnp
    import keras
    from keras import activations

    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    out = {"grid": GRID, "rows": ROWS, "weights": WEIGHTS}
    for case, (name, arguments, kinks) in ELEMENTWISE.items():
        def function(x, name=name, arguments=arguments):
            return getattr(activations, name)(x, **arguments)
        slope = np.array(jax.vmap(jax.grad(function))(jnp.array(GRID)))
        slope[np.isin(GRID, kinks)] = np.nan
        out[case], out[f"{case}/slope"] = np.asarray(function(jnp.array(GRID))), slope
    for case, (name, arguments) in ROW_WISE.items():
        def function(x, name=name, arguments=arguments):
            return getattr(activations, name)(x, **arguments)
        y = np.asarray(function(jnp.array(ROWS)))
        weights = WEIGHTS[:, : y.shape[1]]
        out[case] = y
        out[f"{case}/slope"] = np.asarray(jax.grad(
            lambda x, f=function, w=weights: (f(x) * w).sum())(jnp.array(ROWS)))
    # Keras's tanh turns float64 into float32: it is the only one
    assert [name for name, array in out.items() if array.dtype != np.float64] == ["tanh"]
    np.savez_compressed(TARGET, **out)
    print(f"{TARGET.name}: {len(out)} arrays, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
