"""What is tuned: a function ``build(hp)``, or a class with ``build`` and ``fit``."""

from __future__ import annotations


class HyperModel:
    """Builds models from hyperparameters, and trains them.

    Define ``build(self, hp)``, which returns a compiled model, and ``fit`` where training itself
    has hyperparameters.
    """

    def __init__(self, name: str | None = None):
        self.name = name

    def build(self, hp):
        """A compiled model from a `HyperParameters`."""
        raise NotImplementedError

    def fit(self, hp, model, *args, **kwargs):
        """Train it: what this returns is judged by the objective; see `Tuner.run_trial`.

        kwargs : have the ``callbacks`` that the search needs.
        """
        return model.fit(*args, **kwargs)

    def declare_hyperparameters(self, hp) -> None:
        """Ask for hyperparameters that ``build`` does not ask for, to be in the space."""


class FunctionModel(HyperModel):
    """A function ``build(hp)``."""

    def __init__(self, build):
        super().__init__(getattr(build, "__name__", None))
        self._build = build

    def build(self, hp):
        return self._build(hp)


def hypermodel_of(given) -> HyperModel | None:
    """A HyperModel or a function as a HyperModel; None stays. TypeError for anything else."""
    if given is None or (hasattr(given, "build") and hasattr(given, "fit")
                         and not isinstance(given, type)):
        return given
    if not callable(given) or isinstance(given, type):
        raise TypeError("hypermodel must be a function build(hp) or a HyperModel object, received "
                        f"{given!r:.200}.")
    return FunctionModel(given)
