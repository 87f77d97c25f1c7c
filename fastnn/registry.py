"""Names for classes: one table for each kind (activation, loss, optimizer, initializer, ...).

>>> @register("colour", "crimson")
... class DarkRed:
...     pass
>>> get_class("colour", "dark_red") is get_class("colour", "Crimson") is DarkRed
True
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar

_custom: ContextVar[dict | None] = ContextVar("custom_objects", default=None)
shared_objects: dict[str, object] = {}  # by exact name, for the whole process
_shared_names: dict[object, str] = {}
_tables: dict[str, dict[str, type]] = {}  # kind -> lower-case name -> class, in registration order


class UnknownName(ValueError):
    """A name that no class of its kind has."""


def snake_case(name: str) -> str:
    """The snake_case form of a class name; acronyms stay whole.

    >>> [snake_case(name) for name in ("MeanSquaredError", "LeakyReLU", "RMSprop", "F1Score")]
    ['mean_squared_error', 'leaky_relu', 'rmsprop', 'f1_score']
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()


def register(kind: str, *aliases: str):
    """Class decorator: the class is found under its name, its snake_case form and the aliases.

    A name that another class of the kind has is a ValueError. Only in an interactive session
    (module ``__main__``) may a class be defined again, as an edited notebook cell does.
    """

    def decorate(cls: type) -> type:
        table = _tables.setdefault(kind, {})
        names = dict.fromkeys(n.lower() for n in (cls.__name__, snake_case(cls.__name__), *aliases))
        for name in names:
            other = table.get(name, cls)
            if other is not cls and not _is_redefinition(cls, other):
                raise ValueError(
                    f"The {_words(kind)} name {name!r} is taken by {_full_name(other)}; "
                    f"{_full_name(cls)} needs another name or alias."
                )
        for name in [n for n, c in table.items() if _is_redefinition(cls, c)]:
            del table[name]
        table.update(dict.fromkeys(names, cls))
        return cls

    return decorate


def get(kind: str, identifier):
    """The object that an identifier stands for.

    ``None`` gives None; a name or a class gives a new instance with the default arguments; an
    instance is returned as it is; ``{"class_name": ..., "config": {...}}`` is what `serialize`
    wrote. A ValueError for an unknown name, a TypeError for anything else.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        return get_class(kind, identifier)()
    if isinstance(identifier, dict) and isinstance(identifier.get("class_name"), str):
        cls = get_class(kind, identifier["class_name"])
        config = identifier.get("config") or {}
        with describing(kind):
            return cls.from_config(config) if hasattr(cls, "from_config") else cls(**config)
    accepted = (*classes(kind), *_common_base(kind))
    if isinstance(identifier, type) and issubclass(identifier, accepted):
        return identifier()
    if isinstance(identifier, accepted):
        return identifier
    received = "" if isinstance(identifier, type) else f" of type {_full_name(type(identifier))}"
    raise TypeError(
        f"Expected a name, a class or an instance for the {_words(kind)}, or a dictionary "
        f"with 'class_name' and 'config'; received {identifier!r:.200}{received}."
    )


@contextmanager
def describing(kind: str):
    """What fails inside, in any way, is the fault of a description: a ValueError or TypeError."""
    try:
        yield
    except (ValueError, TypeError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(f"The description of the {_words(kind)} is not what it should be "
                         f"({error!r:.500}).") from error


def find(kind: str, name: str) -> type | None:
    """The class registered under a name, in any case; None if there is none."""
    custom = custom_object(name)
    # a caller's layer Linear does not stand for the activation of that name
    if isinstance(custom, type) and issubclass(custom, _common_base(kind) or object):
        return custom
    return _tables.get(kind, {}).get(name.lower())


def custom_object(name: str):
    """What a caller gave under a name: inside `custom_objects`, or for good; None if nothing.

    For ``package>Name`` what is called Name will do.
    """
    for objects in (_custom.get() or {}, shared_objects):
        for known in (name, name.rpartition(">")[2]):
            if known in objects:
                return objects[known]
    return None


def share(name: str, value) -> None:
    """From now on a class or function of a caller's is found, and saved, under a name."""
    shared_objects[name] = value
    _shared_names[value] = name


def name_of(value) -> str:
    """The name under which `serialize` writes a class or function."""
    return _shared_names.get(value, value.__name__)


def get_class(kind: str, name: str) -> type:
    """The class registered under a name, in any case; UnknownName lists the known ones."""
    cls = find(kind, name)
    if cls is not None:
        return cls
    table = _tables.get(kind, {})
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), table, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    known = ", ".join(snake_case(n) for n in names(kind)) or "none"
    raise UnknownName(f"Unknown {_words(kind)}: {name!r:.200}.{hint} Known: {known}.")


@contextmanager
def custom_objects(objects: dict[str, type]):
    """Inside, `get_class` finds these classes, by their exact names, before the registered ones.

    >>> with custom_objects({"Tuple": tuple}):
    ...     get_class("sequence", "Tuple")
    <class 'tuple'>
    """
    token = _custom.set({**(_custom.get() or {}), **objects})
    try:
        yield
    finally:
        _custom.reset(token)


def classes(kind: str) -> list[type]:
    """The registered classes of a kind, in the order of registration."""
    return list(dict.fromkeys(_tables.get(kind, {}).values()))


def names(kind: str) -> list[str]:
    """The class names of a kind, in the order of registration."""
    return [cls.__name__ for cls in classes(kind)]


def serialize(obj) -> dict | None:
    """``{"class_name": ..., "config": ...}``, which `get` turns back into an equal object."""
    if obj is None:
        return None
    return {"class_name": name_of(type(obj)), "config": obj.get_config()}


def _common_base(kind: str) -> tuple[type, ...]:
    """The nearest class all of a kind derive from: a user's unregistered subclass is welcome."""
    known = classes(kind)
    for base in known[0].__mro__ if known else ():
        if base.__module__ in ("abc", "builtins", "typing"):
            continue
        if all(issubclass(cls, base) for cls in known):
            return (base,)
    return ()


def _is_redefinition(cls: type, other: type) -> bool:
    same_name = cls.__qualname__ == other.__qualname__
    return cls is not other and same_name and cls.__module__ == other.__module__ == "__main__"


def _full_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _words(kind: str) -> str:
    return kind.replace("_", " ")
