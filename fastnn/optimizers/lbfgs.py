"""L-BFGS, by SciPy, one iteration at a time."""

from __future__ import annotations

import threading

import numpy as np

from fastnn.optimizers import checks
from fastnn.optimizers.whole import WholeOptimizer, one_thread_of_blas
from fastnn.registry import register

FTOL = 64 * float(np.finfo(float).eps)  # scikit-learn's: plateaus of networks are long


@register("optimizer", "l-bfgs", "l_bfgs")
class LBFGS(WholeOptimizer):
    """SciPy's L-BFGS-B (Byrd, Lu, Nocedal & Zhu 1995) on all rows; an epoch is an iteration.

    maxcor : how many past steps the approximation of the Hessian remembers.
    ftol : ends where an iteration makes the loss smaller by less than ftol max(|f|, 1).
    gtol : ends where no number of the gradient is larger.
    maxls : evaluations that a line search may take.

    For few parameters and smooth losses it is far ahead of the methods that step batch by batch.
    Penalties and weights of rows count, frozen layers stay. Not with dropout, noise, batch
    normalization that trains, or constraints: a ValueError before the first step.

    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn import layers
    >>> model = fastnn.Sequential([fastnn.Input((2,), dtype="float64"),
    ...                            layers.Dense(1, dtype="float64")])
    >>> model.compile("lbfgs", "mse")
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> history = model.fit(X, 2 * X[:, 0] - X[:, 1] + 3, epochs=20, verbose=0)
    >>> bool(history.history["loss"][-1] < 1e-8)
    True
    """

    hyper = ("maxcor", "ftol", "gtol", "maxls")

    def __init__(self, maxcor=10, ftol=FTOL, gtol=1e-5, maxls=20, name=None):
        super().__init__(name)
        self.maxcor = checks.count("maxcor", maxcor, 1)
        self.ftol = checks.number("ftol", ftol)
        self.gtol = checks.number("gtol", gtol)
        self.maxls = checks.count("maxls", maxls, 1)

    def iterate(self, problem, start):
        talk = conversation(lambda ask: self._minimize(ask, start))
        answer = found = None
        while True:
            try:
                x, is_iterate = talk.send(answer)
            except StopIteration as end:
                self.message = str(end.value.message)
                yield end.value.x, False
                return
            if found is not None:
                yield found, True
                found = None
            if is_iterate:
                found, answer = x, None
            else:
                answer = problem(x)

    def _minimize(self, ask, start):
        try:
            from scipy.optimize import minimize
        except ImportError:
            raise ImportError("The optimizer LBFGS needs SciPy: pip install 'fastnn[scipy]'"
                              ) from None

        endless = np.iinfo(np.int32).max  # the epochs end it
        options = {"maxiter": endless, "maxfun": endless}
        options |= {name: getattr(self, name) for name in self.hyper}
        with one_thread_of_blas():
            return minimize(
                lambda x: ask((x.copy(), False)), start, jac=True, method="L-BFGS-B",
                callback=lambda xk: ask((xk.copy(), True)), options=options)


class _Closed(BaseException):
    """The generator of a conversation is gone."""


def conversation(talk):
    """A generator of what ``talk(ask)`` asks for; ``ask(question)`` returns what is sent in answer.

    So that a function which calls back can be followed step by step. It runs in a thread, but only
    while the generator waits for it: never at the same time as anything else. Its result is the
    value of StopIteration.

    >>> dialogue = conversation(lambda ask: ask("one") + ask("two"))
    >>> next(dialogue), dialogue.send(10)
    ('one', 'two')
    """
    turns = {"talk": threading.Semaphore(0), "caller": threading.Semaphore(0)}
    said: dict = {}

    def ask(question):
        said["question"] = question
        turns["caller"].release()
        turns["talk"].acquire()
        if "closed" in said:
            raise _Closed
        return said["answer"]

    def run():
        try:
            said["result"] = talk(ask)
        except _Closed:
            pass
        except BaseException as error:
            said["error"] = error
        finally:
            said["over"] = True
            turns["caller"].release()

    thread = threading.Thread(target=run, daemon=True, name="fastnn-lbfgs")
    thread.start()
    try:
        turns["caller"].acquire()
        while "over" not in said:
            said["answer"] = yield said["question"]
            turns["talk"].release()
            turns["caller"].acquire()
    finally:
        if "over" not in said:
            said["closed"] = True
            turns["talk"].release()
        thread.join()
    if "error" in said:
        raise said["error"]
    return said["result"]
