/* Normalizations of rows (fastnn.plan.Kind.ROW_NORM). Included twice by real.h: for panels, where a VALUE is
   a vector of them and columns lie STEP = LANES numbers apart, and for a single row. ADD_PRODUCT(a, b, c)
   is a b + c rounded once wherever vectors do so: a row's numbers are then those it has in a panel. */

#define COUNT ((int)(sizeof(VALUE) / sizeof(REAL)))
#define AT(pointer, column) (*(VALUE *)((pointer) + (column) * STEP))
#define EACH(column)                                                                              \
    for (int64_t q = 0; q < blocks; q++)                                                          \
        for (int64_t j = 0, column = s * width + q * op->m; j < width; j++, column++)

/* xhat <- (x - mean) scale, y <- gamma xhat + beta, for the lanes of one VALUE */
static void ROWS(row_norm_lanes)(const row_norm_t *op, const REAL *x, REAL *xhat, REAL *y, REAL *scale) {
    const int64_t width = op->m / op->groups, positions = op->k / op->m;
    const int64_t blocks = op->pooled ? positions : 1, groups = op->groups * (op->pooled ? 1 : positions);
    const REAL count = (REAL)(blocks * width), epsilon = (REAL)op->epsilon;
    for (int64_t s = 0; s < groups; s++) {
        const int64_t first = s % op->groups * width;
        const REAL *gamma = op->gamma ? (const REAL *)op->gamma + first : NULL;
        const REAL *beta = op->beta ? (const REAL *)op->beta + first : NULL;
        VALUE mean = {0}, sum = {0};
        if (op->kind == NORM_LAYER || op->kind == NORM_SCALED) {
            EACH(c) mean += AT(x, c);
            mean /= count;
        }
        EACH(c) {
            const VALUE d = AT(x, c) - mean;
            sum = ADD_PRODUCT(d, d, sum);
        }
        if (op->kind != NORM_UNIT) sum = sum / count + epsilon;
        REAL factor[COUNT];
        memcpy(factor, &sum, sizeof sum);
        for (int i = 0; i < COUNT; i++)
            factor[i] = 1 / (sizeof(REAL) == 4 ? (REAL)sqrtf((float)factor[i]) : (REAL)sqrt((double)factor[i]));
        if (op->kind == NORM_UNIT)
            for (int i = 0; i < COUNT; i++) factor[i] = factor[i] > (REAL)UNIT_MOST ? (REAL)UNIT_MOST : factor[i];
        memcpy(&sum, factor, sizeof sum);
        AT(scale, s) = sum;
        if (op->kind == NORM_SCALED) mean = (VALUE){0};
        EACH(c) {
            /* before the product, which a branch behind it would keep from being added with one rounding */
            const REAL g = gamma ? gamma[j] : (REAL)1, b = beta ? beta[j] : (REAL)0;
            const VALUE h = (AT(x, c) - mean) * sum;
            AT(xhat, c) = h;
            AT(y, c) = ADD_PRODUCT(h, g, b);
        }
    }
}

/* dx <- scale (dxhat - b - (xhat - h) a), dxhat = gamma dy; a mean of dxhat xhat, b of dxhat, h of xhat */
static void ROWS(row_norm_gradient_lanes)(const row_norm_t *op, const REAL *dy, const REAL *xhat,
                                          const REAL *scale, REAL *dx) {
    const int64_t width = op->m / op->groups, positions = op->k / op->m;
    const int64_t blocks = op->pooled ? positions : 1, groups = op->groups * (op->pooled ? 1 : positions);
    const REAL count = (REAL)(blocks * width);
    for (int64_t s = 0; s < groups; s++) {
        const REAL *gamma = op->gamma ? (const REAL *)op->gamma + s % op->groups * width : NULL;
        VALUE a = {0}, b = {0}, h = {0};
        const VALUE factor = AT(scale, s);
        EACH(c) {
            const REAL g = gamma ? gamma[j] : (REAL)1;
            a = ADD_PRODUCT((VALUE)(AT(dy, c) * g), AT(xhat, c), a);
            b = ADD_PRODUCT(AT(dy, c), g, b);
            h += AT(xhat, c);
        }
        a /= op->kind == NORM_UNIT ? (REAL)1 : count;
        b /= count;
        h /= count;
        if (op->kind != NORM_LAYER) b = (VALUE){0};
        if (op->kind != NORM_SCALED) h = (VALUE){0};
        if (op->kind == NORM_UNIT) { /* at its limit the factor does not change with x */
            REAL limit[COUNT], slope[COUNT];
            memcpy(limit, &factor, sizeof factor);
            memcpy(slope, &a, sizeof a);
            for (int i = 0; i < COUNT; i++) slope[i] = limit[i] < (REAL)UNIT_MOST ? slope[i] : (REAL)0;
            memcpy(&a, slope, sizeof a);
        }
        EACH(c) {
            const REAL g = gamma ? gamma[j] : (REAL)1;
            const VALUE d = ADD_PRODUCT(AT(dy, c), g, -b);
            AT(dx, c) = ADD_PRODUCT((VALUE)(h - AT(xhat, c)), a, d) * factor;
        }
    }
}

/* The whole panel, or the row: as many VALUES as it takes. */
static void ROWS(row_norm)(const row_norm_t *op, const REAL *x, REAL *xhat, REAL *y, REAL *scale) {
    for (int v = 0; v < STEP; v += COUNT) ROWS(row_norm_lanes)(op, x + v, xhat + v, y + v, scale + v);
}

static void ROWS(row_norm_gradient)(const row_norm_t *op, const REAL *dy, const REAL *xhat,
                                    const REAL *scale, REAL *dx) {
    for (int v = 0; v < STEP; v += COUNT) ROWS(row_norm_gradient_lanes)(op, dy + v, xhat + v, scale + v, dx + v);
}

#undef COUNT
#undef AT
#undef EACH
