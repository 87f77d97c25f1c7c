"""``keras.preprocessing`` as far as tables and sequences of numbers need it."""

from fastnn.keras.utils import pad_sequences

__all__ = ["pad_sequences"]
