"""Which of fastnn's modules have the names of each of Keras's.

>>> MODULES["keras.layers"].find("Dense")
<class 'fastnn.layers.core.Dense'>
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from importlib import import_module

VERSION = "3.15.1"  # of Keras, whose public names these are
TENSORFLOW = "2.21.0"  # a version of TensorFlow that comes with this Keras


@dataclass(frozen=True, slots=True)
class Module:
    """One of Keras's modules: the modules of fastnn that have its names, in order of preference."""

    sources: tuple[str, ...] = ()
    package: str = "keras"
    path: str = ""  # below the package

    @property
    def version(self) -> str:
        """The version that the names are of, and which fastnn this is."""
        from fastnn import __version__

        names_of = TENSORFLOW if self.package == "tensorflow" else VERSION
        return f"{names_of}+fastnn.{__version__}"

    def find(self, name: str):
        """What a public name stands for; None if fastnn does not have it."""
        for source in self.sources:
            module = import_module(source)
            found = getattr(module, name, None)
            own = (getattr(found, "__module__", None) or "").startswith("fastnn.")
            if own or name in getattr(module, "__all__", ()):
                return None if isinstance(found, types.ModuleType) else found
        return None

    def names(self) -> list[str]:
        """The names that `find` knows, the modules below apart."""
        found = [n for source in self.sources for n in dir(import_module(source))]
        return [n for n in dict.fromkeys(found)
                if not n.startswith("_") and self.find(n) is not None]

    def missing(self, where: str, name: str) -> str:
        """The words of an error: fastnn has no such name; why; what is close."""
        from fastnn.keras.absent import reason

        why = reason(self.path, name) if self.package == "keras" else TENSORFLOW_ONLY
        near = "" if why else close_to(name, [*self.names(), *_below(where)])
        return f"fastnn has no {where}.{name}{f': {why}' if why else ''}.{near}"


TENSORFLOW_ONLY = "it stands in for tensorflow.keras and nothing else of TensorFlow"

_OURS = {
    "": ("fastnn.keras.top",),
    "activations": ("fastnn.activations",),
    "backend": ("fastnn.keras.backend", "fastnn.ops"),
    "callbacks": ("fastnn.callbacks",),
    "config": ("fastnn.keras.config",),
    "constraints": ("fastnn.constraints",),
    "datasets": (),
    "datasets.mnist": ("fastnn.datasets.mnist",),
    "initializers": ("fastnn.initializers",),
    "layers": ("fastnn.layers",),
    "losses": ("fastnn.losses",),
    "metrics": ("fastnn.metrics",),
    "models": ("fastnn.models",),
    "ops": ("fastnn.ops",),
    "ops.linalg": ("fastnn.ops.linalg",),
    "ops.nn": ("fastnn.ops.nn",),
    "ops.numpy": ("fastnn.ops",),
    "optimizers": ("fastnn.optimizers",),
    "optimizers.legacy": ("fastnn.keras.legacy",),
    "optimizers.schedules": ("fastnn.optimizers.schedules",),
    "preprocessing": ("fastnn.keras.preprocessing",),
    "preprocessing.sequence": ("fastnn.keras.preprocessing",),
    "random": ("fastnn.keras.random",),
    "regularizers": ("fastnn.regularizers",),
    "saving": ("fastnn.keras.saving", "fastnn.saving"),
    "utils": ("fastnn.keras.utils", "fastnn.utils", "fastnn.keras.saving"),
}


def _table() -> dict[str, Module]:
    table = {}
    for package, root in (("keras", "keras"), ("tensorflow", "tensorflow.keras"),
                          ("tf_keras", "tf_keras")):
        for path, sources in _OURS.items():
            name = f"{root}.{path}" if path else root
            table[name] = Module(sources, "keras", path)
        if package == "tensorflow":
            table["tensorflow"] = Module((), "tensorflow")
            table["tensorflow.random"] = Module(("fastnn.keras.tensorflow",), "tensorflow")
    for name in ("keras_tuner", "keras_tuner.tuners"):
        table[name] = Module(("fastnn.tuner",))
    return table


MODULES = _table()


def _below(where: str) -> list[str]:
    return [path[len(where) + 1:] for path in MODULES if path.startswith(f"{where}.")]


def close_to(name: str, known) -> str:
    """A sentence with the names close to one, or nothing."""
    from difflib import get_close_matches

    lower = {k.lower(): k for k in known}
    close = get_close_matches(name.lower(), lower, n=3)
    return f" Close to it: {', '.join(lower[k] for k in close)}." if close else ""
