"""Rules about the data and the loss that is asked of it."""

from __future__ import annotations

import numpy as np

from fastnn import activations, losses
from fastnn.understanding.case import Case
from fastnn.understanding.finding import Finding, rule

# Initial weights and usual learning rates are made for inputs of size 1. At 10 the gradient of a
# first layer is 10 times too large, at a hundredth it hardly moves.
LARGE_INPUT, SMALL_INPUT = 10.0, 0.01
LARGE_TARGET = 100.0  # the output starts near 0: it takes many steps to come there
IMBALANCE = 10.0  # rows of the most frequent class for each of the rarest
FAR = 1.5  # standard deviations between the mean targets of two parts
DIFFERENT = 0.35  # of all rows would have to change their class for two parts to be alike

_REGRESSIONS = (losses.MeanSquaredError, losses.MeanAbsoluteError, losses.Huber, losses.LogCosh)
_CROSS = (losses.CategoricalCrossentropy,)  # and its subclasses, the sparse one among them
_BINARY = (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)
# what an activation can reach
_RANGES = {"Sigmoid": (0, 1), "Tanh": (-1, 1), "ReLU": (0, np.inf), "Softmax": (0, 1),
           "Softplus": (0, np.inf), "Exponential": (0, np.inf)}


@rule
def unscaled_inputs(case: Case) -> Finding | None:
    X = case.first_inputs
    if X is None:
        return None
    sizes = np.sqrt(np.square(X, dtype=np.float64).mean(axis=0))
    worst = int(sizes.argmax())
    size = float(sizes[worst])
    if size == 0 or SMALL_INPUT <= size <= LARGE_INPUT:
        return None
    return Finding(
        f"The inputs are too {'large' if size > 1 else 'small'}: the root mean square of column "
        f"{worst} is {size:.3g}, and weights begin as if it were about 1.",
        "Scale the columns to mean 0 and standard deviation 1 (layers.Normalization with adapt, or "
        "StandardScaler), and images by 1/255 (layers.Rescaling).",
        {"column": worst, "root mean square": size, "smallest": float(X.min()),
         "largest": float(X.max())})


@rule
def unscaled_targets(case: Case) -> Finding | None:
    if not case.one_output or not isinstance(case.loss, _REGRESSIONS):
        return None
    sizes = np.sqrt(np.square(case.feed.T, dtype=np.float64).mean(axis=0))
    size = float(sizes.max())
    if size <= LARGE_TARGET:
        return None
    return Finding(
        f"The targets are large: their root mean square is {size:.3g}, while outputs begin near 0. "
        "Gradients are as large, and the bias has a long way to go.",
        "Train on (y - y.mean()) / y.std(), and turn predictions back.",
        {"column": int(sizes.argmax()), "root mean square": size})


@rule
def loss_and_output(case: Case) -> Finding | None:
    activation, loss = case.output_activation, case.loss
    if not case.one_output or activation is None:
        return None
    name, m = type(activation).__name__, case.trainer.plan.n_outputs
    wrong = _wrong_output(loss, name, m, case)
    if wrong is None:
        return None
    message, cure = wrong
    return Finding(message, cure, {"loss": loss.name, "output activation": name.lower(),
                                   "outputs": m})


def _wrong_output(loss, name: str, m: int, case: Case) -> tuple[str, str] | None:
    """What is wrong with an output activation for a loss, and its cure."""
    logits = getattr(loss, "from_logits", False)
    if name == "Softmax" and m == 1:
        return ("A softmax of one output is always 1, whatever the network computes.",
                "Use Dense(1, 'sigmoid') with 'binary_crossentropy'.")
    if logits and name in ("Sigmoid", "Softmax"):
        return (f"The loss has from_logits=True, so {name.lower()} is applied twice.",
                "Take the activation off the last layer, or from_logits off the loss.")
    if isinstance(loss, (*_BINARY, *_CROSS)):
        wanted = "Softmax" if isinstance(loss, _CROSS) else "Sigmoid"
        if logits or name == wanted:
            return None
        why = ("which gives no probabilities" if name not in ("Sigmoid", "Softmax") else
               "whose outputs are independent" if wanted == "Softmax" else
               "whose outputs compete, while this loss takes each for itself")
        return (f"{loss.name} needs {wanted.lower()} outputs; the last layer has {name.lower()}, "
                f"{why}.", f"Give the last layer activation={wanted.lower()!r}, or the loss "
                "from_logits=True if the last layer is linear.")
    if isinstance(loss, _REGRESSIONS) and name in ("Sigmoid", "Softmax") and _zeros_and_ones(case):
        better = "binary_crossentropy" if name == "Sigmoid" else "categorical_crossentropy"
        return (f"{loss.name} behind a {name.lower()}: where an output is surely wrong the "
                "gradient is almost 0, so that it cannot be corrected.",
                f"Use the loss {better!r}.")
    if isinstance(loss, (losses.Hinge, losses.SquaredHinge)) and name in ("Sigmoid", "Softmax"):
        return (f"{loss.name} wants outputs from -1 to 1 and beyond; a {name.lower()} gives 0 to "
                "1.", "Use activation='tanh' or a linear last layer.")
    return None


def _zeros_and_ones(case: Case) -> bool:
    return bool(np.isin(case.feed.T, (0, 1)).all())


@rule
def loss_and_labels(case: Case) -> Finding | None:
    if not case.one_output:
        return None
    return _unused_classes(case) or _two_classes(case) or _out_of_reach(case)


def _unused_classes(case: Case) -> Finding | None:
    m = case.trainer.plan.n_outputs
    if not case.loss.sparse or len(case.feed.labels) < 10 * m:
        return None
    missing = np.setdiff1d(np.arange(m), case.feed.labels)
    if not len(missing):
        return None
    return Finding(f"{len(missing)} of {m} classes never occur in the labels: "
                   f"{', '.join(map(str, missing[:5]))}{', ...' if len(missing) > 5 else ''}.",
                   "Number the classes 0, 1, 2, ... without gaps, and give the last layer as many "
                   "units as there are classes.",
                   {"outputs": m, "classes in the labels": m - len(missing)})


def _two_classes(case: Case) -> Finding | None:
    activation, T = case.output_activation, case.feed.T
    if (type(activation) is not activations.Linear or not isinstance(case.loss, _REGRESSIONS)
            or T.shape[1] != 1 or not _zeros_and_ones(case) or len(np.unique(T)) < 2):
        return None
    return Finding(f"The targets are two classes, 0 and 1, but {case.loss.name} with a linear "
                   "output treats them as amounts.",
                   "Use Dense(1, 'sigmoid') with 'binary_crossentropy'.",
                   {"loss": case.loss.name, "zeros": int((T == 0).sum()),
                    "ones": int((T == 1).sum())})


def _out_of_reach(case: Case) -> Finding | None:
    name, T = type(case.output_activation).__name__, case.feed.T
    if name not in _RANGES or not isinstance(case.loss, _REGRESSIONS):
        return None
    low, high = _RANGES[name]
    share = float(((low > T) | (high < T)).mean())
    if not share:
        return None
    return Finding(f"{share:.0%} of the targets lie outside of what {name.lower()} can give, "
                   f"{low} to {high}.", "Use a linear last layer, or scale the targets.",
                   {"smallest target": float(T.min()), "largest target": float(T.max())})


@rule
def class_imbalance(case: Case) -> Finding | None:
    if not case.classifies:
        return None
    weights = case.feed.weights
    numbers, place = np.unique(case.classes(), return_inverse=True)
    counts = np.bincount(place, weights)
    if len(numbers) < 2 or counts.min() <= 0 or counts.max() < IMBALANCE * counts.min():
        return None
    most, least = int(counts.argmax()), int(counts.argmin())
    return Finding(
        f"Class {numbers[most]} has {counts.max() / counts.min():.0f} times the weight of class "
        f"{numbers[least]}: always saying {numbers[most]} is right in "
        f"{counts.max() / counts.sum():.0%} of the rows.",
        "Use fit(..., class_weight='balanced'), collect more of the rare class, and judge by "
        "precision, recall or AUC instead of accuracy.",
        {"rows": {str(numbers[most]): float(counts.max()),
                  str(numbers[least]): float(counts.min())}})


@rule
def validation_differs(case: Case) -> Finding | None:
    if case.validation is None or not case.one_output:
        return None
    return _other_classes(case) if case.classifies else _other_targets(case)


def _other_classes(case: Case) -> Finding | None:
    train, held = case.classes(), case.classes(case.validation)
    numbers = np.union1d(train, held)
    shares = [np.array([(part == number).mean() for number in numbers]) for part in (train, held)]
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    new = numbers[shares[0] == 0]
    if not len(new) and (distance < DIFFERENT or len(held) < 20):
        return None
    message = (f"The validation rows have classes that training never sees: "
               f"{', '.join(map(str, new[:5]))}." if len(new) else
               "The validation rows have other classes than the training rows: "
               f"{distance:.0%} of them would have to change.")
    return Finding(message, "The rows are probably sorted: use fit(..., validation_mode='stratify')"
                   ", or shuffle them before validation_split takes the last ones.",
                   {"distance": distance, "classes only in validation": len(new)})


def _other_targets(case: Case) -> Finding | None:
    train, held = (feed.T.astype(np.float64) for feed in (case.feed, case.validation))
    if not train.size or not held.size or len(held) < 20:
        return None
    spread = train.std(axis=0)
    apart = np.abs(train.mean(axis=0) - held.mean(axis=0)) / np.where(spread > 0, spread, 1)
    worst = int(apart.argmax())
    if apart[worst] < FAR:
        return None
    return Finding(f"The validation rows have other targets: their means lie {apart[worst]:.1f} "
                   "standard deviations apart.",
                   "The rows are probably sorted: use fit(..., validation_mode='shuffle').",
                   {"mean in training": float(train.mean(axis=0)[worst]),
                    "in validation": float(held.mean(axis=0)[worst])})
