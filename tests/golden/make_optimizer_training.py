"""Write tests/golden/optimizer_training.json: what Keras's `fit` makes with every optimizer.

    KERAS_BACKEND=jax python tests/golden/make_optimizer_training.py
The network, the data and what is kept are those of make_training.py.
"""

import json
import runpy
from pathlib import Path

TARGET = Path(__file__).with_name("optimizer_training.json")
BASE = runpy.run_path(str(Path(__file__).with_name("make_training.py")))

AROUND = {"weight_decay": 0.05, "global_clipnorm": 0.4, "use_ema": True, "ema_momentum": 0.8,
          "ema_overwrite_frequency": 3, "gradient_accumulation_steps": 2}
RATES = {"SGD": 0.1, "Adagrad": 0.1, "Adadelta": 1.0, "Ftrl": 0.1}
CASES = {f"{name}_{kind}": (name, settings) for name in (
    "SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Nadam", "Adagrad", "Adadelta", "Ftrl", "Lion",
    "Lamb") for kind, settings in (("plain", {}), ("around", AROUND))}


def case(lib, name):
    cls, settings = CASES[name]
    rate = RATES.get(cls, 0.01)
    if settings:
        rate = lib.optimizers.schedules.CosineDecay(rate, 12, alpha=0.1)
    optimizer = getattr(lib.optimizers, cls)(learning_rate=rate, **settings)
    return BASE["case"](lib, 1, None, "mse", BASE["ONE"], optimizer=optimizer)


def train(lib, name):
    """The losses and the final weights of a case."""
    model, x, y, _ = case(lib, name)
    history = model.fit(x, y, epochs=4, batch_size=16, shuffle=False, verbose=0)
    weights = [float(x) for w in model.get_weights() for x in w.ravel()]
    return {"loss": [round(x, 8) for x in history.history["loss"]],
            "weights": [round(x, 8) for x in weights]}


def main():
    import keras

    lines = [f"{json.dumps(name)}: {json.dumps(train(keras, name))}" for name in CASES]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
