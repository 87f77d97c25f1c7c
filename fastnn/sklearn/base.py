"""What both perceptrons share: arguments, parameters, the way from data to a fitted network."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from itertools import pairwise
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    is_classifier,
)
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as ScikitLearnMLP
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn import optimizers
from fastnn.sklearn import lbfgs, stochastic
from fastnn.sklearn.network import Layout, Network
from fastnn.sklearn.objective import Loss, Objective
from fastnn.sklearn.steps import CallbackSupportMixin, end_fit, start_fit

SPARSE = ["csr", "csc"]
FLOATS = (np.float64, np.float32)


class HiddenLayers(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """What a network with hidden layers makes of rows on the way."""

    def transform(self, X, layer: int = -1):
        """The values (n, units) of the last hidden layer, or of ``layer``, counted from 0.

        In prediction: nothing is dropped, and batch normalisation has its moving statistics.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=SPARSE, reset=False)
        if self.n_layers_ < 3:
            raise ValueError("transform gives a hidden layer's values, but hidden_layer_sizes is "
                             f"{self.hidden_layer_sizes!r}.")
        return self._network_for(X).hidden(X, layer)

    @property
    def _n_features_out(self) -> int:
        return self.coefs_[-1].shape[0]


class BasePerceptron(CallbackSupportMixin, BaseEstimator, ABC):
    """A multi-layer perceptron with scikit-learn's interface (abstract).

    A subclass prepares the targets, says what its score is and what its outputs mean.
    """

    _parameter_constraints: ClassVar[dict] = {
        **ScikitLearnMLP._parameter_constraints,
        "activation": [str, "array-like", object],
        "solver": [str, optimizers.Optimizer],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither"),
                               optimizers.schedules.LearningRateSchedule],
        "verbose": ["verbose", StrOptions({"bar"})],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "batch_norm": ["boolean"],
        "callbacks": [object],
        "loss": [object],
    }

    # what the estimators of one layer do in another way
    _uses_bias = True
    _reduction = "mean_with_sample_weight"
    _lbfgs_options: ClassVar[dict] = {}

    @property
    def _stochastic(self) -> bool:
        return self.solver != "lbfgs"

    def _check_solver(self) -> bool:
        if not self._stochastic:
            raise AttributeError("partial_fit is only available for stochastic optimizers. "
                                 f"{self.solver} is not stochastic.")
        return True

    # what a subclass defines

    @abstractmethod
    def _validate_input(self, X, y, incremental, reset):
        """X, the targets as numbers and as they were given, checked."""

    @abstractmethod
    def _out_activation(self) -> str:
        """scikit-learn's name of the output's activation."""

    @abstractmethod
    def _score_of(self, outputs, targets, sample_weight) -> float:
        """The score of a network's outputs (n, m)."""

    def _penalty(self, share: float) -> float:
        """The penalty's factor for batches that are a ``share`` of the rows."""
        return self.alpha

    def _row_weights(self, y, sample_weight, incremental):
        """The weights of the rows, with those of their classes."""
        return sample_weight

    # fit

    def _fit(self, X, y, sample_weight=None, incremental=False, validation_data=None):
        sizes = self._hidden_sizes()
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, Y, y = self._validate_input(X, y, incremental, reset=first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        weights = self._row_weights(y, sample_weight, incremental)
        Y = Y.reshape(len(Y), -1)
        self.n_outputs_ = Y.shape[1]
        self._random_state = check_random_state(self.random_state)
        if first:
            self._initialize((X.shape[1], *sizes, self.n_outputs_), X.dtype)
        most = self.max_iter if self._stochastic else None
        task = start_fit(self, X, y, sample_weight, most)
        if self._stochastic:
            self._fit_stochastic(X, Y, weights, incremental, validation_data, task)
        else:
            self._fit_lbfgs(X, Y, weights, validation_data, task)
        if not all(np.isfinite(array).all() for array in self.coefs_ + self.intercepts_):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed.")
        end_fit(self, X, y, sample_weight)
        return self

    def _hidden_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if np.any(np.array(sizes) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return tuple(int(size) for size in sizes)

    def _initialize(self, sizes, dtype) -> None:
        """Draw the parameters, in scikit-learn's order, and begin the records."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._out_activation()
        self.coefs_, self.intercepts_, self.norms_ = [], [], []
        # Glorot & Bengio 2010, equation 16; scikit-learn draws the biases as well
        factor = 2.0 if self.activation == "logistic" else 6.0
        for k, m in pairwise(sizes):
            bound = np.sqrt(factor / (k + m))
            self.coefs_.append(self._draw(bound, (k, m), dtype))
            if self._uses_bias:
                self.intercepts_.append(self._draw(bound, m, dtype))
        for m in sizes[1:-1] if self.batch_norm else ():
            self.norms_ += [np.ones(m), np.zeros(m), np.zeros(m), np.ones(m)]
        self._seeds = (0,) * (len(sizes) - 2)
        if np.any(self.dropout):  # drawn behind the parameters, which so stay scikit-learn's
            self._seeds = tuple(self._random_state.randint(1 << 31, size=len(sizes) - 2).tolist())
        self._solver = None
        if self._stochastic:
            self._begin_records()

    def _draw(self, bound, shape, dtype):
        return self._random_state.uniform(-bound, bound, shape).astype(dtype, copy=False)

    def _begin_records(self) -> None:
        self.loss_curve_ = []
        self.validation_loss_curve_ = []
        self._no_improvement_count = 0
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None
        self.best_loss_ = None if self.early_stopping else np.inf
        self._best_params = self._ready().params.copy() if self.early_stopping else None

    def _ready(self, dtype=None) -> Network:
        """The network with the parameters that ``coefs_`` and ``intercepts_`` hold now.

        These lists then have its own arrays in them. With another ``dtype`` it is a copy.
        """
        own = np.result_type(*self.coefs_, *self.intercepts_)
        own = own if own in FLOATS else np.dtype(np.float64)
        layout = self._layout(own if dtype is None else np.dtype(dtype))
        network = self.__dict__.get("_network")
        if network is None or network.layout != layout:
            network = Network(layout)
        parts = (self.coefs_, network.coefs), (self.intercepts_, network.intercepts), \
            (self.__dict__.get("norms_", []), network.norms)
        read = [network.read(arrays, own_ones) for arrays, own_ones in parts]
        if layout.dtype == own.name:
            self.coefs_, self.intercepts_, self.norms_ = read
            self._network = network
        return network

    def _layout(self, dtype) -> Layout:
        sizes = (len(self.coefs_[0]), *(array.shape[1] for array in self.coefs_))
        n = len(sizes) - 2
        hidden = _spread("activation", self.activation, n)
        dropout = _spread("dropout", self.dropout, n)
        return Layout(sizes, hidden, self.out_activation_, tuple(map(float, dropout)),
                      self.__dict__.get("_seeds", (0,) * n), bool(self.batch_norm),
                      self._uses_bias, dtype.name)

    def _fit_lbfgs(self, X, Y, weights, validation_data, task) -> None:
        if any(_spread("dropout", self.dropout, self.n_layers_ - 2)) or self.batch_norm:
            raise ValueError("dropout and batch_norm need a stochastic solver: solver='lbfgs' "
                             "takes the same loss of all rows at every step.")
        if validation_data is not None or self.callbacks:
            raise ValueError("validation_data and callbacks need epochs, which solver='lbfgs' "
                             "does not have. Use solver='adam', or set_callbacks.")
        network = self._ready(np.float64)  # as scikit-learn, whatever the type of X
        loss = self._loss(network, "sum")
        objective = Objective(network, loss, loss.feed(X, Y, weights, np.float64), self.alpha)
        result = lbfgs.minimize(self, objective, task)
        self.loss_ = result.fun
        objective.put(result.x)
        self.coefs_, self.intercepts_ = list(network.coefs), list(network.intercepts)
        self._network = network

    def _loss(self, network, reduction=None) -> Loss:
        layout = network.layout
        return Loss(self.loss, layout.output, layout.sizes[-1], reduction or self._reduction)

    def _fit_stochastic(self, X, Y, weights, incremental, validation_data, task) -> None:
        if not incremental or self.__dict__.get("_solver") is None:
            self._solver = stochastic.make_solver(self)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        held_out = None if validation_data is None else self._held_out(validation_data)
        watched = held_out
        if self.early_stopping and held_out is None:
            X, Y, weights, watched = self._split(X, Y, weights)
        network = self._ready()
        loss, dtype = self._loss(network), network.params.dtype
        feed = loss.feed(X, Y, weights, dtype)
        validation = None if held_out is None else loss.feed(*held_out, dtype)
        score = None
        if self.early_stopping:
            X_held_out, *rest = watched
            score = lambda: self._score_of(network.predict(X_held_out), *rest)  # noqa: E731
        run = stochastic.Run(self, network, self._solver, feed, self._batch_rows(X.shape[0]),
                             incremental, score, validation, task)
        run.go()
        if self.early_stopping and self._best_params is not None:
            network.params[...] = self._best_params
            self._best_params = None  # from now on the network's own are the best, and move on

    def _split(self, X, Y, weights):
        """The rows to train on, and (X, Y, weights) of those to watch."""
        arrays = (X, Y) if weights is None else (X, Y, weights)
        stratify = Y if is_classifier(self) and self.n_outputs_ == 1 else None
        parts = train_test_split(*arrays, random_state=self._random_state,
                                 test_size=self.validation_fraction, stratify=stratify)
        train, watched = parts[::2], parts[1::2]
        if watched[0].shape[0] < 2:
            raise ValueError("The validation set is too small. Increase 'validation_fraction' or "
                             "the size of your dataset.")
        padding = (None,) * (3 - len(arrays))
        return *train, *padding, (*watched, *padding)

    def _held_out(self, validation_data):
        """(X, Y, weights) of the argument ``validation_data``."""
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            raise ValueError("validation_data must be a tuple (X, y) or (X, y, sample_weight), "
                             f"received {type(validation_data).__name__}.")
        X, y, *weights = validation_data
        X, y = validate_data(self, X, y, accept_sparse=SPARSE, multi_output=True, dtype=FLOATS,
                             reset=False)
        weights = (_check_sample_weight(weights[0], X, ensure_non_negative=True) if weights
                   else None)
        Y = self._targets(y)
        return X, Y.reshape(len(Y), -1), weights

    def _targets(self, y):
        """Known targets as numbers."""
        return y

    def _batch_rows(self, n: int) -> int:
        if isinstance(self.batch_size, str):  # "auto"
            return min(200, n)
        if self.batch_size > n:
            warnings.warn("Got `batch_size` less than 1 or larger than sample size. It is going "
                          "to be clipped", stacklevel=5)
        return int(np.clip(self.batch_size, 1, n))

    # use

    def _outputs(self, X) -> np.ndarray:
        """The outputs (n, m) of the network."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=SPARSE, reset=False)
        return self._network_for(X).predict(X)

    def _network_for(self, X) -> Network:
        """The network in the type that NumPy would compute in."""
        network = self._ready()
        wide = np.result_type(X.dtype, network.params.dtype)
        return network if wide == network.params.dtype else self._ready(np.float64)

    def input_gradients(self, X, output=None):
        """How an output moves with each input: (n, inputs) for each row of X, or (n, m, inputs).

        output : the number of one output, or None for all m. Outputs are what ``predict_proba``
        and ``predict`` of a regressor give; a classifier of two classes has one, of the second.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        network, m = self._network_for(X), self.n_outputs_
        wanted = range(m) if output is None else [range(m)[output]]
        found = [network.input_gradients(X, np.tile(np.eye(m)[j], (len(X), 1))) for j in wanted]
        return np.stack(found, axis=1) if output is None else found[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self):
        state = super().__getstate__().copy()
        state.pop("_network", None)  # made anew from the arrays where it is needed
        return state

    # what scikit-learn's own tests look at

    @property
    def _optimizer(self):
        return self._solver

    def _loss_grad_lbfgs(self, packed_coef_inter, X, y, sample_weight, *unused):
        """Loss and gradient at parameters in one vector, all matrices before all biases."""
        network = self._ready(np.float64)
        loss = self._loss(network, "sum")
        feed = loss.feed(X, np.reshape(y, (len(y), -1)), sample_weight, np.float64)
        return Objective(network, loss, feed, self.alpha)(packed_coef_inter)


def _spread(name: str, value, n: int) -> tuple:
    """A setting of each of n hidden layers, from one for all or a list of them."""
    if isinstance(value, (list, tuple, np.ndarray)):
        if len(value) != n:
            raise ValueError(f"{name} must be one for all hidden layers, or one for each of the "
                             f"{n}; received {len(value)}.")
        return tuple(value)
    return (value,) * n
