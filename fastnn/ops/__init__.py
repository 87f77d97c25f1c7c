"""Functions of NumPy arrays under the names and with the rules of ``keras.ops``.

>>> from fastnn import ops
>>> ops.mean(ops.square(ops.subtract([1.0, 2.0], [1.0, 4.0])))
array(2., dtype=float32)

They are for code around a network: metrics, preprocessing, a layer's own ``call``. What comes out
are arrays without a memory of how they were made, so no gradient goes through them: a layer or loss
of one's own that is to be trained says its derivative itself.
"""

from fastnn.ops import arrays, control, elementwise, linalg, nn, places, reductions

__all__ = []
for _module in (elementwise, arrays, places, reductions, linalg, nn, control):
    globals().update({_name: getattr(_module, _name) for _name in _module.__all__})
    __all__ += _module.__all__
