/* Matrix products on panels. Included twice by kernels.h, with REAL and FN(name). */

#define LANES ((int)(64 / sizeof(REAL)))
#define VLANES ((int)(VECTOR_BYTES / sizeof(REAL)))
typedef REAL FN(vec) __attribute__((vector_size(VECTOR_BYTES), aligned(VECTOR_BYTES), may_alias));
typedef REAL FN(vecu) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));

/* packed[k][TILE_COLUMNS] <- w[i wk + j wj] */
static void FN(pack_strip)(const REAL *w, int64_t wk, int64_t wj, int64_t k, REAL *packed) {
    if (wj == 1)
        for (int64_t i = 0; i < k; i++)
            memcpy(packed + i * TILE_COLUMNS, w + i * wk, TILE_COLUMNS * sizeof(REAL));
    else
        for (int j = 0; j < TILE_COLUMNS; j++)
            for (int64_t i = 0; i < k; i++) packed[i * TILE_COLUMNS + j] = w[i * wk + j * wj];
}

/* a b + c, rounded once wherever the vectors do so. Left to itself the compiler vectorises a sum's
   products and rounds them on their own. */
ALWAYS_INLINE REAL FN(multiply_add)(REAL a, REAL b, REAL c) {
#ifdef __FP_FAST_FMAF
    return sizeof(REAL) == 4 ? (REAL)__builtin_fmaf(a, b, c) : (REAL)__builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* A tile of a product: y[p][j][:] <- start + sum_i x[p][i][:] w[i wk + j wj] for `columns` j and
   `panels` p, both constants to the compiler. `start` is bias[j] (0 without), or y itself where the
   sum goes on. One chain of additions an output, i ascending. */
ALWAYS_INLINE void FN(product_tile)(int columns, int panels, const REAL *x, int64_t x_panel,
                                    const REAL *w, int64_t wk, int64_t wj, int64_t k, int goes_on,
                                    const REAL *bias, REAL *y, int64_t y_panel) {
    FN(vec) sum[TILE_COLUMNS][TILE_PANELS * PANEL_VECTORS];
    const int vectors = panels * PANEL_VECTORS;
#define AT(base, panel, column, v) \
    (*(FN(vec) *)(base + (v / PANEL_VECTORS) * panel + column * LANES + (v % PANEL_VECTORS) * VLANES))
    if (goes_on) {
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++)
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) sum[j][v] = AT(y, y_panel, j, v);
    } else {
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++) {
            FN(vec) start = (bias ? bias[j] : (REAL)0) - (FN(vec)){0};
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) sum[j][v] = start;
        }
    }
    for (int64_t i = 0; i < k; i++) {
        FN(vec) xs[TILE_PANELS * PANEL_VECTORS];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) xs[v] = AT((REAL *)x, x_panel, i, v);
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
        for (int v = 0; v < vectors; v++) AT(y, y_panel, j, v) = sum[j][v];
#undef AT
}

/* All panels of one strip of at most TILE_COLUMNS columns. */
ALWAYS_INLINE void FN(product_strip)(int columns, const REAL *x, int64_t x_panel, const REAL *w,
                                     int64_t wk, int64_t wj, int64_t k, int goes_on,
                                     const REAL *bias, REAL *y, int64_t y_panel, int64_t panels) {
    int64_t p = 0;
#if TILE_PANELS > 1
    for (; p + TILE_PANELS <= panels; p += TILE_PANELS)
        FN(product_tile)(columns, TILE_PANELS, x + p * x_panel, x_panel, w, wk, wj, k, goes_on, bias,
                         y + p * y_panel, y_panel);
#endif
    for (; p < panels; p++)
        FN(product_tile)(columns, 1, x + p * x_panel, x_panel, w, wk, wj, k, goes_on, bias,
                         y + p * y_panel, y_panel);
}

/* y[panels][m][LANES] <- bias[m] + x[panels][k][LANES] . w, panels x_panel and y_panel numbers apart.
   The sum over k is cut so that a strip of w stays in the first cache; where many panels use it, the
   strip is copied first, since columns of a wide matrix fall on few lines of the cache. */
#define PRODUCT_DEPTH ((int)(1024 / sizeof(REAL)))
static void FN(product)(const REAL *x, int64_t x_panel, const REAL *w, int64_t wk, int64_t wj,
                        int64_t k, const REAL *bias, REAL *y, int64_t y_panel, int64_t m,
                        int64_t panels) {
    REAL packed[PRODUCT_DEPTH * TILE_COLUMNS] __attribute__((aligned(64)));
    const int pack = panels >= PACK_PANELS && k * m >= PACK_SIZE;
    for (int64_t k0 = 0; k0 < k || k0 == 0; k0 += PRODUCT_DEPTH) {
        const int64_t depth = k - k0 < PRODUCT_DEPTH ? k - k0 : PRODUCT_DEPTH;
        int64_t j = 0;
        for (; j + TILE_COLUMNS <= m; j += TILE_COLUMNS) {
            const REAL *strip = w + k0 * wk + j * wj, *b = bias ? bias + j : bias;
            if (pack) {
                FN(pack_strip)(strip, wk, wj, depth, packed);
                FN(product_strip)(TILE_COLUMNS, x + k0 * LANES, x_panel, packed, TILE_COLUMNS, 1,
                                  depth, k0 > 0, b, y + j * LANES, y_panel, panels);
            } else if (wj == 1)
                FN(product_strip)(TILE_COLUMNS, x + k0 * LANES, x_panel, strip, wk, 1, depth, k0 > 0,
                                  b, y + j * LANES, y_panel, panels);
            else
                FN(product_strip)(TILE_COLUMNS, x + k0 * LANES, x_panel, strip, 1, wj, depth, k0 > 0,
                                  b, y + j * LANES, y_panel, panels);
        }
#define STRIP(c)                                                                               \
    case c:                                                                                    \
        FN(product_strip)(c, x + k0 * LANES, x_panel, w + k0 * wk + j * wj, wk, wj, depth, k0 > 0, \
                          bias ? bias + j : bias, y + j * LANES, y_panel, panels);              \
        break;
        switch (m - j) {
            STRIP(1)
            STRIP(2)
#if TILE_COLUMNS > 3
            STRIP(3)
            STRIP(4)
            STRIP(5)
#endif
#if TILE_COLUMNS > 6
            STRIP(6)
            STRIP(7)
            STRIP(8)
            STRIP(9)
            STRIP(10)
            STRIP(11)
#endif
        }
#undef STRIP
    }
}

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

/* The tiles of inputs k0:k1 for one or two strips of outputs. */
ALWAYS_INLINE void FN(gradient_strip)(int strips, int direct, const REAL *x, int64_t x_panel,
                                      const int64_t *order, const REAL *dz, int64_t dz_strip,
                                      int64_t n, int goes_on, REAL *dw, int64_t m, int64_t k0,
                                      int64_t k1, int64_t width) {
    int64_t i = k0;
#define TILE(c)                                                                                 \
    FN(gradient_tile)(c, strips, direct, x + (direct ? i : i * LANES), x_panel, order, dz, dz_strip, \
                      n, goes_on, dw + i * m, m, width)
    for (; i + GRADIENT_INPUTS <= k1; i += GRADIENT_INPUTS) TILE(GRADIENT_INPUTS);
#if GRADIENT_INPUTS > 4
    for (; i + 4 <= k1; i += 4) TILE(4);
#endif
    for (; i < k1; i++) TILE(1);
#undef TILE
}

/* dw[k0:k1][j0:j1] (rows m numbers apart) and, if db is given, db[j0:j1] <- sum_r dz[r][j]. n rows;
   j0 is a multiple of LANES. */
#define GRADIENT_DEPTH 256
ALWAYS_INLINE void FN(gradient)(int direct, const REAL *x, int64_t x_panel, const int64_t *order,
                                const REAL *dz, int64_t dz_strip, int64_t n, REAL *dw, int64_t m,
                                int64_t k0, int64_t k1, int64_t j0, int64_t j1, REAL *db) {
    for (int64_t r0 = 0; r0 < n; r0 += GRADIENT_DEPTH) {
        const int64_t depth = n - r0 < GRADIENT_DEPTH ? n - r0 : GRADIENT_DEPTH;
        const REAL *rows = direct ? x : x + r0 / LANES * x_panel;
        const int64_t *which = direct ? order + r0 : order;
        int64_t j = j0;
#if GRADIENT_STRIPS > 1
        for (; j1 - j > LANES; j += 2 * LANES)
            FN(gradient_strip)(2, direct, rows, x_panel, which, dz + j / LANES * dz_strip + r0 * LANES,
                               dz_strip, depth, r0 > 0, dw + j, m, k0, k1,
                               j1 - j < 2 * LANES ? j1 - j : 2 * LANES);
#endif
        for (; j < j1; j += LANES)
            FN(gradient_strip)(1, direct, rows, x_panel, which, dz + j / LANES * dz_strip + r0 * LANES,
                               dz_strip, depth, r0 > 0, dw + j, m, k0, k1,
                               j1 - j < LANES ? j1 - j : LANES);
    }
    for (int64_t j = j0; db && j < j1; j += LANES) {
        const REAL *strip = dz + j / LANES * dz_strip;
        FN(vec) sum[PANEL_VECTORS];
        for (int v = 0; v < PANEL_VECTORS; v++) sum[v] = (FN(vec)){0};
        for (int64_t r = 0; r < n; r++)
            for (int v = 0; v < PANEL_VECTORS; v++)
                sum[v] += *(const FN(vec) *)(strip + r * LANES + v * VLANES);
        memcpy(db + j, sum, (j1 - j < LANES ? j1 - j : LANES) * sizeof(REAL));
    }
}

static void FN(gradient_wide)(const REAL *x, int64_t x_panel, const REAL *dz, int64_t dz_strip,
                              int64_t n, REAL *dw, int64_t m, int64_t k0, int64_t k1, int64_t j0,
                              int64_t j1, REAL *db) {
    FN(gradient)(0, x, x_panel, NULL, dz, dz_strip, n, dw, m, k0, k1, j0, j1, db);
}

static void FN(gradient_rows)(const REAL *x, int64_t x_row, const int64_t *order, const REAL *dz,
                              int64_t dz_strip, int64_t n, REAL *dw, int64_t m, int64_t k0,
                              int64_t k1, int64_t j0, int64_t j1, REAL *db) {
    FN(gradient)(1, x, x_row, order, dz, dz_strip, n, dw, m, k0, k1, j0, j1, db);
}

/* A product whose x is the rows of a matrix, read where they lie: lanes run over the columns. The sums
   are those of product(), in the same order. A tile: out[r][:] += sum_i x[r][i] w[i wk + :]. */
ALWAYS_INLINE void FN(rows_tile)(int strips, const REAL *const *x, int64_t k, const REAL *w,
                                 int64_t wk, REAL *out) {
    FN(vec) sum[ROWS_TILE][GRADIENT_STRIPS * PANEL_VECTORS];
    const int vectors = strips * PANEL_VECTORS;
#define OUT(r, v) (*(FN(vec) *)(out + r * GRADIENT_STRIPS * LANES + v * VLANES))
#pragma GCC unroll 16
    for (int r = 0; r < ROWS_TILE; r++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) sum[r][v] = OUT(r, v);
    for (int64_t i = 0; i < k; i++) {
        FN(vec) ws[GRADIENT_STRIPS * PANEL_VECTORS];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) ws[v] = (FN(vec))*(const FN(vecu) *)(w + i * wk + v * VLANES);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS_TILE; r++) {
            REAL scalar = x[r][i];
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) sum[r][v] += ws[v] * scalar;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS_TILE; r++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) OUT(r, v) = sum[r][v];
#undef OUT
}

/* One strip of columns, `width` of them, for n rows: y[panel][column][LANES]. */
ALWAYS_INLINE void FN(rows_strip)(int strips, const REAL *x, int64_t x_row, const int64_t *order,
                                  int64_t n, int64_t k, const REAL *w, int64_t wk, int goes_on,
                                  const REAL *bias, REAL *y, int64_t y_panel, int64_t width) {
    REAL out[ROWS_TILE * GRADIENT_STRIPS * LANES] __attribute__((aligned(64)));
    const REAL *rows[ROWS_TILE];
    const int64_t padded = (n + LANES - 1) / LANES * LANES;
    for (int64_t r0 = 0; r0 < padded; r0 += ROWS_TILE) {
        REAL *panel = y + r0 / LANES * y_panel + r0 % LANES;
        for (int r = 0; r < ROWS_TILE; r++) {
            rows[r] = x + order[r0 + r < n ? r0 + r : n - 1] * x_row; /* padding repeats a row */
            for (int64_t c = 0; c < width; c++)
                out[r * GRADIENT_STRIPS * LANES + c] =
                    goes_on ? panel[c * LANES + r] : bias ? bias[c] : (REAL)0;
        }
        FN(rows_tile)(strips, rows, k, w, wk, out);
        for (int64_t c = 0; c < width; c++)
            for (int r = 0; r < ROWS_TILE; r++)
                panel[c * LANES + r] = out[r * GRADIENT_STRIPS * LANES + c];
    }
}

/* y[panels][m][LANES] <- bias[m] + x[rows order[0:n]][k] . w[k][m], w's rows w_row numbers apart. A
   strip of w is copied where many rows use it (as in product), and where it is narrower than the
   vectors, which would reach beyond the matrix. */
#define ROWS_DEPTH ((int)(2048 / sizeof(REAL)))
static void FN(product_rows)(const REAL *x, int64_t x_row, const int64_t *order, int64_t n,
                             const REAL *w, int64_t w_row, int64_t k, const REAL *bias, REAL *y,
                             int64_t y_panel, int64_t m) {
    REAL packed[ROWS_DEPTH * GRADIENT_STRIPS * LANES] __attribute__((aligned(64)));
    for (int64_t k0 = 0; k0 < k; k0 += ROWS_DEPTH) {
        const int64_t depth = k - k0 < ROWS_DEPTH ? k - k0 : ROWS_DEPTH;
        for (int64_t j = 0; j < m;) {
            const int strips = m - j > LANES ? GRADIENT_STRIPS : 1;
            const int64_t room = strips * LANES, width = m - j < room ? m - j : room;
            const REAL *strip = w + k0 * w_row + j, *b = bias ? bias + j : bias;
            int64_t wk = w_row;
            if (width < room || (n >= PACK_PANELS * LANES && w_row > 4 * LANES)) {
                for (int64_t i = 0; i < depth; i++) {
                    memcpy(packed + i * room, strip + i * w_row, width * sizeof(REAL));
                    memset(packed + i * room + width, 0, (room - width) * sizeof(REAL));
                }
                strip = packed;
                wk = room;
            }
            if (strips == 1)
                FN(rows_strip)(1, x + k0, x_row, order, n, depth, strip, wk, k0 > 0, b,
                               y + j * LANES, y_panel, width);
            else
                FN(rows_strip)(GRADIENT_STRIPS, x + k0, x_row, order, n, depth, strip, wk, k0 > 0, b,
                               y + j * LANES, y_panel, width);
            j += room;
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

/* A batch of one row: vectors instead of panels. The sums of row_product have the order of product's,
   so a row's prediction is the same alone. 16 bytes are the last vector of a row that is no multiple
   of 64; the very last one overlaps the one before. */
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

/* dx[k] <- dz[m] . w[k][m]^T. Few outputs: j ascending, as in product; else by lanes, then those. */
static void FN(row_input_gradient)(const REAL *dz, const REAL *w, int64_t m, REAL *dx, int64_t k) {
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

/* strips[strip][lane][LANES] (strips `strip` numbers apart) <- panel[m][LANES]; the last strip's
   padding stays as it is: nothing that is read from it is stored */
static void FN(panel_to_strips)(const REAL *panel, REAL *strips, int64_t strip, int64_t m) {
    for (int64_t j0 = 0; j0 < m; j0 += LANES, strips += strip) {
        const int64_t width = m - j0 < LANES ? m - j0 : LANES;
        for (int64_t j = 0; j < width; j++)
            for (int r = 0; r < LANES; r++) strips[r * LANES + j] = panel[(j0 + j) * LANES + r];
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
   counter i belong to columns 4 quad .. 4 quad + 3. mask[m][lanes] <- scale where word >= threshold;
   lanes is LANES or 1. */
static void FN(dropout_mask)(uint64_t seed, uint64_t step, int64_t row, int64_t lanes, int64_t m,
                             uint32_t threshold, REAL scale, REAL *mask) {
    const int shift = lanes == 1 ? 0 : sizeof(REAL) == 4 ? 4 : 3;
    enum { QUADS = 16 };
    uint32_t words[4][QUADS * 16];
    for (int64_t q0 = 0; 4 * q0 < m; q0 += QUADS) {
        int64_t quads = (m + 3) / 4 - q0 < QUADS ? (m + 3) / 4 - q0 : QUADS;
        for (int32_t i = 0; i < quads * lanes; i++) {
            uint32_t c0 = (uint32_t)row + (i & ((1 << shift) - 1)), c1 = (uint32_t)q0 + (i >> shift);
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
            for (int i = 0; i < lanes; i++)
                mask[j * lanes + i] = words[j & 3][(j / 4 - q0) * lanes + i] >= threshold ? scale : (REAL)0;
    }
}

#undef LANES
#undef VLANES
