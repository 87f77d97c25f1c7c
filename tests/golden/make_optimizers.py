"""Write tests/golden/optimizers.json: Keras's optimizers on given gradients, and its schedules.

Run with an interpreter that has Keras 3.15 (with jax it takes half an hour):
    KERAS_BACKEND=numpy python tests/golden/make_optimizers.py
The tests run `moved` and `rates` with fastnn in the place of Keras.
"""

import json
import sys
from pathlib import Path

import numpy as np

TARGET = Path(__file__).with_name("optimizers.json")
STEPS = 24
KEPT = (0, 1, 2, 6, 13, 23)  # the steps whose numbers are kept
SHAPES = {"kernel": (3, 2), "bias": (2,), "gamma": (4,)}


def numbers(*shape, phase=0.0):
    return np.sin(1.7 * np.arange(1, np.prod(shape) + 1) ** 1.3 + phase).reshape(shape)


def parameters():
    return {name: numbers(*shape, phase=len(name)).astype("float32")
            for name, shape in SHAPES.items()}


def gradients(step):
    """They change sign and size from step to step, and one of them vanishes for a while."""
    size = 10.0 ** (step % 5 - 3)
    sizes = [size, size, size * (step % 7 > 2)]
    return [(numbers(*shape, phase=2.1 * step + i) * sizes[i]).astype("float32")
            for i, shape in enumerate(SHAPES.values())]


def each(**settings):
    """One setting for every optimizer."""
    return {f"{name.lower()}_{'_'.join(settings) or 'plain'}": (name, settings) for name in (
        "SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Nadam", "Adagrad", "Adadelta", "Ftrl", "Lion",
        "Lamb")}


DECAY = {"class_name": "ExponentialDecay", "config": {
    "initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5}}

CASES = each() | each(weight_decay=0.1) | each(gradient_accumulation_steps=3) | {
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "rmsprop_both": ("RMSprop", {"momentum": 0.5, "centered": True}),
    "amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True, "beta_2": 0.9}),
    "adamw_amsgrad": ("AdamW", {"learning_rate": 0.01, "amsgrad": True, "weight_decay": 0.2}),
    "adadelta_1": ("Adadelta", {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-4}),
    "adagrad_2": ("Adagrad", {"learning_rate": 0.5, "initial_accumulator_value": 0.0,
                              "epsilon": 1e-3}),
    "ftrl_all": ("Ftrl", {"learning_rate": 0.5, "l1_regularization_strength": 0.2,
                          "l2_regularization_strength": 0.1, "beta": 0.3,
                          "l2_shrinkage_regularization_strength": 0.05}),
    "ftrl_power": ("Ftrl", {"learning_rate": 0.5, "learning_rate_power": -0.8,
                            "initial_accumulator_value": 0.3}),
    "lion_2": ("Lion", {"learning_rate": 0.01, "beta_1": 0.6, "beta_2": 0.8}),
    "nadam_2": ("Nadam", {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95}),
    "clipnorm": ("SGD", {"learning_rate": 0.1, "clipnorm": 0.3}),
    "clipvalue": ("Adam", {"learning_rate": 0.1, "clipvalue": 0.3}),
    "global_clipnorm": ("SGD", {"learning_rate": 0.1, "global_clipnorm": 0.3, "momentum": 0.9}),
    "scaled": ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 8.0}),
    "average": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7}),
    "overwritten": ("Adam", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.9,
                             "ema_overwrite_frequency": 4}),
    "accumulated_average": ("SGD", {
        "learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 2,
        "gradient_accumulation_steps": 3, "clipnorm": 0.2, "weight_decay": 0.1}),
    "spared": ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.3, "spare": ["bias", "gam"]}),
    "scheduled": ("SGD", {"learning_rate": DECAY, "momentum": 0.9}),
    "scheduled_adamw": ("AdamW", {"learning_rate": DECAY, "weight_decay": 0.5}),
    "scheduled_accumulated": ("Nadam", {"learning_rate": DECAY, "gradient_accumulation_steps": 4}),
}  # fmt: skip

SCHEDULES = {
    "exponential": ("ExponentialDecay", (0.1, 7, 0.5), {}),
    "exponential_stairs": ("ExponentialDecay", (0.1, 7, 0.5, True), {}),
    "piecewise": ("PiecewiseConstantDecay", ([5, 11, 30], [1.0, 0.5, 0.25, 0.1]), {}),
    "polynomial": ("PolynomialDecay", (0.1, 20), {"power": 2.0}),
    "polynomial_cycle": ("PolynomialDecay", (0.1, 8, 0.01, 0.5, True), {}),
    "inverse": ("InverseTimeDecay", (0.1, 7, 0.5), {}),
    "inverse_stairs": ("InverseTimeDecay", (0.1, 7, 0.5, True), {}),
    "cosine": ("CosineDecay", (0.1, 20), {"alpha": 0.1}),
    "cosine_warm": ("CosineDecay", (0.01, 20), {"warmup_target": 0.1, "warmup_steps": 6}),
    "restarts": ("CosineDecayRestarts", (0.1, 5), {"m_mul": 0.8, "alpha": 0.05}),
    "restarts_equal": ("CosineDecayRestarts", (0.1, 5, 1.0, 0.8), {}),
    "restarts_slow": ("CosineDecayRestarts", (0.1, 5, 1.5), {}),
}


def made(optimizers, name):
    """The optimizer of a case, and what its weight decay spares."""
    cls, settings = CASES[name]
    settings = dict(settings)
    spare = settings.pop("spare", None)
    if isinstance(settings.get("learning_rate"), dict):
        settings["learning_rate"] = optimizers.schedules.deserialize(settings["learning_rate"])
    optimizer = getattr(optimizers, cls)(**settings)
    if spare:
        optimizer.exclude_from_weight_decay(var_names=spare)
    return optimizer


def rates(optimizers, name):
    cls, arguments, settings = SCHEDULES[name]
    schedule = getattr(optimizers.schedules, cls)(*arguments, **settings)
    return [float(schedule(step)) for step in range(45)]


def moved(optimizer, variables, read):
    """The variables after the steps kept, each time in one list, and at the end.

    read(variable) is its array.
    """
    path = []
    for step in range(STEPS):
        optimizer.apply_gradients(zip(gradients(step), variables, strict=True))
        if step in KEPT:
            path.append([float(x) for v in variables for x in read(v).ravel()])
    optimizer.finalize_variable_values(variables)
    path.append([float(x) for v in variables for x in read(v).ravel()])
    return path


def main():
    import keras

    lines = []
    for name in CASES:
        variables = [keras.Variable(value, name=key) for key, value in parameters().items()]
        path = moved(made(keras.optimizers, name), variables, np.asarray)
        path = [[round(x, 8) for x in row] for row in path]
        lines.append(f"{json.dumps(name)}: {json.dumps(path)}")
    schedules = {name: rates(keras.optimizers, name) for name in SCHEDULES}
    defaults = {name: default_config(keras.optimizers, name) for name, _ in each().values()}
    TARGET.write_text("{" + '"moved": {\n' + ",\n".join(lines) + '},\n"rates": '
                      + json.dumps(schedules) + ',\n"defaults": ' + json.dumps(defaults) + "}\n")
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes", file=sys.stderr)


def default_config(optimizers, name):
    config = getattr(optimizers, name)().get_config()
    return config | {"learning_rate": round(float(config["learning_rate"]), 6)}


if __name__ == "__main__":
    main()
