"""The builder: what it appends, where it puts it, what it refuses."""

import dataclasses

import numpy as np
import pytest
from plans import case

from fastnn import activations
from fastnn.plan import LINKS, OP, Builder, Kind

CODES = {cls.__name__: code for code, cls in enumerate(activations.elementwise())}


def dense(builder, value, m, w=0):
    return builder.op(Kind.DENSE, value, shape=(m,), trains=True, w=w, b=w + value.width * m)


def chain(*steps, inputs=3):
    """The rows of a plan: widths are dense layers, other steps are activations."""
    builder = Builder("float64")
    value = builder.input((inputs,))
    for step in steps:
        value = (dense(builder, value, step) if isinstance(step, int) else
                 builder.activate(value, activations.get(step)))
    return builder, value


def ops(builder, value):
    if not any(Kind.OUTPUT <= row["kind"] <= Kind.CROSS_LOSS for row in builder._rows):
        builder.head(Kind.OUTPUT, value)
    return builder.plan(100, 100).ops


def kinds(table):
    return [Kind(kind).name for kind in table["kind"]]


def test_an_activation_fuses_into_the_dense_op_in_front_of_it():
    table = ops(*chain(4, "relu", 2, activations.LeakyReLU(0.3)))
    assert kinds(table) == ["INPUT", "DENSE", "DENSE", "OUTPUT"]
    assert table["formula"].tolist() == [0, CODES["ReLU"], CODES["LeakyReLU"], 0]
    assert table["a0"].tolist() == [0, 0, 0.3, 0]


def test_only_one_activation_fuses():
    table = ops(*chain("tanh", 4, "relu", "tanh", "linear", "softmax"))
    assert kinds(table) == ["INPUT", "ACTIVATION", "DENSE", "ACTIVATION", "SOFTMAX", "OUTPUT"]


def test_an_activation_keeps_z_only_where_its_derivative_needs_it():
    table = ops(*chain(4, "relu", 4, "silu"))
    assert table["keep"][1] == -1
    assert table["keep"][2] >= 0


def test_nothing_asks_for_a_gradient_in_front_of_the_first_trained_op():
    builder, value = chain("tanh", 4, "relu")
    table = ops(builder, value)
    assert table["dsrc"].tolist()[:3] == [-1, -1, -1]
    assert table["ddst"].tolist()[:2] == [-1, -1]
    assert table["ddst"][2] == table["dsrc"][3] == value.grad >= 0


def test_columns_are_used_once():
    def make(net):
        one, two = net.fork(net.dense(net.input(3), 4, "silu"))
        value = net.merge(Kind.CONCATENATE, net.batch_norm(one), net.dropout(two, 0.5))
        return net.dense(value, 2, "softmax")
    plan = case(make, loss="cce").plan
    spans = set()
    for op in plan.ops:
        kind, width = Kind(op["kind"]), int(op["m"] if op["kind"] == Kind.DENSE else op["k"])
        if kind is Kind.CONCATENATE:
            width = int(op["k"] + op["m"])
        spans.add((int(op["dst"]), width))
        spans |= {(int(op[name]), width) for name in ("ddst", "dsrc2")
                  if op[name] >= 0 and kind is not Kind.CONCATENATE}
        spans |= {(int(op["keep"]), int(op["m"])), (int(op["aux"]), int(op["k"]))}
    used = np.zeros(plan.columns, int)
    for first, width in spans:
        used[first : first + width] += first >= 0
    assert used.max() == 1


@pytest.mark.parametrize("steps, name, left", [
    ((4, "sigmoid"), "sigmoid", ["INPUT", "DENSE"]),
    ((4, "softmax"), "softmax", ["INPUT", "DENSE"]),
    ((4, "tanh", "sigmoid"), "sigmoid", ["INPUT", "DENSE"]),
    ((4, "tanh", "softmax"), "softmax", ["INPUT", "DENSE"]),
])
def test_strip_activation_gives_the_logits_back(steps, name, left):
    builder, value = chain(*steps)
    assert builder.strip_activation(value, name)
    table = ops(builder, value)
    assert kinds(table) == [*left, "OUTPUT"]
    assert table["dst"][-2] == value.offset == table["src"][-1]
    assert table["ddst"][-2] == value.grad == table["dsrc"][-1]
    expected = CODES["Tanh"] if "tanh" in steps else 0
    assert table["formula"][-2] == expected
    assert not builder.strip_activation(value, name)


@pytest.mark.parametrize("steps, name", [
    ((4, "tanh"), "sigmoid"), ((4,), "softmax"), ((4, "sigmoid"), "softmax"),
    ((4, "softmax"), "sigmoid"), ((4, "sigmoid", "tanh"), "sigmoid"),
])
def test_strip_activation_leaves_others_alone(steps, name):
    builder, value = chain(*steps)
    before = [dict(row) for row in builder._rows], value.offset
    assert not builder.strip_activation(value, name)
    assert before == (builder._rows, value.offset)


def test_a_fork_adds_gradients_of_two_branches():
    builder, value = chain(4)
    one, two = builder.fork(value)
    assert one.offset == two.offset == value.offset
    assert len({one.grad, two.grad, value.grad}) == 3
    row = ops(builder, builder.merge(Kind.ADD, one, two))[2]
    assert (row["dsrc"], row["ddst"], row["dsrc2"]) == (value.grad, one.grad, two.grad)


def test_a_fork_without_gradients_keeps_readers_apart():
    builder, value = chain()
    one, two = builder.fork(value)
    assert one == two and (one.offset, one.grad) == (value.offset, -1)
    builder.activate(one, activations.get("tanh"))
    assert kinds(ops(builder, two)) == ["INPUT", "FORK", "ACTIVATION", "OUTPUT"]


def test_an_activation_of_a_branch_does_not_fuse_into_what_both_read():
    builder, value = chain(4)
    one, two = builder.fork(value)
    one = builder.activate(one, activations.get("relu"))
    assert "ACTIVATION" in kinds(ops(builder, builder.merge(Kind.ADD, one, two)))


def test_merges():
    builder = Builder("float32")
    one, two, three = builder.input((2, 3)), builder.input((2, 3)), builder.input((6,))
    assert builder.merge(Kind.ADD, one, two).shape == (2, 3)
    assert builder.merge(Kind.CONCATENATE, three, three).shape == (12,)
    with pytest.raises(ValueError, match=r"multiply .* received \(2, 3\) and \(6,\)"):
        builder.merge(Kind.MULTIPLY, one, three)
    assert builder.merge(Kind.CONCATENATE, one, two).shape == (4, 3)
    with pytest.raises(ValueError, match=r"concatenate joins the first axis.* \(2, 3\) and \(6,\)"):
        builder.merge(Kind.CONCATENATE, one, three)


def test_softmax_works_on_groups_of_the_last_axis():
    builder = Builder("float32")
    value = builder.activate(builder.input((2, 3)), activations.get("softmax"))
    assert not builder.strip_activation(value, "softmax")  # a head's softmax has one group
    row = ops(builder, value)[1]
    assert (row["kind"], row["k"], row["m"], row["s"]) == (Kind.SOFTMAX, 6, 6, 3)
    with pytest.raises(ValueError, match=r"last axis .* received rows of shape \(2, 3\)"):
        builder.activate(builder.input((2, 3)), activations.Softmax(axis=1))


def test_the_plain_relu_has_the_plain_formula():
    codes = [builder._rows[1]["formula"] for builder, _ in (
        chain(2, "relu"), chain(2, activations.ReLU(negative_slope=0.1)),
        chain(2, activations.ReLU(max_value=6)))]
    assert codes == [CODES["ReLU"], CODES["LeakyReLU"], CODES["BoundedReLU"]]


def test_inputs_are_the_next_columns_of_X():
    builder = Builder("float32")
    values = [builder.input((2, 3)), builder.input((4,))]
    table = ops(builder, values[1])
    assert table["s"][:2].tolist() == [0, 6]
    assert builder.plan(0, 0).n_inputs == 10


def test_a_linked_head_keeps_the_logits_and_predicts_beside_them():
    plan = case(lambda net: net.dense(net.input(3), 4, "softmax"), loss="cce").plan
    head = plan.ops[-1]
    assert LINKS[head["link"]] == "softmax"
    assert head["src"] != head["dst"]
    plain = case(lambda net: net.dense(net.input(3), 4), loss="mse").plan.ops[-1]
    assert LINKS[plain["link"]] is None
    assert plain["src"] == plain["dst"]


def test_sizes_of_a_plan():
    made = case(lambda net: net.batch_norm(net.dense(net.input(3), 4)), "float32", "mse", "adam",
                ("mse", "mae"))
    plan = made.plan
    assert (plan.n_inputs, plan.n_outputs, plan.n_trained, plan.n_params) == (3, 4, 24, 32)
    assert (plan.n_metrics, plan.n_slots, plan.n_scalars) == (2, 2, 4)
    assert plan.ops["dst"][plan.ops["kind"] == Kind.ELEMENT_METRIC].tolist() == [1, 2]
    assert plan.dtype == np.float32
    assert plan.ops.dtype == OP


def test_a_plan_is_frozen_and_known_by_identity():
    builder, value = chain(4)
    builder.head(Kind.OUTPUT, value)
    plan, again = builder.plan(16, 16), builder.plan(16, 16)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.columns = 3
    with pytest.raises(ValueError, match="read-only"):
        plan.ops["k"] = 3
    assert len({plan, again}) == 2


def test_a_plan_prints_its_ops():
    text = repr(case(lambda net: net.dense(net.input(3), 4, "relu"), loss="mse",
                     optimizer="sgd").plan).splitlines()
    assert text[0] == "Plan: 3 -> 4, 11 columns, 16 of 16 parameters trained, float64"
    assert [line.split()[0] for line in text[1:]] == ["input", "dense", "element_loss", "update"]
    assert "k=3 m=4" in text[2]
