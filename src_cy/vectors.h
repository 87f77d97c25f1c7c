/* Vectors of the instruction set, their transpose, and two sums. Included twice by kernels.h, with REAL and FN(name). */

typedef REAL FN(vec) __attribute__((vector_size(VECTOR_BYTES), aligned(VECTOR_BYTES), may_alias));
typedef REAL FN(vecu) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
/* half a panel: so many vectors, of half the size where a panel is one vector */
typedef REAL FN(half) __attribute__((vector_size(32 / HALF_VECTORS), aligned(32 / HALF_VECTORS), may_alias));
typedef BITS FN(index) __attribute__((vector_size(VECTOR_BYTES), may_alias));

/* a b + c, rounded once wherever the vectors do so. Left to itself the compiler vectorises a sum's
   products and rounds them on their own. */
ALWAYS_INLINE REAL FN(multiply_add)(REAL a, REAL b, REAL c) {
#ifdef __FP_FAST_FMAF
    return sizeof(REAL) == 4 ? (REAL)__builtin_fmaf(a, b, c) : (REAL)__builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* 0, 1, 2, ... */
ALWAYS_INLINE FN(index) FN(count_lanes)(void) {
    FN(index) lanes;
#pragma GCC unroll 16
    for (int i = 0; i < VLANES; i++) lanes[i] = i;
    return lanes;
}

/* the sum of LANES numbers, halving: one order on every machine */
ALWAYS_INLINE REAL FN(sum_lanes)(const FN(vec) *v) {
#if defined(__clang__)
    REAL x[64 / sizeof(REAL)];
    memcpy(x, v, 64);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) x[i] += x[i + half];
    return x[0];
#else
    FN(vec) x[PANEL_VECTORS];
    memcpy(x, v, 64);
#pragma GCC unroll 4
    for (int half = PANEL_VECTORS / 2; half > 0; half /= 2)
#pragma GCC unroll 4
        for (int i = 0; i < half; i++) x[i] += x[i + half];
#pragma GCC unroll 4
    for (int half = VLANES / 2; half > 0; half /= 2)
        x[0] += __builtin_shuffle(x[0], FN(count_lanes)() + half);
    return x[0][0];
#endif
}

/* VLANES vectors as rows of a square; its transpose, by exchanging ever larger halves of pairs. */
ALWAYS_INLINE void FN(transpose)(FN(vec) *v) {
#if defined(__clang__)
    REAL x[VLANES][VLANES], t[VLANES][VLANES];
    memcpy(x, v, sizeof(x));
    for (int i = 0; i < VLANES; i++)
        for (int j = 0; j < VLANES; j++) t[j][i] = x[i][j];
    memcpy(v, t, sizeof(t));
#else
    const FN(index) lanes = FN(count_lanes)();
#pragma GCC unroll 4
    for (int d = 1; d < VLANES; d *= 2) {
        const FN(index) even = lanes + (((lanes & d) != 0) & (VLANES - d));
#pragma GCC unroll 16
        for (int i = 0; i < VLANES; i++)
            if (!(i & d)) {
                FN(vec) a = v[i], b = v[i | d];
                v[i] = __builtin_shuffle(a, b, even);
                v[i | d] = __builtin_shuffle(a, b, even + d);
            }
    }
#endif
}
