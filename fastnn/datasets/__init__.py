"""Data sets to try things on: real ones as modules, made-up ones as functions.

==================================  ===========================================================
`digits.load_data()`                1,797 real handwritten digits, 8 x 8, shipped with fastnn
`mnist.load_data()`                 70,000 real handwritten digits, 28 x 28, downloaded when asked
`notes`                             the small tables of the course notes
`xor moons circles spirals blobs`   points of a few classes in the plane
`linear`                            a noisy plane, for regression
==================================  ===========================================================
"""

from fastnn.datasets import digits, mnist, notes
from fastnn.datasets.synthetic import blobs, circles, linear, moons, spirals, xor

__all__ = ["blobs", "circles", "digits", "linear", "mnist", "moons", "notes", "spirals", "xor"]
