/* Normal random numbers for noise: fastnn.random.noise is the specification. Included twice by kernels.h,
   with REAL and FN(name). */

/* The quantile of (word + 1/2) / 2^32: Wichura's PPND7, without its far tail. The word is counted from
   the nearer end. */
static inline REAL FN(normal)(uint32_t word) {
    const int32_t sign = (int32_t)word >> 31, place = (int32_t)word ^ sign, rest = 0x7fffffff - place;
    const REAL unit = (REAL)(1.0 / 4294967296.0), q = ((REAL)rest + (REAL)0.5) * unit;
    const REAL t = (REAL)0.180625 - q * q, p = ((REAL)place + (REAL)0.5) * unit, l = -FN(log)(p);
    const REAL r = (sizeof(REAL) == 4 ? (REAL)sqrtf((float)l) : (REAL)sqrt((double)l)) - (REAL)1.6;
    const REAL centre =
        q * ((((REAL)5.9109374720e1 * t + (REAL)1.5929113202e2) * t + (REAL)5.0434271938e1) * t + (REAL)3.3871327179) /
        ((((REAL)6.7187563600e1 * t + (REAL)7.8757757664e1) * t + (REAL)1.7895169469e1) * t + (REAL)1);
    const REAL tail =
        ((((REAL)1.7023821103e-1 * r + (REAL)1.3067284816) * r + (REAL)2.7568153900) * r + (REAL)1.4234372777) /
        (((REAL)1.2021132975e-1 * r + (REAL)7.3700164250e-1) * r + (REAL)1);
    const REAL z = rest <= 1825361100 ? centre : tail; /* 0.425 2^32 */
    return sign ? z : -z;
}

/* z[m][LANES] <- the numbers of a panel's rows, the first of which is `row` */
static void FN(normals_panel)(uint64_t seed, uint64_t step, int64_t row, int64_t m, REAL *z) {
    words_t lane;
    for (int i = 0; i < COUNTERS; i++) lane[i] = (uint64_t)i;
    for (int64_t first = 0; first < m; first += 4) {
        uint32_t words[4][LANES];
        for (int l = 0; l < LANES; l += COUNTERS) {
            words_t c[4] = {lane + (uint64_t)(row + l), (NOISE_WORD + (uint64_t)(first / 4)) - (words_t){0},
                            (step & LOW_WORD) - (words_t){0}, (step >> 32) - (words_t){0}};
            philox(c, seed);
            for (int w = 0; w < 4; w++)
                for (int i = 0; i < COUNTERS; i++) words[w][l + i] = (uint32_t)c[w][i];
        }
        for (int64_t w = 0; w < 4 && first + w < m; w++)
            for (int i = 0; i < LANES; i++) z[(first + w) * LANES + i] = FN(normal)(words[w][i]);
    }
}

/* The same for one row, number 0: a vector of counters has several fours of columns. */
static void FN(normals_row)(uint64_t seed, uint64_t step, int64_t m, REAL *z) {
    for (int64_t first = 0; first < m; first += 4 * COUNTERS) {
        words_t c[4] = {(words_t){0}, (words_t){0}, (step & LOW_WORD) - (words_t){0},
                        (step >> 32) - (words_t){0}};
        for (int i = 0; i < COUNTERS; i++) c[1][i] = NOISE_WORD + (uint64_t)(first / 4 + i);
        philox(c, seed);
        for (int64_t j = first; j < m && j < first + 4 * COUNTERS; j++)
            z[j] = FN(normal)((uint32_t)c[j & 3][(j - first) / 4]);
    }
}
