/* Matrix products on panels. Included twice by kernels.h, with REAL and FN(name). */

#define LANES ((int)(64 / sizeof(REAL)))
#define VLANES ((int)(VECTOR_BYTES / sizeof(REAL)))
typedef REAL FN(vec) __attribute__((vector_size(VECTOR_BYTES), aligned(VECTOR_BYTES), may_alias));
typedef REAL FN(vecu) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));

/* y[p][j][:] <- bias[j] + sum_k x[p][k][:] w[k wk + j wj], for `columns` j and `panels` p, both
   constants to the compiler. One chain of additions an output, k ascending. */
ALWAYS_INLINE void FN(product_tile)(int columns, int panels, const REAL *x, int64_t x_panel,
                                    const REAL *w, int64_t wk, int64_t wj, int64_t k,
                                    const REAL *bias, REAL *y, int64_t y_panel) {
    FN(vec) sum[TILE_COLUMNS][TILE_PANELS * PANEL_VECTORS];
    const int vectors = panels * PANEL_VECTORS;
#pragma GCC unroll 16
    for (int j = 0; j < columns; j++) {
        FN(vec) start = (bias ? bias[j] : (REAL)0) - (FN(vec)){0};
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) sum[j][v] = start;
    }
    for (int64_t i = 0; i < k; i++) {
        FN(vec) xs[TILE_PANELS * PANEL_VECTORS];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            xs[v] = *(const FN(vec) *)(x + (v / PANEL_VECTORS) * x_panel + i * LANES
                                       + (v % PANEL_VECTORS) * VLANES);
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++) {
            REAL scalar = w[i * wk + j * wj];
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) sum[j][v] += xs[v] * scalar;
        }
    }
#pragma GCC unroll 16
    for (int j = 0; j < columns; j++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            *(FN(vec) *)(y + (v / PANEL_VECTORS) * y_panel + j * LANES
                         + (v % PANEL_VECTORS) * VLANES) = sum[j][v];
}

ALWAYS_INLINE void FN(product_strip)(int panels, const REAL *x, int64_t x_panel, const REAL *w,
                                     int64_t wk, int64_t wj, int64_t k, const REAL *bias, REAL *y,
                                     int64_t y_panel, int64_t m) {
    int64_t j = 0;
#define TILE(c) FN(product_tile)(c, panels, x, x_panel, w + j * wj, wk, wj, k, \
                                 bias ? bias + j : bias, y + j * LANES, y_panel)
    for (; j + TILE_COLUMNS <= m; j += TILE_COLUMNS) TILE(TILE_COLUMNS);
    switch (m - j) {
    case 1: TILE(1); break;
    case 2: TILE(2); break;
#if TILE_COLUMNS > 3
    case 3: TILE(3); break;
    case 4: TILE(4); break;
    case 5: TILE(5); break;
#endif
#if TILE_COLUMNS > 6
    case 6: TILE(6); break;
    case 7: TILE(7); break;
    case 8: TILE(8); break;
    case 9: TILE(9); break;
    case 10: TILE(10); break;
    case 11: TILE(11); break;
#endif
    }
#undef TILE
}

/* y[panels][m][LANES] <- bias[m] + x[panels][k][LANES] . w, panels x_panel and y_panel numbers apart */
static void FN(product)(const REAL *x, int64_t x_panel, const REAL *w, int64_t wk, int64_t wj,
                        int64_t k, const REAL *bias, REAL *y, int64_t y_panel, int64_t m,
                        int64_t panels) {
    int64_t p = 0;
#if TILE_PANELS > 1
    for (; p + TILE_PANELS <= panels; p += TILE_PANELS)
        FN(product_strip)(TILE_PANELS, x + p * x_panel, x_panel, w, wk, wj, k, bias,
                          y + p * y_panel, y_panel, m);
#endif
    for (; p < panels; p++)
        FN(product_strip)(1, x + p * x_panel, x_panel, w, wk, wj, k, bias, y + p * y_panel, y_panel, m);
}

/* The gradient of a weight matrix from the transposed dz: lanes run over the outputs j.
   dw[i][j] <- sum_r x[r][i] dz[r][j], r ascending, for `inputs` rows i of w. */
#define GRADIENT_INPUTS 6
ALWAYS_INLINE void FN(gradient_tile)(int inputs, int vectors, const REAL *x, int64_t x_panel,
                                     const REAL *dz, int64_t dz_row, int64_t n, REAL *dw,
                                     int64_t m, int64_t width) {
    FN(vec) sum[GRADIENT_INPUTS][PANEL_VECTORS];
#pragma GCC unroll 16
    for (int i = 0; i < inputs; i++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) sum[i][v] = (FN(vec)){0};
    for (int64_t first = 0; first < n; first += LANES, x += x_panel) {
        int64_t rows = n - first < LANES ? n - first : LANES;
        for (int64_t r = 0; r < rows; r++, dz += dz_row) {
            FN(vec) ds[PANEL_VECTORS];
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) ds[v] = *(const FN(vec) *)(dz + v * VLANES);
#pragma GCC unroll 16
            for (int i = 0; i < inputs; i++) {
                REAL scalar = x[i * LANES + r];
#pragma GCC unroll 16
                for (int v = 0; v < vectors; v++) sum[i][v] += ds[v] * scalar;
            }
        }
    }
    if (width == vectors * VLANES) {
#pragma GCC unroll 16
        for (int i = 0; i < inputs; i++)
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) *(FN(vecu) *)(dw + i * m + v * VLANES) = (FN(vecu))sum[i][v];
    } else {
        for (int i = 0; i < inputs; i++) memcpy(dw + i * m, sum[i], width * sizeof(REAL));
    }
}

/* dw[k0:k1][j0:j1] (rows m numbers apart) and, if db is given, db[j] <- sum_r dz[r][j]. x: panels
   [k][LANES]; dz: n rows, dz_row numbers apart, a multiple of LANES; so is j0. */
static void FN(gradient_wide)(const REAL *x, int64_t x_panel, const REAL *dz, int64_t dz_row,
                              int64_t n, REAL *dw, int64_t m, int64_t k0, int64_t k1, int64_t j0,
                              int64_t j1, REAL *db) {
    for (int64_t j = j0; j < j1; j += LANES) {
        int64_t width = j1 - j < LANES ? j1 - j : LANES, i = k0;
#define TILE(c) FN(gradient_tile)(c, PANEL_VECTORS, x + i * LANES, x_panel, dz + j, dz_row, n, \
                                  dw + i * m + j, m, width)
        for (; i + GRADIENT_INPUTS <= k1; i += GRADIENT_INPUTS) TILE(GRADIENT_INPUTS);
        switch (k1 - i) {
        case 1: TILE(1); break;
        case 2: TILE(2); break;
        case 3: TILE(3); break;
        case 4: TILE(4); break;
        case 5: TILE(5); break;
        }
#undef TILE
        if (db) {
            FN(vec) sum[PANEL_VECTORS];
            for (int v = 0; v < PANEL_VECTORS; v++) sum[v] = (FN(vec)){0};
            for (int64_t r = 0; r < n; r++)
                for (int v = 0; v < PANEL_VECTORS; v++)
                    sum[v] += *(const FN(vec) *)(dz + r * dz_row + j + v * VLANES);
            memcpy(db + j, sum, width * sizeof(REAL));
        }
    }
}

/* the sum of LANES numbers, halving: one order on every machine */
ALWAYS_INLINE REAL FN(sum_lanes)(const FN(vec) *v) {
    REAL x[64 / sizeof(REAL)];
    memcpy(x, v, 64);
#pragma GCC unroll 4
    for (int half = LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < half; i++) x[i] += x[i + half];
    return x[0];
}

ALWAYS_INLINE void FN(narrow_tile)(int inputs, const REAL *x, int64_t x_panel, const REAL *d,
                                   int64_t d_panel, int64_t panels, REAL *dw, int64_t m) {
    FN(vec) sum[4][PANEL_VECTORS];
#pragma GCC unroll 4
    for (int i = 0; i < inputs; i++)
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++) sum[i][v] = (FN(vec)){0};
    for (int64_t p = 0; p < panels; p++, x += x_panel, d += d_panel)
#pragma GCC unroll 4
        for (int i = 0; i < inputs; i++)
#pragma GCC unroll 4
            for (int v = 0; v < PANEL_VECTORS; v++)
                sum[i][v] += ((const FN(vec) *)(x + i * LANES))[v] * ((const FN(vec) *)d)[v];
    for (int i = 0; i < inputs; i++) dw[i * m] = FN(sum_lanes)(sum[i]);
}

/* The same gradient for few outputs: lanes run over the rows, dz stays in panels, padding rows of dz
   are zero. dw[i][j] for i in k0:k1. */
static void FN(gradient_narrow)(const REAL *x, int64_t x_panel, const REAL *dz, int64_t dz_panel,
                                int64_t panels, REAL *dw, int64_t k0, int64_t k1, int64_t m, REAL *db) {
    for (int64_t j = 0; j < m; j++) {
        const REAL *d = dz + j * LANES;
        int64_t i = k0;
        for (; i + 4 <= k1; i += 4) FN(narrow_tile)(4, x + i * LANES, x_panel, d, dz_panel, panels, dw + i * m + j, m);
        for (; i < k1; i++) FN(narrow_tile)(1, x + i * LANES, x_panel, d, dz_panel, panels, dw + i * m + j, m);
        if (db) {
            FN(vec) sum[PANEL_VECTORS];
            for (int v = 0; v < PANEL_VECTORS; v++) sum[v] = (FN(vec)){0};
            for (int64_t p = 0; p < panels; p++)
                for (int v = 0; v < PANEL_VECTORS; v++)
                    sum[v] += ((const FN(vec) *)(dz + p * dz_panel + j * LANES))[v];
            db[j] = FN(sum_lanes)(sum);
        }
    }
}

/* rows[lane][m] (row_stride apart) <- panel[m][LANES], for `count` lanes; and the way back, where
   lanes beyond count become zero. Done in blocks that stay in the first cache. */
static void FN(panel_to_rows)(const REAL *panel, REAL *rows, int64_t row_stride, int64_t m, int64_t count) {
    for (int64_t j0 = 0; j0 < m; j0 += LANES) {
        int64_t j1 = j0 + LANES < m ? j0 + LANES : m;
        for (int64_t r = 0; r < count; r++)
            for (int64_t j = j0; j < j1; j++) rows[r * row_stride + j] = panel[j * LANES + r];
    }
}

/* panel[m][LANES] <- rows order[0..count) of data (row_stride apart), lanes beyond count <- 0 */
static void FN(rows_to_panel)(const REAL *data, int64_t row_stride, const int64_t *order, REAL *panel,
                              int64_t m, int64_t count) {
    for (int64_t j0 = 0; j0 < m; j0 += 4 * LANES) {
        int64_t j1 = j0 + 4 * LANES < m ? j0 + 4 * LANES : m;
        for (int64_t r = 0; r < count; r++) {
            const REAL *row = data + order[r] * row_stride;
            for (int64_t j = j0; j < j1; j++) panel[j * LANES + r] = row[j];
        }
        for (int64_t r = count; r < LANES; r++)
            for (int64_t j = j0; j < j1; j++) panel[j * LANES + r] = 0;
    }
}

/* Philox4x32-7 (Salmon et al. 2011), counters (row + lane, quad, step, step >> 32): the four words of
   counter i belong to columns 4 quad .. 4 quad + 3. mask[m][LANES] <- scale where word >= threshold. */
static void FN(dropout_mask)(uint64_t seed, uint64_t step, int64_t row, int64_t m, uint32_t threshold,
                             REAL scale, REAL *mask) {
    enum { QUADS = 16 };
    uint32_t words[4][QUADS * 16];
    for (int64_t q0 = 0; 4 * q0 < m; q0 += QUADS) {
        int64_t quads = (m + 3) / 4 - q0 < QUADS ? (m + 3) / 4 - q0 : QUADS;
        for (int32_t i = 0; i < quads * LANES; i++) {
            uint32_t c0 = (uint32_t)row + (i & (LANES - 1)), c1 = (uint32_t)q0 + i / LANES;
            uint32_t c2 = (uint32_t)step, c3 = (uint32_t)(step >> 32);
            uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma GCC unroll 7
            for (int round = 0; round < 7; round++) {
                uint64_t a = (uint64_t)c0 * 0xD2511F53u, b = (uint64_t)c2 * 0xCD9E8D57u;
                c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
                c1 = (uint32_t)b;
                c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
                c3 = (uint32_t)a;
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
            }
            words[0][i] = c0;
            words[1][i] = c1;
            words[2][i] = c2;
            words[3][i] = c3;
        }
        for (int64_t j = 4 * q0; j < m && j < 4 * (q0 + quads); j++)
            for (int i = 0; i < LANES; i++)
                mask[j * LANES + i] = words[j & 3][(j / 4 - q0) * LANES + i] >= threshold ? scale : (REAL)0;
    }
}

#undef LANES
#undef VLANES
#undef GRADIENT_INPUTS
