/* Calls the kernels of src_cy/kernels.h with arrays of exactly the size that they may touch, for sizes
   around every width that they have. sanitize.py runs this under AddressSanitizer and under valgrind,
   which stop it at the first number that is read or written outside; what is to be written starts as
   NaN and must be finite afterwards.

   Arrays in panels begin at multiples of 64 bytes, as in a workspace, all others where they like. */
#ifndef REAL
#include <stdio.h>

#include "kernels.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))
#define EACH(name, ...)                                                                            \
    for (int64_t name, *name##_at = (int64_t[]){__VA_ARGS__, -1}; (name = *name##_at) >= 0; name##_at++)

static void *taken[16];
static int n_taken, n_rows_taken;
static long cases;
static const char *kernel = "";

static void *take(size_t bytes) {
    void *memory;
    if (n_taken == COUNT(taken) || posix_memalign(&memory, 64, bytes ? bytes : 1)) abort();
    return taken[n_taken++] = memory;
}

/* The end of a call: its arrays are let go, so that every one is as long as it has to be. */
static void done(void) {
    while (n_taken) free(taken[--n_taken]);
    cases++;
}

static int64_t *row_numbers(int64_t n, int64_t rows) { /* the last row is among them */
    int64_t *order = take((size_t)n * sizeof(int64_t));
    for (int64_t i = 0; i < n; i++) order[i] = (rows - 1 + 7 * i) % rows;
    return order;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

#define REAL float
#define FN(name) name##_f
#include "sanitize_kernels.c"
#undef REAL
#undef FN
#define REAL double
#define FN(name) name##_d
#include "sanitize_kernels.c"

static void orders(void) {
    EACH(n, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 1000) EACH(buckets, 2, 4, 64) {
        int64_t *order = take((size_t)n * sizeof(int64_t));
        epoch_order(7, 3, n, order, take((size_t)(n + 2 * COUNTERS) * sizeof(uint64_t)),
                    take((size_t)(buckets + 1) * sizeof(uint32_t)), (int)buckets);
        char *seen = memset(take((size_t)n), 0, (size_t)n);
        for (int64_t i = 0; i < n; i++)
            if (order[i] < 0 || order[i] >= n || seen[order[i]]++) abort();
        done();
    }
}

int main(void) {
    every_kernel_f();
    every_kernel_d();
    orders();
    printf("%ld calls, vectors of %d bytes\n", cases, VECTOR_BYTES);
    return 0;
}

#else

#define L ((int64_t)(64 / sizeof(REAL)))
#define PANELS(n) (((n) + L - 1) / L)

static REAL *FN(panels)(int64_t size) { return take((size_t)size * sizeof(REAL)); }

/* every second one begins one number behind a multiple of 64 bytes */
static REAL *FN(rows)(int64_t size) {
    const int shift = n_rows_taken++ & 1;
    return (REAL *)take((size_t)(size + shift) * sizeof(REAL)) + shift;
}

static REAL *FN(filled)(REAL *x, int64_t size) {
    static uint32_t state = 1;
    for (int64_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (REAL)(state >> 8) / (REAL)(1 << 24) + (REAL)0.25;
    }
    return x;
}

static REAL *FN(unknown)(REAL *x, int64_t size) {
    for (int64_t i = 0; i < size; i++) x[i] = (REAL)NAN;
    return x;
}

#define PANEL_NUMBERS(size) FN(filled)(FN(panels)(size), size)
#define ROW_NUMBERS(size) FN(filled)(FN(rows)(size), size)
#define NEW_PANELS(size) FN(unknown)(FN(panels)(size), size)
#define NEW_ROWS(size) FN(unknown)(FN(rows)(size), size)

static void FN(check)(const REAL *x, int64_t size) {
    for (int64_t i = 0; i < size; i++)
        if (!isfinite(x[i])) {
            fprintf(stderr, "%s (%d bytes a number) has left number %ld of %ld as it was\n", kernel,
                   (int)sizeof(REAL), (long)i, (long)size);
            abort();
        }
}

static void FN(check_panels)(const REAL *y, int64_t m, int64_t n) {
    for (int64_t r = 0; r < n; r++)
        for (int64_t j = 0; j < m; j++) FN(check)(y + (r / L * m + j) * L + r % L, 1);
}

static void FN(products)(int64_t n, int64_t k, int64_t m) {
    const int64_t size = PANELS(n) * m * L, c = k / 3, rows = n + 2;
    for (int along = 0; along < 2; along++) {
        kernel = "product";
        REAL *y = NEW_PANELS(size);
        FN(product)(PANEL_NUMBERS(PANELS(n) * k * L), k * L, ROW_NUMBERS(k * m), along ? 1 : m, along ? k : 1,
                    k, along ? NULL : ROW_NUMBERS(m), y, m * L, m, n);
        FN(check_panels)(y, m, n);
        done();
    }
    if (k > c) {
        kernel = "product_rows"; /* columns c:k of a matrix */
        REAL *y = NEW_PANELS(size);
        FN(product_rows)(ROW_NUMBERS(rows * k) + c, k, row_numbers(n, rows), n, ROW_NUMBERS((k - c) * m), m,
                         k - c, n % 2 ? ROW_NUMBERS(m) : NULL, y, m * L, m);
        FN(check)(y, size);
        done();
    }
    if (n <= L) {
        REAL *y = NEW_ROWS(n * m);
        kernel = "matrix_product";
        FN(matrix_product)(ROW_NUMBERS(n * k), k, n, k, ROW_NUMBERS(k * m), m, n % 2 ? ROW_NUMBERS(m) : NULL, y, m, m);
        FN(check)(y, n * m);
        done();
        kernel = "far_product";
        y = NEW_ROWS(n * m);
        if (k) FN(far_product)(ROW_NUMBERS(n * k), k, n, ROW_NUMBERS(k * m), m, k, n % 2 ? ROW_NUMBERS(m) : NULL, y, m, m);
        if (k) FN(check)(y, n * m);
        done();
    }
}

static void FN(gradients)(int64_t n, int64_t k, int64_t m) {
    const int64_t strip = PANELS(n) * L * L, strips = PANELS(m), rows = n + 2;
    const int64_t k0 = k / 3, j0 = m > 2 * L ? L : 0;
    for (int which = 0; which < 4; which++) {
        const int goes_on = which == 3;
        REAL *dw = NEW_ROWS(k * m), *db = which == 1 ? NULL : NEW_ROWS(m), *dz = PANEL_NUMBERS(strips * strip);
        if (goes_on) FN(filled)(dw, k * m);
        if (goes_on) FN(filled)(db, m);
        kernel = which == 0 ? "gradient_wide" : which == 1 ? "gradient_rows" : "gradient_matrix";
        if (which == 0)
            FN(gradient_wide)(PANEL_NUMBERS(PANELS(n) * k * L), k * L, dz, strip, n, dw, m, k0, k, j0, m, db);
        else if (which == 1)
            FN(gradient_rows)(ROW_NUMBERS(rows * k), k, row_numbers(n, rows), dz, strip, n, dw, m, k0, k, j0, m, db);
        else
            FN(gradient_matrix)(ROW_NUMBERS(rows * k), k, row_numbers(n, rows), dz, strip, n, goes_on, dw, m,
                                k0, k, j0, m, db);
        for (int64_t i = k0; i < k; i++) FN(check)(dw + i * m + j0, m - j0);
        if (db) FN(check)(db + j0, m - j0);
        done();
    }
    if (m <= 8) {
        kernel = "gradient_narrow";
        REAL *dw = NEW_ROWS(k * m), *db = NEW_ROWS(m);
        FN(gradient_narrow)(PANEL_NUMBERS(PANELS(n) * k * L), k * L, PANEL_NUMBERS(PANELS(n) * m * L), m * L,
                            PANELS(n), dw, k0, k, m, db);
        FN(check)(dw + k0 * m, (k - k0) * m);
        FN(check)(db, m);
        done();
    }
}

static void FN(single_rows)(int64_t k, int64_t m) {
    kernel = "row_product";
    const int64_t j0 = m / 3;
    REAL *y = NEW_ROWS(m);
    FN(row_product)(ROW_NUMBERS(k), ROW_NUMBERS(k * m) + j0, m, k, k % 2 ? ROW_NUMBERS(m - j0) : NULL, y + j0, m - j0);
    FN(check)(y + j0, m - j0);
    done();
    kernel = "row_input_gradient";
    REAL *dx = NEW_ROWS(k);
    FN(row_input_gradient)(ROW_NUMBERS(m), ROW_NUMBERS(k * m), m, dx, k);
    FN(check)(dx, k);
    done();
    kernel = "row_gradient";
    REAL *dw = NEW_ROWS(k * m);
    FN(row_gradient)(ROW_NUMBERS(k), ROW_NUMBERS(m - j0), dw + j0, m, k, m - j0);
    for (int64_t i = 0; i < k; i++) FN(check)(dw + i * m + j0, m - j0);
    done();
}

static void FN(layouts)(int64_t n, int64_t m) {
    const int64_t count = least(n, L), stride = m + 3, strip = 2 * L * L;
    kernel = "panel_to_rows";
    REAL *out = NEW_ROWS((count - 1) * stride + m);
    FN(panel_to_rows)(PANEL_NUMBERS(m * L), out, stride, m, count);
    for (int64_t r = 0; r < count; r++) FN(check)(out + r * stride, m);
    done();
    kernel = "rows_to_panel";
    out = NEW_PANELS(m * L);
    FN(rows_to_panel)(ROW_NUMBERS(n * stride + m), stride, row_numbers(count, n + 1), out, m, count);
    FN(check)(out, m * L);
    done();
    kernel = "panel_to_strips"; /* to the last rows of its strips */
    out = NEW_PANELS((PANELS(m) - 1) * strip + L * L);
    FN(panel_to_strips)(PANEL_NUMBERS(m * L), out, strip, m);
    for (int64_t j = 0; j < m; j++)
        for (int64_t r = 0; r < L; r++) FN(check)(out + j / L * strip + r * L + j % L, 1);
    done();
    kernel = "rows_to_strips";
    out = NEW_PANELS(PANELS(m) * n * L);
    FN(rows_to_strips)(ROW_NUMBERS(n * m), n, m, out, n * L);
    FN(check)(out, PANELS(m) * n * L);
    done();
}

static void FN(random_numbers)(int64_t m) {
    const uint64_t seed = ~(uint64_t)0 - 5, step = (uint64_t)1 << 62;
    REAL *z = NEW_PANELS(m * L);
    kernel = "dropout_mask";
    FN(dropout_mask)(seed, step, (int64_t)1 << 40, m, 65536, (REAL)2, z);
    FN(check)(z, m * L);
    done();
    kernel = "normals_panel";
    z = NEW_PANELS(m * L);
    FN(normals_panel)(seed, step, (int64_t)1 << 40, m, z);
    FN(check)(z, m * L);
    done();
    kernel = "dropout_row";
    z = NEW_ROWS(m);
    FN(dropout_row)(seed, step, m, 1, (REAL)2, z);
    FN(check)(z, m);
    kernel = "normals_row";
    FN(unknown)(z, m);
    FN(normals_row)(seed, step, m, z);
    FN(check)(z, m);
    done();
}

static void FN(batch_norms)(int64_t n, int64_t m, int64_t positions) {
    const int64_t size = positions * PANELS(n) * m * L, c0 = m / 3;
    for (int own = 0; own < 2; own++) {
        REAL *xhat = NEW_PANELS(size), *y = NEW_PANELS(size), *scale = NEW_ROWS(m);
        norm_t op = {.panel = positions * m * L, .positions = positions, .apart = m * L, .n = n, .momentum = 0.9,
                     .epsilon = 1e-3, .own_statistics = own, .moving_mean = ROW_NUMBERS(m),
                     .moving_variance = ROW_NUMBERS(m), .scale = scale, .gamma = own ? ROW_NUMBERS(m) : NULL,
                     .beta = own ? ROW_NUMBERS(m) : NULL, .dgamma = own ? NEW_ROWS(m) : NULL,
                     .dbeta = own ? NEW_ROWS(m) : NULL};
        kernel = "batch_norm";
        const REAL *x = PANEL_NUMBERS(size);
        FN(batch_norm)(&op, 0, c0, x, xhat, y);
        FN(batch_norm)(&op, c0, m, x, xhat, y);
        FN(check)(y, size);
        FN(check)(xhat, size);
        FN(check)(scale, m);
        kernel = "batch_norm_gradient";
        FN(unknown)(y, size);
        FN(batch_norm_gradient)(&op, 0, c0, x, xhat, y);
        FN(batch_norm_gradient)(&op, c0, m, x, xhat, y);
        FN(check)(y, size);
        if (own) FN(check)(op.dgamma, m);
        if (own) FN(check)(op.dbeta, m);
        FN(batch_norm_gradient)(&op, 0, m, x, xhat, NULL);
        done();
    }
}

static void FN(row_norms)(int64_t m, int64_t positions, int64_t groups) {
    const int64_t k = m * positions;
    if (m % groups) return;
    for (int pooled = 0; pooled < 2; pooled++)
        for (int kind = NORM_LAYER; kind <= NORM_SCALED; kind++) {
            const int64_t scales = groups * (pooled ? 1 : positions);
            row_norm_t op = {.k = k, .m = m, .groups = groups, .pooled = pooled, .kind = kind, .epsilon = 1e-3,
                             .gamma = pooled ? NULL : ROW_NUMBERS(m), .beta = pooled ? NULL : ROW_NUMBERS(m)};
            REAL *xhat = NEW_PANELS(k * L), *y = NEW_PANELS(k * L), *scale = NEW_PANELS(scales * L);
            kernel = "row_norm";
            const REAL *x = PANEL_NUMBERS(k * L);
            FN(row_norm_panel)(&op, x, xhat, y, scale);
            FN(check)(xhat, k * L);
            FN(check)(y, k * L);
            FN(check)(scale, scales * L);
            FN(row_norm_gradient_panel)(&op, x, xhat, scale, FN(unknown)(y, k * L));
            FN(check)(y, k * L);
            xhat = NEW_ROWS(k), y = NEW_ROWS(k), scale = NEW_ROWS(scales), x = ROW_NUMBERS(k);
            FN(row_norm_row)(&op, x, xhat, y, scale);
            FN(check)(y, k);
            FN(row_norm_gradient_row)(&op, x, xhat, scale, FN(unknown)(y, k));
            FN(check)(y, k);
            done();
        }
}

static void FN(sums)(int64_t n) {
    double *sums = take(2 * sizeof(double));
    kernel = "block_sums";
    FN(block_sums)(ROW_NUMBERS(n), n, sums);
    if (!(sums[0] + sums[1] < 4.0 * (double)n + 1)) abort();
    done();
}

/* Bit patterns of every kind: an undefined shift, conversion or overflow would be found here. */
static void FN(elementary)(void) {
    volatile REAL sink;
    for (uint64_t i = 0; i < 1 << 16; i++) {
        const uint64_t bits = sizeof(REAL) == 4 ? i << 16 | (i * 2654435761u >> 16 & 0xffff) : i << 48 | i * 2654435761u;
        REAL x;
        if (sizeof(REAL) == 4) {
            const uint32_t narrow = (uint32_t)bits;
            memcpy(&x, &narrow, sizeof x);
        } else
            memcpy(&x, &bits, sizeof x);
        sink = FN(exp)(x);
        sink = FN(expm1)(x);
        sink = FN(log)(x);
        sink = FN(log1p)(x);
        sink = FN(tanh)(x);
        sink = FN(erf)(x);
        sink = FN(normal)((uint32_t)(i * 65537));
    }
    (void)sink;
}

static void FN(every_kernel)(void) {
    /* below, at and above the widths of vectors and tiles; then the depths at which sums are cut, and what
       is large enough to be copied first */
    EACH(n, 1, 2, 7, 8, 9, 16, 17, 31, 33) EACH(m, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17, 25, 33)
        EACH(k, 0, 1, 5, 12, 18) {
        FN(products)(n, k, m);
        if (k) FN(gradients)(n, k, m);
        if (n == 1 && k) FN(single_rows)(k, m);
    }
    EACH(n, 1, 65, 72) EACH(k, 127, 129, 256, 257, 513) EACH(m, 31, 64, 66, 129) {
        FN(products)(n, k, m);
        FN(gradients)(n, k, m);
        if (n == 1) FN(single_rows)(k, m);
    }
    EACH(n, 255, 257, 300) FN(gradients)(n, 130, 65);
    EACH(n, 1, 2, 7, 8, 9, 15, 16, 17) EACH(m, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 33) {
        FN(layouts)(n, m);
        EACH(positions, 1, 3) FN(batch_norms)(n, m, positions);
    }
    EACH(m, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 65) {
        FN(random_numbers)(m);
        FN(sums)(m);
        EACH(positions, 1, 3) EACH(groups, 1, 2, 4) FN(row_norms)(m, positions, groups);
    }
    FN(elementary)();
}

#undef L
#undef PANELS
#undef PANEL_NUMBERS
#undef ROW_NUMBERS
#undef NEW_PANELS
#undef NEW_ROWS
#endif
