/* Between rows, panels and strips; dropout's masks. Included twice by kernels.h, with REAL and FN(name). */

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
