"""What an interrupted `fit` needs in order to go on to the same bits, as a file.

A file of weights, as `fastnn.saving.save_weights` writes it, in which training.json holds where
`fit` stands and what its callbacks remember, and arrays/N.npy the arrays of that. `fitting.Fit`
writes and reads it; callbacks decide when.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import warnings

import numpy as np

from fastnn import registry, saving
from fastnn._archive import CorruptModelError, dump_json, load_json, read, write
from fastnn._states import decode, encode
from fastnn._version import __version__
from fastnn.backends import own
from fastnn.plan import Kind

TRAINING, ARRAYS = "training.json", "arrays/"
_NUMBERS = ("seed", "epoch", "step", "iterations")  # of a trainer's state
_STATE = ("about", "beginning", "finished", "trainer", "position", "learning_rate", "seeds", "stop",
          "callbacks", "metrics")
MOST_HASHED = 1 << 24  # bytes of an array that are hashed: 20 ms


class Backup:
    """The backups of one `fitting.Fit`, made before its first step."""

    def __init__(self, run):
        self.run = run
        self._about = description(run)
        self._beginning = beginning(run.trainer)

    def save(self, path, finished: bool = False) -> None:
        """Write all that decides what is to come to a file; ``finished``: that nothing is.

        Nothing where the training has diverged: from the one before it comes to that again.
        TypeError for what `fastnn._states` cannot keep.
        """
        run, model, trainer = self.run, self.run.model, self.run.trainer
        if trainer.guard is not None and trainer.guard.check():
            return
        rate = model.optimizer.get_config().get("learning_rate")
        state = {
            "about": self._about, "beginning": self._beginning, "finished": finished,
            "trainer": trainer.get_state(), "position": run.position(),
            "learning_rate": rate if isinstance(rate, float) else None,
            "seeds": _seeds(trainer.plan), "stop": bool(model.stop_training),
            "callbacks": run.callbacks.get_state(),
        }
        # between two epochs metrics have nothing to remember
        state["metrics"] = [metric.get_state() for metric in trainer.outside
                            if state["position"]["begun"]]
        try:
            members = _members(state)
        except TypeError as error:
            raise TypeError(f"{path} cannot keep what a callback remembers, or put into the logs: "
                            f"{error}. It keeps numbers, text, lists, dictionaries and arrays of "
                            "numbers.") from None
        write(path, "weights", members | saving._weights(model))

    def restore(self, path) -> bool:
        """Go on from where `save` was called.

        False, and nothing has changed, if that training is finished and began with other weights.
        ValueError for a file of another training, CorruptModelError for a damaged one.
        """
        run, model, trainer = self.run, self.run.model, self.run.trainer
        state, members = load(path)
        _check(path, state["about"], self._about)
        if state["beginning"] != self._beginning and state["finished"]:
            return False
        at = state["position"]["epoch"] + state["position"]["begun"]
        if at > run.last:
            raise ValueError(f"{path} is a backup of epoch {at}, but epochs={run.last}. To train "
                             "for fewer epochs, begin anew: delete the file or name another one.")
        if state["seeds"] != _seeds(trainer.plan):
            warnings.warn("The program draws other seeds than the interrupted one: it goes on, but "
                          "not to the same bits. Let it call fastnn.utils.set_random_seed first.",
                          RuntimeWarning, stacklevel=2)
        saving._take_weights(model, members, path)
        # the batches that are skipped are drawn as they were, from the same pass on
        trainer.set_state(state["trainer"] | {"epoch": trainer.epoch})
        run.go_to(state["position"])
        trainer.set_state(state["trainer"])
        # after all hooks: what those have changed is as it was, too
        run.callbacks.set_state(state["callbacks"])
        for metric, remembered in zip(trainer.outside, state["metrics"], strict=False):
            metric.set_state(remembered)
        if state["learning_rate"] is not None:
            model.optimizer.learning_rate = state["learning_rate"]
        model.stop_training = state["stop"]
        return True


def _members(state: dict) -> dict[str, bytes]:
    arrays: list[np.ndarray] = []
    text = encode(state, arrays)
    listed = [[array.dtype.newbyteorder("<").str, array.shape] for array in arrays]
    members = {TRAINING: dump_json(TRAINING, {"backup": text, "arrays": listed})}
    return members | {f"{ARRAYS}{i}.npy": saving._npy(array) for i, array in enumerate(arrays)}


def load(path) -> tuple[dict, dict[str, bytes]]:
    """The state of a file, and its members.

    CorruptModelError if one byte is wrong, ValueError for a file that is no backup.
    """
    with saving._naming(path):
        _, members = read(path)
        found = load_json(TRAINING, members.get(TRAINING, b"null"))
        if not isinstance(found, dict) or "backup" not in found:
            raise ValueError(f"{path} is no backup of a training. Name another file, or delete "
                             "it if it is not needed.")
        try:
            arrays = [_array(members[f"{ARRAYS}{i}.npy"], dtype, shape)
                      for i, (dtype, shape) in enumerate(found["arrays"])]
            state = decode(found["backup"], arrays)
            return {name: state[name] for name in _STATE}, members
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise CorruptModelError(TRAINING, f"is not what it should be ({error!r:.200})"
                                    ) from error


def _array(data: bytes, dtype: str, shape) -> np.ndarray:
    if not re.fullmatch(r"[<|][biufc]\d{1,2}", dtype):
        raise ValueError(f"{dtype:.20} is no type of numbers")
    header, kind = saving._npy_header(dtype, shape), np.dtype(dtype)
    if not data.startswith(header) or len(data) - len(header) != math.prod(shape) * kind.itemsize:
        raise ValueError(f"an array is not of shape {shape}")
    return np.ndarray(shape, kind, data, len(header)).astype(kind.newbyteorder("="))


# is it the same training?


def beginning(trainer) -> str:
    """A hash of what a training begins with: weights, slots, seed, and its place in both."""
    state = trainer.get_state()
    found = hashlib.sha256(repr([state[name] for name in _NUMBERS]).encode())
    found.update(trainer.memory.params)
    found.update(np.ascontiguousarray(state["slots"]))
    return found.hexdigest()


def description(run) -> dict[str, str]:
    """What a `fitting.Fit` is about, by name: what differs in two of them makes another result."""
    trainer, batches, validation = run.trainer, run.batches, run.validation_feed
    feed = getattr(batches, "feed", None)
    found = {
        "the version of fastnn": __version__,
        "the network with its loss and metrics": _of_plan(trainer),
        "the optimizer": json.dumps(registry.serialize(trainer.optimizer), sort_keys=True,
                                    default=lambda thing: type(thing).__name__),
        "the backend": trainer.backend.NAME,
        "initial_epoch": run.first,
        "batch_size": getattr(batches, "batch_size", None),
        "shuffle": getattr(batches, "shuffle", None),
        "steps_per_epoch": None if feed is None else batches.steps,
        "class_weight": getattr(batches, "class_weight", None),
        "the data": None if feed is None else of_feed(feed),
        "the validation data": None if validation is None else of_feed(validation),
    }
    return {name: str(value) for name, value in found.items()}


def _of_plan(trainer) -> str:
    """A hash of the plan, which says all but what is computed in Python; of that, the names."""
    plan = trainer.plan
    ops, names = plan.ops.copy(), [type(call).__name__ for call in plan.calls] + trainer.names
    ops["s"][_is_random(ops)] = 0
    for op in ops:
        for _, thing in own.formulas([op]):  # their codes depend on what else there is
            names.append(getattr(thing, "__name__", None) or thing.name)
            op["formula"] = -1
    found = hashlib.sha256(repr(ops.tolist()).encode())  # its bytes have gaps between the fields
    found.update(plan.constants)
    found.update(repr((plan.dtype.str, plan.n_params, plan.n_trained, names)).encode())
    return found.hexdigest()


def _is_random(ops) -> np.ndarray:
    return np.isin(ops["kind"], (Kind.DROPOUT, Kind.NOISE))


def _seeds(plan) -> list[int]:
    """The seeds of the ops that draw numbers: those of layers that are not given one."""
    return plan.ops["s"][_is_random(plan.ops)].tolist()


def of_feed(feed) -> str:
    """A hash of the data's shapes and numbers.

    Of an array over `MOST_HASHED` bytes only that much is looked at, in rows that are spread
    evenly.
    """
    found = hashlib.sha256()
    for array in (feed.X, feed.T, feed.labels, feed.weights):
        if array is None:
            found.update(b"none")
            continue
        rows, width = len(array), math.prod(array.shape[1:])
        every = max(1, rows * width * array.dtype.itemsize // MOST_HASHED)
        some = array[::every] if isinstance(array, np.ndarray) else array[np.arange(0, rows, every)]
        some = some.toarray() if hasattr(some, "toarray") else some
        found.update(f"{array.shape} {array.dtype.str}".encode())
        found.update(np.ascontiguousarray(some))
    return found.hexdigest()


def _check(path, found: dict[str, str], here: dict[str, str]) -> None:
    """A ValueError unless the descriptions are equal."""
    other = [name for name in here if found.get(name) != here[name]]
    if other:
        short = [name if len(here[name]) > 32 else f"{name} ({found.get(name)} there, {here[name]} "
                 "here)" for name in other]
        raise ValueError(
            f"{path} is a backup of another training: {', '.join(short)} "
            f"{'is' if len(other) == 1 else 'are'} not the same. To begin anew, delete the file or "
            "name another one: each fit needs one of its own. model.load_weights takes its weights "
            "alone.")
