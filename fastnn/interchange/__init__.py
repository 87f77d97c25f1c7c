"""Models from and for other libraries: Keras, scikit-learn, PyTorch.

========================  ==================================================================
`from_keras(model)`       a model of Keras's, or a .keras file of one
`to_keras(model)`         the same network as a model of Keras's
`from_sklearn(estimator)` a fitted network, linear model or pipeline of scikit-learn's
`from_torch(module)`      a ``torch.nn.Sequential``
========================  ==================================================================

The other library is imported by the function that needs it, if at all. What fastnn has no equal for
is a ValueError that names it. Weights of .keras and .weights.h5 files are read by
``model.load_weights`` (`fastnn.interchange.hdf5`).
"""

from fastnn.interchange.keras import from_keras, to_keras
from fastnn.interchange.sklearn import from_sklearn
from fastnn.interchange.torch import from_torch

__all__ = ["from_keras", "from_sklearn", "from_torch", "to_keras"]
