"""The solver "lbfgs": SciPy's L-BFGS-B on all parameters, the objective from the compiled core."""

from __future__ import annotations

from sklearn.utils.optimize import _check_optimize_result

from fastnn.sklearn.steps import end_step, start_step


def minimize(est, objective, task):
    """SciPy's result, as scikit-learn asks for it; sets ``n_iter_``."""
    from scipy import optimize

    options = {"maxfun": est.max_fun, "maxiter": est.max_iter, "gtol": est.tol}
    options |= _printing(est.verbose) | est._lbfgs_options
    follow = None if task is None else _Follow(est, objective, task)
    result = optimize.minimize(objective, objective.packed(), method="L-BFGS-B", jac=True,
                               options=options, callback=follow)
    if follow is not None:
        follow.close()
    est.n_iter_ = _check_optimize_result("lbfgs", result, est.max_iter)
    return result


def _printing(verbose) -> dict:
    """SciPy's own report, for the releases that have one."""
    from sklearn.utils.fixes import _get_additional_lbfgs_options_dict

    loud = verbose is True or (not isinstance(verbose, str) and verbose >= 1)
    return _get_additional_lbfgs_options_dict("iprint", 1 if loud else -1)


class _Follow:
    """Tells scikit-learn's callbacks of each iteration; one that is begun is also ended."""

    def __init__(self, est, objective, task):
        self.est, self.objective, self.task = est, objective, task
        self.step = start_step(est, task, "iteration")

    def __call__(self, intermediate_result):
        self.objective.put(intermediate_result.x)
        stops = end_step(self.est, self.task, self.step)
        self.step = None
        if stops:
            raise StopIteration
        self.step = start_step(self.est, self.task, "iteration")

    def close(self) -> None:
        if self.step is not None:
            end_step(self.est, self.task, self.step)
