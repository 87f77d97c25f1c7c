"""An optimizer without a model: it moves arrays in place."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from fastnn.optimizers.base import place
from fastnn.plan import Builder, Kind


class Arrays:
    """The arrays that an optimizer moves, each with its slots.

    A step gathers the arrays in one vector, as a model has them, runs the plan's ops behind the
    network on it with the NumPy backend, and puts the numbers back.
    """

    def __init__(self, optimizer, arrays):
        self.optimizer = optimizer
        self.all = list(arrays)
        self._plans: dict = {}
        self._slots: dict = {}
        for array in self.all:
            if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
                raise TypeError("An optimizer moves arrays of float32 or float64, received "
                                f"{getattr(array, 'dtype', type(array).__name__)}.")
            if not array.flags.writeable:
                raise ValueError(f"An array of shape {array.shape} is read-only.")
            # The array is kept: no other one can come to lie in its place.
            self._slots[place(array)] = optimizer.initial_slots(array.size, array.dtype), array
        if len(self._slots) < len(self.all):
            raise ValueError("The same array was given twice.")

    def move(self, grads, arrays=None) -> None:
        """One step of these arrays, which must be among those of the first call."""
        from fastnn.backends import Memory, numpy_backend

        arrays = self.all if arrays is None else arrays
        slots = self._find(arrays)
        optimizer, dtype = self.optimizer, np.result_type(*arrays)
        memory = Memory(
            np.concatenate([array.ravel() for array in arrays]).astype(dtype, copy=False),
            self._gradient(grads, arrays, dtype),
            np.concatenate(slots, axis=1).astype(dtype, copy=False))
        numpy_backend.finish(self._plan(arrays, dtype), memory,
                             optimizer.scalars(optimizer.batches, 1)[0])
        start = 0
        for array, slot in zip(arrays, slots, strict=True):
            part = slice(start, start + array.size)
            array[...] = memory.params[part].reshape(array.shape)
            slot[:] = memory.slots[:, part]
            start += array.size
        optimizer.batches += 1

    def overwrite(self, arrays) -> None:
        """The averages of ``use_ema`` take the arrays' place, once there are any."""
        if self.optimizer.batches:
            for array, slot in zip(arrays, self._find(arrays), strict=True):
                array[...] = slot[self.optimizer.average_slot].reshape(array.shape)

    def _find(self, arrays) -> list[np.ndarray]:
        """The arrays' slots."""
        unknown = [array for array in arrays if place(array) not in self._slots]
        if unknown:
            raise ValueError(
                f"An array of shape {np.shape(unknown[0])} was not among those that this optimizer "
                "was first applied to. Update arrays in place, and make an optimizer for new ones.")
        return [self._slots[place(array)][0] for array in arrays]

    def _gradient(self, grads, arrays, dtype) -> np.ndarray:
        if len(grads) != len(arrays):
            raise ValueError(f"Received {len(grads)} gradients for {len(arrays)} arrays.")
        for grad, array in zip(grads, arrays, strict=True):
            if np.shape(grad) != array.shape:
                raise ValueError(f"The gradient of an array of shape {array.shape} has shape "
                                 f"{np.shape(grad)}.")
        flat = np.concatenate([np.asarray(grad, dtype).ravel() for grad in grads])
        scale = self.optimizer.loss_scale_factor
        return flat if scale is None else flat / dtype.type(scale)

    def _plan(self, arrays, dtype):
        """The optimizer's ops for these arrays one behind the other."""
        key = (dtype, *map(place, arrays))
        if key not in self._plans:
            builder, variables, start = Builder(dtype), [], 0
            for array in arrays:
                variables.append(SimpleNamespace(offset=start, size=array.size, value=array))
                start += array.size
            builder.head(Kind.OUTPUT, builder.input((1,)))
            self.optimizer.lower(builder, variables, start)
            self._plans[key] = builder.plan(start, start)
        return self._plans[key]
