# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True, freethreading_compatible=True
"""The core for x86-64 with AVX-512 (x86-64-v4)."""

include "core.pxi"
