/* The gradient of a weight matrix, x^T dz. Included twice by kernels.h, with REAL and FN(name). */

/* The gradient of a weight matrix: lanes run over the outputs j. dz lies in strips of LANES columns,
   [strip][row][LANES]; x in panels, or (direct) as the rows `order` of a matrix x_panel numbers wide.
   A tile: dw[i][j] <- start + sum_r x[r][i] dz[r][j], r ascending; `start` is 0, or dw itself where
   the sum goes on. `inputs`, `strips` and `direct` are constants to the compiler. */
ALWAYS_INLINE void FN(gradient_tile)(int inputs, int strips, int direct, const REAL *x,
                                     int64_t x_panel, const int64_t *order, const REAL *dz,
                                     int64_t dz_strip, int64_t n, int goes_on, REAL *dw, int64_t m,
                                     int64_t width) {
    FN(vec) sum[GRADIENT_INPUTS][GRADIENT_STRIPS * PANEL_VECTORS];
    const int vectors = strips * PANEL_VECTORS;
    if (goes_on) {
        for (int i = 0; i < inputs; i++) memcpy(sum[i], dw + i * m, width * sizeof(REAL));
    } else {
#pragma GCC unroll 16
        for (int i = 0; i < inputs; i++)
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) sum[i][v] = (FN(vec)){0};
    }
    for (int64_t first = 0; first < n; first += LANES) {
        const int64_t rows = n - first < LANES ? n - first : LANES;
        for (int64_t r = 0; r < rows; r++, dz += LANES) {
            const REAL *row = direct ? x + order[first + r] * x_panel : x + r;
            FN(vec) ds[GRADIENT_STRIPS * PANEL_VECTORS];
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++)
                ds[v] = *(const FN(vec) *)(dz + (v / PANEL_VECTORS) * dz_strip
                                           + (v % PANEL_VECTORS) * VLANES);
#pragma GCC unroll 16
            for (int i = 0; i < inputs; i++) {
                REAL scalar = row[direct ? i : i * LANES];
#pragma GCC unroll 16
                for (int v = 0; v < vectors; v++) sum[i][v] += ds[v] * scalar;
            }
        }
        if (!direct) x += x_panel;
    }
    if (width == vectors * VLANES) {
#pragma GCC unroll 16
        for (int i = 0; i < inputs; i++)
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++)
                *(FN(vecu) *)(dw + i * m + v * VLANES) = (FN(vecu))sum[i][v];
    } else {
        for (int i = 0; i < inputs; i++) memcpy(dw + i * m, sum[i], width * sizeof(REAL));
    }
}

/* The tiles of k inputs for one or two strips of outputs. */
ALWAYS_INLINE void FN(gradient_strip)(int strips, int direct, const REAL *x, int64_t x_panel,
                                      const int64_t *order, const REAL *dz, int64_t dz_strip,
                                      int64_t n, int goes_on, REAL *dw, int64_t m, int64_t k,
                                      int64_t width) {
    int64_t i = 0;
#define TILE(c)                                                                                 \
    FN(gradient_tile)(c, strips, direct, x + (direct ? i : i * LANES), x_panel, order, dz, dz_strip, \
                      n, goes_on, dw + i * m, m, width)
    for (; i + GRADIENT_INPUTS <= k; i += GRADIENT_INPUTS) TILE(GRADIENT_INPUTS);
#if GRADIENT_INPUTS > 4
    for (; i + 4 <= k; i += 4) TILE(4);
#endif
    for (; i < k; i++) TILE(1);
#undef TILE
}

/* dw[k0:k1][j0:j1] (rows m numbers apart) and, if db is given, db[j0:j1] <- sum_r dz[r][j]. n rows;
   j0 is a multiple of LANES. Columns of wide panels, or rows, fall on few lines of the cache, so where
   many outputs use them they are copied first. */
#define GRADIENT_DEPTH ((int)(1024 / sizeof(REAL)))
#define GRADIENT_BLOCK (8 * GRADIENT_INPUTS)
ALWAYS_INLINE void FN(gradient)(int direct, const REAL *x, int64_t x_panel, const int64_t *order,
                                const REAL *dz, int64_t dz_strip, int64_t n, int goes_on, REAL *dw,
                                int64_t m, int64_t k0, int64_t k1, int64_t j0, int64_t j1, REAL *db,
                                int64_t pack_outputs) {
    REAL packed[GRADIENT_BLOCK * GRADIENT_DEPTH] __attribute__((aligned(64)));
    int64_t places[GRADIENT_DEPTH];
    const int pack = j1 - j0 >= pack_outputs && k1 - k0 >= PACK_INPUTS && n >= PACK_PANELS * LANES;
    const int64_t block = pack ? GRADIENT_BLOCK : k1 - k0;
    for (int64_t i = 0; direct && pack && i < GRADIENT_DEPTH; i++) places[i] = i;
    for (int64_t r0 = 0; r0 < n; r0 += GRADIENT_DEPTH) {
        const int64_t depth = n - r0 < GRADIENT_DEPTH ? n - r0 : GRADIENT_DEPTH;
        for (int64_t i0 = k0; i0 < k1; i0 += block) {
            const int64_t i1 = i0 + block < k1 ? i0 + block : k1;
            const int64_t *which = direct ? order + r0 : order;
            const REAL *rows = direct ? x + i0 : x + r0 / LANES * x_panel + i0 * LANES;
            int64_t stride = x_panel;
            if (pack && direct) {
                stride = GRADIENT_BLOCK;
                for (int64_t r = 0; r < depth; r++)
                    memcpy(packed + r * stride, rows + which[r] * x_panel, (i1 - i0) * sizeof(REAL));
                rows = packed;
                which = places;
            } else if (pack) {
                stride = GRADIENT_BLOCK * LANES;
                for (int64_t p = 0; p * LANES < depth; p++)
                    memcpy(packed + p * stride, rows + p * x_panel, (i1 - i0) * LANES * sizeof(REAL));
                rows = packed;
            }
            int64_t j = j0;
#if GRADIENT_STRIPS > 1
            for (; j1 - j > LANES; j += 2 * LANES)
                FN(gradient_strip)(2, direct, rows, stride, which, dz + j / LANES * dz_strip + r0 * LANES,
                                   dz_strip, depth, goes_on || r0 > 0, dw + i0 * m + j, m, i1 - i0,
                                   j1 - j < 2 * LANES ? j1 - j : 2 * LANES);
#endif
            for (; j < j1; j += LANES)
                FN(gradient_strip)(1, direct, rows, stride, which, dz + j / LANES * dz_strip + r0 * LANES,
                                   dz_strip, depth, goes_on || r0 > 0, dw + i0 * m + j, m, i1 - i0,
                                   j1 - j < LANES ? j1 - j : LANES);
        }
    }
    for (int64_t j = j0; db && j < j1; j += LANES) {
        const REAL *strip = dz + j / LANES * dz_strip;
        FN(vec) sum[PANEL_VECTORS];
        for (int v = 0; v < PANEL_VECTORS; v++) sum[v] = (FN(vec)){0};
        if (goes_on) memcpy(sum, db + j, (j1 - j < LANES ? j1 - j : LANES) * sizeof(REAL));
        for (int64_t r = 0; r < n; r++)
            for (int v = 0; v < PANEL_VECTORS; v++)
                sum[v] += *(const FN(vec) *)(strip + r * LANES + v * VLANES);
        memcpy(db + j, sum, (j1 - j < LANES ? j1 - j : LANES) * sizeof(REAL));
    }
}

static void FN(gradient_wide)(const REAL *x, int64_t x_panel, const REAL *dz, int64_t dz_strip,
                              int64_t n, REAL *dw, int64_t m, int64_t k0, int64_t k1, int64_t j0,
                              int64_t j1, REAL *db) {
    FN(gradient)(0, x, x_panel, NULL, dz, dz_strip, n, 0, dw, m, k0, k1, j0, j1, db, PACK_OUTPUTS);
}

static void FN(gradient_rows)(const REAL *x, int64_t x_row, const int64_t *order, const REAL *dz,
                              int64_t dz_strip, int64_t n, REAL *dw, int64_t m, int64_t k0,
                              int64_t k1, int64_t j0, int64_t j1, REAL *db) {
    FN(gradient)(1, x, x_row, order, dz, dz_strip, n, 0, dw, m, k0, k1, j0, j1, db, PACK_OUTPUTS + 1);
}

/* The same where sums of earlier rows may go on, and where the rows of x are far apart. */
static void FN(gradient_matrix)(const REAL *x, int64_t x_row, const int64_t *order, const REAL *dz,
                                int64_t dz_strip, int64_t n, int goes_on, REAL *dw, int64_t m, int64_t k0,
                                int64_t k1, int64_t j0, int64_t j1, REAL *db) {
    FN(gradient)(1, x, x_row, order, dz, dz_strip, n, goes_on, dw, m, k0, k1, j0, j1, db, 1);
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
