/* Philox4x32-7 (Salmon et al. 2011) in vectors, and the orders of epochs made with it: fastnn.random is
   the specification. Included once by kernels.h. */

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* One counter, or one of its words, in each 64-bit lane; the upper halves hold anything. */
typedef uint64_t words_t __attribute__((vector_size(VECTOR_BYTES), may_alias));
#define COUNTERS ((int)(VECTOR_BYTES / 8))
#define LOW_WORD 0xffffffffu
#define NOISE_WORD 0x80000000u /* where dropout's second words never come to */

/* the 64-bit products of the lower halves */
ALWAYS_INLINE words_t multiply_words(words_t a, uint32_t b) {
    const words_t factor = (uint64_t)b - (words_t){0};
#if defined(__AVX512F__)
    return (words_t)_mm512_mul_epu32((__m512i)a, (__m512i)factor);
#elif defined(__AVX2__)
    return (words_t)_mm256_mul_epu32((__m256i)a, (__m256i)factor);
#elif defined(__x86_64__)
    return (words_t)_mm_mul_epu32((__m128i)a, (__m128i)factor);
#else
    return (a & LOW_WORD) * factor;
#endif
}

/* c[0..3] <- the four words of each counter */
ALWAYS_INLINE void philox(words_t c[4], uint64_t seed) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma GCC unroll 7
    for (int round = 0; round < 7; round++) {
        const words_t a = multiply_words(c[0], 0xD2511F53u), b = multiply_words(c[2], 0xCD9E8D57u);
        c[0] = (b >> 32) ^ c[1] ^ k0;
        c[1] = b;
        c[2] = (a >> 32) ^ c[3] ^ k1;
        c[3] = a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* order[n] <- the rows of epoch `epoch`: 64 random bits a row, of which the lowest are replaced by the
   row's number, sorted. keys: room for n + 2 COUNTERS; counts: room for `buckets` + 1, a power of two from 2 on.
   The highest bits put a key into its bucket, which holds few others. */
static void epoch_order(uint64_t seed, uint64_t epoch, int64_t n, int64_t *order, uint64_t *keys,
                        uint32_t *counts, int buckets) {
    const int shift = 64 - __builtin_ctz((unsigned)buckets);
    const uint64_t index = n > 1 ? ~(uint64_t)0 >> __builtin_clzll((uint64_t)(n - 1)) : 0;
    memset(counts, 0, ((size_t)buckets + 1) * sizeof(uint32_t));
    words_t lane;
    for (int i = 0; i < COUNTERS; i++) lane[i] = (uint64_t)i;
    for (int64_t row = 0; row < n; row += 2 * COUNTERS) {
        words_t c[4] = {lane + (uint64_t)(row / 2), LOW_WORD - (words_t){0},
                        (epoch & LOW_WORD) - (words_t){0}, (epoch >> 32) - (words_t){0}};
        philox(c, seed);
        const words_t first = (c[0] & LOW_WORD) | c[1] << 32, second = (c[2] & LOW_WORD) | c[3] << 32;
        for (int i = 0; i < COUNTERS; i++) {
            keys[row + 2 * i] = (first[i] & ~index) | (uint64_t)(row + 2 * i);
            keys[row + 2 * i + 1] = (second[i] & ~index) | (uint64_t)(row + 2 * i + 1);
        }
    }
    for (int64_t i = 0; i < n; i++) counts[(keys[i] >> shift) + 1]++;
    for (int i = 0; i < buckets; i++) counts[i + 1] += counts[i];
    for (int64_t i = 0; i < n; i++) order[counts[keys[i] >> shift]++] = (int64_t)keys[i];
    /* Insertion: no key has far to go. */
    for (int64_t i = 1; i < n; i++) {
        const uint64_t key = (uint64_t)order[i];
        int64_t j = i;
        for (; j > 0 && (uint64_t)order[j - 1] > key; j--) order[j] = order[j - 1];
        order[j] = (int64_t)key;
    }
    for (int64_t i = 0; i < n; i++) order[i] &= (int64_t)index;
}
