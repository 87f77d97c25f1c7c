/* Everything for one floating type, whose constants kernels.h has defined; undefines them. */

#define LANES ((int)(64 / sizeof(REAL)))
#define VLANES ((int)(VECTOR_BYTES / sizeof(REAL)))

#include "mathfn.h"
#include "vectors.h"
#include "products.h"
#include "gradients.h"
#include "single.h"
#include "columns.h"
#include "panels.h"
#include "matrices.h"
#include "noise.h"

#define VALUE FN(vec)
#define STEP LANES
#define ROWS(name) FN(name##_panel)
#define ADD_PRODUCT(a, b, c) ((a) * (b) + (c))
#include "rows.h"
#undef VALUE
#undef STEP
#undef ROWS
#undef ADD_PRODUCT
#define VALUE REAL
#define STEP 1
#define ROWS(name) FN(name##_row)
#define ADD_PRODUCT(a, b, c) FN(multiply_add)(a, b, c)
#include "rows.h"
#undef VALUE
#undef STEP
#undef ROWS
#undef ADD_PRODUCT

#undef LANES
#undef VLANES
#undef REAL
#undef BITS
#undef UBITS
#undef FN
#undef BIAS
#undef MANTISSA
#undef MANTISSA_MASK
#undef ROUND
#undef LOG2E
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_MAX
#undef EXP_MIN
#undef EXPM1_MIN
#undef EXP_SERIES
#undef LOG_SERIES
#undef TANH_SMALL
#undef TANH_MAX
#undef ERF_SMALL
#undef ERF_LARGE
#undef ERF_MAX
#undef SMALLEST_NORMAL
#undef SUBNORMAL_SCALE
#undef SUBNORMAL_POWER
#undef SQRT_HALF
