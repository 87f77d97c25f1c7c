"""MLPClassifier: scikit-learn's, on fastnn's compiled core."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from fastnn.sklearn.base import FLOATS, SPARSE, BasePerceptron, HiddenLayers


class BaseClassifier(ClassifierMixin, BasePerceptron):
    """A perceptron for classes (abstract): a subclass has the arguments."""

    _parameter_constraints: ClassVar[dict] = {
        **BasePerceptron._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, validation_data=None):
        """Train on the rows X (n, k), dense or sparse, and their classes y (n,) or labels (n, m).

        validation_data : (X, y) or (X, y, sample_weight), whose loss after each epoch goes into
            ``validation_loss_curve_``, and whose score ``early_stopping`` then watches.
        """
        return self._fit(X, y, sample_weight, validation_data=validation_data)

    @available_if(lambda est: est._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """One epoch more; the first call needs all ``classes``."""
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            multilabel = type_of_target(y).startswith("multilabel")
            self._label_binarizer.fit(y if multilabel else classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def _validate_input(self, X, y, incremental, reset):
        X, y = validate_data(self, X, y, accept_sparse=SPARSE, multi_output=True, dtype=FLOATS,
                             reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(y)
        return X, self._targets(y), y

    def _check_classes(self, y) -> None:
        places = self._places(y)
        if places is not None and not self.warm_start:
            return
        classes = unique_labels(y)
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous "
                    f"call to fit. Previously got {self.classes_}, `y` has {classes}")
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError("`y` has classes not in `self.classes_`. "
                             f"`self.classes_` has {self.classes_}. 'y' has {classes}.")

    def _targets(self, y):
        places = self._places(y)
        if places is None:
            return self._label_binarizer.transform(y).astype(bool)
        return places[:, None] == (np.arange(len(self.classes_)) if len(self.classes_) > 2 else 1)

    def _places(self, y) -> np.ndarray | None:
        """The number of each row's class, or None where it takes scikit-learn to say that.

        Its checks of labels take longer than an epoch of few rows.
        """
        classes = self.classes_
        plain = isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biuU"
        if not plain or y.dtype.kind != classes.dtype.kind or self._has_labels:
            return None
        places = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
        return places if (classes[places] == y).all() else None

    @property
    def _has_labels(self) -> bool:
        """Whether each row has several labels, not one class."""
        return self._label_binarizer.y_type_ not in ("binary", "multiclass")

    def _row_weights(self, y, sample_weight, incremental):
        if self.class_weight is None:
            return sample_weight
        if incremental and self.class_weight == "balanced":
            raise ValueError("class_weight='balanced' needs all rows, which partial_fit does not "
                             "see. Give it the weights: class_weight={class: weight}.")
        weights = compute_sample_weight(self.class_weight, y)
        return weights if sample_weight is None else weights * sample_weight

    def _out_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _score_of(self, outputs, targets, sample_weight):
        """The accuracy; NaN where an output is."""
        if not np.isfinite(outputs).all():
            return np.nan
        if self.out_activation_ == "softmax":
            right = outputs.argmax(axis=1) == targets.argmax(axis=1)
        else:
            right = ((outputs > 0.5) == targets).all(axis=1)
        return float(np.average(right, weights=sample_weight))

    def predict(self, X):
        """The class of each row (n,), or its labels (n, m)."""
        outputs = self._outputs(X)
        if self._has_labels:
            return self._label_binarizer.inverse_transform(outputs)
        if self.n_outputs_ > 1:
            return self.classes_[outputs.argmax(axis=1)]
        return self.classes_[np.minimum(outputs.ravel() > 0.5, len(self.classes_) - 1)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class Probabilities:
    """Outputs that are probabilities."""

    def predict_proba(self, X):
        """The probability of each class (n, classes), or of each label (n, m)."""
        outputs = self._outputs(X)
        if self.n_outputs_ == 1:
            return np.column_stack([1 - outputs[:, 0], outputs[:, 0]])
        return outputs

    def predict_log_proba(self, X):
        """The logarithm of `predict_proba`."""
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)


class MLPClassifier(HiddenLayers, Probabilities, BaseClassifier):
    """A multi-layer perceptron for classes, with scikit-learn's arguments and results.

    The arguments up to ``max_fun`` mean what they mean in ``sklearn.neural_network.MLPClassifier``,
    and the same ``random_state`` gives the same weights after every step, up to rounding. More:

    activation : also any of fastnn's, and a list with one for each hidden layer.
    solver : also the name of any of fastnn's optimizers, or one itself, with its own learning rate.
    learning_rate_init : also a schedule of ``fastnn.optimizers.schedules``.
    verbose : also "bar", for a progress bar.
    loss : "log_loss", or one of fastnn's losses, on the probabilities.
    class_weight : {class: weight}, "balanced", or None.
    dropout : the share of each hidden layer's outputs to drop in training, or a list of them.
    batch_norm : whether hidden layers are normalised between their sums and their activation.
    callbacks : fastnn's callbacks, told of epochs.

    ``validation_loss_curve_`` has the losses on ``validation_data`` of ``fit``; ``norms_`` what
    ``batch_norm`` has learnt: gamma, beta, moving mean and variance of each hidden layer.

    >>> from fastnn.sklearn import MLPClassifier
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], ["same", "other", "other", "same"]
    >>> model = MLPClassifier((8,), "tanh", solver="lbfgs", random_state=0).fit(X, y)
    >>> model.predict(X).tolist()
    ['same', 'other', 'other', 'same']
    """

    def __init__(self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam",
                 alpha=0.0001, batch_size="auto", learning_rate="constant",
                 learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
                 random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9,
                 nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1,
                 beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
                 loss="log_loss", class_weight=None, dropout=0.0, batch_norm=False,
                 callbacks=None):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.loss = loss
        self.class_weight = class_weight
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.callbacks = callbacks
