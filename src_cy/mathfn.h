/* Elementary functions without branches, so that the compiler vectorises loops over them, and
   without libm, so that the bits depend on nothing but the input. Included twice by kernels.h with
   REAL, BITS, UBITS, FN(name) and the constants of the type. Errors are tabled in docs/accuracy.md. */

static inline REAL FN(bits_to_real)(BITS i) { REAL x; memcpy(&x, &i, sizeof x); return x; }
static inline BITS FN(real_to_bits)(REAL x) { BITS i; memcpy(&i, &x, sizeof i); return i; }

/* |x|, and |x| with the sign of y */
static inline REAL FN(magnitude)(REAL x) {
    return sizeof(REAL) == 4 ? (REAL)__builtin_fabsf((float)x) : (REAL)__builtin_fabs(x);
}
static inline REAL FN(with_sign)(REAL x, REAL y) {
    return sizeof(REAL) == 4 ? (REAL)__builtin_copysignf((float)x, (float)y)
                             : (REAL)__builtin_copysign(x, y);
}

/* 2^k for -BIAS < k <= BIAS */
static inline REAL FN(power_of_two)(BITS k) {
    return FN(bits_to_real)((BITS)(((UBITS)k + BIAS) << MANTISSA));
}

/* k / 2, rounded down, of -2 BIAS <= k */
static inline BITS FN(half_of)(BITS k) { return (BITS)(((UBITS)k + 2 * BIAS) >> 1) - BIAS; }

/* x = k ln 2 + r with |r| <= ln(2) / 2. Adding ROUND pushes the fraction off the mantissa, so its low
   bits are the nearest integer; ln 2 is subtracted in two parts, the first short enough for k times
   it to be exact (Cody and Waite 1980). A NaN gives some k, which must not overflow: bits are
   added and subtracted as unsigned numbers. */
static inline REAL FN(reduce)(REAL x, BITS *k) {
    REAL shifted = x * LOG2E + ROUND, n = shifted - ROUND;
    *k = (BITS)((UBITS)FN(real_to_bits)(shifted) - (UBITS)FN(real_to_bits)(ROUND));
    return (x - n * LN2_HIGH) - n * LN2_LOW;
}

/* exp(r) - 1 for |r| <= ln(2) / 2, by Remez' exchange: the error is below 2^-25 (float32) and 2^-60 of
   the result */
static inline REAL FN(expm1_series)(REAL r) {
    static const REAL c[] = {EXP_SERIES};
    REAL p = c[0];
#pragma GCC unroll 16
    for (int i = 1; i < (int)(sizeof c / sizeof c[0]); i++) p = p * r + c[i];
    return r + (r * r) * p;
}

/* exp(x); the scaling by 2^k is done in two halves so that results near both ends of the range,
   subnormal ones included, come out right. A NaN fails both comparisons and goes through. */
static inline REAL FN(exp)(REAL x) {
    BITS k;
    x = x > EXP_MAX ? EXP_MAX : x;
    x = x < EXP_MIN ? EXP_MIN : x;
    REAL r = FN(reduce)(x, &k), p = (REAL)1 + FN(expm1_series)(r);
    BITS half = FN(half_of)(k), rest = (BITS)((UBITS)k - (UBITS)half);
    return p * FN(power_of_two)(half) * FN(power_of_two)(rest);
}

/* exp(x) - 1 = 2^k ((exp(r) - 1) + (1 - 2^-k)), which loses nothing near 0 */
static inline REAL FN(expm1)(REAL x) {
    BITS k;
    x = x > EXP_MAX ? EXP_MAX : x;
    x = x < EXPM1_MIN ? EXPM1_MIN : x;
    REAL r = FN(reduce)(x, &k), q = FN(expm1_series)(r);
    BITS half = FN(half_of)(k), rest = (BITS)((UBITS)k - (UBITS)half);
    REAL one = FN(power_of_two)(half), two = FN(power_of_two)(rest);
    return (q * one + (one - FN(power_of_two)((BITS)-(UBITS)rest))) * two;
}

/* log(x): x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), s = f / (2 + f),
   log(1 + f) = f - (f^2/2 - s (f^2/2 + R)), R = 2 s^2 (1/3 + s^2 (1/5 + ...)): the series of artanh */
static inline REAL FN(log)(REAL x) {
    static const REAL c[] = {LOG_SERIES};
    int tiny = x < SMALLEST_NORMAL;
    REAL y = tiny ? x * SUBNORMAL_SCALE : x;
    BITS i = (BITS)((UBITS)FN(real_to_bits)(y) - (UBITS)FN(real_to_bits)(SQRT_HALF));
    BITS k = i >> MANTISSA;
    REAL f = FN(bits_to_real)((i & MANTISSA_MASK) + FN(real_to_bits)(SQRT_HALF)) - (REAL)1;
    REAL n = FN(bits_to_real)(FN(real_to_bits)(ROUND) + k) - ROUND - (tiny ? SUBNORMAL_POWER : (REAL)0);
    REAL s = f / ((REAL)2 + f), w = s * s, half = (REAL)0.5 * f * f, p = c[0];
#pragma GCC unroll 16
    for (int j = 1; j < (int)(sizeof c / sizeof c[0]); j++) p = p * w + c[j];
    REAL result = n * LN2_HIGH - ((half - (s * (half + w * p) + n * LN2_LOW)) - f);
    result = x == 0 ? -(REAL)INFINITY : result;
    result = x < 0 ? (REAL)NAN : result;
    return x < (REAL)INFINITY ? result : x + x; /* inf and NaN go through; -NaN too */
}

/* log(1 + x) = log(w) + (x - (w - 1)) / w, w = 1 + x rounded: the second term puts back what the
   rounding of w took. At w = 0 and w = inf there is nothing to put back. */
static inline REAL FN(log1p)(REAL x) {
    REAL w = (REAL)1 + x, lost = (x - (w - (REAL)1)) / w;
    lost = w == 0 ? (REAL)0 : lost;
    return FN(log)(w) + (w < (REAL)INFINITY ? lost : (REAL)0);
}

/* tanh(x) = x + x^3 Q(x^2) for |x| < 5/8, else the sign of x times 1 - 2 / (1 + exp(2|x|)), where an
   error of the exponential counts for less than half. Q by Remez' exchange: its error is below 2^-26
   (float32) and 2^-56 of tanh. From TANH_MAX on the result is 1 to the last bit. */
static inline REAL FN(tanh)(REAL x) {
    static const REAL c[] = {TANH_SMALL};
    REAL a = FN(magnitude)(x), s = x * x, q = c[0];
    BITS k;
    a = a > TANH_MAX ? TANH_MAX : a; /* a NaN fails the comparison and goes through */
#pragma GCC unroll 16
    for (int i = 1; i < (int)(sizeof c / sizeof c[0]); i++) q = q * s + c[i];
    REAL r = FN(reduce)((REAL)2 * a, &k), e = ((REAL)1 + FN(expm1_series)(r)) * FN(power_of_two)(k);
    REAL near = a + (a * s) * q, far = (REAL)1 - (REAL)2 / ((REAL)1 + e);
    return FN(with_sign)(a < (REAL)0.625 ? near : far, x);
}

/* erf(x) = x + x Q(x^2) for |x| < 1, else the sign of x times 1 - exp(-P(|x|)), where P is
   -log(1 - erf). Both polynomials by Remez' exchange: Q's error is below 2^-29 (float32) and 2^-56,
   that of P is so once weighed by 1 - erf. From ERF_MAX on the result is 1 to the last bit. */
static inline REAL FN(erf)(REAL x) {
    static const REAL small[] = {ERF_SMALL}, large[] = {ERF_LARGE};
    REAL a = x < 0 ? -x : x, s = x * x, q = small[0], p = large[0];
    a = a > ERF_MAX ? ERF_MAX : a; /* a NaN fails the comparison and goes through */
#pragma GCC unroll 32
    for (int i = 1; i < (int)(sizeof small / sizeof small[0]); i++) q = q * s + small[i];
#pragma GCC unroll 32
    for (int i = 1; i < (int)(sizeof large / sizeof large[0]); i++) p = p * a + large[i];
    REAL near = x + x * q, far = (REAL)1 - FN(exp)(-p);
    far = x < 0 ? -far : far;
    return a < 1 ? near : far;
}
