# cython: language_level=3, freethreading_compatible=True
"""Which of the compiled cores may run here. Built for any processor, so that it may itself."""

cdef extern from *:
    """
    #if defined(__x86_64__)
    #include <cpuid.h>

    /* The x86-64 level, 1 to 4. __builtin_cpu_supports also asks whether the operating system
       saves the wide registers. Clang 14 knows no names for the last features of v3: read bits. */
    static int x86_level(void) {
        unsigned int a, b, c = 0, d, extended = 0;
        __builtin_cpu_init();
        if (!(__builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1")
              && __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt")))
            return 1;
        __get_cpuid(1, &a, &b, &c, &d);
        __get_cpuid(0x80000001, &a, &b, &extended, &d);
        if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
              && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
              && (c & bit_F16C) && (c & bit_MOVBE) && (extended & bit_LZCNT)))
            return 2;
        if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
              && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
              && __builtin_cpu_supports("avx512vl")))
            return 3;
        return 4;
    }
    #else
    static int x86_level(void) { return 1; }
    #endif
    """
    int x86_level() nogil


def levels() -> tuple:
    """The names of the cores that this processor and operating system can run, best first.

    The last is always ``"plain"``, which any processor runs; the others are x86-64's levels.
    """
    return ("v4", "v3", "v2", "plain")[4 - x86_level():]
