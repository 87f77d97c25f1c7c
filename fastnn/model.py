"""What every model can do: compile, fit, evaluate, predict, weights, summary, save.

The kinds of models, which say how layers are put together, are in :mod:`fastnn.models`.
"""

from __future__ import annotations

import copy

import numpy as np

from fastnn import (
    backends,
    config,
    data,
    feeding,
    fitting,
    losses,
    optimizers,
    random,
    registry,
    rows,
    understanding,
)
from fastnn.callbacks import CallbackList, Resume
from fastnn.layers.base import Layer, Variable, assign_all
from fastnn.layers.graph import is_symbolic
from fastnn.metrics import get as get_metric
from fastnn.naming import unique_name
from fastnn.network import Network
from fastnn.prediction import Predictor
from fastnn.progress import Progress
from fastnn.training import Trainer

# Calls of ``model(x, training=True)`` draw their dropout masks from the far end of the steps, where
# no training comes to.
_CALL_STEPS = 1 << 62
_ALL = 1 << 62  # rows of a batch that is as large as the data


class Model(Network):
    """A network with its parameters, loss and optimizer (abstract).

    A subclass has ``layers`` and ``row_shapes``, lowers itself and calls :meth:`pack` when it is
    built. ``params`` is the one vector of all variables: the trained ones in the order of the
    layers, then the others; ``n_trained`` says how many are trained.

    Layers may be in several models. Their numbers then lie in the vector of the model that worked
    last, and the next that fits or predicts fetches them (`gather`): each sees what the others
    learnt, as in Keras. Such models must not work at the same time in several threads.

    ``Model(inputs, outputs)`` makes a `fastnn.functional_model.Functional`; for classes with a
    ``call`` see `fastnn.subclassed_model`.
    """

    def __new__(cls, *args, **kwargs):
        if cls is not Model:
            return super().__new__(cls)
        from fastnn.functional_model import Functional

        return super().__new__(Functional)

    def __init_subclass__(cls, of_package=False, **kwargs):
        super().__init_subclass__(**kwargs)
        if "train_step" in vars(cls) or "test_step" in vars(cls):
            raise TypeError(
                f"{cls.__name__} defines a step of its own in Python; fastnn's are compiled. A "
                "loss or layer of one's own can say what is new in it; fastnn.Trainer is for loops "
                "of one's own.")
        if Model in cls.__bases__ and not of_package:
            # a user's class: its base depends on whether it says by ``call`` what it does
            from fastnn.functional_model import Functional
            from fastnn.subclassed_model import Subclassed

            base = Subclassed if hasattr(cls, "call") else Functional
            cls.__bases__ = tuple(base if old is Model else old for old in cls.__bases__)

    def __init__(self, name=None, dtype=None):
        self.name = str(name) if name else unique_name(type(self).__name__)
        self.params: np.ndarray | None = None
        self.n_trained = 0
        self.optimizer = None
        self.loss = None
        self.history = None
        self.metadata: dict | None = None  # kept with the model in its file
        self.stop_training = False
        self._dtype = None if dtype is None else config.standardize_dtype(dtype)
        self._compiled: dict | None = None
        self._trainer: Trainer | None = None
        self._state: dict = {}  # for the next trainer to go on from
        self._packed: list = []  # the variables in the order of ``params``
        self._away = False  # whether another model has fetched variables
        self.nodes: list = []  # calls of the model as a layer
        self._predictor = None
        self._calls = 0

    # what a subclass defines

    @property
    def layers(self) -> list[Layer]:
        """The layers, the input apart."""
        raise NotImplementedError

    @property
    def row_shapes(self) -> tuple[tuple, tuple]:
        """The shapes of an input row and an output row; a ValueError if they are not known yet."""
        raise NotImplementedError

    @property
    def built(self) -> bool:
        """Whether the shapes are known and the parameters exist."""
        return self.params is not None

    def build_for(self, x) -> None:
        """Build the model, if it is not, for the shape of the data's rows."""
        raise NotImplementedError

    # parameters

    @property
    def dtype(self) -> str:
        """The type of parameters and results: the model's own, or the widest of its layers'."""
        if self._dtype is None:
            return np.result_type(*[layer.dtype for layer in self.layers] or [config.floatx()]).name
        return self._dtype.name

    def pack(self) -> None:
        """Gather the layers' variables, with their values, in a new vector ``params``."""
        trained, others = self.trainable_weights, self.non_trainable_weights
        self._packed = trained + others
        self.n_trained = sum(variable.size for variable in trained)
        self.params = np.zeros(sum(v.size for v in self._packed), self.dtype)
        self._away = True
        self.gather()
        self._forget_plans()

    def ensure_packed(self) -> None:
        """Pack again if the vector is not in the order that ``trainable`` asks for by now."""
        self._require_built()
        if self._packed != self.trainable_weights + self.non_trainable_weights:
            self.pack()
        self.gather()

    def _forget_plans(self) -> None:
        """After a change of the layers or the loss: plans and optimizer state are made anew."""
        state = self._state if self._trainer is None else vars(self._trainer)
        self._state = {n: state[n] for n in ("seed", "epoch", "step") if n in state}
        self._trainer = self._predictor = None

    @property
    def weights(self) -> list[Variable]:
        """All variables, layer by layer."""
        return [variable for layer in self.leaves for variable in layer.weights]

    @property
    def trainable_weights(self) -> list[Variable]:
        """Those that training changes, from the next compile on."""
        return [variable for layer in self.leaves for variable in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Frozen ones and moving averages."""
        return [variable for layer in self.leaves for variable in layer.non_trainable_weights]

    @property
    def trainable(self) -> bool:
        """Whether any layer is trainable; setting it sets all. Holds from the next compile on."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool):
        for layer in self.layers:
            layer.trainable = bool(value)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all arrays, layer by layer."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights) -> None:
        """Copy arrays in, in the order of ``get_weights``; any real dtype, lists too."""
        assign_all(self.weights, weights, f"The model {self.name!r}")

    def count_params(self) -> int:
        """How many numbers the model holds."""
        self._require_built()
        return self.params.size

    @property
    def input_shape(self) -> tuple:
        return (None, *self.row_shapes[0])

    @property
    def output_shape(self) -> tuple:
        return (None, *self.row_shapes[1])

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or at that place."""
        if (name is None) == (index is None):
            raise ValueError("get_layer needs a name or an index, one of them.")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"There is no layer {index}: the model has {len(self.layers)}.")
            return self.layers[index]
        found = {layer.name: layer for layer in self.layers}
        if name not in found:
            raise ValueError(f"There is no layer {name!r}. Layers: {', '.join(found)}.")
        return found[name]

    # training

    def compile(self, optimizer="rmsprop", loss=None, metrics=None, *, weighted_metrics=None,
                run_eagerly=False, steps_per_execution=1, jit_compile="auto",
                backend=None) -> None:
        """Say what to minimise and how; the weights stay, the optimizer starts afresh.

        optimizer, loss : name, class or instance.
        metrics : a list of names, classes, instances or functions ``f(y_true, y_pred)``.
        weighted_metrics : the same, of the rows weighted by ``sample_weight``.
        run_eagerly, steps_per_execution, jit_compile : accepted for Keras's sake. fastnn always
            runs compiled, and as many steps at once as the callbacks allow.
        backend : "cython", "numba", "numpy" or None: the environment's ``FASTNN_BACKEND``, or else
            the best there is.
        """
        metrics = _metric_list("metrics", metrics)
        weighted_metrics = _metric_list("weighted_metrics", weighted_metrics)
        optimizer = optimizers.get("rmsprop" if optimizer is None else optimizer)
        compiled = {"optimizer": optimizer, "loss": losses.get(loss), "metrics": metrics,
                    "weighted_metrics": weighted_metrics, "backend": backends.get(backend).NAME}
        # an unknown one is an error now, whatever "accuracy" will mean
        for metric in metrics + weighted_metrics:
            get_metric(metric, compiled["loss"])
        self._compiled = compiled
        self.optimizer, self.loss = optimizer, loss
        self._forget_plans()
        if "seed" not in self._state:  # drawn now: what others draw until ``fit`` changes nothing
            self._state["seed"] = random.next_seed()

    @property
    def trainer(self) -> Trainer:
        """What trains the model; made at its first use after ``compile``."""
        if self._trainer is None:
            if self._compiled is None or self._compiled["loss"] is None:
                raise ValueError("The model has no loss yet. Call model.compile(optimizer, loss) "
                                 "first, for example model.compile('adam', loss='mse').")
            self._trainer = Trainer(self, **self._compiled, seed=self._state["seed"])
            self._trainer.set_state(self._state)
        return self._trainer

    @property
    def metrics(self) -> list:
        """The metric objects; names like "accuracy" have become one once training began."""
        return [] if self._trainer is None else list(self._trainer.metrics)

    @property
    def metrics_names(self) -> list[str]:
        """What ``evaluate`` returns, in this order."""
        return self.trainer.names

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None,
            validation_split=0.0, validation_data=None, shuffle=True, class_weight=None,
            sample_weight=None, initial_epoch=0, steps_per_epoch=None, validation_steps=None,
            validation_batch_size=None, validation_freq=1, *, validation_mode="tail",
            on_divergence="stop", resume=None):
        """Train; returns the History, whose ``history`` has a list of values for each name.

        x, y : arrays, lists or data frames: (n, *input shape) and (n, *output shape), or for sparse
            losses (n,) class numbers. Or x alone gives batches (x, y) or (x, y, sample_weight): a
            generator, a `PyDataset`, a DataLoader of torch; then no y, sample_weight, batch_size
            or validation_split. Sparse matrices of SciPy and large integer arrays become floats
            piece by piece.
        batch_size : rows a step, 32 by default; the last batch of an epoch may be smaller. The
            optimizers "lbfgs" and "lm" take all rows at every step, and an epoch is one.
        epochs, initial_epoch : train the epochs from ``initial_epoch`` up to ``epochs``.
        verbose : 0 is silent, 1 ("auto") a bar, 2 a line an epoch.
        validation_split : the share of the rows that is held out and evaluated after each epoch.
        validation_mode : which rows these are: the last ones ("tail"), random ones ("shuffle"), or
            random ones of each class in proportion ("stratify"); the same in each `fit`.
        validation_data : (x, y) or (x, y, sample_weight) to evaluate instead, or batches.
        validation_steps, validation_batch_size : only so many batches of it, of so many rows.
        shuffle : whether every epoch visits the rows, or the batches of a PyDataset, in a new
            order.
        class_weight : {class: weight} of each row's loss by its class, or "balanced": inversely
            proportional to how often the class occurs.
        sample_weight : (n,), not negative: the weight of each row's loss, times its class's.
        steps_per_epoch : an epoch is that many batches and goes on where the last one stopped; the
            rows are shuffled again whenever they are used up. None: an epoch is one pass.
        validation_freq : validate every so many epochs, or after the epochs listed (from 1).
        resume : a file for this `fit` alone. It is written on the way, and the same program started
            again goes on from it to the same bits, whatever ended it, ``kill -9`` included; see
            `fastnn.callbacks.Resume`.
        on_divergence : what happens where a loss or a weight becomes infinite or NaN. "stop" takes
            that step back and ends training with a warning; "raise" with a FloatingPointError;
            "ignore" goes on, as Keras does. `History.divergence` says where it was.

        The loss and the metrics of an epoch are means over its rows, each as it was when its batch
        was trained on, as in Keras. All data are checked before the first step. Ctrl-C ends
        training between two steps, with a warning; the model and the history are kept.
        """
        first = data.whole_number("initial_epoch", initial_epoch, 0)
        last = data.whole_number("epochs", epochs, 0)
        size = data.whole_number("batch_size", batch_size, 1, default=32)
        batch_size = None if batch_size is None else size
        steps_per_epoch = data.whole_number("steps_per_epoch", steps_per_epoch, 1, default=None)
        validates = data.validation_epochs(validation_freq)
        if class_weight is not None and self.split_outputs is not None:
            raise ValueError("class_weight is for models of one output. Give sample_weight, an "
                             "array for each output.")
        stream = feeding.stream_of(x, y=y, sample_weight=sample_weight, batch_size=batch_size,
                                   validation_split=validation_split or None)
        self._build_for_training(x, y, stream)
        held_out = feeding.validation_source(self.trainer, validation_data)
        if stream is None:
            feed = self.trainer.feed(x, y, sample_weight)
            if held_out is None:
                feed, held_out = rows.split(feed, validation_split, validation_mode,
                                            self.trainer.seed)
            feed = rows.weighted(feed, class_weight, self.trainer.plan.n_outputs)
            batches = self.trainer.batches(feed, batch_size, shuffle, steps_per_epoch)
        else:
            batches = feeding.StreamBatches(self.trainer, stream, shuffle, steps_per_epoch,
                                            class_weight)
        validation = held_out and feeding.evaluation(
            self.trainer, held_out,
            data.whole_number("validation_batch_size", validation_batch_size, 1, default=size),
            data.whole_number("validation_steps", validation_steps, 1, default=None))
        callbacks = callbacks if resume is None else [callbacks, Resume(resume)]
        hooks = CallbackList(callbacks, add_history=True, model=self, verbose=verbose,
                             epochs=last, steps=batches.steps)
        progress = Progress(verbose, last, batches.steps)
        fitting.Fit(batches, hooks, progress, validation, validates, on_divergence).run(first, last)
        return hooks.history

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None,
                 steps=None, callbacks=None, return_dict=False):
        """The loss and the metrics of data: a number, or a list in the order of ``metrics_names``.

        x : as for `fit`; steps : only so many batches.
        return_dict : a dictionary by name instead. batch_size matters to metrics that are
        functions and to losses with reduction "sum" only, which go batch by batch.
        """
        size = data.whole_number("batch_size", batch_size, 1, default=32)
        steps = data.whole_number("steps", steps, 1, default=None)
        source = feeding.stream_of(x, y=y, sample_weight=sample_weight, batch_size=batch_size)
        self._build_for_training(x, y, source)
        if source is None:
            source = self.trainer.feed(x, y, sample_weight)
            most = -(-len(source.X) // size)
            steps = most if steps is None else min(steps, most)
        evaluation = feeding.evaluation(self.trainer, source, size, steps)
        steps = steps or getattr(source, "steps", None)
        logs = fitting.evaluate(self.trainer, evaluation, steps, callbacks, verbose)
        return self._results(logs, return_dict)

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One step on all the rows; their loss and metrics, as ``evaluate`` returns them.

        They are of this batch, as in Keras 3.15: what came before does not count. class_weight : as
        for `fit`.
        """
        self._build_for_training(x, y)
        feed = rows.weighted(self.trainer.feed(x, y, sample_weight), class_weight,
                             self.trainer.plan.n_outputs)
        [logs] = self.trainer.train(feed, batch_size=len(feed.X), shuffle=False)
        return self._results(logs, return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """``evaluate`` of one batch, in silence."""
        return self.evaluate(x, y, _ALL, 0, sample_weight, return_dict=return_dict)

    def reset_metrics(self) -> None:
        """Let the metrics forget all rows; ``fit`` and ``evaluate`` do so before they begin."""
        for metric in self.metrics:
            metric.reset_state()

    def _build_for_training(self, x, y, stream=None) -> None:
        if x is None:
            raise ValueError("x is missing: give the data, rows of the model's input shape.")
        if self._compiled is None:
            return
        loss = self._compiled["loss"]
        chooses = loss is not None and loss.of_data
        if stream is not None and (chooses or not self.built):
            x, y = (*stream.first(), None)[:2]
        self.build_for(x)
        self.gather()
        if chooses and y is not None:
            self._compiled["loss"] = loss.choose(self.only_target(y), self.row_shapes[1])

    def _results(self, logs: dict, return_dict: bool):
        values = [logs[name] for name in self.metrics_names]
        return logs if return_dict else values if len(values) > 1 else values[0]

    # prediction

    def predict(self, x, batch_size=None, verbose="auto", steps=None,
                callbacks=None) -> np.ndarray:
        """The outputs for ``x`` (n, *input shape): an array (n, *output shape).

        A row's output never depends on the rows beside it, nor on batch_size: that matters only to
        callbacks which follow the batches. Nothing is printed unless ``verbose`` is 1 or 2.
        A NaN in a row shows in that row's outputs: it is no error here, as it is in `fit`.
        x : as for `fit`; targets in its batches are left aside. steps : only so many batches.
        """
        verbose = 0 if verbose == "auto" else verbose
        if batch_size is not None:
            data.whole_number("batch_size", batch_size, 1)
        stream = None if type(x) is np.ndarray else feeding.stream_of(x, batch_size=batch_size)
        if callbacks is None and not verbose and steps is None and stream is None:
            return (self._predictor or self._make_predictor(x))(x)
        size = data.whole_number("batch_size", batch_size, 1, default=32)
        steps = data.whole_number("steps", steps, 1, default=None)
        first = x if stream is None or self.built else stream.first()[0]
        predictor = self._predictor or self._make_predictor(first)
        source = x if stream is None else stream
        return fitting.predict(predictor, source, size, self, callbacks, verbose, steps)

    def predictor(self) -> Predictor:
        """A frozen copy of the model that predicts with the least delay: ``predictor(x, out=y)``.

        Training goes on without it; many threads may call it. Batch normalisation is folded into
        the dense layers, so its outputs equal those of ``predict`` but for rounding.

        >>> import numpy as np
        >>> import fastnn
        >>> from fastnn import layers
        >>> model = fastnn.Sequential([fastnn.Input((3,)), layers.Dense(2)])
        >>> x, y = np.ones((1, 3), "float32"), np.empty((1, 2), "float32")
        >>> model.predictor()(x, out=y) is y
        True
        """
        self._require_built()
        self.gather()
        return Predictor(self, self._compiled["backend"] if self._compiled else None, frozen=True)

    def predict_on_batch(self, x) -> np.ndarray:
        """``predict``."""
        return self.predict(x)

    def __call__(self, x, training=False) -> np.ndarray:
        """The outputs for ``x``; with ``training``, as in a training step.

        Then dropout drops, with a new mask at each call, and batch normalisation uses the rows
        given and moves its averages.
        """
        if is_symbolic(x):
            return self.connect(x)
        predictor = self._predictor or self._make_predictor(x)
        if not training:
            return predictor(x)
        self._calls += 1
        return predictor.in_training(x, _CALL_STEPS + self._calls)

    def _make_predictor(self, x) -> Predictor:
        self.build_for(x)
        self.gather()
        backend = self._compiled["backend"] if self._compiled else None
        self._predictor = Predictor(self, backend)
        return self._predictor

    # looking inside

    activations = understanding.activations
    gradients = understanding.gradients
    input_gradients = understanding.input_gradients
    row_losses = understanding.row_losses
    row_gradients = understanding.row_gradients
    check_gradients = understanding.check_gradients
    explain_step = understanding.explain_step
    diagnose = understanding.diagnose

    # description

    def summary(self, line_length=None, positions=None, print_fn=None, show_trainable=False,
                layer_range=None, *, flops=False) -> None:
        """Print the layers, their shapes and how many parameters they have, as Keras does.

        flops : also the operations, the bytes and the measured time a step, as
            `fastnn.understanding.costs` has them.
        """
        from fastnn.summary import describe, print_summary

        print_summary(self.name, *describe(self), print_fn=print_fn, line_length=line_length,
                      positions=positions, show_trainable=show_trainable, layer_range=layer_range)
        if flops:
            understanding.print_costs(self, print_fn)

    def save(self, path, overwrite=True, metadata=None) -> None:
        """Write the model, its optimizer's state included, to a file; see `fastnn.saving`."""
        from fastnn.saving import save_model

        save_model(self, path, overwrite, metadata)

    def save_weights(self, path, overwrite=True) -> None:
        """Write the arrays of `get_weights` alone to a file; see `fastnn.saving`."""
        from fastnn.saving import save_weights

        save_weights(self, path, overwrite)

    def load_weights(self, path) -> None:
        """Take the arrays of a file that `save_weights` or `save` of an equal network wrote."""
        from fastnn.saving import load_weights

        load_weights(self, path)

    def digest(self) -> str:
        """The SHA-256 of the layers, their arguments and the weights, whatever their names are."""
        from fastnn.digest import digest

        return digest(self)

    @classmethod
    def from_config(cls, config: dict):
        """The functional model of a configuration, with fresh weights."""
        from fastnn.functional_model import Functional

        return Functional.from_config(config)

    def to_json(self, **options) -> str:
        """`get_config` as text, which `fastnn.models.model_from_json` reads.

        options : of ``json.dumps``, such as ``indent``.
        """
        import json

        return json.dumps(registry.serialize(self), **options)

    def to_keras(self):
        """The same network as a model of Keras's; see `fastnn.interchange`."""
        from fastnn.interchange import to_keras

        return to_keras(self)

    def get_config(self) -> dict:
        """What makes an equal model, its weights apart."""
        raise NotImplementedError

    def _get_compile_config(self) -> dict | None:
        """The arguments of ``compile`` as JSON can hold them; None before it."""
        if self._compiled is None:
            return None
        config = {"optimizer": registry.serialize(self.optimizer),
                  "loss": registry.serialize(self._compiled["loss"])}
        for kind in ("metrics", "weighted_metrics"):
            config[kind] = serialized_metrics(self._compiled[kind])
        if not config["weighted_metrics"]:  # files without them are as they always were
            del config["weighted_metrics"]
        return config

    # copies and pickles: views of the vector and plans are made anew

    def __getstate__(self) -> dict:
        state = vars(self).copy()
        if self._trainer is not None:
            state["_state"] = self._trainer.get_state()
        return state | {"_trainer": None, "_predictor": None, "_packed": [], "params": None,
                        "nodes": [], "_was_built": self.built}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        if vars(self).pop("_was_built"):
            self.pack()
        self._state = state["_state"]

    def __copy__(self):
        return copy.deepcopy(self)  # with layers of its own

    def _require_built(self) -> None:
        if not self.built:
            raise ValueError(
                f"The model {self.name!r} does not know its input's shape yet. Begin it with "
                "Input(shape=...), call model.build(input_shape), or fit it.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def _repr_html_(self) -> str:
        from fastnn.notebook import model_html

        return model_html(self)


def serialized_metrics(metrics) -> list:
    """Metrics as JSON can hold them."""
    return [metric if isinstance(metric, str) else registry.serialize(get_metric(metric))
            for metric in metrics]


def _metric_list(name: str, metrics) -> list:
    """The metrics of an argument of ``compile``."""
    if isinstance(metrics, dict):
        raise TypeError(f"{name} must be a list, for the model has one output; received "
                        f"{metrics!r}.")
    return list(metrics) if isinstance(metrics, (list, tuple)) else (
        [] if metrics is None else [metrics])
