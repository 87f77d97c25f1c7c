"""The stochastic solvers: scikit-learn's epochs, learning rates and reasons to stop.

An epoch is one call into the compiled core, or part of one that makes several: as many as cannot
be the last, where nobody looks at the network in between.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastnn import optimizers
from fastnn.callbacks import CallbackList
from fastnn.interrupt import Interrupt
from fastnn.progress import Progress
from fastnn.sklearn.objective import PenaltyTrainer
from fastnn.sklearn.steps import end_step, start_step

SCHEDULES = ("constant", "invscaling", "adaptive")


class Solver:
    """An optimizer with scikit-learn's rules for its learning rate, and the state it has reached.

    rule : one of fastnn's optimizers. schedule : "constant", "invscaling" or "adaptive".
    """

    def __init__(self, rule, schedule="constant", power_t=0.5):
        self.rule, self.schedule, self.power_t = rule, schedule, power_t
        self.slots = None  # of the trainer, once there is one
        self.step = 0
        self.learning_rate_init = rule.learning_rate

    @property
    def learning_rate(self) -> float:
        """The rate of the last step; Adam's with its bias correction, as in scikit-learn."""
        if type(self.rule) is optimizers.Adam and self.rule.batches:
            return float(self.rule.scalars(self.rule.batches - 1, 1)[0, 0])
        return self.rule.learning_rate

    def iteration_ends(self, t: int) -> None:
        """The rate of the epoch that follows ``t`` rows."""
        if self.schedule == "invscaling":
            self.rule.learning_rate = float(self.learning_rate_init) / (t + 1) ** self.power_t

    def trigger_stopping(self, message: str, verbose) -> bool:
        """Whether to stop; an adaptive rate becomes a fifth as long as it is above 1e-6."""
        stops, then = True, "Stopping."
        if self.schedule == "adaptive":
            if self.rule.learning_rate <= 1e-6:
                then = "Learning rate too small. Stopping."
            else:
                self.rule.learning_rate /= 5.0
                stops, then = False, f"Setting learning rate to {self.rule.learning_rate:f}"
        if verbose:
            print(f"{message} {then}")
        return stops


def make_solver(est) -> Solver:
    """The solver that an estimator's arguments ask for."""
    name, rate = est.solver, est.learning_rate_init
    if callable(rate) and est.learning_rate != "constant":
        raise ValueError(f"learning_rate={est.learning_rate!r} changes the rate after each epoch, "
                         f"and learning_rate_init={rate!r} at each step: choose one of them.")
    if name == "sgd":
        rule = optimizers.SGD(rate, est.momentum, est.nesterovs_momentum)
        return Solver(rule, est.learning_rate, est.power_t)
    if name == "adam":
        return Solver(optimizers.Adam(rate, est.beta_1, est.beta_2, est.epsilon, preset="sklearn"))
    if isinstance(name, optimizers.Optimizer):
        rule = copy.deepcopy(name)
        rule.batches = 0
        return Solver(rule)
    rule = optimizers.get(name)
    rule.learning_rate = rate
    return Solver(rule)


def trainer_for(est, network, solver: Solver, alpha: float) -> PenaltyTrainer:
    """The network's trainer, made anew unless it is the last one that was asked for."""
    wanted = (solver, est.loss, alpha)  # a Solver is equal to itself alone
    if network.training is None or network.training[0] != wanted:
        batches = solver.rule.batches
        trainer = PenaltyTrainer(network, est._loss(network), solver.rule, alpha)
        if solver.slots is not None and solver.slots.shape == trainer.memory.slots.shape:
            trainer.memory.slots[...] = solver.slots
        solver.slots, trainer.step, solver.rule.batches = trainer.memory.slots, solver.step, batches
        network.training = wanted, trainer
    return network.training[1]


class Run:
    """The epochs of one ``fit`` or ``partial_fit``.

    score : a function of nothing, the score to watch instead of the loss; or None.
    validation : the feed whose loss goes into ``validation_loss_curve_``; or None.
    task : what `steps.start_step` needs to tell scikit-learn's callbacks.
    """

    def __init__(self, est, network, solver, feed, batch_size, incremental, score=None,
                 validation=None, task=None):
        self.est, self.network, self.solver, self.feed = est, network, solver, feed
        self.batch_size, self.incremental = int(batch_size), incremental
        alpha = est._penalty(self.batch_size / len(feed.X))
        self.trainer = trainer_for(est, network, solver, alpha)
        self.score, self.validation, self.task = score, validation, task
        self._stopped, self._step = False, None
        self.rows = np.arange(len(feed.X))
        self.steps = -(-len(self.rows) // self.batch_size)
        self.hooks = CallbackList(est.callbacks, model=network.model)
        bar = est.verbose if isinstance(est.verbose, str) else None
        self.progress = Progress(1 if bar else 0, est.max_iter, self.steps)
        self.prints = bool(est.verbose) and not bar
        self.alone = not (score or validation or task or self.hooks.callbacks or est.verbose)

    def go(self) -> None:
        """Train until something says stop."""
        est, model = self.est, self.network.model
        model.optimizer, model.stop_training = self.solver.rule, False
        est.n_iter_ = 0
        self.hooks.on_train_begin()
        try:
            with Interrupt() as interrupt:
                while not self._over() and not interrupt.seen:
                    self._stretch(interrupt)
            if interrupt.seen:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=6)
        finally:
            self.progress.close()
        self.solver.step = self.trainer.step
        if not self.incremental:
            self.trainer.finalize()  # averages of the parameters take their place
        self.hooks.on_train_end()

    def _over(self) -> bool:
        est = self.est
        return est.n_iter_ >= (1 if self.incremental else est.max_iter) or self._stopped

    def _stretch(self, interrupt) -> None:
        orders = self._orders(self._epochs_ahead())
        self._begin(self.est.n_iter_)
        losses = self._losses(orders, interrupt)
        for loss in losses:
            self._after_epoch(loss)
        if self.task and not len(losses):  # what has begun has an end
            end_step(self.est, self.task, self._step)

    def _epochs_ahead(self) -> int:
        """How many epochs can be trained before it may be time to stop or change anything."""
        est = self.est
        if not self.alone or self.incremental or self.solver.schedule == "invscaling":
            return 1
        safe = est.n_iter_no_change + 1 - est._no_improvement_count
        fit = self.trainer.steps_a_call(self.batch_size) // self.steps
        return int(max(1, min(est.max_iter - est.n_iter_, safe, fit)))

    def _orders(self, n: int) -> np.ndarray:
        """The next n orders of the rows: scikit-learn shuffles the order before."""
        orders = np.empty((n, len(self.rows)), np.int64)
        for order in orders:
            if self.est.shuffle:
                places = np.arange(len(self.rows))
                self.est._random_state.shuffle(places)
                self.rows = self.rows[places]
            order[:] = self.rows
        return orders

    def _losses(self, orders: np.ndarray, interrupt) -> np.ndarray:
        """Train; the loss of each epoch. A Ctrl-C within an epoch leaves none of it."""
        sums = np.zeros((len(orders), 1 + self.trainer.plan.n_metrics))
        most = min(self.trainer.steps_a_call(self.batch_size),
                   getattr(self.feed.X, "at_once", 1 << 62) // self.batch_size)
        size = max(1, most) * self.batch_size
        if orders.size <= size:
            self.trainer.stretch(self.feed, orders, self.batch_size, sums)
        else:
            for first in range(0, orders.shape[1], size):
                part = np.ascontiguousarray(orders[:, first : first + size])
                self.trainer.stretch(self.feed, part, self.batch_size, sums)
                self.progress.update(min(first + size, orders.shape[1]) // self.batch_size)
                if interrupt.seen:
                    return sums[:0, 0]
        return (sums[:, 0] * self.trainer.loss.share + sums[:, 1:].sum(axis=1)) / len(self.rows)

    def _begin(self, epoch: int) -> None:
        self.progress.epoch_begin(epoch)
        self.hooks.on_epoch_begin(epoch)
        if self.task:
            self._step = start_step(self.est, self.task, "epoch")

    def _after_epoch(self, loss) -> None:
        est = self.est
        est.n_iter_ += 1
        est.loss_ = loss
        est.t_ += len(self.rows)
        est.loss_curve_.append(loss)
        if self.prints:
            print(f"Iteration {est.n_iter_}, loss = {loss:.8f}")
        logs = {"loss": float(loss)}
        if self.validation is not None:
            logs["val_loss"] = self.trainer.mean_loss(self.validation)
            est.validation_loss_curve_.append(logs["val_loss"])
        self._watch(logs)
        self.solver.iteration_ends(est.t_)
        if est._no_improvement_count > est.n_iter_no_change:
            self._stopped = self.solver.trigger_stopping(self._reason(), self.prints)
            if not self._stopped:
                est._no_improvement_count = 0
        self._tell(logs)
        if not self._stopped and not self.incremental and est.n_iter_ == est.max_iter:
            warnings.warn(f"Stochastic Optimizer: Maximum iterations ({est.max_iter}) reached and "
                          "the optimization hasn't converged yet.", ConvergenceWarning,
                          stacklevel=8)

    def _tell(self, logs: dict) -> None:
        """The callbacks', who may stop the training."""
        epoch = self.est.n_iter_ - 1
        self.progress.epoch_end(self.steps, logs)
        self.hooks.on_epoch_end(epoch, logs)
        self._stopped |= self.network.model.stop_training
        if self.task:
            self._stopped |= end_step(self.est, self.task, self._step)

    def _watch(self, logs: dict) -> None:
        """Count the epochs without improvement of the score or, without one, of the loss."""
        est = self.est
        if self.score is None:
            worse = est.loss_ > est.best_loss_ - est.tol
            if est.loss_ < est.best_loss_:
                est.best_loss_ = est.loss_
        else:
            score = logs["val_score"] = self.score()
            est.validation_scores_.append(score)
            if self.prints:
                print(f"Validation score: {score:f}")
            worse = score < est.best_validation_score_ + est.tol
            if score > est.best_validation_score_:
                est.best_validation_score_ = score
                est._best_params = self.network.params.copy()
        est._no_improvement_count = est._no_improvement_count + 1 if worse else 0

    def _reason(self) -> str:
        what = "Training loss" if self.score is None else "Validation score"
        return (f"{what} did not improve more than tol={self.est.tol:f} for "
                f"{self.est.n_iter_no_change} consecutive epochs.")
