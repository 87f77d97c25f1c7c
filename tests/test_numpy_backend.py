"""The specification itself: gradients by finite differences, optimizers by their papers."""

import math

import numpy as np
import plans
import pytest
from plans import ACTIVATIONS, CASES, LOSSES, alone, case, forward, output_of, probabilities, stack

from fastnn import losses, optimizers, random
from fastnn.backends import numpy_backend
from fastnn.plan import Kind, in_network


def check_gradient(made, step=0, h=1e-6):
    """The gradient of the batch's loss against central differences in every parameter."""
    _, analytic = plans.gradient(numpy_backend, made, step)
    numeric = np.empty_like(analytic)
    for i in range(len(analytic)):
        values = []
        for change in (h, -h):
            params = made.params.copy()
            params[i] += change
            moved = plans.replace(made, params=params)
            values.append(plans.gradient(numpy_backend, moved, step)[0])
        numeric[i] = (values[0] - values[1]) / (2 * h)
    scale = max(1, np.abs(analytic).max())  # exp of exp is large
    np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=1e-7 * scale)
    assert np.abs(analytic).max() > 1e-3  # there is something to compare


NETWORK = [kind for kind in Kind if in_network(kind)]
CHECKED = [*NETWORK, *(kind for kind in Kind if Kind.OUTPUT < kind <= Kind.OVERLAP_LOSS),
           Kind.PENALTY]


@pytest.mark.parametrize("settings", [
    pytest.param(settings, id=f"{kind.name.lower()}{i}")
    for kind in CHECKED for i, settings in enumerate(CASES[kind])])
def test_gradients_of_kinds(settings):
    check_gradient(case(**({"weighted": True} | settings)), step=2**33)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_gradients_of_activations(activation):
    for make in (stack(activation, activation), alone(activation)):
        check_gradient(case(make))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_losses(loss, weighted):
    """Gradients, and the value: the class's own of the predictions, whatever was folded into it."""
    for make in (stack("tanh", output_of(losses.get(loss))), probabilities):
        if loss is losses.PerceptronLoss and make is probabilities:
            continue  # numbers above 0 are on the right side, all of them
        made = case(make, loss=loss, weighted=weighted)
        check_gradient(made)
        T = made.feed.labels if made.loss.sparse else made.feed.T
        value = made.loss(T, forward(numpy_backend, made), made.feed.weights)
        if not made.loss.batchwise:
            times = made.loss.divisor(len(T), made.feed.weights, made.feed.labels)
            assert plans.evaluate(numpy_backend, made)[0] == pytest.approx(value * times, rel=1e-9)
        assert plans.gradient(numpy_backend, made)[0] == pytest.approx(value, rel=1e-9)


# optimizers, each as its paper writes it: one parameter p, its gradients g in time; all rules over
# a hundred steps are in test_optimizers.py


def sgd(p, gradients, lr):
    """p <- p - lr g."""
    for g in gradients:
        p -= lr * g
        yield p


def momentum(p, gradients, lr, mu):
    """Sutskever, Martens, Dahl, Hinton 2013, equations 1 and 2."""
    v = 0.0
    for g in gradients:
        v = mu * v - lr * g
        p += v
        yield p


def nesterov(p, gradients, lr, mu):
    """The same, equations 3 and 4: gradients are taken at theta + mu v, which is what is kept."""
    theta, v = p, 0.0
    for g in gradients:
        v = mu * v - lr * g
        theta += v
        yield theta + mu * v


def rmsprop(p, gradients, lr, rho, mu, centered, epsilon=1e-7):
    """Graves 2013, equations 38 to 45, with n and rho for its aleph; not centered: Hinton 2012."""
    n = mean = step = 0.0
    for g in gradients:
        n = rho * n + (1 - rho) * g**2
        mean = rho * mean + (1 - rho) * g
        step = mu * step - lr * g / math.sqrt(n - (mean**2 if centered else 0) + epsilon)
        p += step
        yield p


def adam(p, gradients, lr, b1, b2, amsgrad, epsilon=1e-7):
    """Kingma & Ba 2015, the order of operations at the end of section 2; AMSGrad: Reddi 2018."""
    m = v = largest = 0.0
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        largest = max(largest, v) if amsgrad else v
        alpha = lr * math.sqrt(1 - b2**t) / (1 - b1**t)
        p -= alpha * m / (math.sqrt(largest) + epsilon)
        yield p


PAPERS = [
    (optimizers.SGD(0.3), sgd, (0.3,)),
    (optimizers.SGD(0.3, momentum=0.8), momentum, (0.3, 0.8)),
    (optimizers.SGD(0.3, momentum=0.8, nesterov=True), nesterov, (0.3, 0.8)),
    *((optimizers.RMSprop(0.02, 0.8, mu, centered=centered), rmsprop, (0.02, 0.8, mu, centered))
      for mu in (0.0, 0.7) for centered in (False, True)),
    *((optimizers.Adam(0.02, 0.8, 0.95, amsgrad=amsgrad), adam, (0.02, 0.8, 0.95, amsgrad))
      for amsgrad in (False, True)),
]
# ten steps of three parameters: they change sign and size, vanish and come back
GRADIENTS = np.array([[1.0, -2.0, 1e-4], [-0.5, -3.0, 1e-4], [2.0, 1.0, -1e3], [0.0, 0.5, 1e2],
                      [0.0, -8.0, 10.0], [-4.0, 0.1, 1e-3], [1e-3, 0.2, -1.0], [3.0, 6.0, 0.0],
                      [-1.0, -0.1, 0.0], [0.7, -2.5, 1e-6]])


@pytest.mark.parametrize("optimizer, paper, numbers", PAPERS, ids=lambda value: str(value)[:60])
def test_optimizers_follow_their_papers(optimizer, paper, numbers):
    """Absolute errors of one linear output far below its target: a row's gradient is the row."""
    made = case(lambda net: net.dense(net.input(3), 1, bias=False), loss="mae",
                optimizer=optimizer, n=10)
    made = made.with_feed(X=GRADIENTS, T=np.full((10, 1), -1e9))
    wanted = np.stack([list(paper(p, g, *numbers))
                       for p, g in zip(made.params, GRADIENTS.T, strict=True)], axis=1)
    memory, scalars = made.memory(), made.scalars(10)
    for i in range(10):
        numpy_backend.train(made.plan, memory, made.feed, np.array([[i]]), 1, scalars[i : i + 1],
                            i, np.zeros((1, 1)))
        np.testing.assert_allclose(memory.params, wanted[i], rtol=1e-9, err_msg=f"step {i}")


# what the parity tests take for granted


def test_masks_are_those_of_the_generator():
    made = case(lambda net: net.dropout(net.input(5), 0.4, seed=2**40 + 1), loss=None, n=8)
    Y, _ = forward(numpy_backend, made, np.ones((8, 5)), training=True, step=9)
    halves = random.dropout_halves(2**40 + 1, 9, 8, 5)
    assert (np.where(halves < random.dropout_threshold(0.4), 0, 1 / 0.6) == Y).all()


def test_moving_averages_move_in_training_only():
    made = case(lambda net: net.batch_norm(net.input(2)), loss=None, n=30)
    _, params = forward(numpy_backend, made, training=True)
    before, after = made.params[4:].reshape(2, 2), params[4:].reshape(2, 2)
    X = made.feed.X
    np.testing.assert_allclose(after, 0.9 * before + 0.1 * np.stack([X.mean(0), X.var(0)]))
    Y = forward(numpy_backend, made)
    gamma, beta = made.params[:4].reshape(2, 2)
    np.testing.assert_allclose(Y, (X - before[0]) / np.sqrt(before[1] + 1e-3) * gamma + beta)


def test_metrics_and_penalties_of_a_feed():
    made = case(stack("tanh", "softmax"), loss="cce", watch=("accuracy", "mse"),
                penalty=(0.5, 0.25), n=300)
    loss, accuracy, mse = plans.evaluate(numpy_backend, made) / 300
    Y, T, p = forward(numpy_backend, made), made.feed.T, made.params
    penalty = 0.5 * np.abs(p).sum() + 0.25 * (p**2).sum()
    assert loss == pytest.approx(-(T * np.log(Y)).sum(1).mean() + penalty)
    assert accuracy == pytest.approx((Y.argmax(1) == T.argmax(1)).mean())
    assert mse == pytest.approx(((Y - T) ** 2).mean())


def test_clipping():
    for finish, limit in ((Kind.CLIP_VALUE, 0.01), (Kind.CLIP_NORM, 0.05)):
        settings = {"make": stack("tanh"), "n": 9}
        _, free = plans.gradient(numpy_backend, case(**settings))
        _, clipped = plans.gradient(numpy_backend, case(
            **settings, finish=lambda net, k=finish, a=limit: net.builder.clip(k, 0, 42, a)))
        wanted = (np.clip(free, -limit, limit) if finish is Kind.CLIP_VALUE else
                  free * limit / np.linalg.norm(free))
        np.testing.assert_allclose(clipped, wanted, rtol=1e-12)
        assert np.abs(free).max() > limit
