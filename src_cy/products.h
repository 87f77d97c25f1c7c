/* y = x w + b on panels, and with the rows of a matrix for x. Included twice by kernels.h, with REAL and FN(name). */

/* packed[k][TILE_COLUMNS] <- w[i wk + j wj], one of wk and wj being 1: where it is wk, squares are transposed */
static void FN(pack_strip)(const REAL *w, int64_t wk, int64_t wj, int64_t k, REAL *packed) {
    if (wj == 1) {
        for (int64_t i = 0; i < k; i++)
            memcpy(packed + i * TILE_COLUMNS, w + i * wk, TILE_COLUMNS * sizeof(REAL));
        return;
    }
    const int64_t whole = k / VLANES * VLANES;
#pragma GCC unroll 4
    for (int first = 0; first < TILE_COLUMNS; first += VLANES) {
        const int count = TILE_COLUMNS - first < VLANES ? TILE_COLUMNS - first : VLANES;
        for (int64_t i = 0; i < whole; i += VLANES) {
            FN(vec) v[VLANES];
#pragma GCC unroll 16
            for (int j = 0; j < VLANES; j++)
                v[j] = j < count ? (FN(vec))*(const FN(vecu) *)(w + i + (first + j) * wj) : (FN(vec)){0};
            FN(transpose)(v);
#pragma GCC unroll 16
            for (int l = 0; l < VLANES; l++)
                memcpy(packed + (i + l) * TILE_COLUMNS + first, &v[l], count * sizeof(REAL));
        }
    }
    for (int64_t i = whole; i < k; i++)
        for (int j = 0; j < TILE_COLUMNS; j++) packed[i * TILE_COLUMNS + j] = w[i + j * wj];
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

/* The same for the first half of the lanes of one panel; the others keep what they hold. */
ALWAYS_INLINE void FN(half_tile)(int columns, const REAL *x, const REAL *w, int64_t wk, int64_t wj,
                                 int64_t k, int goes_on, const REAL *bias, REAL *y) {
    FN(half) sum[TILE_COLUMNS][HALF_VECTORS];
#define AT(base, column, v) (*(FN(half) *)(base + column * LANES + v * (LANES / 2 / HALF_VECTORS)))
#pragma GCC unroll 16
    for (int j = 0; j < columns; j++)
#pragma GCC unroll 16
        for (int v = 0; v < HALF_VECTORS; v++)
            if (goes_on) sum[j][v] = AT(y, j, v);
            else sum[j][v] = (bias ? bias[j] : (REAL)0) - (FN(half)){0};
    for (int64_t i = 0; i < k; i++) {
        FN(half) xs[HALF_VECTORS];
#pragma GCC unroll 16
        for (int v = 0; v < HALF_VECTORS; v++) xs[v] = AT((REAL *)x, i, v);
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++) {
            REAL scalar = w[i * wk + j * wj];
#pragma GCC unroll 16
            for (int v = 0; v < HALF_VECTORS; v++) sum[j][v] += xs[v] * scalar;
        }
    }
#pragma GCC unroll 16
    for (int j = 0; j < columns; j++)
#pragma GCC unroll 16
        for (int v = 0; v < HALF_VECTORS; v++) AT(y, j, v) = sum[j][v];
#undef AT
}

/* All n rows of one strip of at most TILE_COLUMNS columns. */
ALWAYS_INLINE void FN(product_strip)(int columns, const REAL *x, int64_t x_panel, const REAL *w,
                                     int64_t wk, int64_t wj, int64_t k, int goes_on,
                                     const REAL *bias, REAL *y, int64_t y_panel, int64_t n) {
    const int64_t panels = (n + LANES / 2 - 1) / LANES; /* without a last one that is half empty */
    int64_t p = 0;
#if TILE_PANELS > 1
    for (; p + TILE_PANELS <= panels; p += TILE_PANELS)
        FN(product_tile)(columns, TILE_PANELS, x + p * x_panel, x_panel, w, wk, wj, k, goes_on, bias,
                         y + p * y_panel, y_panel);
#endif
    for (; p < panels; p++)
        FN(product_tile)(columns, 1, x + p * x_panel, x_panel, w, wk, wj, k, goes_on, bias,
                         y + p * y_panel, y_panel);
    if (p * LANES < n)
        FN(half_tile)(columns, x + p * x_panel, w, wk, wj, k, goes_on, bias, y + p * y_panel);
}

/* y[panels][m][LANES] <- bias[m] + x[panels][k][LANES] . w for n rows, panels x_panel and y_panel apart.
   Where the last panel has rows in its first half only, the other half of y is left as it is.
   The sum over k is cut so that a strip of w stays in the first cache; where many panels use it, the
   strip is copied first, since columns of a wide matrix fall on few lines of the cache. */
#define PRODUCT_DEPTH ((int)(1024 / sizeof(REAL)))
static void FN(product)(const REAL *x, int64_t x_panel, const REAL *w, int64_t wk, int64_t wj,
                        int64_t k, const REAL *bias, REAL *y, int64_t y_panel, int64_t m, int64_t n) {
    REAL packed[PRODUCT_DEPTH * TILE_COLUMNS] __attribute__((aligned(64)));
    const int pack = n >= PACK_PANELS * LANES && k * m >= PACK_SIZE;
    for (int64_t k0 = 0; k0 < k || k0 == 0; k0 += PRODUCT_DEPTH) {
        const int64_t depth = k - k0 < PRODUCT_DEPTH ? k - k0 : PRODUCT_DEPTH;
        int64_t j = 0;
        for (; j + TILE_COLUMNS <= m; j += TILE_COLUMNS) {
            const REAL *strip = w + k0 * wk + j * wj, *b = bias ? bias + j : bias;
            if (pack) {
                FN(pack_strip)(strip, wk, wj, depth, packed);
                FN(product_strip)(TILE_COLUMNS, x + k0 * LANES, x_panel, packed, TILE_COLUMNS, 1,
                                  depth, k0 > 0, b, y + j * LANES, y_panel, n);
            } else if (wj == 1)
                FN(product_strip)(TILE_COLUMNS, x + k0 * LANES, x_panel, strip, wk, 1, depth, k0 > 0,
                                  b, y + j * LANES, y_panel, n);
            else
                FN(product_strip)(TILE_COLUMNS, x + k0 * LANES, x_panel, strip, 1, wj, depth, k0 > 0,
                                  b, y + j * LANES, y_panel, n);
        }
#define STRIP(c)                                                                               \
    case c:                                                                                    \
        FN(product_strip)(c, x + k0 * LANES, x_panel, w + k0 * wk + j * wj, wk, wj, depth, k0 > 0, \
                          bias ? bias + j : bias, y + j * LANES, y_panel, n);                   \
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

/* A product whose x is the rows of a matrix, read where they lie: lanes run over the columns. The sums
   are those of product(), in the same order. A tile: out[r][:] <- start[r][:] + sum_i x[r][i] w[i wk + :].
   `rows` and `strips` are constants to the compiler. */
ALWAYS_INLINE void FN(rows_tile)(int rows, int strips, const REAL *const *x, int64_t k, const REAL *w,
                                 int64_t wk, const REAL *start, int64_t start_row, REAL *out,
                                 int64_t out_row) {
    FN(vec) sum[ROWS_TILE][GRADIENT_STRIPS * PANEL_VECTORS];
    const int vectors = strips * PANEL_VECTORS;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            sum[r][v] = (FN(vec))*(const FN(vecu) *)(start + r * start_row + v * VLANES);
    for (int64_t i = 0; i < k; i++) {
        FN(vec) ws[GRADIENT_STRIPS * PANEL_VECTORS];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) ws[v] = (FN(vec))*(const FN(vecu) *)(w + i * wk + v * VLANES);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            REAL scalar = x[r][i];
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) sum[r][v] += ws[v] * scalar;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) *(FN(vecu) *)(out + r * out_row + v * VLANES) = (FN(vecu))sum[r][v];
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
        FN(rows_tile)(ROWS_TILE, strips, rows, k, w, wk, out, GRADIENT_STRIPS * LANES, out,
                      GRADIENT_STRIPS * LANES);
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
