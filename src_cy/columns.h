/* Sums over rows, batch normalization's loops, sums over parameters. Included twice by kernels.h, with REAL and FN(name). */

/* A number of panels' lanes, the last panel cut to the rows there are: lanes at and beyond `count` are
   zeroed whatever they hold. */
ALWAYS_INLINE void FN(keep_lanes)(FN(vec) *x, int64_t count) {
    BITS bits[64 / sizeof(REAL)];
    memcpy(bits, x, 64);
    for (int i = 0; i < LANES; i++) bits[i] = i < count ? bits[i] : 0;
    memcpy(x, bits, 64);
}

/* Sums over the n rows of a column of panels, by lanes first: of x, and of x times factor or, with a
   mean, of (x - mean)^2. */
ALWAYS_INLINE REAL FN(column_sum)(const REAL *x, const REAL *factor, const REAL *mean, int64_t panel,
                                  int64_t n) {
    FN(vec) sum[PANEL_VECTORS], term[PANEL_VECTORS];
    for (int v = 0; v < PANEL_VECTORS; v++) sum[v] = (FN(vec)){0};
    for (int64_t first = 0; first < n; first += LANES, x += panel) {
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++) {
            term[v] = ((const FN(vec) *)x)[v];
            if (factor) term[v] *= ((const FN(vec) *)factor)[v];
            if (mean) term[v] = (term[v] - *mean) * (term[v] - *mean);
        }
        if (factor) factor += panel;
        if (n - first < LANES) FN(keep_lanes)(term, n - first);
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++) sum[v] += term[v];
    }
    return FN(sum_lanes)(sum);
}

static REAL FN(column_mean)(const REAL *x, int64_t panel, int64_t n) {
    return FN(column_sum)(x, NULL, NULL, panel, n);
}

static REAL FN(column_dot)(const REAL *x, const REAL *factor, int64_t panel, int64_t n) {
    return FN(column_sum)(x, factor, NULL, panel, n);
}

static REAL FN(column_variance)(const REAL *x, REAL mean, int64_t panel, int64_t n) {
    return FN(column_sum)(x, NULL, &mean, panel, n);
}

/* xhat <- (x - mean) scale, y <- gamma xhat + beta, for a column of panels */
static void FN(normalize_column)(const REAL *x, REAL *xhat, REAL *y, int64_t panel, int64_t panels,
                                 REAL mean, REAL scale, REAL gamma, REAL beta) {
    for (int64_t p = 0; p < panels; p++, x += panel, xhat += panel, y += panel)
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++) {
            FN(vec) h = (((const FN(vec) *)x)[v] - mean) * scale;
            ((FN(vec) *)xhat)[v] = h;
            ((FN(vec) *)y)[v] = h * gamma + beta;
        }
}

/* dx <- scale (dy - dbeta - xhat dgamma), and zero in lanes that no row fills */
static void FN(denormalize_column)(const REAL *dy, const REAL *xhat, REAL *dx, int64_t panel,
                                   int64_t n, REAL dbeta, REAL dgamma, REAL scale) {
    for (int64_t first = 0; first < n; first += LANES, dy += panel, xhat += panel, dx += panel) {
        FN(vec) d[PANEL_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++)
            d[v] = (((const FN(vec) *)dy)[v] - dbeta - ((const FN(vec) *)xhat)[v] * dgamma) * scale;
        if (n - first < LANES) FN(keep_lanes)(d, n - first);
        memcpy(dx, d, 64);
    }
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
