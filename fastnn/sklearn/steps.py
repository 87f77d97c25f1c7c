"""scikit-learn's callback protocol (``sklearn.callback``, SLEP023), told of epochs and iterations.

Releases before 1.9 have no such protocol; there, ``set_callbacks`` does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:
    class CallbackSupportMixin:
        """Stands in for the mixin that older releases do not have."""


@dataclass
class Task:
    """A fit that callbacks follow: its context, and what their hooks may ask for."""

    context: object
    X: object
    y: object
    metadata: dict | None


def start_fit(est, X, y, sample_weight, most: int | None) -> Task | None:
    """Set the callbacks up and begin the fit; None if there are none."""
    if not hasattr(est, "_init_callback_context"):
        return None
    context = est._init_callback_context(max_subtasks=most)
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    task = Task(context, X, y, metadata)
    context.call_on_fit_task_begin(estimator=est, X=X, y=y, metadata=metadata)
    return task if getattr(est, "_skl_callbacks", None) else None


def end_fit(est, X, y, sample_weight) -> None:
    """End the fit; the network is there for who asks."""
    context = getattr(est, "_callback_fit_ctx", None)
    if context is not None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        context.call_on_fit_task_end(estimator=est, X=X, y=y, metadata=metadata,
                                     reconstruction_attributes=lambda: _fitted(est))


def start_step(est, task: Task, name: str):
    """Begin an epoch or an iteration."""
    context = task.context.subcontext(task_name=name)
    context.call_on_fit_task_begin(estimator=est, X=task.X, y=task.y, metadata=task.metadata,
                                   reconstruction_attributes=lambda: _fitted(est))
    return context


def end_step(est, task: Task, context) -> bool:
    """End it; whether a callback wants to stop."""
    return bool(context.call_on_fit_task_end(
        estimator=est, X=task.X, y=task.y, metadata=task.metadata,
        reconstruction_attributes=lambda: _fitted(est)))


def _fitted(est) -> dict:
    """The parameters as they are now."""
    return {name: [array.copy() for array in getattr(est, name)]
            for name in ("coefs_", "intercepts_", "norms_")}
