/* What accuracy.py measures against: each function in a type with far more digits, and the errors of
   results in units of the last place. Compiled once for float32, with double as the reference (from
   the C library's vector functions where there are some, whose errors are below 2^-26 of an ulp of
   float32), and with FLOAT64 for float64, with long double. */

#include <float.h>
#include <math.h>
#include <stdint.h>

#ifdef FLOAT64
typedef double real;
typedef long double wide;
#define W(name) name##l
#define DIGITS DBL_MANT_DIG
#define LEAST (DBL_MIN_EXP - 1) /* exponents of the smallest normal and of the largest number */
#define MOST (DBL_MAX_EXP - 1)
#else
typedef float real;
typedef double wide;
#define W(name) name
#define DIGITS FLT_MANT_DIG
#define LEAST (FLT_MIN_EXP - 1)
#define MOST (FLT_MAX_EXP - 1)
#ifdef VECTORS
#define SIMD __attribute__((simd("notinbranch")))
SIMD double exp(double);
SIMD double expm1(double);
SIMD double log(double);
SIMD double log1p(double);
SIMD double tanh(double);
SIMD double erf(double);
SIMD double erfc(double);
#endif
#endif

static const wide SQRT_HALF = 0.707106781186547524400844362104849039L;
static const wide HALF_HIGH = 0x1.6a09e6p-1, HALF_LOW = 1.21016171044789693621048490393e-8L;
static const wide SQRT_TWO_BY_PI = 0.797884560802865355879892119868763737L;
static const wide SELU_SCALE = 1.0507009873554804934193349852946L;
static const wide SELU_ALPHA = 1.6732632423543772848170429916717L;

static inline wide larger(wide x, wide y) { return x < y ? y : x; }
static inline wide smaller(wide x, wide y) { return x > y ? y : x; }

/* z s, and the limit 0 where s has vanished though z is infinite */
static inline wide times(wide z, wide s) { return s == 0 ? 0 : z * s; }

static inline wide logistic(wide z)
{
    wide e = W(exp)(-W(fabs)(z));
    return (z < 0 ? e : 1) / (1 + e);
}

static inline wide softplus(wide z) { return larger(z, 0) + W(log1p)(W(exp)(-W(fabs)(z))); }

static inline wide elu(wide z)
{
    wide below = W(expm1)(smaller(z, 0));
    return z > 0 ? z : below;
}

/* z / 2 erfc(-z / sqrt(2)). Rounding the argument x matters far out, for erfc'(x) / erfc(x) is about
   -2 x there: what the product lost goes in to first order. The root of 1/2 is HALF_HIGH + HALF_LOW. */
static inline wide gelu(wide z)
{
    wide x = -SQRT_HALF * z, lost = W(fma)(-HALF_HIGH, z, -x) - HALF_LOW * z;
    wide y = times(z, W(erfc)(x) / 2), far = x < 40 ? y - y * 2 * x * lost : 0;
    return x > 1 ? far : y;
}

/* z (1 + tanh(u)) / 2 = z / (1 + exp(-2 u)) */
static inline wide gelu_tanh(wide z)
{
    wide w = smaller(larger(z, -60), 60), u = SQRT_TWO_BY_PI * (w + (wide)0.044715L * w * w * w);
    return times(z, logistic(2 * u));
}

static inline wide mish(wide z)
{
    wide e = W(exp)(smaller(z, 50)), n = e * (e + 2);
    return times(z, n / (n + 2));
}

static inline wide squareplus(wide z)
{
    wide q = (W(fabs)(z) + W(sqrt)(z * z + 4)) / 2;
    return z < 0 ? 1 / q : q;
}

/* near 0 by the series of tanh, without its first term */
static inline wide tanh_shrink(wide z)
{
    wide s = z * z, far = z - W(tanh)(z), p = (wide)929569 / 638512875;
    p = (wide)62 / 2835 - s * ((wide)1382 / 155925 - s * ((wide)21844 / 6081075 - s * p));
    p = (wide)1 / 3 - s * ((wide)2 / 15 - s * ((wide)17 / 315 - s * p));
    return W(fabs)(z) < (wide)0.1 ? z * s * p : far;
}

static inline wide hard_sigmoid(wide z) { return smaller(larger(z + 3, 0), 6) / 6; }

#define EXACTLY(name, value)                                                                     \
    void exact_##name(const real *x, wide *exact, int64_t n)                                     \
    {                                                                                            \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++)                                      \
        {                                                                                        \
            wide z = x[i];                                                                       \
            exact[i] = value;                                                                    \
        }                                                                                        \
    }
EXACTLY(exp, W(exp)(z))
EXACTLY(expm1, W(expm1)(z))
EXACTLY(log, W(log)(z))
EXACTLY(log1p, W(log1p)(z))
EXACTLY(tanh, W(tanh)(z))
EXACTLY(erf, W(erf)(z))
EXACTLY(sqrt, W(sqrt)(z))
EXACTLY(sigmoid, logistic(z))
EXACTLY(softplus, softplus(z))
EXACTLY(log_sigmoid, -softplus(-z))
EXACTLY(silu, times(z, logistic(z)))
EXACTLY(gelu, gelu(z))
EXACTLY(gelu_tanh, gelu_tanh(z))
EXACTLY(mish, mish(z))
EXACTLY(elu, elu(z))
EXACTLY(selu, SELU_SCALE * (z > 0 ? z : SELU_ALPHA * elu(z)))
EXACTLY(softsign, W(fabs)(z) < (wide)1e99 ? z / (1 + W(fabs)(z)) : z > 0 ? 1 : z < 0 ? -1 : z)
EXACTLY(squareplus, squareplus(z))
EXACTLY(tanh_shrink, tanh_shrink(z))
EXACTLY(hard_sigmoid, hard_sigmoid(z))
EXACTLY(hard_silu, times(z, hard_sigmoid(z)))

/* The exponent of x within those of normal numbers, and so the ulp there. */
static inline wide ulp(wide x)
{
#ifdef FLOAT64
    int e = x == 0 ? LEAST : ilogbl(x);
    return ldexpl(1, (e < LEAST ? LEAST : e > MOST ? MOST : e) - (DIGITS - 1));
#else
    union { double x; int64_t bits; } u = {x};
    int64_t e = u.bits >> 52 & 0x7ff;
    e = (e < LEAST + 1023 ? LEAST + 1023 : e > MOST + 1023 ? MOST + 1023 : e) - (DIGITS - 1);
    u.bits = e << 52;
    return u.x;
#endif
}

/* |y - exact|, where all beyond the largest number is the power of two behind it: the infinity is
   right from there on, and one ulp off the largest number. NaN if either is one. */
static inline wide distance(real y, wide exact)
{
    const wide end = 2 * (wide)(sizeof(real) == 4 ? 0x1p127 : 0x1p1023);
    return W(fabs)(smaller(larger(y, -end), end) - smaller(larger(exact, -end), end));
}

/* The largest error and its x; the largest in ulps of x where that is larger than the result; results
   that are not the nearest number; those that are NaN and should not be, or the other way round, and
   the last such x. */
typedef struct {
    double error, at, of_x, nan_at;
    int64_t not_nearest, wrong_nan;
} found_t;

/* Adds the errors of y, from x, to what was found; n is at most 65536. */
void compare(const real *x, const real *y, const wide *exact, int64_t n, found_t *found)
{
    static __thread float errors[1 << 16]; /* seven digits of an error are enough */
    int64_t not_nearest = 0, wrong_nan = 0;
    float largest = 0, of_x = 0;
#pragma omp simd reduction(max : largest, of_x) reduction(+ : not_nearest, wrong_nan)
    for (int64_t i = 0; i < n; i++) {
        wide unit = ulp(exact[i]), other = ulp(x[i]), off = distance(y[i], exact[i]);
        float error = (float)(off / unit), less = (float)(off / larger(unit, other));
        errors[i] = error;
        largest = error > largest ? error : largest;
        of_x = less > of_x ? less : of_x;
        not_nearest += (real)exact[i] != y[i] && y[i] == y[i];
        wrong_nan += (y[i] != y[i]) != (exact[i] != exact[i]);
    }
    found->not_nearest += not_nearest;
    found->wrong_nan += wrong_nan;
    found->of_x = of_x > found->of_x ? of_x : found->of_x;
    for (int64_t i = 0; i < n && largest > found->error; i++)
        if (errors[i] == largest) {
            found->error = largest;
            found->at = x[i];
        }
    for (int64_t i = 0; i < n && wrong_nan; i++)
        if ((y[i] != y[i]) != (exact[i] != exact[i])) found->nan_at = x[i];
}
