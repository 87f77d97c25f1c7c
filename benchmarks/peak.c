/* As many fused multiply-adds as the processor can do: chains in registers, nothing from memory. */

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define CHAINS 12 /* covers the latency, and leaves a few of 16 registers */

typedef float vector __attribute__((vector_size(BYTES)));

/* Floating-point operations done; the sum goes out, so that the compiler must compute it. */
double fma_chains(long rounds, float *sum)
{
    vector chain[CHAINS], factor = {0}, term = {0};
    factor += 0.999f;
    term += 0.001f;
    for (int i = 0; i < CHAINS; i++)
        chain[i] = term * (float)i;
    for (long round = 0; round < rounds; round++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            chain[i] = chain[i] * factor + term;
    }
    *sum = 0;
    for (int i = 0; i < CHAINS; i++)
        *sum += chain[i][0];
    return 2.0 * CHAINS * (BYTES / sizeof(float)) * (double)rounds;
}
