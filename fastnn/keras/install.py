"""``install_as``: imports of Keras find fastnn, in this process and on an explicit call only."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

from fastnn.keras.names import MODULES, close_to
from fastnn.keras.namespace import Namespace

# what can be stood in for: the first module that an import of it touches
ROOTS = {"keras": "keras", "tensorflow.keras": "tensorflow", "tf_keras": "tf_keras",
         "keras_tuner": "keras_tuner"}


class Finder:
    """Finds the modules below the installed names; `sys.meta_path` asks it first."""

    def __init__(self):
        self.names: set[str] = set()

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        """The spec of a namespace; None for what is none of ours.

        Raises ModuleNotFoundError for a module that fastnn lacks, and for a name that somebody
        imports from one: Python asks for both alike.
        """
        root = fullname.partition(".")[0]
        if root not in {ROOTS[name] for name in self.names}:
            return None
        if fullname in MODULES:
            return ModuleSpec(fullname, self, is_package=True)
        parent, _, name = fullname.rpartition(".")
        # without its ``name``: ``from parent import name`` would replace an error that has it
        if parent in MODULES:
            raise ModuleNotFoundError(MODULES[parent].missing(parent, name))
        near = close_to(fullname, MODULES)
        raise ModuleNotFoundError(f"fastnn has no module {fullname}.{near}")

    def create_module(self, spec: ModuleSpec) -> Namespace:
        return Namespace(spec.name)

    def exec_module(self, module) -> None:
        """A namespace looks its names up when they are asked for."""


_FINDER = Finder()


def install_as(*names: str) -> None:
    """From here on, imports of these names in this process give fastnn.

    names : of "keras", "tensorflow.keras", "tf_keras" and "keras_tuner"; "keras" if none is given.

    A name that Keras has and fastnn lacks is an ImportError or AttributeError that says so. Nothing
    is changed on disk, and `uninstall` ends it. Raises ImportError if the real package has been
    imported already: objects of both would meet.

    >>> import fastnn
    >>> fastnn.install_as("keras")
    >>> from keras.layers import Dens
    Traceback (most recent call last):
    ModuleNotFoundError: fastnn has no keras.layers.Dens. Close to it: Dense.
    >>> fastnn.uninstall()
    """
    names = names or ("keras",)
    for name in names:
        if name not in ROOTS:
            raise ValueError(f"Expected names among {', '.join(ROOTS)}; received {name!r}.")
        module = sys.modules.get(ROOTS[name])
        if module is not None and not isinstance(module, Namespace):
            raise ImportError(f"{ROOTS[name]} has been imported already, from "
                              f"{getattr(module, '__file__', None)}. Call fastnn.install_as in "
                              "front of its first import, in a new process.", name=name)
    _FINDER.names.update(names)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """Imports are again what they were; objects made in between keep working."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    _FINDER.names.clear()
    for name in [name for name, module in sys.modules.items() if isinstance(module, Namespace)]:
        del sys.modules[name]


def installed() -> tuple[str, ...]:
    """The names that fastnn stands in for at present."""
    return tuple(sorted(_FINDER.names))
