"""Every compiled backend does what ``numpy_backend`` says, for every kind of op."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import plans
import pytest
from plans import (
    ACTIVATIONS,
    CASES,
    LOSSES,
    alone,
    case,
    dropped,
    evaluate,
    forward,
    noisy,
    normalized,
    output_of,
    probabilities,
    row_normalized,
    stack,
    train,
)

from fastnn import backends, losses, optimizers, random
from fastnn.plan import Kind

NUMPY = backends.get("numpy")
COMPILED = [name for name in backends.available() if name != "numpy"]
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}

pytestmark = pytest.mark.skipif(not COMPILED, reason="no compiled backend can be loaded")


@pytest.fixture(params=COMPILED)
def backend(request):
    return backends.get(request.param)


@pytest.fixture(params=[1, 2], ids=["1thread", "2threads"])
def threads(request):
    return request.param


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


def same(got, wanted, what=""):
    """Equal up to rounding, relative to the largest number of an array; NaN where NaN."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    finite = np.abs(wanted[np.isfinite(wanted)])
    tolerance = TOLERANCE["float32" if wanted.dtype == np.float32 else "float64"]
    np.testing.assert_allclose(got, wanted, rtol=tolerance, err_msg=what,
                               atol=tolerance * finite.max(initial=1e-30))


def agree(backend, case, threads=1, **settings):
    """Training, prediction and evaluation equal NumPy's; sums are of the float type's accuracy."""
    dtype = case.plan.dtype
    wanted = train(NUMPY, case, **settings)
    got = train(backend, case, threads=threads, **settings)
    for name in wanted:
        same(got[name].astype(dtype), wanted[name].astype(dtype), name)
    same(forward(backend, case, threads=threads), forward(NUMPY, case), "forward")
    if case.loss is not None:
        same(evaluate(backend, case, threads).astype(dtype), evaluate(NUMPY, case).astype(dtype),
             "evaluate")
    Y, params = forward(backend, case, training=True, step=2**40, threads=threads)
    wanted_Y, wanted_params = forward(NUMPY, case, training=True, step=2**40)
    same(Y, wanted_Y, "forward in training")
    same(params, wanted_params, "moving averages")


# kinds


def test_every_kind_has_a_case():
    assert set(CASES) == set(Kind)
    for kind, settings in CASES.items():
        for one in settings:
            optimizer = None if one.get("loss", "") is None else "sgd"
            assert kind in case(**{"optimizer": optimizer} | one).plan.ops["kind"], kind


@pytest.mark.parametrize("settings", [
    pytest.param(settings, id=f"{kind.name.lower()}{i}")
    for kind, several in CASES.items() for i, settings in enumerate(several)
    if kind is not Kind.OUTPUT])
def test_kinds(backend, dtype, threads, settings):
    settings = {"optimizer": optimizers.SGD(0.1, 0.9)} | settings
    agree(backend, case(dtype=dtype, **settings), threads)


def test_a_plan_without_a_loss_predicts(backend, dtype, threads):
    for settings in CASES[Kind.OUTPUT]:
        made = case(dtype=dtype, **settings)
        same(forward(backend, made, threads=threads), forward(NUMPY, made))


# formulas


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_activations(backend, dtype, activation):
    for make in (stack(activation, activation), alone(activation)):
        made = case(make, dtype)
        for got, wanted in zip(plans.gradient(backend, made), plans.gradient(NUMPY, made),
                               strict=True):
            same(np.asarray(got, dtype), np.asarray(wanted, dtype))
        agree(backend, case(make, dtype, optimizer="sgd"))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_losses(backend, dtype, loss, weighted):
    makes = [stack("tanh", output_of(losses.get(loss))), probabilities]
    if dtype == "float64":  # outputs beyond 1 are clipped; those just below it need the digits
        makes.append(stack("tanh", "softplus"))
    for make in makes:
        # percentages of targets near 0 are steep
        optimizer = optimizers.SGD(1e-4 if "Percentage" in str(loss) else 0.01)
        agree(backend, case(make, dtype, loss, optimizer, weighted=weighted))


def test_one_output_and_a_binary_loss(backend, dtype, threads):
    made = case(stack("relu", "sigmoid", widths=(9, 1)), dtype, "bce", "adam", ("accuracy",))
    agree(backend, made.with_feed(T=(made.feed.T > 0.5).astype(dtype)), threads)


RULES = [
    optimizers.SGD(0.1), optimizers.SGD(0.05, momentum=0.9),
    optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    *(optimizers.RMSprop(0.01, momentum=momentum, centered=centered)
      for momentum in (0.0, 0.9) for centered in (False, True)),
    optimizers.Adam(0.01), optimizers.Adam(0.01, amsgrad=True),
    *(optimizers.RMSprop(0.01, momentum=momentum, centered=centered, preset="torch")
      for momentum in (0.0, 0.9) for centered in (False, True)),
    *(optimizers.SGD(0.05, momentum=0.9, nesterov=nesterov, preset="torch")
      for nesterov in (False, True)),
    optimizers.Adam(0.01, preset="torch"), optimizers.AdamW(0.01, 0.1), optimizers.Adagrad(0.1),
    optimizers.Adadelta(1.0), optimizers.Adamax(0.01), optimizers.Nadam(0.01),
    optimizers.Ftrl(0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.1,
                    l2_shrinkage_regularization_strength=0.1, beta=0.1),
    optimizers.Ftrl(0.1, -0.7, l1_regularization_strength=0.01), optimizers.Ftrl(0.1, 0.0),
    optimizers.Lion(0.01), optimizers.Lamb(0.01),
]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_rules_over_fifty_steps(backend, dtype, threads, rule):
    made = case(stack("tanh", "tanh"), dtype, "mse", rule, n=50)
    agree(backend, made, threads, batch_size=5, epochs=5)


def test_every_rule_has_a_case():
    plans = [case(stack("tanh"), optimizer=rule).plan.ops for rule in RULES]
    used = {int(ops["formula"][ops["kind"] == Kind.UPDATE][0]) for ops in plans}
    assert used == set(range(len(optimizers.rules())))


@pytest.mark.parametrize("settings", [{"clipnorm": 0.02}, {"clipvalue": 0.01},
                                      {"global_clipnorm": 0.05}], ids=str)
def test_clipping_with_penalties(backend, dtype, settings):
    agree(backend, case(stack("tanh", "tanh"), dtype, "mse", optimizers.SGD(0.5, **settings),
                        penalty=(0.01, 0.1)))


# masks


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("k", [1, 3, 8, 29])
def test_dropout_draws_the_same_bits(backend, dtype, threads, rate, k):
    for seed, step in ((0, 0), (2**62 + 12345, 2**33 + 7)):
        made = case(lambda net, seed=seed: net.dropout(net.input(k), rate, seed), dtype, None, n=21)
        Y, _ = forward(backend, made, training=True, step=step, threads=threads)
        wanted, _ = forward(NUMPY, made, training=True, step=step)
        assert Y.tobytes() == (wanted + 0).tobytes() or (wanted == Y).all()
        assert forward(backend, made, threads=threads).tobytes() == made.feed.X.tobytes()


@pytest.mark.parametrize("element", [(0, 0), (2, 3), (5, 6)])
def test_an_element_stays_from_its_number_on(backend, element):
    """The rate's threshold is exact: at the number itself it stays, at the next one it goes."""
    half = int(random.dropout_halves(9, 4, 6, 7)[element])
    for rate, stays in ((half / 2**16, True), ((half + 1) / 2**16, False)):
        made = case(lambda net, rate=rate: net.dropout(net.input(7), rate, 9), loss=None, n=6)
        Y, _ = forward(backend, made, training=True, step=4)
        assert bool(Y[element]) == stays


@pytest.mark.parametrize("k", [1, 5, 9, 70])
def test_dropout_of_one_row(backend, dtype, k):
    made = case(lambda net: net.dropout(net.input(k), 0.4, 2**40 + 3), dtype, None, n=1)
    Y, _ = forward(backend, made, training=True, step=2**32 + 1)
    wanted, _ = forward(NUMPY, made, training=True, step=2**32 + 1)
    assert (wanted == Y).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 15, 16, 17, 100, 255, 256, 257, 513, 5000])
def test_the_orders_of_epochs_are_the_same(backend, rows):
    for seed, first in ((0, 0), (2**63 - 9, 2**32 - 2)):
        order = backend.permutations(seed, first, 3, rows)
        assert order.dtype == np.int64 and order.flags.c_contiguous
        assert (order == random.permutations(seed, first, 3, rows)).all()
    assert backend.permutations(1, 0, 0, rows).shape == (0, rows)


def test_every_step_has_its_own_mask(backend, dtype):
    agree(backend, case(dropped, dtype, optimizer="sgd"), step=2**32 - 2, batch_size=4, epochs=2)


# shapes


@pytest.mark.parametrize("batch_size", [1, 2, 7, 16, 33, 100])
def test_batch_sizes(backend, dtype, threads, batch_size):
    made = case(stack("relu", "silu", "softmax", widths=(20, 9, 3)), dtype,
                "sparse_categorical_crossentropy", "adam", ("accuracy",), n=37, weighted=True)
    agree(backend, made, threads, batch_size=batch_size)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 4), (4, 1), (8, 8), (17, 31), (130, 67)], ids=str)
def test_widths(backend, dtype, sizes):
    k, m = sizes
    made = case(stack("tanh", "tanh", widths=(m, m), inputs=k), dtype, optimizer="sgd", n=21)
    agree(backend, made, batch_size=20)


def test_Y_may_be_left_out(backend, dtype):
    made = case(stack("tanh"), dtype, optimizer="adam")
    with_Y, without = train(backend, made), train(backend, made, with_Y=False)
    assert all(with_Y[name].tobytes() == without[name].tobytes() for name in without)


def test_a_plan_without_update_leaves_the_last_gradient(backend, dtype):
    made = case(stack("tanh", "relu"), dtype, penalty=(0.0, 0.1))
    agree(backend, made, batch_size=5)
    assert train(backend, made)["params"].tobytes() == made.params.tobytes()


# predictions


@pytest.mark.parametrize("make", [stack("silu", "softmax", widths=(33, 10), inputs=19),
                                  stack("tanh", "sigmoid", widths=(8, 1)), normalized(),
                                  row_normalized((40,), groups=5)],
                         ids=["softmax", "one", "normalized", "row_normalized"])
def test_a_row_does_not_depend_on_its_neighbours(backend, dtype, threads, make):
    made = case(make, dtype, None, n=700)
    X = made.feed.X
    Y = forward(backend, made, threads=threads)
    same(Y, forward(NUMPY, made))
    for rows in (slice(0, 1), slice(699, 700), slice(3, 5), slice(250, 260), slice(1, 700)):
        assert forward(backend, made, X[rows], threads=threads).tobytes() == Y[rows].tobytes()
    assert forward(backend, made, X[:0]).shape == (0, made.plan.n_outputs)


def test_evaluation_of_no_rows_adds_nothing(backend, dtype):
    made = case(stack("tanh"), dtype, penalty=(0.1, 0.1))
    none = made.with_feed(X=made.feed.X[:0], T=made.feed.T[:0])
    assert evaluate(backend, none).tolist() == [0.0]


def test_evaluation_in_many_chunks(backend, dtype, threads):
    made = case(stack("tanh", "softmax"), dtype, "cce", None, ("accuracy", "mse"), (0.1, 0.2),
                n=1000, weighted=True)
    same(evaluate(backend, made, threads).astype(dtype), evaluate(NUMPY, made).astype(dtype))


def test_many_predict_at_once(backend, dtype):
    from concurrent.futures import ThreadPoolExecutor

    made = case(stack("silu", "softmax", widths=(40, 10), inputs=30), dtype, None, n=600)
    wanted = forward(backend, made).tobytes()
    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(lambda _: forward(backend, made, threads=2).tobytes(), range(40)))
    assert set(several) == {wanted}


# inputs are left alone


def test_inputs_may_be_read_only_and_stay_as_they_were(backend, dtype):
    made = case(stack("tanh", "softmax"), dtype, "cce", "sgd", ("accuracy",), weighted=True)
    arrays = {name: getattr(made.feed, name) for name in ("X", "T", "labels", "weights")}
    before = {name: array.copy() for name, array in arrays.items()}
    wanted = train(backend, made)
    for array in arrays.values():
        array.flags.writeable = False
    got = train(backend, made)
    assert all(got[name].tobytes() == wanted[name].tobytes() for name in wanted)
    assert forward(backend, made).shape == (17, 6)
    evaluate(backend, made)
    assert all(arrays[name].tobytes() == before[name].tobytes() for name in arrays)


# special values


SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-30, -1e-30, 100.0, -100.0, 1e-41]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_special_values_go_through_activations(backend, dtype, activation):
    """Each value alone in its row, through identity weights."""
    for make in (lambda net: net.dense(net.input(3), 3, activation), lambda net: net.activate(
            net.input(3), activation)):
        made = case(make, dtype, None)
        params = np.concatenate([np.eye(3).ravel(), np.zeros(3)])[: made.plan.n_params]
        object.__setattr__(made, "params", params.astype(dtype))
        X = np.zeros((len(SPECIAL), 3), dtype)
        X[np.arange(len(X)), np.arange(len(X)) % 3] = SPECIAL
        with np.errstate(all="ignore"):
            same(forward(backend, made, X), forward(NUMPY, made, X))


@pytest.mark.parametrize("value", SPECIAL)
@pytest.mark.parametrize("loss", ["mse", "mae", "bce", "cce", "sparse_categorical_crossentropy"])
def test_special_values_go_through_training(backend, dtype, loss, value):
    """A bad row spoils what it spoils in NumPy, and nothing else."""
    output = {"cce": "softmax", "sparse_categorical_crossentropy": "softmax",
              "bce": "sigmoid"}.get(loss)
    made = case(stack(output, widths=(3,), inputs=2), dtype, loss, None, ("accuracy",))
    X = made.feed.X.copy()
    X[4, 1] = value
    made = made.with_feed(X=X)
    wanted, got = (train(b, made, batch_size=6, epochs=1) for b in (NUMPY, backend))
    for name in wanted:
        same(got[name].astype(dtype), wanted[name].astype(dtype), name)
    with np.errstate(all="ignore"):
        same(evaluate(backend, made).astype(dtype), evaluate(NUMPY, made).astype(dtype))


def test_the_first_nan_is_the_largest_output(backend, dtype):
    """As in NumPy's argmax."""
    made = case(lambda net: net.input(3), dtype, "mse", watch=("categorical_accuracy",), n=4)
    X = np.array([[1, np.nan, 2], [np.nan, 3, np.nan], [np.inf, 1, np.nan], [2, 2, 1]], dtype)
    for j in range(3):
        T = np.zeros((4, 3), dtype)
        T[:, j] = 1
        hits = evaluate(backend, made.with_feed(X=X, T=T))[1]
        assert hits == (X.argmax(axis=1) == j).sum()


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_special_gradients_go_through_rules(backend, dtype, rule):
    """One input, so that every weight's gradient is a row's own; two steps."""
    made = case(lambda net: net.dense(net.input(1), 4, bias=False), dtype, "mse", rule, n=1)
    T = np.array([[np.nan, np.inf, 1e15, 1e-30]], dtype)
    made = made.with_feed(T=T, X=np.ones((1, 1), dtype))
    wanted, got = (train(b, made, epochs=2) for b in (NUMPY, backend))
    for name in ("params", "slots"):
        same(got[name], wanted[name], name)


# threads


def large(dtype, **settings):
    """Layers large enough for every backend to share their work among threads."""
    def make(net):
        value = net.batch_norm(net.dense(net.input(90), 256, "tanh"))
        value = net.dropout(net.dense(value, 128, "silu"), 0.2)
        return net.dense(value, 1, "sigmoid")
    return case(make, dtype, "bce", "adam", n=600, **settings)


def test_threads_do_not_change_a_bit(backend, dtype):
    made = large(dtype, penalty=(1e-4, 1e-4), weighted=True)
    one, two, three = (train(backend, made, 300, 2, threads) for threads in (1, 2, 3))
    for name in one:
        assert one[name].tobytes() == two[name].tobytes() == three[name].tobytes(), name
    for function in (forward, evaluate):
        results = {function(backend, made, threads=threads).tobytes() for threads in (1, 2, 3)}
        assert len(results) == 1
    agree(backend, made, 2, batch_size=300, epochs=1)


@pytest.mark.parametrize("make", [
    row_normalized((12, 10), groups=5, pooled=True), noisy("gaussian_dropout", 0.5),
    plans.embedded()], ids=["row_norm", "noise", "embedding"])
def test_threads_do_not_change_a_bit_of_layers(backend, dtype, make):
    def wide(net):  # wide enough to be worth several threads
        value = make(net)
        return net.dense(net.dense(value, 300, "tanh"), 200)
    made = case(wide, dtype, optimizer="adam", n=600)
    one, two, three = (train(backend, made, 300, 2, threads) for threads in (1, 2, 3))
    for name in one:
        assert one[name].tobytes() == two[name].tobytes() == three[name].tobytes(), name


FORK = """
import os, sys
from fastnn import backends
from test_backends import large, train
backend, made = backends.get(sys.argv[1]), large("float32")
wanted = train(backend, made, 300, 1, 2)["params"].tobytes()
child = os.fork()
got = train(backend, made, 300, 1, 2)["params"].tobytes()
if not child:
    os._exit(int(got != wanted))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or int(got != wanted))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("name", COMPILED)
def test_a_forked_child_trains_as_its_parent_does(name):
    done = subprocess.run([sys.executable, "-c", FORK, name], cwd=Path(__file__).parent,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""


def test_a_stretch_may_be_cut_anywhere(backend, dtype):
    """Two calls of one epoch each leave what one call of two epochs leaves."""
    made = case(dropped, dtype, optimizer="adam")
    n, scalars = len(made.feed.X), made.scalars(10)
    order = np.stack([np.arange(n), np.arange(n)[::-1]])
    whole, parts = made.memory(), made.memory()
    sums, sums_of_parts = np.zeros((2, 1)), np.zeros((2, 1))
    backend.train(made.plan, whole, made.feed, order, 4, scalars, 7, sums)
    for i in (0, 1):
        backend.train(made.plan, parts, made.feed, order[i : i + 1].copy(), 4,
                      scalars[5 * i : 5 * i + 5], 7 + 5 * i, sums_of_parts[i : i + 1])
    assert whole.params.tobytes() == parts.params.tobytes()
    assert whole.slots.tobytes() == parts.slots.tobytes()
    assert sums.tobytes() == sums_of_parts.tobytes()
