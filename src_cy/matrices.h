/* Products of matrices that lie in rows, for fastnn.functional: lanes run over the columns, and the sums
   are those of product(), in the same order. Included twice by kernels.h, with REAL and FN(name). */

/* packed[depth][room] <- w[i wk + j wj] for `width` columns j; the others become zero. One of wk and wj is
   1: where it is wk, squares are transposed. */
static void FN(pack_columns)(const REAL *w, int64_t wk, int64_t wj, int64_t depth, int64_t width,
                             int64_t room, REAL *packed) {
    if (wj == 1) {
        for (int64_t i = 0; i < depth; i++) {
            memcpy(packed + i * room, w + i * wk, width * sizeof(REAL));
            memset(packed + i * room + width, 0, (room - width) * sizeof(REAL));
        }
        return;
    }
    for (int64_t c = 0; c < room; c += VLANES)
        for (int64_t i = 0; i < depth; i += VLANES) {
            const int64_t filled = depth - i < VLANES ? depth - i : VLANES;
            FN(vec) v[VLANES];
            for (int l = 0; l < VLANES; l++) {
                v[l] = (FN(vec)){0};
                if (c + l >= width) continue;
                const REAL *from = w + (c + l) * wj + i;
                if (filled == VLANES) v[l] = (FN(vec))*(const FN(vecu) *)from;
                else memcpy(&v[l], from, filled * sizeof(REAL));
            }
            FN(transpose)(v);
            for (int l = 0; l < filled; l++) *(FN(vecu) *)(packed + (i + l) * room + c) = (FN(vecu))v[l];
        }
}

/* y[r][0:width] <- start + sum_i x[r][i] w[i wk + :] for a few rows; `start` is the bias (0 without), or y
   itself where the sum goes on. `rows` and `strips` are constants to the compiler. */
ALWAYS_INLINE void FN(matrix_tile)(int rows, int strips, const REAL *x, int64_t x_row, int64_t k,
                                   const REAL *w, int64_t wk, int goes_on, const REAL *bias, REAL *y,
                                   int64_t y_row, int64_t width) {
    REAL out[ROWS_TILE * GRADIENT_STRIPS * LANES] __attribute__((aligned(64)));
    const REAL *at[ROWS_TILE];
    const int room = strips * LANES, apart = GRADIENT_STRIPS * LANES;
    for (int r = 0; r < rows; r++) {
        const REAL *start = goes_on ? y + r * y_row : bias;
        at[r] = x + r * x_row;
        if (!start) memset(out + r * apart, 0, room * sizeof(REAL));
        else if (width == room) memcpy(out + r * apart, start, room * sizeof(REAL));
        else {
            memset(out + r * apart, 0, room * sizeof(REAL));
            for (int64_t c = 0; c < width; c++) out[r * apart + c] = start[c];
        }
    }
    FN(rows_tile)(rows, strips, at, k, w, wk, out);
    for (int r = 0; r < rows; r++) {
        if (width == room) memcpy(y + r * y_row, out + r * apart, room * sizeof(REAL));
        else
            for (int64_t c = 0; c < width; c++) y[r * y_row + c] = out[r * apart + c];
    }
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

/* y[n][m] <- bias[m] + x[n][k] w with w[i wk + j wj], one of wk and wj being 1; bias may be NULL. A strip of
   w is copied where many rows use it, where it has to be transposed, and where it is narrower than the
   vectors. Few rows go through w by rows, a few at a time: it then comes from far away once, in order. */
#define FEW_ROWS 8
#define FEW_DEPTH 32
static void FN(matrix_product)(const REAL *x, int64_t x_row, int64_t n, int64_t k, const REAL *w,
                               int64_t wk, int64_t wj, const REAL *bias, REAL *y, int64_t y_row, int64_t m) {
    REAL packed[ROWS_DEPTH * GRADIENT_STRIPS * LANES] __attribute__((aligned(64)));
    const int64_t most = n <= FEW_ROWS && wj == 1 ? FEW_DEPTH : ROWS_DEPTH;
    for (int64_t k0 = 0; k0 < k || k0 == 0; k0 += most) {
        const int64_t depth = k - k0 < most ? k - k0 : most;
        for (int64_t j = 0; j < m;) {
            const int strips = m - j > LANES ? GRADIENT_STRIPS : 1;
            const int64_t room = strips * LANES, width = m - j < room ? m - j : room;
            const REAL *strip = w + k0 * wk + j * wj, *b = bias ? bias + j : bias;
            int64_t apart = wk;
            if (width < room || wj != 1 || (n >= PACK_PANELS * LANES && wk > 4 * LANES)) {
                FN(pack_columns)(strip, wk, wj, depth, width, room, packed);
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
