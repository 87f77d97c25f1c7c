"""Find out what a model does and why it does not learn.

Each function here is a method of every model as well: ``model.gradients(x, y)``. None of them
changes the model. Gradients are computed by the model's own compiled backend.

>>> import fastnn
>>> from fastnn import layers
>>> x, y = fastnn.datasets.notes.package()
>>> model = fastnn.Sequential([layers.Dense(2, input_dim=2, name="hidden"),
...                            layers.Dense(1, name="out")])
>>> model.compile(fastnn.optimizers.SGD(0.001), "mse")
>>> [(name, g.shape) for name, g in model.gradients(x, y).items()][:2]
[('hidden/kernel', (2, 2)), ('hidden/bias', (2,))]
"""

from __future__ import annotations

__all__ = ["activations", "check_gradients", "diagnose", "explain_step", "gradients",
           "input_gradients", "row_gradients", "row_losses"]


def activations(model, x) -> dict:
    """The output of every layer for ``x`` (n, *input shape), by the layer's name.

    {name: (n, *output shape of the layer)}, as in a prediction: dropout is off, and the last one
    equals ``predict`` but for rounding. A layer that the model calls twice has name and name_1.

    >>> from fastnn import Sequential, layers
    >>> model = Sequential([layers.Dense(2, "relu", input_dim=1, kernel_initializer="ones",
    ...                                  name="hidden"),
    ...                     layers.Dense(1, kernel_initializer="ones", name="out")])
    >>> {name: values.tolist() for name, values in model.activations([[3.0], [-3.0]]).items()}
    {'hidden': [[3.0, 3.0], [0.0, 0.0]], 'out': [[6.0], [0.0]]}
    """
    from fastnn.understanding import watching

    return watching.activations(model, watching.rows(model, x))


def gradients(model, x, y, sample_weight=None, *, training: bool = False) -> dict:
    """dL/dw of every trained array by "layer/array", for the loss as it was compiled.

    L is the loss of all rows as one batch, penalties included: what ``evaluate`` returns. Without
    clipping and all else that the optimizer does.
    training : as in the next training step, with dropout and the batch's own statistics.

    The arrays have the model's dtype. ValueError and TypeError as `fit` raises them.

    >>> from fastnn import Sequential, layers
    >>> model = Sequential([layers.Dense(1, input_dim=1, kernel_initializer="ones", name="line")])
    >>> model.compile("sgd", "mse")
    >>> found = model.gradients([[1.0], [2.0]], [0.0, 0.0])  # of (w^2 + 4 w^2) / 2
    >>> found["line/kernel"].tolist(), found["line/bias"].tolist()
    ([[5.0]], [3.0])
    """
    from fastnn.understanding.probe import Probe

    trainer, feed = _feed(model, x, y, sample_weight)
    _, flat = Probe(trainer, training).gradient(feed)
    return _by_name(model, flat)


def input_gradients(model, x, y):
    """dL_i/dx_i: how each row's own loss changes with its numbers; the shape of ``x``.

    In inference mode, without penalties and weights; a list of arrays for several inputs. What has
    no slope, as the numbers that an Embedding looks up, has zeros.

    >>> from fastnn import Sequential, layers
    >>> model = Sequential([layers.Dense(1, input_dim=2, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> model.input_gradients([[1.0, 2.0], [0.0, 0.0]], [1.0, 3.0]).tolist()
    [[4.0, 4.0], [-6.0, -6.0]]
    """
    from fastnn.understanding.probe import InputProbe

    trainer, feed = _feed(model, x, y)
    probe = InputProbe(trainer)
    return probe.split(probe.gradients(feed))


def row_losses(model, x, y):
    """The loss (n,) of each row, computed alone, in inference mode and without penalties.

    Their mean is the loss of ``evaluate`` where there are no penalties.

    >>> from fastnn import Sequential, layers
    >>> model = Sequential([layers.Dense(1, input_dim=1, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> model.row_losses([[1.0], [2.0]], [0.0, 5.0]).tolist()
    [1.0, 9.0]
    """
    from fastnn.understanding.probe import Probe

    trainer, feed = _feed(model, x, y)
    return Probe(trainer, by_row=True).row_losses(feed)


def row_gradients(model, x, y):
    """An iterator over {"layer/array": dL_i/dw} of each row's loss, as of `row_losses`.

    One row is in memory at a time: make of each what you need of it.

    >>> from fastnn import Sequential, layers
    >>> model = Sequential([layers.Dense(1, input_dim=1, kernel_initializer="ones", name="line")])
    >>> model.compile("sgd", "mse")
    >>> [g["line/kernel"].item() for g in model.row_gradients([[1.0], [2.0]], [0.0, 5.0])]
    [2.0, -12.0]
    """
    from fastnn.understanding.probe import Probe

    trainer, feed = _feed(model, x, y)
    return (_by_name(model, flat) for flat in Probe(trainer, by_row=True).row_gradients(feed))


def check_gradients(model, x, y, sample_weight=None, *, samples: int = 20,
                    training: bool = False):
    """Compare the compiled gradient with differences of the loss, (L(w+h) - L(w-h)) / 2h.

    The differences are taken in float64 at up to ``samples`` numbers of each array; one where the
    loss has a kink is left aside. Returns a `checking.GradientCheck`: print it, or ask for its
    ``ok``. A few rows suffice: each number costs five passes over them.
    training : with dropout and the batch's own statistics, as in the next training step.

    >>> import fastnn
    >>> x, y = fastnn.datasets.notes.package()
    >>> model = fastnn.Sequential([fastnn.layers.Dense(2, "tanh", input_dim=2)])
    >>> model.compile("sgd", "mse")
    >>> model.check_gradients(x, [[0, 1], [1, 0], [0, 1], [1, 1]]).ok
    True
    """
    from fastnn.understanding.checking import check

    _, feed = _feed(model, x, y, sample_weight)
    return check(model, feed, samples, training)


def print_costs(model, print_fn=None) -> None:
    """What ``model.summary(flops=True)`` prints below the table; `costs.costs` has the numbers."""
    from fastnn.understanding.costs import print_costs

    print_costs(model, print_fn)


def _feed(model, x, y, sample_weight=None):
    """The trainer, and the data as it takes them."""
    model._build_for_training(x, y)
    return model.trainer, model.trainer.feed(x, y, sample_weight)


def _by_name(model, flat) -> dict:
    """Copies of the parts of a flat gradient (n_trained,) by "layer/array"."""
    from fastnn.understanding.checking import layers_of

    dtype = model.params.dtype
    return {f"{layer.name}/{v.name}": flat[v.offset : v.offset + v.size].reshape(v.shape).astype(
            dtype) for layer in layers_of(model) for v in layer.trainable_weights}


def explain_step(model, x, y, *, digits: int = 6, limit: int = 30):
    """One training step on one row, written out: every number and how it came about.

    x, y : one row, with or without the axis of rows.
    digits : figures of each number; limit : how many weights of a layer are written.

    Returns an `explain.Explanation`: print it, show it in a notebook, or ask for its ``latex()`` or
    ``html()``; ``loss`` and ``steps`` have the numbers. It follows stacks of Dense layers and their
    activations; ValueError for others. The new weights are the optimizer's own, of its next step.

    The weight from input i to neuron j of layer l is Wˡᵢⱼ, the neuron's bias bₗⱼ, what it sums up
    zₗⱼ and its output oₗⱼ; ŷ is the last one.

    >>> from fastnn import Sequential, layers
    >>> model = Sequential([layers.Dense(1, input_dim=1, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> print(model.explain_step([2.0], [5.0]))
    A step of sgd on one row
      x = (2)
      y = 5
    1. Forwards
      ŷ = W¹₁₁ · x₁ + b₁₁ = 1 · 2 + 0 = 2
    2. The loss
      L = (y − ŷ)² = (5 − 2)² = 9
    3. Backwards: the chain rule
      ∂L/∂ŷ = −2(y − ŷ) = −2 · (5 − 2) = −6
      ∂L/∂W¹₁₁ = ∂L/∂ŷ · ∂ŷ/∂W¹₁₁ = −2(y − ŷ) · x₁ = −6 · 2 = −12
      ∂L/∂b₁₁ = ∂L/∂ŷ · ∂ŷ/∂b₁₁ = −2(y − ŷ) = −6
    4. The update
      W¹₁₁ = 1 − 0.01 · (−12) = 1.12
      b₁₁ = 0 − 0.01 · (−6) = 0.06
    """
    import numpy as np

    from fastnn.understanding.chain import require_row
    from fastnn.understanding.explain import explain

    require_row(model)
    x, y = np.asarray(x), np.asarray(y)
    row, out = model.row_shapes
    x = x[None] if x.shape == row else x
    if len(x) != 1:
        raise ValueError(f"explain_step explains one row, received {len(x)}.")
    y = y.reshape((1, *out) if y.size > 1 else (1,))
    _, feed = _feed(model, x, y)
    return explain(model, feed, digits, limit)


def diagnose(model, x, y, sample_weight=None, *, validation_data=None, validation_split=0.0,
             batch_size=None):
    """Look for what keeps a compiled model from learning: a `diagnosis.Diagnosis`; print it.

    x, y, sample_weight : the data that it trains on, of which 1000 rows are looked at.
    validation_data, validation_split, batch_size : as given to `fit`, for the rules about them.

    The rules look at the data, the weights and gradients as they are now, and at the history of the
    last `fit`, if there was one. Each finding has its evidence and a cure; `fastnn.understanding.
    rules` lists them. The callback `Doctor` does the same at the end of a training.

    >>> import numpy as np
    >>> from fastnn import Sequential, layers
    >>> model = Sequential([layers.Dense(4, "relu", input_dim=2, kernel_initializer="zeros"),
    ...                     layers.Dense(1, "sigmoid")])
    >>> model.compile("adam", "binary_crossentropy")
    >>> found = model.diagnose(np.array([[0.0, 1.0], [1.0, 0.0]]), [0, 1])
    >>> found.rules
    ['symmetric_weights', 'dead_relus']
    >>> found["symmetric_weights"].evidence
    {'neurons': 4, 'different': 1, 'first weight': 0.0}
    """
    from fastnn.understanding.diagnosis import diagnose

    return diagnose(model, x, y, sample_weight, validation_data, validation_split, batch_size)
