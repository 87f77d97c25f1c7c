# The functions a formula may use (fastnn.formulas), and the C kernels, for both floating types.

cdef extern from "kernels.h" nogil:
    float exp_f(float)
    double exp_d(double)
    float expm1_f(float)
    double expm1_d(double)
    float log_f(float)
    double log_d(double)
    float log1p_f(float)
    double log1p_d(double)
    float tanh_f(float)
    double tanh_d(double)
    float erf_f(float)
    double erf_d(double)
    float sqrtf(float)
    double sqrt(double)
    float fabsf(float)
    double fabs(double)

    ctypedef struct norm_t:
        int64_t panel, positions, apart, n
        double momentum, epsilon
        int own_statistics
        void* moving_mean
        void* moving_variance
        void* scale
        void* gamma
        void* beta
        void* dgamma
        void* dbeta

    ctypedef struct row_norm_t:
        int64_t k, m, groups
        int pooled, kind
        double epsilon
        const void* gamma
        const void* beta

    const int NORM_LAYER, NORM_RMS, NORM_UNIT, NORM_SCALED
    const float NAN
    float multiply_add_f(float, float, float)
    double multiply_add_d(double, double, double)
    void row_norm_panel_f(const row_norm_t*, const float*, float*, float*, float*)
    void row_norm_panel_d(const row_norm_t*, const double*, double*, double*, double*)
    void row_norm_row_f(const row_norm_t*, const float*, float*, float*, float*)
    void row_norm_row_d(const row_norm_t*, const double*, double*, double*, double*)
    void row_norm_gradient_panel_f(const row_norm_t*, const float*, const float*, const float*, float*)
    void row_norm_gradient_panel_d(const row_norm_t*, const double*, const double*, const double*, double*)
    void row_norm_gradient_row_f(const row_norm_t*, const float*, const float*, const float*, float*)
    void row_norm_gradient_row_d(const row_norm_t*, const double*, const double*, const double*, double*)
    void normals_panel_f(uint64_t, uint64_t, int64_t, int64_t, float*)
    void normals_panel_d(uint64_t, uint64_t, int64_t, int64_t, double*)
    void normals_row_f(uint64_t, uint64_t, int64_t, float*)
    void normals_row_d(uint64_t, uint64_t, int64_t, double*)

    void product_f(const float*, int64_t, const float*, int64_t, int64_t, int64_t, const float*, float*, int64_t, int64_t, int64_t)
    void product_d(const double*, int64_t, const double*, int64_t, int64_t, int64_t, const double*, double*, int64_t, int64_t, int64_t)
    void gradient_wide_f(const float*, int64_t, const float*, int64_t, int64_t, float*, int64_t, int64_t, int64_t, int64_t, int64_t, float*)
    void gradient_wide_d(const double*, int64_t, const double*, int64_t, int64_t, double*, int64_t, int64_t, int64_t, int64_t, int64_t, double*)
    void gradient_rows_f(const float*, int64_t, const int64_t*, const float*, int64_t, int64_t, float*, int64_t, int64_t, int64_t, int64_t, int64_t, float*)
    void product_rows_f(const float*, int64_t, const int64_t*, int64_t, const float*, int64_t, int64_t, const float*, float*, int64_t, int64_t)
    void row_product_f(const float*, const float*, int64_t, int64_t, const float*, float*, int64_t)
    void row_input_gradient_f(const float*, const float*, int64_t, float*, int64_t)
    void row_gradient_f(const float*, const float*, float*, int64_t, int64_t, int64_t)
    void batch_norm_f(const norm_t*, int64_t, int64_t, const float*, float*, float*)
    void batch_norm_gradient_f(const norm_t*, int64_t, int64_t, const float*, const float*, float*)
    void block_sums_f(const float*, int64_t, double*)
    void panel_to_strips_f(const float*, float*, int64_t, int64_t)
    void gradient_narrow_f(const float*, int64_t, const float*, int64_t, int64_t, float*, int64_t, int64_t, int64_t, float*)
    void gradient_rows_d(const double*, int64_t, const int64_t*, const double*, int64_t, int64_t, double*, int64_t, int64_t, int64_t, int64_t, int64_t, double*)
    void product_rows_d(const double*, int64_t, const int64_t*, int64_t, const double*, int64_t, int64_t, const double*, double*, int64_t, int64_t)
    void row_product_d(const double*, const double*, int64_t, int64_t, const double*, double*, int64_t)
    void row_input_gradient_d(const double*, const double*, int64_t, double*, int64_t)
    void row_gradient_d(const double*, const double*, double*, int64_t, int64_t, int64_t)
    void batch_norm_d(const norm_t*, int64_t, int64_t, const double*, double*, double*)
    void batch_norm_gradient_d(const norm_t*, int64_t, int64_t, const double*, const double*, double*)
    void block_sums_d(const double*, int64_t, double*)
    void panel_to_strips_d(const double*, double*, int64_t, int64_t)
    void gradient_narrow_d(const double*, int64_t, const double*, int64_t, int64_t, double*, int64_t, int64_t, int64_t, double*)
    void panel_to_rows_f(const float*, float*, int64_t, int64_t, int64_t)
    void panel_to_rows_d(const double*, double*, int64_t, int64_t, int64_t)
    void rows_to_panel_f(const float*, int64_t, const int64_t*, float*, int64_t, int64_t)
    void rows_to_panel_d(const double*, int64_t, const int64_t*, double*, int64_t, int64_t)
    void dropout_mask_f(uint64_t, uint64_t, int64_t, int64_t, int32_t, float, float*)
    void dropout_row_f(uint64_t, uint64_t, int64_t, int32_t, float, float*)
    void dropout_mask_d(uint64_t, uint64_t, int64_t, int64_t, int32_t, double, double*)
    void dropout_row_d(uint64_t, uint64_t, int64_t, int32_t, double, double*)

    void epoch_order(uint64_t, uint64_t, int64_t, int64_t*, uint64_t*, uint32_t*, int)
    const int COUNTERS

    void* new_workspace(size_t)
    void* raw_workspace(size_t)

    ctypedef struct barrier_t:
        pass
    void barrier_init(barrier_t*, int)
    void barrier_wait(barrier_t*)

cdef inline real exp_(real x) noexcept nogil:
    if real is float:
        return exp_f(x)
    else:
        return exp_d(x)

cdef inline real expm1_(real x) noexcept nogil:
    if real is float:
        return expm1_f(x)
    else:
        return expm1_d(x)

cdef inline real log_(real x) noexcept nogil:
    if real is float:
        return log_f(x)
    else:
        return log_d(x)

cdef inline real log1p_(real x) noexcept nogil:
    if real is float:
        return log1p_f(x)
    else:
        return log1p_d(x)

cdef inline real tanh_(real x) noexcept nogil:
    if real is float:
        return tanh_f(x)
    else:
        return tanh_d(x)

cdef inline real erf_(real x) noexcept nogil:
    if real is float:
        return erf_f(x)
    else:
        return erf_d(x)

cdef inline real multiply_add(real a, real b, real c) noexcept nogil:
    """a b + c, rounded once wherever vectors do so."""
    if real is float:
        return multiply_add_f(a, b, c)
    else:
        return multiply_add_d(a, b, c)

cdef inline real sqrt_(real x) noexcept nogil:
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)

cdef inline real abs_(real x) noexcept nogil:
    if real is float:
        return fabsf(x)
    else:
        return fabs(x)

cdef inline real maximum_(real x, real y) noexcept nogil:
    # a NaN in x fails the comparison and goes through
    return y if y > x else x

cdef inline real minimum_(real x, real y) noexcept nogil:
    return y if y < x else x

cdef inline void product(
    const real* x, Py_ssize_t x_panel, const real* w, Py_ssize_t wk, Py_ssize_t wj, Py_ssize_t k,
    const real* bias, real* y, Py_ssize_t y_panel, Py_ssize_t m, Py_ssize_t n,
) noexcept nogil:
    """y[p][j] <- bias[j] + sum_i x[p][i] w[i wk + j wj] on the panels of n rows."""
    if real is float:
        product_f(x, x_panel, w, wk, wj, k, bias, y, y_panel, m, n)
    else:
        product_d(x, x_panel, w, wk, wj, k, bias, y, y_panel, m, n)

cdef inline void product_rows(
    const real* x, Py_ssize_t x_row, const int64_t* order, Py_ssize_t n, const real* w,
    Py_ssize_t w_row, Py_ssize_t k, const real* bias, real* y, Py_ssize_t y_panel, Py_ssize_t m,
) noexcept nogil:
    """The same with the rows `order` of a matrix for x."""
    if real is float:
        product_rows_f(x, x_row, order, n, w, w_row, k, bias, y, y_panel, m)
    else:
        product_rows_d(x, x_row, order, n, w, w_row, k, bias, y, y_panel, m)

cdef inline void row_product(
    const real* x, const real* w, Py_ssize_t wk, Py_ssize_t k, const real* bias, real* y, Py_ssize_t m,
) noexcept nogil:
    if real is float:
        row_product_f(x, w, wk, k, bias, y, m)
    else:
        row_product_d(x, w, wk, k, bias, y, m)

cdef inline void row_input_gradient(
    const real* dz, const real* w, Py_ssize_t m, real* dx, Py_ssize_t k,
) noexcept nogil:
    if real is float:
        row_input_gradient_f(dz, w, m, dx, k)
    else:
        row_input_gradient_d(dz, w, m, dx, k)

cdef inline void row_gradient(
    const real* x, const real* dz, real* dw, Py_ssize_t m, Py_ssize_t k, Py_ssize_t width,
) noexcept nogil:
    if real is float:
        row_gradient_f(x, dz, dw, m, k, width)
    else:
        row_gradient_d(x, dz, dw, m, k, width)
