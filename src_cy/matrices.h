/* Products of matrices that lie in rows, for fastnn.functional: lanes run over the columns, and the sums
   are those of product(), in the same order. Included twice by kernels.h, with REAL and FN(name). */

/* y[r][0:width] <- start + sum_i x[r][i] w[i wk + :] for a few rows; `start` is the bias (0 without), or y
   itself where the sum goes on. `rows` and `strips` are constants to the compiler. */
ALWAYS_INLINE void FN(matrix_tile)(int rows, int strips, const REAL *x, int64_t x_row, int64_t k,
                                   const REAL *w, int64_t wk, int goes_on, const REAL *bias, REAL *y,
                                   int64_t y_row, int64_t width) {
    static const REAL nothing[GRADIENT_STRIPS * LANES];
    const int room = strips * LANES;
    const REAL *start = goes_on ? y : bias ? bias : nothing, *at[ROWS_TILE];
    const int64_t start_row = goes_on ? y_row : 0;
    for (int r = 0; r < rows; r++) at[r] = x + r * x_row;
    if (width == room) {
        FN(rows_tile)(rows, strips, at, k, w, wk, start, start_row, y, y_row);
        return;
    }
    REAL out[ROWS_TILE * GRADIENT_STRIPS * LANES] __attribute__((aligned(64))) = {0};
    for (int r = 0; r < rows; r++)
        for (int64_t c = 0; c < width; c++) out[r * room + c] = start[r * start_row + c];
    FN(rows_tile)(rows, strips, at, k, w, wk, out, room, out, room);
    for (int r = 0; r < rows; r++)
        for (int64_t c = 0; c < width; c++) y[r * y_row + c] = out[r * room + c];
}

/* All n rows of one strip of columns. */
ALWAYS_INLINE void FN(matrix_strip)(int strips, const REAL *x, int64_t x_row, int64_t n, int64_t k,
                                    const REAL *w, int64_t wk, int goes_on, const REAL *bias, REAL *y,
                                    int64_t y_row, int64_t width) {
    int64_t r = 0;
#define TILE(c)                                                                                    \
    for (; r + c <= n; r += c)                                                                     \
        FN(matrix_tile)(c, strips, x + r * x_row, x_row, k, w, wk, goes_on, bias, y + r * y_row, y_row, width);
    TILE(ROWS_TILE)
#if ROWS_TILE > 4
    TILE(4)
#endif
#if ROWS_TILE > 2
    TILE(2)
#endif
    TILE(1)
#undef TILE
}

/* y[n][m] <- bias[m] + x[n][k] w[k][m], bias may be NULL: for few rows. They go through w by its rows, a few
   at a time. A strip that is narrower than the vectors, which would reach beyond the matrix, is copied. */
#define MATRIX_DEPTH 32
static void FN(matrix_product)(const REAL *x, int64_t x_row, int64_t n, int64_t k, const REAL *w,
                               int64_t wk, const REAL *bias, REAL *y, int64_t y_row, int64_t m) {
    REAL packed[MATRIX_DEPTH * GRADIENT_STRIPS * LANES] __attribute__((aligned(64)));
    for (int64_t k0 = 0; k0 < k || k0 == 0; k0 += MATRIX_DEPTH) {
        const int64_t depth = k - k0 < MATRIX_DEPTH ? k - k0 : MATRIX_DEPTH;
        for (int64_t j = 0; j < m;) {
            const int strips = m - j > LANES ? GRADIENT_STRIPS : 1;
            const int64_t room = strips * LANES, width = m - j < room ? m - j : room;
            const REAL *strip = w + k0 * wk + j, *b = bias ? bias + j : bias;
            int64_t apart = wk;
            if (width < room) {
                for (int64_t i = 0; i < depth; i++) {
                    for (int64_t c = 0; c < room; c++) packed[i * room + c] = c < width ? strip[i * wk + c] : (REAL)0;
                }
                strip = packed;
                apart = room;
            }
            if (strips == 1)
                FN(matrix_strip)(1, x + k0, x_row, n, depth, strip, apart, k0 > 0, b, y + j, y_row, width);
            else
                FN(matrix_strip)(GRADIENT_STRIPS, x + k0, x_row, n, depth, strip, apart, k0 > 0, b, y + j,
                                 y_row, width);
            j += room;
        }
    }
}

/* y[n][m] <- bias[m] + x[n][k] w[k][m] for few rows and a matrix that lies far away: by its rows, a few at a
   time, which then come from there once, in order. */
static void FN(far_product)(const REAL *x, int64_t x_row, int64_t n, const REAL *w, int64_t wk, int64_t k,
                            const REAL *bias, REAL *y, int64_t y_row, int64_t m) {
    const int64_t whole = m / (4 * LANES) * (4 * LANES);
    for (int64_t k0 = 0; k0 < k; k0 += 8)
        for (int64_t r = 0; r < n; r++)
            for (int64_t j = 0; j < whole; j += 4 * LANES) {
                REAL *to = y + r * y_row + j;
                FN(row_block)(4, x + r * x_row + k0, w + k0 * wk + j, wk, k - k0 < 8 ? k - k0 : 8,
                              k0 ? to : bias ? bias + j : bias, to);
            }
    for (int64_t r = 0; r < n && whole < m; r++)
        FN(row_product)(x + r * x_row, w + whole, wk, k, bias ? bias + whole : bias, y + r * y_row + whole, m - whole);
}

/* strips[strip][row][LANES] (strips `strip` numbers apart) <- rows[n][m]; the last strip's padding becomes 0 */
static void FN(rows_to_strips)(const REAL *rows, int64_t n, int64_t m, REAL *strips, int64_t strip) {
    for (int64_t j = 0; j < m; j += LANES, strips += strip) {
        const int64_t width = m - j < LANES ? m - j : LANES;
        for (int64_t r = 0; r < n; r++) {
            if (width == LANES) memcpy(strips + r * LANES, rows + r * m + j, LANES * sizeof(REAL));
            else
                for (int64_t c = 0; c < LANES; c++)
                    strips[r * LANES + c] = c < width ? rows[r * m + j + c] : (REAL)0;
        }
    }
}
