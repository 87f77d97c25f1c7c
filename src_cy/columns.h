/* Sums over rows, batch normalization's loops, sums over parameters. Included twice by kernels.h, with REAL and FN(name). */

/* Batch normalization works on a few neighbouring columns at a time: their panels stay in the first
   cache, and their sums are independent of each other. `columns`, at most NORM_COLUMNS, and `what` are
   constants to the compiler. */
#define NORM_COLUMNS (8 / PANEL_VECTORS)
enum { FN(SUM), FN(VARIANCE), FN(DOT) };

/* Which lanes of a panel hold one of `count` rows, and a vector with zero in the others, whatever they
   held. */
ALWAYS_INLINE FN(index) FN(filled_lanes)(int v, int64_t count) {
    return FN(count_lanes)() + v * VLANES < (BITS)(count < LANES ? count : LANES);
}

ALWAYS_INLINE FN(vec) FN(keep_lanes)(FN(vec) x, FN(index) filled) {
    return (FN(vec))((FN(index))x & filled);
}

/* sums[column] += the terms of its n rows, by lanes first: x, (x - mean)^2, or x times factor, with the
   plain sum in sums[NORM_COLUMNS + column] */
ALWAYS_INLINE void FN(sum_columns)(int what, int columns, const REAL *x, const REAL *factor,
                                   const REAL *mean, int64_t panel, int64_t n, REAL *sums) {
    FN(vec) sum[NORM_COLUMNS][PANEL_VECTORS], plain[NORM_COLUMNS][PANEL_VECTORS];
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++)
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++) sum[c][v] = plain[c][v] = (FN(vec)){0};
    for (int64_t first = 0; first < n; first += LANES, x += panel) {
        const int last = n - first < LANES;
        FN(index) filled[PANEL_VECTORS];
        for (int v = 0; last && v < PANEL_VECTORS; v++) filled[v] = FN(filled_lanes)(v, n - first);
#pragma GCC unroll 8
        for (int c = 0; c < columns; c++)
#pragma GCC unroll 4
            for (int v = 0; v < PANEL_VECTORS; v++) {
                FN(vec) a = ((const FN(vec) *)(x + c * LANES))[v], b = a;
                if (what == FN(VARIANCE)) a -= mean[c];
                if (what == FN(DOT)) b = ((const FN(vec) *)(factor + c * LANES))[v];
                /* before the product, which so is added with one rounding everywhere */
                if (last) a = FN(keep_lanes)(a, filled[v]);
                if (last && what == FN(DOT)) b = FN(keep_lanes)(b, filled[v]);
                if (what == FN(SUM)) sum[c][v] += a;
                if (what == FN(VARIANCE)) sum[c][v] += a * a;
                if (what == FN(DOT)) {
                    sum[c][v] += a * b;
                    plain[c][v] += a;
                }
            }
        if (what == FN(DOT)) factor += panel;
    }
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++) {
        sums[c] += FN(sum_lanes)(sum[c]);
        if (what == FN(DOT)) sums[NORM_COLUMNS + c] += FN(sum_lanes)(plain[c]);
    }
}

/* xhat <- (x - mean) scale, y <- gamma xhat + beta */
ALWAYS_INLINE void FN(normalize_columns)(int columns, const REAL *x, REAL *xhat, REAL *y, int64_t panel,
                                         int64_t panels, const REAL *mean, const REAL *scale,
                                         const REAL *gamma, const REAL *beta) {
    for (int64_t p = 0; p < panels; p++, x += panel, xhat += panel, y += panel)
#pragma GCC unroll 8
        for (int c = 0; c < columns; c++)
#pragma GCC unroll 4
            for (int v = 0; v < PANEL_VECTORS; v++) {
                const FN(vec) h = (((const FN(vec) *)(x + c * LANES))[v] - mean[c]) * scale[c];
                ((FN(vec) *)(xhat + c * LANES))[v] = h;
                ((FN(vec) *)(y + c * LANES))[v] = h * gamma[c] + beta[c];
            }
}

/* dx <- scale (dy - dbeta - xhat dgamma), and zero in lanes that no row fills */
ALWAYS_INLINE void FN(denormalize_columns)(int columns, const REAL *dy, const REAL *xhat, REAL *dx,
                                           int64_t panel, int64_t n, const REAL *dbeta,
                                           const REAL *dgamma, const REAL *scale) {
    for (int64_t first = 0; first < n; first += LANES, dy += panel, xhat += panel, dx += panel)
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++) {
            const FN(index) filled = FN(filled_lanes)(v, n - first);
#pragma GCC unroll 8
            for (int c = 0; c < columns; c++) {
                const FN(vec) h = ((const FN(vec) *)(xhat + c * LANES))[v];
                const FN(vec) d = (((const FN(vec) *)(dy + c * LANES))[v] - dbeta[c] - h * dgamma[c]) * scale[c];
                ((FN(vec) *)(dx + c * LANES))[v] = FN(keep_lanes)(d, filled);
            }
        }
}

ALWAYS_INLINE void FN(batch_norm_block)(int columns, const norm_t *op, int64_t c, const REAL *x,
                                        REAL *xhat, REAL *y) {
    const int64_t panels = (op->n + LANES - 1) / LANES;
    const REAL count = (REAL)(op->n * op->positions);
    const REAL momentum = (REAL)op->momentum, epsilon = (REAL)op->epsilon;
    REAL *moving_mean = op->moving_mean, *moving_variance = op->moving_variance, *scale = op->scale;
    REAL mean[NORM_COLUMNS] = {0}, variance[NORM_COLUMNS] = {0}, gamma[NORM_COLUMNS], beta[NORM_COLUMNS];
    if (op->own_statistics) {
        for (int64_t q = 0; q < op->positions; q++)
            FN(sum_columns)(FN(SUM), columns, x + q * op->apart, NULL, NULL, op->panel, op->n, mean);
        for (int i = 0; i < columns; i++) mean[i] /= count;
        for (int64_t q = 0; q < op->positions; q++)
            FN(sum_columns)(FN(VARIANCE), columns, x + q * op->apart, NULL, mean, op->panel, op->n, variance);
        for (int i = 0; i < columns; i++) {
            variance[i] /= count;
            moving_mean[c + i] = momentum * moving_mean[c + i] + (1 - momentum) * mean[i];
            moving_variance[c + i] = momentum * moving_variance[c + i] + (1 - momentum) * variance[i];
        }
    } else {
        memcpy(mean, moving_mean + c, columns * sizeof(REAL));
        memcpy(variance, moving_variance + c, columns * sizeof(REAL));
    }
    for (int i = 0; i < columns; i++) {
        scale[c + i] = 1 / (sizeof(REAL) == 4 ? (REAL)sqrtf((float)(variance[i] + epsilon))
                                              : (REAL)sqrt((double)(variance[i] + epsilon)));
        gamma[i] = op->gamma ? ((const REAL *)op->gamma)[c + i] : (REAL)1;
        beta[i] = op->beta ? ((const REAL *)op->beta)[c + i] : (REAL)0;
    }
    for (int64_t q = 0; q < op->positions; q++)
        FN(normalize_columns)(columns, x + q * op->apart, xhat + q * op->apart, y + q * op->apart,
                              op->panel, panels, mean, scale + c, gamma, beta);
}

ALWAYS_INLINE void FN(batch_norm_block_gradient)(int columns, const norm_t *op, int64_t c,
                                                 const REAL *dy, const REAL *xhat, REAL *dx) {
    const REAL count = (REAL)(op->n * op->positions);
    REAL sums[2 * NORM_COLUMNS] = {0}, *dgamma = sums, *dbeta = sums + NORM_COLUMNS, scale[NORM_COLUMNS];
    for (int64_t q = 0; q < op->positions; q++)
        FN(sum_columns)(FN(DOT), columns, dy + q * op->apart, xhat + q * op->apart, NULL, op->panel, op->n, sums);
    if (op->dgamma) memcpy((REAL *)op->dgamma + c, dgamma, columns * sizeof(REAL));
    if (op->dbeta) memcpy((REAL *)op->dbeta + c, dbeta, columns * sizeof(REAL));
    if (!dx) return;
    for (int i = 0; i < columns; i++) {
        scale[i] = ((const REAL *)op->scale)[c + i];
        if (op->gamma) scale[i] *= ((const REAL *)op->gamma)[c + i];
        dgamma[i] = op->own_statistics ? dgamma[i] / count : (REAL)0;
        dbeta[i] = op->own_statistics ? dbeta[i] / count : (REAL)0;
    }
    for (int64_t q = 0; q < op->positions; q++)
        FN(denormalize_columns)(columns, dy + q * op->apart, xhat + q * op->apart, dx + q * op->apart,
                                op->panel, op->n, dbeta, dgamma, scale);
}

/* The channels c0 .. c1 of a batch: y <- gamma xhat + beta with xhat <- (x - mean) scale. */
static void FN(batch_norm)(const norm_t *op, int64_t c0, int64_t c1, const REAL *x, REAL *xhat, REAL *y) {
    int64_t c = c0;
    for (; c + NORM_COLUMNS <= c1; c += NORM_COLUMNS)
        FN(batch_norm_block)(NORM_COLUMNS, op, c, x + c * LANES, xhat + c * LANES, y + c * LANES);
    for (; c < c1; c++)
        FN(batch_norm_block)(1, op, c, x + c * LANES, xhat + c * LANES, y + c * LANES);
}

/* Their gradients; dx may be NULL. */
static void FN(batch_norm_gradient)(const norm_t *op, int64_t c0, int64_t c1, const REAL *dy,
                                    const REAL *xhat, REAL *dx) {
    int64_t c = c0;
    for (; c + NORM_COLUMNS <= c1; c += NORM_COLUMNS)
        FN(batch_norm_block_gradient)(NORM_COLUMNS, op, c, dy + c * LANES, xhat + c * LANES, dx ? dx + c * LANES : dx);
    for (; c < c1; c++)
        FN(batch_norm_block_gradient)(1, op, c, dy + c * LANES, xhat + c * LANES, dx ? dx + c * LANES : dx);
}

/* sums[0] <- sum |x|, sums[1] <- sum x^2 of n numbers, in float64: eight running sums of each */
static void FN(block_sums)(const REAL *x, int64_t n, double *sums) {
    typedef double wide __attribute__((vector_size(64)));
    typedef REAL narrow __attribute__((vector_size(8 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
    wide ones = {0}, squares = {0};
    int64_t i = 0;
    sums[0] = sums[1] = 0;
    for (; i + 8 <= n; i += 8) {
        wide w = __builtin_convertvector(*(const narrow *)(x + i), wide);
        squares += w * w;
        for (int l = 0; l < 8; l++) w[l] = fabs(w[l]);
        ones += w;
    }
    for (int l = 0; l < 8; l++) {
        sums[0] += ones[l];
        sums[1] += squares[l];
    }
    for (; i < n; i++) {
        sums[0] += fabs((double)x[i]);
        sums[1] += (double)x[i] * x[i];
    }
}
