# The Jacobian of the network's outputs: its backward pass for every row and output, with a unit
# vector where the loss's gradient would be.

cdef void jacobian_rows(
    run_t shared, real* work, Py_ssize_t size, Py_ssize_t n, real* J, int thread, int threads,
) noexcept nogil:
    """J[i, j] <- the derivative of output j of row i, for this thread's rows; the workspace is its own."""
    cdef run_t r = shared
    cdef Py_ssize_t i, j, c, m = r.head.m
    work += thread * size
    cdef real* dz = work + r.head.dsrc
    r.work = work
    cut_shares(&r)
    for i in range(share(n, thread, threads, 1), share(n, thread + 1, threads, 1)):
        r.X = <const real*>shared.X + i * r.n_inputs
        forward_ops[real](&r, work)
        for j in range(m):
            for c in range(m):
                dz[c] = c == j
            r.grads = J + (i * m + j) * r.n_trained
            backward_ops[real](&r, work)

def jacobian(
    const op_t[::1] ops, const real[::1] params, Py_ssize_t columns, const real[:, ::1] X,
    real[:, :, ::1] J, int threads,
):
    """J (n, m, n_trained) of the rows of X; the contract is in fastnn.backends."""
    cdef run_t r
    cdef barrier_t barrier
    cdef int64_t row = 0
    # the threads' workspaces do not share a line of the cache
    cdef Py_ssize_t n = X.shape[0], size = (columns + 15) // 16 * 16
    memset(&r, 0, sizeof(r))
    r.ops, r.n_ops = &ops[0], ops.shape[0]
    r.head = find_head(r.ops, r.n_ops)
    r.params, r.n_trained = <void*>&params[0] if params.shape[0] else NULL, J.shape[2]
    r.capacity, r.lanes, r.n, r.rows = 1, 1, 1, &row
    r.X, r.n_inputs = &X[0, 0], X.shape[1]
    r.training, r.threads, r.barrier = True, 1, &barrier
    barrier_init(&barrier, 1)
    cdef real* work = <real*>new_workspace(size * threads * sizeof(real))
    if work == NULL:
        raise MemoryError(f"no memory for {size * threads} numbers of workspace")
    with nogil:
        if threads == 1:
            jacobian_rows[real](r, work, size, n, &J[0, 0, 0], 0, 1)
        else:
            with parallel(num_threads=threads):
                jacobian_rows[real](r, work, size, n, &J[0, 0, 0], threadid(), threads)
        free(work)
