# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True, freethreading_compatible=True
"""The core for x86-64 with AVX2 and FMA (x86-64-v3)."""

include "core.pxi"
