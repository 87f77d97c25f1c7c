# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
# cython: cdivision=True, freethreading_compatible=True
"""The core for baseline x86-64 with SSE4.2 (x86-64-v2)."""

include "core.pxi"
