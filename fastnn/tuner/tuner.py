"""The search itself: trials side by side, each of them one thread."""

from __future__ import annotations

import traceback
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np

from fastnn import data, random
from fastnn.feeding import is_stream
from fastnn.many import side_by_side, with_shared
from fastnn.model import Model
from fastnn.tuner.display import Display, as_html
from fastnn.tuner.errors import FailedTrialError, FatalError, FatalTypeError, Pruned
from fastnn.tuner.hypermodel import HyperModel, hypermodel_of
from fastnn.tuner.hyperparameters import HyperParameters
from fastnn.tuner.oracle import Oracle
from fastnn.tuner.oracles import GridSearchOracle, HyperbandOracle
from fastnn.tuner.project import open_study
from fastnn.tuner.running import Trainings, folds_of
from fastnn.tuner.trial import Metrics, Trial, TrialStatus, judged


class Tuner:
    """Searches for the values with which a model does best.

    oracle : which values are tried.
    hypermodel : a function ``build(hp)`` that returns a compiled model, or a `HyperModel`.
    max_model_size : models with more parameters are not trained.
    optimizer, loss, metrics : replace those that the models are compiled with.
    directory, project_name : where the search is kept, and its name. One that is there already is
        gone on with, and a line says so; overwrite=True begins anew.
    executions_per_trial : trainings of each trial, from other random weights; their mean counts.
    cv : folds, each of which is held out once, instead of validation data: a number, a splitter of
        scikit-learn's kind, or pairs (rows to train on, rows held out).
    storage : the URL or object of another storage of Optuna's than an SQLite file in the project's
        folder. Any number of processes and machines may work on one search.
    workers : how many trials run at the same time here; by default one for each processor in use.
    """

    def __init__(self, oracle: Oracle, hypermodel=None, max_model_size=None, optimizer=None,
                 loss=None, metrics=None, directory=None, project_name=None, overwrite=False,
                 executions_per_trial=1, *, cv=None, storage=None, workers=None):
        self.oracle = oracle
        self.hypermodel = hypermodel_of(hypermodel)
        if self.hypermodel is None and type(self).run_trial is Tuner.run_trial:
            raise ValueError("hypermodel is missing: give a function build(hp), or define "
                             "run_trial in a subclass.")
        self.max_model_size = max_model_size
        self.optimizer, self.loss, self.metrics = optimizer, loss, metrics
        self.directory, self.project_name = directory or ".", project_name or "untitled_project"
        self.executions_per_trial = data.whole_number("executions_per_trial",
                                                      executions_per_trial, 1)
        self.cv, self.workers = cv, workers
        self.folds: list | None = None
        self.fit_verbose = 0
        self.display = Display(oracle, verbose=0)
        self._dtype: str | None = None
        if isinstance(oracle, GridSearchOracle) and self.hypermodel is not None:
            oracle.build = self._try
        self._find_space()
        oracle.bind(*open_study(oracle, self.directory, self.project_name, storage, overwrite))

    # the search

    def search(self, *fit_args, verbose=1, **fit_kwargs) -> None:
        """Run the trials that are left; the arguments are those of `Model.fit`.

        verbose : 0 is silent, 1 prints a block for each trial, 2 a line. With one worker it goes to
        `fit` as well.

        Ctrl-C ends the search, with a warning; trials that have not ended then are run when it is
        called again.
        """
        verbose = 1 if verbose == "auto" else int(verbose)
        args, kwargs = self._prepared(fit_args, fit_kwargs)
        workers = self.workers if self.hypermodel is not None or self.workers else 1
        self.fit_verbose = verbose if workers == 1 else 0
        self.display = Display(self.oracle, verbose)
        self.oracle.begin_search()
        self.on_search_begin()
        try:
            with self.oracle.ledger.alive():
                ended = side_by_side(lambda interrupt: self._work(interrupt, args, kwargs), workers)
        finally:
            self.display.close()
        if ended:
            warnings.warn(f"Search interrupted by the user after {len(self.oracle.trials)} trials; "
                          "search() goes on with the others.", RuntimeWarning, stacklevel=2)
        self.on_search_end()

    def _prepared(self, args, kwargs) -> tuple:
        """The arguments of ``fit``: by name and with arrays that all models share, as far as it is
        known what becomes of them."""
        names = ("x", "y", "batch_size", "epochs")
        named = dict(zip(names, args, strict=False)) | kwargs
        x, y = named.get("x"), named.get("y")
        if hasattr(x, "__next__"):
            raise ValueError("A generator can be read once, but a search trains many models: give "
                             "arrays or a PyDataset.")
        self.folds = None
        if self.cv is not None:
            if x is None or y is None or is_stream(x):
                raise ValueError("cv needs x and y as arrays.")
            self.folds = folds_of(self.cv, x, y, self.oracle.seed)
        plain = self._dtype is not None and type(self.hypermodel).fit is HyperModel.fit
        if len(args) > len(names) or not (plain or self.folds):
            return args, kwargs
        return (), with_shared(named, self._dtype) if plain else named

    def _work(self, interrupt, args, kwargs) -> None:
        """Run one trial after the other: what each worker does."""
        while (trial := self.oracle.create_trial(interrupt)) is not None:
            try:
                self.on_trial_begin(trial)
                self._try_trial(trial, args, kwargs)
            except KeyboardInterrupt:
                self.oracle.give_up(trial)
                interrupt.end()
                return
            except BaseException:
                self.oracle.give_up(trial)
                raise
            self.on_trial_end(trial)
            self.oracle.check_failures()

    def _try_trial(self, trial: Trial, args, kwargs) -> None:
        """Run a trial, again if it fails, and say in it what has come of it."""
        start = perf_counter()
        for attempt in range(1 + self.oracle.max_retries_per_trial):
            if attempt:
                self.display.say(f"Trial {trial.trial_id} failed {attempt} times. It is tried "
                                 "again.")
                self.oracle.start(trial, attempt=attempt)
            self._judge(trial, args, kwargs)
            if trial.status != TrialStatus.INVALID:
                break
        if trial.status == TrialStatus.INVALID:
            trial.status = TrialStatus.FAILED
        trial.seconds = perf_counter() - start

    def _judge(self, trial: Trial, args, kwargs) -> None:
        objective, name = self.oracle.objective, f"{type(self).__name__}.run_trial()"
        trial.status, trial.message = TrialStatus.COMPLETED, None
        try:
            with random.seeds_from(trial.seed):
                try:
                    results = self.run_trial(trial, *args, **kwargs)
                except Pruned as pruned:
                    results, trial.status = pruned.args[0], TrialStatus.PRUNED
            metrics, trial.best_step = judged(results, objective, name)
            trial.metrics = Metrics(metrics)
            trial.score = float(objective.get_value(trial.metrics))
        except FatalError:
            raise
        except Exception as error:
            trial.status = (TrialStatus.FAILED if isinstance(error, FailedTrialError)
                            else TrialStatus.INVALID)
            trial.message = traceback.format_exc()
            return
        if not np.isfinite([trial.metrics[part.name] for part in objective.parts
                            if part.name in trial.metrics]).all():
            trial.status = TrialStatus.INVALID
            trial.message = f"The objective is {trial.score}."

    # what a subclass may replace

    def run_trial(self, trial: Trial, *args, **kwargs):
        """Build and train; returns a number, a dictionary, a History, or a list of such.

        A number is what is to be made small; of a dictionary and of a History's best epoch the
        objective counts, of a list the mean.
        """
        trainings = Trainings(self, trial)
        results = trainings.run(args, kwargs)
        if trainings.pruned:
            raise Pruned(results)
        return results

    def on_search_begin(self) -> None:
        """Before the first trial."""

    def on_search_end(self) -> None:
        """After the last trial."""

    def on_trial_begin(self, trial: Trial) -> None:
        """Before a trial, whose values may not be chosen yet."""

    def on_trial_end(self, trial: Trial) -> None:
        """After a trial: enters it."""
        if self.oracle.end_trial(trial):
            self.display.trial_ends(trial)

    def on_epoch_begin(self, trial, model, epoch, logs=None) -> None:
        """Before an epoch of a trial's model."""

    def on_epoch_end(self, trial, model, epoch, logs=None) -> None:
        """After an epoch of a trial's model."""

    def on_batch_begin(self, trial, model, batch, logs=None) -> None:
        """Before a batch."""

    def on_batch_end(self, trial, model, batch, logs=None) -> None:
        """After a batch."""

    # models

    def build_model(self, hp) -> Model:
        """The compiled model for values; FailedTrialError if it is too large."""
        model = self.hypermodel.build(hp)
        if not isinstance(model, Model):
            raise FatalTypeError("build(hp) must return a model of fastnn's, received "
                                 f"{model!r:.200}. Is there a return at its end?")
        if self.optimizer or self.loss or self.metrics:
            given = model._compiled or {"optimizer": "rmsprop", "loss": None, "metrics": None}
            model.compile(self.optimizer or given["optimizer"], self.loss or given["loss"],
                          self.metrics or given["metrics"])
        if self.max_model_size and model.built and model.count_params() > self.max_model_size:
            raise FailedTrialError(f"The model has {model.count_params()} parameters, more than "
                                   f"max_model_size={self.max_model_size}.")
        return model

    @property
    def continues(self) -> bool:
        """Whether trials go on with the weights of others."""
        return isinstance(self.oracle, HyperbandOracle)

    def weights_path(self, trial_id: str, number: int = 0) -> str:
        """The file of the best weights of a trial, or of those of one of its trainings."""
        part = f".{number}" if number else ""
        return str(Path(self.project_dir) / f"trial_{trial_id}{part}.weights.fastnn")

    def load_weights(self, model: Model, trial_id: str, number: int = 0) -> None:
        """Take the best weights of a trial."""
        path = Path(self.weights_path(trial_id, number))
        if not path.exists():
            raise FatalError(f"The weights of trial {trial_id} are not in {path}: another machine "
                             "has them. Give all machines a directory that they share.")
        model.load_weights(path)

    def load_model(self, trial: Trial) -> Model:
        """The model of a trial with its best weights."""
        with random.seeds_from(0):
            model = self.build_model(trial.hyperparameters.copy())
            if not model.built:
                model.build((None, *trial.input_shape))
            self.load_weights(model, trial.trial_id)
        return model

    def get_best_models(self, num_models: int = 1) -> list[Model]:
        """The models of the best trials, each with the weights of its best epoch.

        With folds, those of the best fold: train again on all rows, with
        `get_best_hyperparameters`, what is to be used.
        """
        return [self.load_model(trial) for trial in self.oracle.get_best_trials(num_models)
                if trial.status == TrialStatus.COMPLETED]

    # results

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """The values of the best trials, for ``tuner.hypermodel.build``."""
        return [trial.hyperparameters for trial in self.oracle.get_best_trials(num_trials)]

    def search_space_summary(self, extended: bool = False) -> None:
        """Print what is searched."""
        space = self.oracle.get_space().space
        print("Search space summary")
        print(f"Default search space size: {len(space)}")
        for hyperparameter in space:
            config = hyperparameter.get_config()
            print(f"{config.pop('name')} ({type(hyperparameter).__name__})")
            print(config)

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials."""
        print("Results summary")
        print(f"Results in {self.project_dir}")
        print(f"Showing {num_trials} best trials")
        print(self.oracle.objective)
        for trial in self.oracle.get_best_trials(num_trials):
            print()
            trial.summary()

    def _repr_html_(self) -> str:
        return as_html(self.oracle)

    @property
    def remaining_trials(self) -> int | None:
        """How many trials are still to do; None if there is no number."""
        return self.oracle.remaining_trials()

    @property
    def project_dir(self) -> str:
        """The folder of the project."""
        path = Path(self.directory) / self.project_name
        path.mkdir(parents=True, exist_ok=True)
        return f"{self.directory}/{self.project_name}"

    def save(self) -> None:
        """Nothing is left to do: every trial is kept when it ends."""

    def reload(self) -> None:
        """Read what this and other processes have found."""
        self.oracle.reload()

    # the space

    def _try(self, hp) -> None:
        """Build the model for the sake of what it asks for."""
        with random.seeds_from(0):
            self.hypermodel.declare_hyperparameters(hp)
            model = self.hypermodel.build(hp)
        self._dtype = getattr(model, "dtype", None)

    def _find_space(self) -> None:
        """Build models until every conditional scope has been active."""
        if self.hypermodel is None:
            return
        hp, seen = self.oracle.get_space(), []
        while True:
            self._try(hp)
            self.oracle.update_space(hp)
            seen += hp.active_scopes
            missing = [scope for scope in hp.inactive_scopes if scope not in seen]
            if not missing:
                return
            seen.append(missing[0])  # once is enough, should it contradict itself
            hp = self.oracle.get_space()
            hp.values.update({parent: values[0] for parent, values in missing[0]})
            hp.values = {name: value for name, value in hp.values.items() if hp.is_active(name)}
