/* Between rows, panels and strips; dropout's masks. Included twice by kernels.h, with REAL and FN(name). */

/* strips[strip][lane][LANES] (strips `strip` numbers apart) <- panel[m][LANES]; the last strip's
   padding becomes zero */
static void FN(panel_to_strips)(const REAL *panel, REAL *strips, int64_t strip, int64_t m) {
    for (int64_t j = 0; j < m; j += VLANES) {
        REAL *to = strips + j / LANES * strip + j % LANES;
        for (int lane = 0; lane < LANES; lane += VLANES) {
            FN(vec) v[VLANES];
            for (int i = 0; i < VLANES; i++)
                v[i] = j + i < m ? *(const FN(vec) *)(panel + (j + i) * LANES + lane) : (FN(vec)){0};
            FN(transpose)(v);
            for (int i = 0; i < VLANES; i++) *(FN(vec) *)(to + (lane + i) * LANES) = v[i];
        }
    }
}

/* rows[lane][m] (row_stride apart) <- panel[m][LANES], for `count` lanes. Squares are transposed; the
   last one overlaps the one before. */
static void FN(panel_to_rows)(const REAL *panel, REAL *rows, int64_t row_stride, int64_t m, int64_t count) {
    if (m < VLANES) {
        for (int64_t r = 0; r < count; r++)
            for (int64_t j = 0; j < m; j++) rows[r * row_stride + j] = panel[j * LANES + r];
        return;
    }
    for (int64_t first = 0; first < m; first += VLANES) {
        const int64_t j = first + VLANES <= m ? first : m - VLANES;
        for (int lane = 0; lane < count; lane += VLANES) {
            FN(vec) v[VLANES];
            for (int i = 0; i < VLANES; i++) v[i] = *(const FN(vec) *)(panel + (j + i) * LANES + lane);
            FN(transpose)(v);
            for (int i = 0; i < VLANES && lane + i < count; i++)
                *(FN(vecu) *)(rows + (lane + i) * row_stride + j) = (FN(vecu))v[i];
        }
    }
}

/* panel[m][LANES] <- rows order[0..count) of data (row_stride apart), lanes beyond count <- 0 */
static void FN(rows_to_panel)(const REAL *data, int64_t row_stride, const int64_t *order, REAL *panel,
                              int64_t m, int64_t count) {
    if (m < VLANES) {
        for (int64_t j = 0; j < m; j++)
            for (int64_t r = 0; r < LANES; r++)
                panel[j * LANES + r] = r < count ? data[order[r] * row_stride + j] : (REAL)0;
        return;
    }
    for (int lane = 0; lane < LANES; lane += VLANES)
        for (int64_t first = 0; first < m; first += VLANES) {
            const int64_t j = first + VLANES <= m ? first : m - VLANES;
            FN(vec) v[VLANES];
            for (int i = 0; i < VLANES; i++)
                v[i] = lane + i < count ? (FN(vec))*(const FN(vecu) *)(data + order[lane + i] * row_stride + j)
                                        : (FN(vec)){0};
            FN(transpose)(v);
            for (int i = 0; i < VLANES; i++) *(FN(vec) *)(panel + (j + i) * LANES + lane) = v[i];
        }
}

/* mask[m][LANES] <- scale where a random number of 16 bits is at least `threshold`, else 0. Counters are
   (row + lane, octet, step, step >> 32); the lower half of word i belongs to column 8 octet + i, the
   upper half to 8 octet + 4 + i. */
static void FN(dropout_mask)(uint64_t seed, uint64_t step, int64_t row, int64_t m, int32_t threshold,
                             REAL scale, REAL *mask) {
    enum { SETS = 8 / sizeof(REAL) }; /* a vector of counters has every row, or every second one */
    const FN(index) kept = (FN(index))(scale - (FN(vec)){0});
    words_t lane;
    for (int i = 0; i < COUNTERS; i++) lane[i] = (uint64_t)(i * SETS);
    for (int64_t first = 0; first < m; first += 8, mask += 8 * LANES) {
        const int columns = m - first < 8 ? (int)(m - first) : 8;
        for (int v = 0; v < PANEL_VECTORS; v++) {
            words_t c[SETS][4];
            FN(index) words[4];
#pragma GCC unroll 2
            for (int s = 0; s < SETS; s++) {
                c[s][0] = lane + (uint64_t)(row + v * VLANES + s);
                c[s][1] = (uint64_t)(first / 8) - (words_t){0};
                c[s][2] = (step & LOW_WORD) - (words_t){0};
                c[s][3] = (step >> 32) - (words_t){0};
                philox(c[s], seed);
            }
#pragma GCC unroll 4
            for (int w = 0; w < 4; w++)
                words[w] = (FN(index))((c[0][w] & LOW_WORD) | (SETS == 2 ? c[SETS - 1][w] << 32 : (words_t){0}));
#define MASK(j)                                                                                   \
    if (j < columns) {                                                                            \
        const FN(index) half = (j < 4 ? words[j & 3] : (words[j & 3] >> 16)) & 0xffff;            \
        *(FN(index) *)(mask + j * LANES + v * VLANES) = (half >= threshold) & kept;               \
    }
            MASK(0) MASK(1) MASK(2) MASK(3) MASK(4) MASK(5) MASK(6) MASK(7)
#undef MASK
        }
    }
}

/* The same for one row: a vector of counters has several octets. */
static void FN(dropout_row)(uint64_t seed, uint64_t step, int64_t m, int32_t threshold, REAL scale,
                            REAL *mask) {
    for (int64_t octet = 0; 8 * octet < m; octet += COUNTERS) {
        words_t c[4] = {(words_t){0}, (words_t){0}, (step & LOW_WORD) - (words_t){0},
                        (step >> 32) - (words_t){0}};
        for (int i = 0; i < COUNTERS; i++) c[1][i] = (uint64_t)(octet + i);
        philox(c, seed);
        for (int64_t j = 8 * octet; j < m && j < 8 * (octet + COUNTERS); j++) {
            const uint64_t word = c[j & 3][j / 8 - octet];
            mask[j] = (int32_t)(word >> (j & 4 ? 16 : 0) & 0xffff) >= threshold ? scale : (REAL)0;
        }
    }
}
