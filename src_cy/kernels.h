/* The innermost loops in C, once for each floating type. The compiler's own vectorisation of such
   loops is fragile (3 to 90 % of peak, measured), so the tiles are written in vector extensions.

   Panels: a value of width w for n rows is stored as ceil(n / LANES) panels [w][LANES]; a panel holds
   LANES = 64 / sizeof(REAL) rows side by side, whatever the instruction set, so that a sum over rows
   has one order on every machine. */
#ifndef FASTNN_KERNELS_H
#define FASTNN_KERNELS_H

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Memory that begins at a multiple of 64 bytes; NULL if there is none. A new workspace is zeroed, for
   padding is computed on like all else and garbage may be slow (subnormals). */
static void *raw_workspace(size_t bytes) {
    void *memory = NULL;
    return posix_memalign(&memory, 64, (bytes + 64) & ~(size_t)63) ? NULL : memory;
}

static void *new_workspace(size_t bytes) {
    void *memory = raw_workspace(bytes);
    return memory ? memset(memory, 0, bytes) : NULL;
}

/* Tiles: TILE_COLUMNS x TILE_PANELS panels of a product, GRADIENT_INPUTS x GRADIENT_STRIPS of a
   gradient, ROWS_TILE rows x GRADIENT_STRIPS of a product from rows. Their sums fill the registers. */
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define TILE_COLUMNS 12
#define TILE_PANELS 2
#define GRADIENT_INPUTS 12
#define GRADIENT_STRIPS 2
#define ROWS_TILE 8
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#define TILE_COLUMNS 6
#define TILE_PANELS 1
#define GRADIENT_INPUTS 6
#define GRADIENT_STRIPS 1
#define ROWS_TILE 4
#else
#define VECTOR_BYTES 16
#define TILE_COLUMNS 3
#define TILE_PANELS 1
#define GRADIENT_INPUTS 3
#define GRADIENT_STRIPS 1
#define ROWS_TILE 2
#endif
/* from how many panels, and numbers in the matrix, on a strip of weights is copied before its use */
#define PACK_PANELS 4
#define PACK_SIZE 16384
#define PACK_OUTPUTS 64
#define PACK_INPUTS 128
#define PANEL_VECTORS (64 / VECTOR_BYTES)
#define HALF_VECTORS (PANEL_VECTORS > 1 ? PANEL_VECTORS / 2 : 1)
#define ALWAYS_INLINE static inline __attribute__((always_inline))

#include "philox.h"

/* A batch normalization: its values lie `positions` times `apart` numbers from each other, in panels
   `panel` numbers apart; what belongs to its channels. The last four pointers may be NULL. */
typedef struct {
    int64_t panel, positions, apart, n;
    double momentum, epsilon;
    int own_statistics; /* of the batch, rather than the moving ones */
    void *moving_mean, *moving_variance, *scale, *gamma, *beta, *dgamma, *dbeta;
} norm_t;

/* A normalization of rows: k numbers a row, in m channels, these in groups; gamma and beta may be NULL. */
typedef struct {
    int64_t k, m, groups;
    int pooled, kind; /* a group has all positions; one of fastnn.plan.ROW_NORMS */
    double epsilon;
    const void *gamma, *beta;
} row_norm_t;
enum { NORM_LAYER, NORM_RMS, NORM_UNIT, NORM_SCALED };
#define UNIT_MOST 1e12 /* the largest factor of a unit normalization: 0 stays 0 */

#define REAL float
#define BITS int32_t
#define UBITS uint32_t
#define FN(name) name##_f
#define BIAS 127
#define MANTISSA 23
#define MANTISSA_MASK 0x7fffff
#define ROUND 12582912.0f /* 1.5 * 2^23 */
#define LOG2E 1.44269504088896341f
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440054690583e-4f
#define EXP_MAX 89.0f
#define EXP_MIN -104.0f
#define EXPM1_MIN -88.0f
#define EXP_SERIES 0.0013882519f, 0.00836653821f, 0.0416672006f, 0.166665435f, 0.49999997f
#define LOG_SERIES 2.f / 9, 2.f / 7, 2.f / 5, 2.f / 3
#define TANH_SMALL -0.0057049864f, 0.0206390861f, -0.0537397154f, 0.133314416f, -0.333332807f
#define TANH_MAX 10.0f
#define ERF_SMALL                                                                                \
    7.88911916e-05f, -0.00080208457f, 0.00518953646f, -0.0268544456f, 0.112836002f,              \
    -0.376126271f, 0.128379166f
#define ERF_LARGE                                                                                \
    -0.000197176569f, 0.0030555605f, -0.0222769128f, 0.104037023f, 0.63706011f,                  \
    1.12774936f, 0.000177539789f
#define ERF_MAX 4.0f
#define SMALLEST_NORMAL 1.17549435e-38f
#define SUBNORMAL_SCALE 33554432.0f /* 2^25 */
#define SUBNORMAL_POWER 25.0f
#define SQRT_HALF 0.70710678118654752f
#include "real.h"

#define REAL double
#define BITS int64_t
#define UBITS uint64_t
#define FN(name) name##_d
#define BIAS 1023
#define MANTISSA 52
#define MANTISSA_MASK 0xfffffffffffffLL
#define ROUND 6755399441055744.0 /* 1.5 * 2^52 */
#define LOG2E 1.44269504088896340736
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define EXP_MAX 710.0
#define EXP_MIN -746.0
#define EXPM1_MIN -709.0
#define EXP_SERIES                                                                               \
    2.087532836503831e-09, 2.5109009071010143e-08, 2.755740273512743e-07, 2.755724429474336e-06, \
    2.480158717232721e-05, 0.0001984126988603708, 0.001388888888896253, 0.008333333333321667,    \
    0.04166666666666651, 0.16666666666666677, 0.5
#define LOG_SERIES 2. / 21, 2. / 19, 2. / 17, 2. / 15, 2. / 13, 2. / 11, 2. / 9, 2. / 7, 2. / 5, 2. / 3
#define TANH_SMALL                                                                               \
    6.042470415040203e-06, -3.0187225730907827e-05, 9.155841749264498e-05, -0.0002370117337656302, \
    0.0005894518002635447, -0.0014557259482879587, 0.003592113999896263, -0.008863234312605203, \
    0.02186948846873058, -0.05396825396606217, 0.1333333333332977, -0.33333333333333315
#define TANH_MAX 20.0
#define ERF_SMALL                                                                                \
    -7.8011888740977512e-10, 1.3722976265924504e-08, -1.6209175911748696e-07, 1.6447517677871873e-06,\
    -1.4924744663335489e-05, 0.00012055295320494294, -0.00085483259896967576, 0.0052239776074234677,\
    -0.026866170643276219, 0.11283791670945253, -0.37612638903183548, 0.12837916709551256
#define ERF_LARGE                                                                                \
    4.8651272876780542e-12, -2.0203539053801375e-10, 3.890034723976098e-09, -4.5933463363499898e-08,\
    3.6956740158128122e-07, -2.1148106778668287e-06, 8.5788240703768003e-06, -2.2532994628049817e-05,\
    1.9523087719997376e-05, 0.00013655575040841242, -0.00077304574005130136, 0.0019189491781446953,\
    -0.00041354024650158477, -0.018988039151315046, 0.10270228814532745, 0.63664405575180538,    \
    1.1283739915529398, 5.1325920326856011e-07
#define ERF_MAX 6.0
#define SMALLEST_NORMAL 2.2250738585072014e-308
#define SUBNORMAL_SCALE 18014398509481984.0 /* 2^54 */
#define SUBNORMAL_POWER 54.0
#define SQRT_HALF 0.70710678118654752440
#include "real.h"

/* A barrier for the threads of one stretch: spins, then yields, since a spinning thread on a busy
   machine keeps the others from arriving. 0.09 us against 0.3 us for OpenMP's. */
#include <sched.h>
#include <time.h>
typedef struct {
    _Atomic int waiting;
    char pad[60];
    _Atomic int generation;
    int threads;
} barrier_t;

static inline double clock_seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline double seconds(void) { return clock_seconds(CLOCK_MONOTONIC); }

/* Time that this thread was given a processor for. */
static inline double processor_seconds(void) { return clock_seconds(CLOCK_THREAD_CPUTIME_ID); }

static inline void barrier_init(barrier_t *b, int threads) {
    atomic_store(&b->waiting, 0);
    atomic_store(&b->generation, 0);
    b->threads = threads;
}

static inline void barrier_wait(barrier_t *b) {
    if (b->threads == 1) return;
    int generation = atomic_load_explicit(&b->generation, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&b->waiting, 1, memory_order_acq_rel) == b->threads - 1) {
        atomic_store_explicit(&b->waiting, 0, memory_order_relaxed);
        atomic_store_explicit(&b->generation, generation + 1, memory_order_release);
        return;
    }
    for (int spins = 0; atomic_load_explicit(&b->generation, memory_order_acquire) == generation;) {
        if (++spins < 2000) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        } else sched_yield();
    }
}
#endif
