"""``keras.config``: the settings that mean something here."""

from __future__ import annotations

from fastnn.config import epsilon, floatx, set_floatx, standardize_dtype

__all__ = ["backend", "dtype_policy", "epsilon", "floatx", "image_data_format", "set_backend",
           "set_dtype_policy", "set_epsilon", "set_floatx", "set_image_data_format"]


def backend() -> str:
    """"numpy": what `keras.ops` takes and returns are NumPy arrays."""
    return "numpy"


def set_backend(name: str) -> None:
    """Nothing for "numpy"; a ValueError for another: fastnn is its own."""
    _only("the backend", name, "numpy")


def set_epsilon(value: float) -> None:
    """Nothing for 1e-7; a ValueError for another: the compiled formulas have it in them."""
    _only("epsilon", value, epsilon())


def image_data_format() -> str:
    """"channels_last", the one that fastnn has."""
    return "channels_last"


def set_image_data_format(data_format: str) -> None:
    """Nothing for "channels_last"; a ValueError for another."""
    _only("the image data format", data_format, "channels_last")


def dtype_policy() -> str:
    """The name of the type of what is computed and kept: `floatx`."""
    return floatx()


def set_dtype_policy(policy: str) -> None:
    """`set_floatx`; a ValueError for mixed precision, which a CPU gains nothing from."""
    set_floatx(standardize_dtype(getattr(policy, "name", policy)).name)


def _only(what: str, given, only) -> None:
    if given != only:
        raise ValueError(f"Expected {only!r} for {what}, the only one in fastnn; "
                         f"received {given!r}.")
