# How many threads to use is measured, not guessed: a step with two threads may take half the time of
# one, or, beside another busy process, ten times as long. As the results do not depend on it, the
# engine tries other numbers now and then while it works. Levels are 1, 2, 4, ... threads. The first
# step of a block does not count: threads have to wake up, and caches to change hands.

cdef extern from "kernels.h" nogil:
    double seconds()

cdef enum:
    LEVELS = 8

# A trial costs time where the other level is slower: the next one waits until its cost is less than
# a thirtieth of the time since, and twice as long after every trial that lost, up to LONGEST.
cdef double TRIAL = 1e-4
cdef double SHORTEST = 1e-3
cdef double LONGEST = 0.2

cdef struct pace_t:
    double[LEVELS] cost  # seconds a step, as last measured
    double wait  # seconds of work until the next trial
    double patience  # what `wait` will be after the next trial that loses
    int64_t level
    int64_t direction
    int64_t measured  # whether cost[level] is known

cdef inline int level_threads(int64_t level, int threads) noexcept nogil:
    return min(1 << level, threads)

cdef inline int64_t next_trial(pace_t* pace, int threads) noexcept nogil:
    """The level to try: the neighbour in the present direction, or on the other side."""
    cdef int64_t top = 0
    while (1 << top) < threads and top < LEVELS - 1:
        top += 1
    if pace.direction == 0:
        pace.direction = 1
    if not 0 <= pace.level + pace.direction <= top:
        pace.direction = -pace.direction
    return pace.level + pace.direction

cdef inline Py_ssize_t block_steps(pace_t* pace, double duration) noexcept nogil:
    """Steps that take about `duration` at the present level, at least one; two as a first measure."""
    if not pace.measured:
        return 2
    return <Py_ssize_t>min(max(duration / pace.cost[pace.level], 1.0), 1e9)

cdef inline void record(pace_t* pace, int64_t level, Py_ssize_t steps, double took) noexcept nogil:
    """Learn from a block of steps."""
    cdef double cost = max(took / steps, 1e-9), lost
    if level == pace.level:
        pace.wait -= took
        if pace.measured and cost > 1.5 * pace.cost[level]:
            pace.wait = 0  # something has changed: look around
        pace.measured = 1
        pace.cost[level] = cost
        return
    pace.cost[level] = cost
    if cost < 0.97 * pace.cost[pace.level]:
        pace.level = level
        pace.wait = pace.patience = SHORTEST
    else:
        lost = took - steps * pace.cost[pace.level]
        pace.direction = -pace.direction
        pace.patience = min(2 * max(pace.patience, SHORTEST), LONGEST)
        pace.wait = max(pace.patience, 30 * lost)
