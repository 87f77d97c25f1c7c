"""Golden numbers of Keras Tuner 1.4.8: spaces, the order of grids, the sizes of Hyperband's rounds.

Run once, with Keras (jax) and keras-tuner:
    python tests/golden/make_tuner.py > tests/golden/tuner.json
"""

import contextlib
import io
import json
import os
import tempfile

os.environ["KERAS_BACKEND"] = "jax"

import keras_tuner as kt

KINDS = [
    ("Int", {"name": "a", "min_value": 8, "max_value": 33, "step": 8}),
    ("Int", {"name": "b", "min_value": 2, "max_value": 33, "step": 2, "sampling": "log"}),
    ("Int", {"name": "c", "min_value": 2, "max_value": 33, "step": 2, "sampling": "reverse_log"}),
    ("Int", {"name": "d", "min_value": 0, "max_value": 3, "default": 2}),
    ("Float", {"name": "e", "min_value": 0, "max_value": 1, "step": 0.2}),
    ("Float", {"name": "f", "min_value": 0.001, "max_value": 10, "step": 10, "sampling": "log"}),
    ("Float", {"name": "g", "min_value": 1, "max_value": 8, "step": 2, "sampling": "reverse_log"}),
    ("Float", {"name": "h", "min_value": 0.001, "max_value": 1, "sampling": "log"}),
    ("Float", {"name": "i", "min_value": 0.001, "max_value": 1, "sampling": "reverse_log"}),
    ("Float", {"name": "j", "min_value": -1, "max_value": 1}),
    ("Choice", {"name": "k", "values": [0.5, 0.25, 0.75], "default": 0.25}),
    ("Choice", {"name": "l", "values": ["x", "y"]}),
    ("Choice", {"name": "m", "values": [3, 1], "ordered": False}),
    ("Boolean", {"name": "n"}),
    ("Boolean", {"name": "o", "default": True}),
    ("Fixed", {"name": "p", "value": 4}),
]


def space(hp):
    return [getattr(hp, kind)(**arguments) for kind, arguments in KINDS]


def conditional(hp):
    hp.Choice("model", ["a", "b"])
    with hp.conditional_scope("model", ["b"]):
        hp.Int("units", 1, 3)
        with hp.name_scope("inner"):
            hp.Boolean("bias")
    hp.Float("rate", 0.1, 0.2, step=0.1)
    with hp.conditional_scope("model", ["a"]):
        hp.Fixed("only_a", 1)


class OneNumber(kt.HyperModel):
    """Nothing is trained: the result is a function of the values."""

    def build(self, hp):
        conditional(hp)


def grid(folder):
    class Tuner(kt.GridSearch):
        def run_trial(self, trial, *args, **kwargs):
            conditional(trial.hyperparameters)
            return 0.0

    tuner = Tuner(OneNumber(), "loss", directory=folder, project_name="grid")
    tuner.search(verbose=0)
    return [trial.hyperparameters.values for trial in tuner.oracle.trials.values()]


def hyperband(folder, max_epochs, factor, iterations):
    class Tuner(kt.Hyperband):
        def run_trial(self, trial, *args, **kwargs):
            return trial.hyperparameters.Float("x", 0, 1)

    tuner = Tuner(OneNumber(), kt.Objective("x", "min"), max_epochs=max_epochs, factor=factor,
                  hyperband_iterations=iterations, seed=1, directory=folder,
                  project_name=f"band{max_epochs}_{factor}_{iterations}")
    tuner.search(verbose=0)
    names = ("tuner/bracket", "tuner/round", "tuner/initial_epoch", "tuner/epochs")
    return sorted([trial.hyperparameters.values[name] for name in names]
                  for trial in tuner.oracle.trials.values())


def main():
    hp = kt.HyperParameters()
    defaults = space(hp)
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):
            golden = {
                "kinds": KINDS, "defaults": defaults, "config": hp.get_config(),
                "values": [sorted(entry.values) if entry.name in "hij" else list(entry.values)
                           for entry in hp.space],
                "grid": grid(folder),
                "hyperband": [[*sizes, hyperband(folder, *sizes)]
                              for sizes in ((9, 3, 1), (10, 2, 1), (5, 2, 2))],
            }
            tuner = kt.RandomSearch(OneNumber(), "val_auc", max_trials=3, directory=folder)
        with contextlib.redirect_stdout(printed):
            tuner.search_space_summary()
    print(json.dumps(golden | {"summary": printed.getvalue()}, indent=1))


if __name__ == "__main__":
    main()
