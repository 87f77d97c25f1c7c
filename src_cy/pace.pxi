# How many threads to use is measured, not guessed: a step with two threads may take half the time of
# one, or, beside another busy process, ten times as long. As the results do not depend on it, the
# engine tries other numbers now and then while it works. Levels are 1, 2, 4, ... threads. The first
# step of a trial does not count: threads have to wake up, and caches to change hands.

cdef extern from "kernels.h" nogil:
    double seconds()
    double processor_seconds()

cdef enum:
    LEVELS = 8

# Where the calling thread had no processor for a fifth of a block lately, the machine is busy: threads
# that wait for each other would all wait for the one that has none. Then more of them are not tried
# before CALM seconds of work have passed without that.
cdef double CALM = 1e-2

# A trial costs time where the other level is slower: the next one waits until its cost is less than
# a thirtieth of the time since, and twice as long as the last one did, up to LONGEST. Beside busy
# processes a level may win in a trial, between two of their turns, and lose afterwards: what was lost
# so before it was left counts as the cost of a trial, too.
cdef double TRIAL = 5e-4
cdef double SHORTEST = 4e-3
cdef double LONGEST = 0.3

cdef struct pace_t:
    double[LEVELS] cost  # seconds a step, as last measured
    double wait  # seconds of work until the next trial
    double patience  # what `wait` was after the last trial, at least; doubles with each
    int64_t level
    int64_t direction
    int64_t measured  # whether cost[level] is known
    double regret  # seconds lost when the present level had become slow
    double calm  # seconds of work since a processor was taken away

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

cdef inline bint wants_trial(pace_t* pace, int threads) noexcept nogil:
    if not pace.measured or pace.wait > 0:
        return False
    return pace.calm >= CALM or next_trial(pace, threads) < pace.level

cdef inline Py_ssize_t block_steps(pace_t* pace, double duration) noexcept nogil:
    """Steps that take about `duration` at the present level, at least one; two as a first measure."""
    if not pace.measured:
        return 2
    return <Py_ssize_t>min(max(duration / pace.cost[pace.level], 1.0), 1e9)

cdef inline void record(
    pace_t* pace, int64_t level, Py_ssize_t steps, double took, double first, double given,
) noexcept nogil:
    """Learn from a block of steps. It took so many seconds, the first step `first` of them, and the
    calling thread was given a processor for `given` of them."""
    cdef double cost, lost
    pace.calm = 0 if took - given > 0.2 * took + 2e-5 else pace.calm + took
    if level == pace.level:
        cost = max(took / steps, 1e-9)
        pace.wait -= took
        if pace.measured and cost > 1.5 * pace.cost[level]:
            pace.wait = 0  # something has changed: look around
            pace.regret = took - steps * pace.cost[level]
        pace.measured = 1
        pace.cost[level] = cost
        return
    cost = max((took - first) / (steps - 1) if steps > 1 else took, 1e-9)
    lost = took - steps * pace.cost[pace.level]
    pace.cost[level] = cost
    pace.patience = min(2 * max(pace.patience, SHORTEST), LONGEST)
    pace.wait = pace.patience
    if cost < 0.97 * pace.cost[pace.level]:
        pace.level = level
        lost = pace.regret
    else:
        pace.direction = -pace.direction
    pace.wait = max(pace.wait, 30 * lost)
    pace.regret = 0
