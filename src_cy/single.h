/* A batch of one row: vectors instead of panels. Included twice by kernels.h, with REAL and FN(name).

   The sums of row_product have the order of product's, so a row's prediction is the same alone.
   16 bytes are the last vector of a row that is no multiple of 64; the very last one overlaps the
   one before. */
#define SHORT ((int)(16 / sizeof(REAL)))
typedef REAL FN(vec4) __attribute__((vector_size(16), aligned(sizeof(REAL)), may_alias));

ALWAYS_INLINE void FN(row_block)(int strips, const REAL *x, const REAL *w, int64_t wk, int64_t k,
                                 const REAL *bias, REAL *y) {
    FN(vec) sum[4 * PANEL_VECTORS];
#pragma GCC unroll 16
    for (int v = 0; v < strips * PANEL_VECTORS; v++)
        sum[v] = bias ? (FN(vec))*(const FN(vecu) *)(bias + v * VLANES) : (FN(vec)){0};
    for (int64_t i = 0; i < k; i++)
#pragma GCC unroll 16
        for (int v = 0; v < strips * PANEL_VECTORS; v++)
            sum[v] += (FN(vec))*(const FN(vecu) *)(w + i * wk + v * VLANES) * x[i];
#pragma GCC unroll 16
    for (int v = 0; v < strips * PANEL_VECTORS; v++) *(FN(vecu) *)(y + v * VLANES) = (FN(vecu))sum[v];
}

/* y[m] <- bias[m] + x[k] . w[k][m], rows of w wk numbers apart */
static void FN(row_product)(const REAL *x, const REAL *w, int64_t wk, int64_t k, const REAL *bias,
                            REAL *y, int64_t m) {
    int64_t j = 0;
    for (; j + 4 * LANES <= m; j += 4 * LANES)
        FN(row_block)(4, x, w + j, wk, k, bias ? bias + j : bias, y + j);
    for (; j + LANES <= m; j += LANES)
        FN(row_block)(1, x, w + j, wk, k, bias ? bias + j : bias, y + j);
    if (m - j >= SHORT || (j < m && m >= SHORT)) {
        const int64_t vectors = (m - j + SHORT - 1) / SHORT, last = m - SHORT;
        FN(vec4) sum[4];
        int64_t at[4];
        for (int v = 0; v < vectors; v++) {
            at[v] = j + v * SHORT < last ? j + v * SHORT : last;
            sum[v] = bias ? *(const FN(vec4) *)(bias + at[v]) : (FN(vec4)){0};
        }
#define SHORTS(n)                                                                  \
    case n:                                                                        \
        for (int64_t i = 0; i < k; i++)                                            \
            for (int v = 0; v < n; v++) sum[v] += *(const FN(vec4) *)(w + i * wk + at[v]) * x[i]; \
        break;
        switch (vectors) {
            SHORTS(1)
            SHORTS(2)
            SHORTS(3)
            SHORTS(4)
        }
#undef SHORTS
        for (int v = 0; v < vectors; v++) *(FN(vec4) *)(y + at[v]) = sum[v];
        return;
    }
    for (; j < m; j++) {
        REAL sum = bias ? bias[j] : (REAL)0;
        for (int64_t i = 0; i < k; i++) sum = FN(multiply_add)(w[i * wk + j], x[i], sum);
        y[j] = sum;
    }
}

/* Short vectors as the rows of a square: the sums of its rows. */
ALWAYS_INLINE FN(vec4) FN(sum_rows)(const FN(vec4) *v) {
    FN(vec4) sum;
    REAL x[SHORT][SHORT];
    memcpy(x, v, sizeof x);
#pragma GCC unroll 4
    for (int i = 0; i < SHORT; i++) {
        sum[i] = x[i][0];
#pragma GCC unroll 4
        for (int l = 1; l < SHORT; l++) sum[i] += x[i][l];
    }
    return sum;
}

/* dx[k] <- dz[m] . w[k][m]^T, `vectors` short vectors to a row, the last of which overlaps the one
   before: `d` has zeros there. k is a multiple of SHORT. */
ALWAYS_INLINE void FN(row_dots)(int vectors, const FN(vec4) *d, const REAL *w, int64_t m, REAL *dx, int64_t k) {
    for (int64_t i = 0; i < k; i += SHORT) {
        FN(vec4) sum[SHORT];
#pragma GCC unroll 4
        for (int r = 0; r < SHORT; r++) {
            const REAL *row = w + (i + r) * m;
            sum[r] = *(const FN(vec4) *)(row + m - SHORT) * d[vectors - 1];
#pragma GCC unroll 4
            for (int v = 0; v < vectors - 1; v++) sum[r] += *(const FN(vec4) *)(row + v * SHORT) * d[v];
        }
        *(FN(vec4) *)(dx + i) = FN(sum_rows)(sum);
    }
}

/* dx[k] <- dz[m] . w[k][m]^T: few outputs by short vectors, many by lanes and then the rest. */
static void FN(row_input_gradient)(const REAL *dz, const REAL *w, int64_t m, REAL *dx, int64_t k) {
    if (m >= SHORT && m <= 4 * SHORT && k >= SHORT) {
        const int64_t vectors = (m + SHORT - 1) / SHORT, whole = k / SHORT * SHORT;
        FN(vec4) d[4];
        for (int v = 0; v < vectors - 1; v++) d[v] = *(const FN(vec4) *)(dz + v * SHORT);
        for (int l = 0; l < SHORT; l++)
            d[vectors - 1][l] = m - SHORT + l < (vectors - 1) * SHORT ? (REAL)0 : dz[m - SHORT + l];
#define DOTS(n)                                                                    \
    case n:                                                                        \
        FN(row_dots)(n, d, w, m, dx, whole);                                       \
        /* the last rows once more, with those before them */                      \
        if (whole < k) FN(row_dots)(n, d, w + (k - SHORT) * m, m, dx + k - SHORT, SHORT); \
        break;
        switch (vectors) {
            DOTS(1)
            DOTS(2)
            DOTS(3)
            DOTS(4)
        }
#undef DOTS
        return;
    }
    if (m < LANES) {
        for (int64_t i = 0; i < k; i++, w += m) {
            REAL sum = w[0] * dz[0];
            for (int64_t j = 1; j < m; j++) sum = FN(multiply_add)(w[j], dz[j], sum);
            dx[i] = sum;
        }
        return;
    }
    for (int64_t i = 0; i < k; i++) {
        const REAL *row = w + i * m;
        FN(vec) sum[PANEL_VECTORS];
        int64_t j = 0;
        for (int v = 0; v < PANEL_VECTORS; v++) sum[v] = (FN(vec)){0};
        for (; j + LANES <= m; j += LANES)
            for (int v = 0; v < PANEL_VECTORS; v++)
                sum[v] += (FN(vec))*(const FN(vecu) *)(row + j + v * VLANES)
                          * (FN(vec))*(const FN(vecu) *)(dz + j + v * VLANES);
        REAL total = FN(sum_lanes)(sum);
        for (; j < m; j++) total = FN(multiply_add)(row[j], dz[j], total);
        dx[i] = total;
    }
}

/* dw[k][j] <- x[k] dz[j] for `width` columns of rows m numbers apart */
static void FN(row_gradient)(const REAL *x, const REAL *dz, REAL *dw, int64_t m, int64_t k,
                             int64_t width) {
    if (width < SHORT || width > 4 * SHORT) {
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j < width; j++) dw[i * m + j] = x[i] * dz[j];
        return;
    }
    /* a few short vectors, the last of which overlaps the one before */
    const int64_t vectors = (width + SHORT - 1) / SHORT, last = width - SHORT;
    FN(vec4) d[4];
    for (int v = 0; v < vectors; v++)
        d[v] = *(const FN(vec4) *)(dz + (v * SHORT < last ? v * SHORT : last));
#define ROWS(n)                                                                    \
    case n:                                                                        \
        for (int64_t i = 0; i < k; i++, dw += m) {                                 \
            for (int v = 0; v < n - 1; v++) *(FN(vec4) *)(dw + v * SHORT) = d[v] * x[i]; \
            *(FN(vec4) *)(dw + last) = d[n - 1] * x[i];                            \
        }                                                                          \
        break;
    switch (vectors) {
        ROWS(1)
        ROWS(2)
        ROWS(3)
        ROWS(4)
    }
#undef ROWS
}
