"""Calls of ``keras.ops``: those that golden/make_ops.py runs with Keras and test_ops.py here.

A case is (function, arguments, keyword arguments); X and its like are arrays.
"""

import numpy as np

X = (2 * np.sin(3.7 * np.arange(24) ** 1.1)).astype("float32").reshape(4, 6)
D = X.astype("float64")
INTS = np.array([[3, -1, 0], [7, 2, -5]], "int32")
U = np.array([1, 2, 250], "uint8")
B = np.array([True, False, True])
P = (np.abs(X) / np.abs(X).sum(axis=-1, keepdims=True)).astype("float32")
UNIT = (X / 2.1).astype("float32")
S = (X[:, :4].T @ X[:, :4] + 2 * np.eye(4)).astype("float32")
N = np.array([[1.0, np.nan, 3.0], [np.inf, -np.inf, 0.5]], "float32")
LABELS = np.array([0, 5, 2, 1])
V = np.array([0.5, -1.5, 2.5, 0.0], "float32")

words = str.split
_FLOATS = words("""
arcsinh arctan cbrt cos cosh deg2rad exp exp2 expm1 rad2deg sin sinh tan tanh i0 sinc erf erfc
absolute abs conj conjugate negative sign square real imag isfinite isinf isnan isneginf isposinf
signbit isreal ceil floor trunc fabs round celu elu exponential gelu hard_shrink hard_sigmoid
hard_silu hard_swish hard_tanh leaky_relu log_sigmoid relu relu6 selu sigmoid silu soft_shrink
softplus softsign sparse_plus sparse_sigmoid squareplus swish tanh_shrink softmax log_softmax mean
std var median sum prod max min amax amin ptp all any argmax argmin logsumexp count_nonzero cumsum
cumprod sort argsort fliplr flipud ravel diagonal trace transpose flip zeros_like ones_like
nonzero copy normalize shape ndim size corrcoef
""")
_INTS = words("""
exp sin sqrt absolute negative sign square ceil floor round trunc fabs relu sigmoid mean std
median sum prod max min argmax cumsum sort count_nonzero var isfinite zeros_like logsumexp all any
tanh average
""")
_POSITIVE = words("log log10 log1p log2 sqrt rsqrt reciprocal arccosh")
_UNIT = words("arccos arcsin arctanh erfinv")
_PAIRS = words("""
add subtract multiply divide true_divide maximum minimum fmax fmin mod floor_divide power equal
greater greater_equal less less_equal not_equal logical_and logical_or logical_xor arctan2 hypot
logaddexp logaddexp2 divide_no_nan fmod heaviside isclose
""")

CASES = {}


def case(name, function, *arguments, **named):
    CASES[name] = (function, arguments, named)


for _f in _FLOATS:
    if _f != "exponential":
        case(_f, _f, X)
for _f in _INTS:
    case(f"{_f}_int", _f, INTS)
for _f in words("sum mean prod max cumsum exp absolute"):
    case(f"{_f}_uint8", _f, U)
for _f in words("sum mean exp cumsum max any logical_not"):
    case(f"{_f}_bool", _f, B)
for _f in _POSITIVE:
    case(_f, _f, 1 + X * X)
for _f in _UNIT:
    case(_f, _f, UNIT)
for _f in _PAIRS:
    case(_f, _f, X, X[::-1])
    case(f"{_f}_number", _f, X, 2.0)
for _f in words("add multiply divide maximum floor_divide equal power mod"):
    case(f"{_f}_ints", _f, INTS, INTS[:1] + 10)
    case(f"{_f}_int_float", _f, INTS[:, :2] + 9, 2.5)
    case(f"{_f}_int32_float32", _f, INTS, X[:2, :3])
    case(f"{_f}_float64", _f, X, D + 3)
for _f in words("mean sum max min prod std var median logsumexp all any argmax ptp average"):
    case(f"{_f}_axis", _f, X, axis=1)
    if _f not in ("average",):
        case(f"{_f}_keepdims", _f, X, axis=0, keepdims=True)
for _f in words("nansum nanmean nanmax nanmin nanstd nanvar nanmedian nanprod nancumsum"):
    case(_f, _f, N, axis=1)
for _f in words("bitwise_and bitwise_or bitwise_xor left_shift right_shift gcd lcm"):
    case(_f, _f, abs(INTS), np.array([1, 2, 3], "int32"))
for _f in words("bitwise_not bitwise_invert"):
    case(_f, _f, INTS)

case("clip", "clip", X, -0.5, 1)
case("clip_int", "clip", INTS, -1, 3)
case("round_1", "round", X, 1)
case("nan_to_num", "nan_to_num", N, nan=7.0)
case("ldexp", "ldexp", X[:1, :3], np.array([1, 2, 3], "int32"))
case("cast", "cast", X, "int32")
case("saturate_cast", "saturate_cast", X * 200, "uint8")
case("array", "array", [1.0, 2.0])
case("array_ints", "array", [[1, 2], [3, 4]])
case("array_bools", "array", [True, False])
case("array_float64", "array", D)
case("convert_to_tensor", "convert_to_tensor", [1, 2], dtype="float32")
case("zeros", "zeros", (2, 3))
case("ones", "ones", (2,), dtype="int32")
case("full", "full", (2, 2), 3.5)
case("full_like", "full_like", INTS, 4)
case("eye", "eye", 3, 4, 1)
case("identity", "identity", 3)
case("tri", "tri", 3)
case("arange", "arange", 5)
case("arange_float", "arange", 1, 3, 0.5)
case("arange_typed", "arange", 2, 5, dtype="float32")
case("linspace", "linspace", 0, 1, 5)
case("logspace", "logspace", 0, 2, 3)
case("geomspace", "geomspace", 1.0, 8.0, 4)
case("meshgrid", "meshgrid", V, V[:2])
case("vander", "vander", V, 3)
case("reshape", "reshape", X, (2, -1))
case("transpose_axes", "transpose", X.reshape(2, 3, 4), (2, 0, 1))
case("squeeze", "squeeze", X[:, None], 1)
case("expand_dims", "expand_dims", X, 1)
case("broadcast_to", "broadcast_to", X[0], (2, 6))
case("flip_axis", "flip", X, 1)
case("pad", "pad", X, ((1, 0), (0, 2)))
case("pad_value", "pad", X, 1, constant_values=9)
case("pad_mode", "pad", X, 1, mode="reflect")
case("tile", "tile", X[:1, :2], (2, 2))
case("repeat", "repeat", X[:2, :2], 2, axis=1)
case("roll", "roll", X, 2, axis=1)
case("rot90", "rot90", X)
case("moveaxis", "moveaxis", X.reshape(2, 3, 4), 0, -1)
case("swapaxes", "swapaxes", X, 0, 1)
case("tril", "tril", X)
case("triu", "triu", X, 1)
case("diag", "diag", V)
case("diagflat", "diagflat", V)
case("diff", "diff", X, 1, axis=0)
case("concatenate", "concatenate", [X, X[:1]], axis=0)
case("concatenate_types", "concatenate", [INTS, X[:1, :3]], axis=0)
case("append", "append", V, V)
case("stack", "stack", [V, V + 1], axis=1)
case("hstack", "hstack", [X, X])
case("vstack", "vstack", [X, X])
case("dstack", "dstack", [X, X])
case("unstack", "unstack", X, axis=1)
case("split", "split", X, 3, axis=1)
case("split_places", "split", X, [1, 4], axis=1)
case("array_split", "array_split", X, 3)
case("hsplit", "hsplit", X, 2)
case("vsplit", "vsplit", X, 2)
case("take", "take", X, np.array([0, 2]), axis=1)
case("take_flat", "take", X, np.array([0, 7]))
case("take_along_axis", "take_along_axis", X, LABELS[:, None], axis=1)
case("get_item", "get_item", X, (slice(None), 2))
case("where", "where", X > 0, X, 0.0)
case("where_places", "where", X > 0)
case("select", "select", [X > 1, X > 0], [X, -X], default=5)
case("slice", "slice", X, (1, 2), (2, 3))
case("slice_update", "slice_update", X, (1, 2), INTS[:, :2].astype("float32"))
case("scatter", "scatter", np.array([[0], [2], [0]]), np.array([1.0, 2.0, 3.0], "float32"), (4,))
case("scatter_update", "scatter_update", V, np.array([[1], [3]]), np.array([9.0, 8.0], "float32"))
case("argsort_axis", "argsort", X, axis=0)
case("searchsorted", "searchsorted", np.sort(V), X[0])
case("searchsorted_right", "searchsorted", np.sort(V), V, side="right")
case("digitize", "digitize", X, np.sort(V))
case("isin", "isin", INTS, [0, 7])
case("unique", "unique", np.array([3, 1, 3, 2]))
case("unravel_index", "unravel_index", np.array([1, 5]), (2, 3))
case("allclose", "allclose", X, X + 1e-9)
case("argpartition", "argpartition", V, 0)
case("argmax_keepdims", "argmax", X, axis=-1, keepdims=True)
case("average_weights", "average", X, axis=1, weights=np.arange(1.0, 7.0).astype("float32"))
case("quantile", "quantile", X, 0.3, axis=1)
case("percentile", "percentile", X, 30, axis=0, keepdims=True)
case("max_initial", "max", X, axis=1, initial=1.0)
case("cumsum_axis", "cumsum", X, axis=1)
case("bincount", "bincount", np.array([0, 2, 2]), minlength=5)
case("bincount_weights", "bincount", np.array([0, 2, 2]), weights=V[:3])
case("histogram", "histogram", V, 4)
case("segment_sum", "segment_sum", V, np.array([0, 2, 2, 1]), 4)
case("segment_max", "segment_max", V, np.array([0, 1, 1, 0]), 2)
case("in_top_k", "in_top_k", LABELS, P, k=2)
case("top_k", "top_k", X, 2)
case("nonzero_int", "nonzero", INTS)
case("matmul", "matmul", X, X.T)
case("matmul_int", "matmul", INTS, INTS.T)
case("matmul_batch", "matmul", X.reshape(2, 2, 6), X.reshape(2, 6, 2))
case("dot", "dot", X, X.T)
case("vdot", "vdot", V, V)
case("inner", "inner", X, X)
case("outer", "outer", V, V)
case("kron", "kron", X[:2, :2], X[:1, :2])
case("cross", "cross", X[:, :3], X[:, 3:])
case("tensordot", "tensordot", X, X.T, axes=1)
case("einsum", "einsum", "ij,kj->ik", X, X)
case("trapezoid", "trapezoid", V)
case("cdist", "cdist", X, X[:2])
case("cholesky", "cholesky", S)
case("det", "det", S)
case("logdet", "logdet", S)
case("slogdet", "slogdet", S)
case("inv", "inv", S)
case("pinv", "pinv", X)
case("matrix_rank", "matrix_rank", X)
case("solve", "solve", S, X[:, :4])
case("solve_vector", "solve", S, V)
case("solve_triangular", "solve_triangular", S, X[:, :2], lower=True)
case("lstsq", "lstsq", X[:, :2], V)
case("norm", "norm", X)
case("norm_axis", "norm", X, ord=1, axis=1, keepdims=True)
case("norm_matrix", "norm", X, ord="fro")
case("softmax_axis", "softmax", X, axis=0)
case("softmax_axes", "softmax", X, axis=(0, 1))
case("log_softmax_axis", "log_softmax", X, axis=0)
case("glu", "glu", X)
case("gelu_exact", "gelu", X, approximate=False)
case("leaky_relu_half", "leaky_relu", X, negative_slope=0.5)
case("elu_2", "elu", X, alpha=2.0)
case("threshold", "threshold", X, 0.5, -1.0)
case("one_hot", "one_hot", LABELS, 6)
case("one_hot_axis", "one_hot", LABELS, 6, axis=0)
case("one_hot_negative", "one_hot", np.array([-1, 2]), 3)
case("multi_hot", "multi_hot", np.array([[0, 2], [1, 1]]), 4)
case("moments", "moments", X, axes=[0])
case("normalize_axis", "normalize", X, axis=0, order=1)
case("batch_normalization", "batch_normalization", X, X.mean(0), X.var(0), -1,
     offset=X[0], scale=X[1])
case("layer_normalization", "layer_normalization", X, X[0], X[1], axis=-1)
case("rms_normalization", "rms_normalization", X, X[0])
case("binary_crossentropy", "binary_crossentropy", P, P[::-1])
case("binary_crossentropy_logits", "binary_crossentropy", P, X, from_logits=True)
case("categorical_crossentropy", "categorical_crossentropy", P, P[::-1] * 2)
case("categorical_crossentropy_logits", "categorical_crossentropy", P, X, from_logits=True)
case("sparse_categorical_crossentropy", "sparse_categorical_crossentropy", LABELS, P)
case("sparse_categorical_crossentropy_logits", "sparse_categorical_crossentropy", LABELS, X,
     from_logits=True)
case("stop_gradient", "stop_gradient", X)
case("view", "view", V, "int32")
case("dtype", "dtype", X)
