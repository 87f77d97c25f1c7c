"""The modules that stand in for Keras's: names that are looked up in fastnn's own."""

from __future__ import annotations

import types
from importlib import import_module

from fastnn.keras.names import MODULES


class Namespace(types.ModuleType):
    """A module whose names are those of fastnn's modules that `names.MODULES` has for it."""

    def __init__(self, name: str):
        super().__init__(name, f"{name}, for which fastnn stands in.")
        self.__path__: list = []  # Python takes it for a package: it has modules below

    def __getattr__(self, name: str):
        entry, path = MODULES[self.__name__], f"{self.__name__}.{name}"
        if path in MODULES:
            return import_module(path)
        if name == "__version__":
            return entry.version
        if not name.startswith("_"):
            found = entry.find(name)
            if found is not None:
                setattr(self, name, found)
                return found
        raise AttributeError(entry.missing(self.__name__, name))

    def __dir__(self):
        below = f"{self.__name__}."
        children = [path[len(below):] for path in MODULES if path.startswith(below)]
        return sorted({*MODULES[self.__name__].names(),
                       *(name for name in children if "." not in name)})

    @property
    def __all__(self):
        return self.__dir__()

    def __repr__(self) -> str:
        return f"<module {self.__name__!r} (fastnn in its place)>"
