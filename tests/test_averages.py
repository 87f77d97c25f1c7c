"""SwapEMAWeights: when weights and averages change places."""

from types import SimpleNamespace

import numpy as np
import pytest

import fastnn
from fastnn import Input, Sequential, callbacks
from fastnn.layers import BatchNormalization, Dense
from fastnn.optimizers.base import Optimizer

X = np.sin(np.arange(60.0)).reshape(20, 3)
Y = X[:, :1] * X[:, 1:2]


def stand_in():
    memory = SimpleNamespace(params=np.array([1.0, 2.0, 9.0]), slots=np.array([[0, 0], [3.0, 4.0]]))
    trainer = SimpleNamespace(memory=memory, plan=SimpleNamespace(n_trained=2),
                              optimizer=SimpleNamespace(average_slot=1))
    return SimpleNamespace(trainer=trainer, stop_training=False), memory


WEIGHTS, AVERAGES = [1.0, 2.0, 9.0], [3.0, 4.0, 9.0]


@pytest.mark.parametrize("kind", ["test", "predict"])
def test_they_change_places_for_an_evaluation(kind):
    model, memory = stand_in()
    swap = callbacks.SwapEMAWeights()
    swap.set_model(model)
    for _ in range(2):
        getattr(swap, f"on_{kind}_begin")({})
        assert memory.params.tolist() == AVERAGES
        assert memory.slots[1].tolist() == WEIGHTS[:2]
        getattr(swap, f"on_{kind}_end")({})
        assert memory.params.tolist() == WEIGHTS
        assert memory.slots[1].tolist() == AVERAGES[:2]


def test_they_change_places_between_epochs():
    model, memory = stand_in()
    hooks = callbacks.CallbackList(callbacks.SwapEMAWeights(True), model=model, epochs=2)
    hooks.on_train_begin()
    for epoch in range(2):
        hooks.on_epoch_begin(epoch)
        assert memory.params.tolist() == WEIGHTS
        hooks.on_test_begin()
        assert memory.params.tolist() == AVERAGES
        hooks.on_test_end()
        hooks.on_epoch_end(epoch)
        assert memory.params.tolist() == AVERAGES
    assert memory.slots[1].tolist() == AVERAGES[:2]  # both, for `fit` ends with the averages


def test_without_swap_on_epoch_nobody_is_called_between_epochs():
    assert not callbacks.CallbackList(callbacks.SwapEMAWeights()).overrides(
        "on_epoch_begin", "on_epoch_end")


def made(**arguments):
    fastnn.utils.set_random_seed(2)
    model = Sequential([Input((3,)), Dense(4, "tanh"), BatchNormalization(), Dense(1)])
    model.compile(fastnn.optimizers.SGD(0.1, **arguments), "mse")
    return model


def test_there_must_be_averages():
    for hook in made().fit, made().evaluate:
        with pytest.raises(ValueError, match="needs an optimizer with use_ema=True, received SGD"):
            hook(X, Y, verbose=0, callbacks=callbacks.SwapEMAWeights())


@pytest.mark.skipif(not hasattr(Optimizer, "average_slot"), reason="needs use_ema")
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_training_sees_the_weights_and_others_the_averages(swap_on_epoch, tmp_path):
    plain = made(use_ema=True, ema_momentum=0.5)
    plain.fit(X, Y, epochs=3, batch_size=5, verbose=0)
    model, seen = made(use_ema=True, ema_momentum=0.5), []
    history = model.fit(X, Y, epochs=3, batch_size=5, verbose=0, validation_data=(X, Y), callbacks=[
        callbacks.SwapEMAWeights(swap_on_epoch),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())),
    ])
    np.testing.assert_array_equal(model.params, plain.params)
    assert history.history["val_loss"][-1] == pytest.approx(model.evaluate(X, Y, verbose=0))
    same = all(np.array_equal(a, b) for a, b in zip(seen[-1], model.get_weights(), strict=True))
    assert same == swap_on_epoch
