"""Searches: the same result for any number of workers, what they print, how they fail."""

import json
import re
from pathlib import Path

import numpy as np
import optuna
import pytest

import fastnn
from fastnn import console, layers
from fastnn import tuner as kt
from fastnn.tuner.running import folds_of

GOLDEN = json.loads((Path(__file__).parent / "golden" / "tuner.json").read_text("utf-8"))
RNG = np.random.default_rng(4)
X = RNG.normal(size=(80, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def build(hp):
    model = fastnn.Sequential([layers.Dense(hp.Int("units", 2, 16), "relu", input_dim=3)])
    for i in range(hp.Int("layers", 0, 2)):
        model.add(layers.Dense(hp.Int(f"units_{i}", 2, 8), "tanh"))
    if hp.Boolean("dropout"):
        with hp.conditional_scope("dropout", [True]):
            model.add(layers.Dropout(hp.Float("rate", 0.1, 0.5)))
    model.add(layers.Dense(1, "sigmoid"))
    optimizer = fastnn.optimizers.Adam(hp.Float("learning_rate", 1e-4, 0.1, sampling="log"))
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def make(tmp_path):
    """Makes tuners with projects of their own."""
    count = iter(range(100))

    def make(kind=kt.RandomSearch, objective="val_loss", hypermodel=build, **options):
        options = {"directory": tmp_path, "project_name": f"p{next(count)}", "seed": 5,
                   "storage": optuna.storages.InMemoryStorage()} | options
        return kind(hypermodel, objective, **options)

    return make


def search(tuner, **options):
    options = {"epochs": 3, "validation_split": 0.25, "verbose": 0} | options
    tuner.search(X, Y, **options)
    return tuner


def outcome(tuner):
    """All that a search has found, but for the time."""
    return [trial.get_state() | {"seconds": 0} for trial in tuner.oracle.trials.values()]


STRATEGIES = {
    "random": (kt.RandomSearch, {"max_trials": 7}),
    "executions": (kt.RandomSearch, {"max_trials": 3, "executions_per_trial": 2}),
    "folds": (kt.RandomSearch, {"max_trials": 3, "cv": 3}),
    "bayesian": (kt.BayesianOptimization, {"max_trials": 9, "num_initial_points": 3,
                                           "parallel_trials": 3}),
    "several objectives": (kt.BayesianOptimization, {
        "max_trials": 8, "num_initial_points": 3, "parallel_trials": 3,
        "objective": ["val_loss", "val_accuracy"]}),
    "grid": (kt.GridSearch, {"max_trials": 7}),
    "hyperband": (kt.Hyperband, {"max_epochs": 4, "factor": 2}),
    "pruned": (kt.RandomSearch, {
        "max_trials": 9, "parallel_trials": 3, "pruner": optuna.pruners.MedianPruner(3)}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STRATEGIES)
def test_the_number_of_workers_does_not_show_in_the_result(make, name):
    kind, options = STRATEGIES[name]
    arguments = {"validation_split": 0} if "cv" in options else {}
    one, two, four = (search(make(kind, workers=n, **options), **arguments) for n in (1, 2, 4))
    found = outcome(one)
    assert found == outcome(two) == outcome(four)
    statuses = {trial["status"] for trial in found}
    assert statuses == ({"COMPLETED", "PRUNED"} if name == "pruned" else {"COMPLETED"})
    assert len({json.dumps(trial["hyperparameters"]["values"]) for trial in found}) > 2
    best = [tuner.get_best_models()[0].get_weights() for tuner in (one, two)]
    for a, b in zip(*best, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_seed_decides(make):
    first, same, other = (search(make(max_trials=2, seed=seed)) for seed in (1, 1, 2))
    assert outcome(first) == outcome(same) != outcome(other)


def test_a_seed_that_was_drawn_is_kept(make):
    fastnn.utils.set_random_seed(1)
    tuner = make(max_trials=1, seed=None)
    assert tuner.oracle.study.user_attrs["fastnn"]["seed"] == tuner.oracle.seed
    again = make(max_trials=1, seed=None, project_name=tuner.project_name,
                 storage=tuner.oracle.ledger.storage)
    assert again.oracle.seed == tuner.oracle.seed


def test_results_of_trials_before_the_window_alone_are_seen():
    oracle = kt.oracles.BayesianOptimizationOracle("val_loss", 20, parallel_trials=4)
    assert list(oracle.needs(3)) == []
    assert list(oracle.needs(10)) == list(range(7))
    assert list(kt.oracles.RandomSearchOracle("val_loss").needs(10)) == []
    pruning = kt.oracles.RandomSearchOracle("val_loss", pruner="median", parallel_trials=2)
    assert list(pruning.needs(10)) == list(range(9))


def test_bayesian_search_learns(make):
    class Parabola(kt.BayesianOptimization):
        def run_trial(self, trial):
            hp = trial.hyperparameters
            return (hp.Float("x", -10, 10) - 3) ** 2 + (hp.Float("y", -10, 10) + 1) ** 2

    def best(kind, seed):
        tuner = make(kind, None, None, max_trials=40, seed=seed, parallel_trials=2)
        tuner.search(verbose=0)
        return tuner.oracle.get_best_trials()[0].score

    assert np.median([best(Parabola, seed) for seed in range(3)]) < 1


def test_parts_of_the_search_space_are_found_by_building(make, capsys):
    def conditional(hp):
        hp.Choice("model", ["a", "b"])
        with hp.conditional_scope("model", ["b"]):
            hp.Int("units", 1, 3)
            with hp.name_scope("inner"):
                hp.Boolean("bias")
        hp.Float("rate", 0.1, 0.2, step=0.1)
        with hp.conditional_scope("model", ["a"]):
            hp.Fixed("only_a", 1)

    make(hypermodel=conditional).search_space_summary()
    assert capsys.readouterr().out == GOLDEN["summary"]

    def behind_an_if(hp):
        if hp.Choice("model", ["a", "b"]) == "b":
            with hp.conditional_scope("model", ["b"]):
                if hp.Boolean("deep"):
                    with hp.conditional_scope("deep", [True]):
                        hp.Int("units", 1, 3)
        with hp.conditional_scope("model", ["b"]), hp.conditional_scope("deep", [True]):
            hp.Int("units", 1, 3)

    with pytest.raises(ValueError, match="'deep'"):  # nobody has asked for it yet
        make(hypermodel=behind_an_if)

    def nested(hp):
        hp.Choice("model", ["a", "b"])
        with hp.conditional_scope("model", ["b"]):
            if hp.Boolean("deep"):
                hp.Int("not conditional by itself", 1, 2)
            with hp.conditional_scope("deep", [True]):
                hp.Int("units", 1, 3)

    found = [entry.name for entry in make(hypermodel=nested).oracle.get_space().space]
    assert found == ["model", "deep", "units", "not conditional by itself"]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_grid_has_all_combinations_in_keras_tuners_order(make, workers):
    def conditional(hp):
        hp.Choice("model", ["a", "b"])
        hp.Float("rate", 0.1, 0.2, step=0.1)
        with hp.conditional_scope("model", ["b"]):
            hp.Int("units", 1, 3)
            with hp.name_scope("inner"):
                hp.Boolean("bias")

    class Nothing(kt.HyperModel):
        def build(self, hp):
            conditional(hp)

    class Values(kt.GridSearch):
        def run_trial(self, trial):
            conditional(trial.hyperparameters)
            return 1.0

    tuner = make(Values, None, Nothing(), workers=workers)
    tuner.search(verbose=0)
    found = [trial.hyperparameters.values for trial in tuner.oracle.trials.values()]

    def sorted_as_asked(values):
        return tuple(values.get(name, "") for name in ("model", "rate", "units", "inner/bias"))

    golden = [{k: v for k, v in values.items() if k != "only_a"} for values in GOLDEN["grid"]]
    assert sorted(map(sorted_as_asked, found)) == sorted(map(sorted_as_asked, golden))
    assert len(found) == 14
    assert [values["rate"] for values in found[:2]] == [0.1, 0.2]
    assert [values.get("inner/bias") for values in found[2:6]] == [False, True, False, True]


def test_hyperband_goes_on_with_the_weights_of_the_round_before(make):
    seen = {}

    class Watching(kt.Hyperband):
        def on_epoch_begin(self, trial, model, epoch, logs=None):
            seen.setdefault(trial.trial_id, []).append((epoch, model.params.copy()))

    tuner = search(make(Watching, max_epochs=4, factor=2), epochs=99)
    trials = tuner.oracle.trials
    later = [t for t in trials.values() if t.hyperparameters.values["tuner/round"]]
    assert len(later) == sum(step.round > 0 for step in tuner.oracle.steps) > 3
    for trial in later:
        values = trial.hyperparameters.values
        before = trials[values["tuner/trial_id"]]
        epochs = [epoch for epoch, _ in seen[trial.trial_id]]
        assert epochs == list(range(values["tuner/initial_epoch"], values["tuner/epochs"]))
        weights = tuner.load_model(before).params
        np.testing.assert_array_equal(seen[trial.trial_id][0][1], weights)
        assert {k: v for k, v in values.items() if "tuner/" not in k} == {
            k: v for k, v in before.hyperparameters.values.items() if "tuner/" not in k}
        rivals = [t.score for t in trials.values() if all(
            t.hyperparameters.values[f"tuner/{name}"] == before.hyperparameters.values[
                f"tuner/{name}"] for name in ("bracket", "round"))]
        assert before.score in sorted(rivals)[: len(rivals) // 2 + 1]


# data


def test_folds_deal_out_the_rows_of_each_class():
    y = np.repeat([0, 1, 2], [30, 12, 6])
    folds = folds_of(3, np.zeros((48, 1)), y, seed=1)
    for train, held_out in folds:
        assert np.bincount(y[held_out]).tolist() == [10, 4, 2]
        assert sorted([*train, *held_out]) == list(range(48))
    assert not np.array_equal(folds[0][1], folds_of(3, None, y, seed=2)[0][1])
    numbers = folds_of(4, None, np.linspace(0, 1, 10), seed=1)
    assert sorted(len(held_out) for _, held_out in numbers) == [2, 2, 3, 3]
    with pytest.raises(ValueError, match="as many rows"):
        folds_of(11, None, np.arange(10), 1)


def test_a_fold_is_validated_on_the_rows_it_does_not_train_on(make):
    from sklearn.model_selection import KFold

    splitter = KFold(3)
    [trial] = search(make(max_trials=1, cv=splitter), validation_split=0).oracle.trials.values()
    given = search(make(max_trials=1, cv=list(splitter.split(X))), validation_split=0)
    assert outcome(given)[0]["score"] == trial.score
    with pytest.raises(RuntimeError, match="validation_split must not be given"):
        search(make(max_trials=1, cv=3, max_consecutive_failed_trials=1))

    scores = []
    with fastnn.random.seeds_from(fastnn.random.derived_seed(5, 0, 1)):
        for train, held_out in splitter.split(X):
            model = build(trial.hyperparameters.copy())
            history = model.fit(X[train], Y[train], epochs=3, verbose=0,
                                validation_data=(X[held_out], Y[held_out]))
            scores.append(min(history.history["val_loss"]))
    assert trial.score == pytest.approx(np.mean(scores), abs=0)


def test_trials_share_one_copy_of_the_data(make):
    seen = []

    class Watching(kt.RandomSearch):
        def on_epoch_begin(self, trial, model, epoch, logs=None):
            seen.append(model.trainer.run.batches.feed.X)

    search(make(Watching, max_trials=3, workers=2), validation_split=0, epochs=1,
           validation_data=(X, Y))
    assert all(array.dtype == np.float32 for array in seen)
    assert all(np.shares_memory(array, seen[0]) for array in seen)


def test_a_generator_is_no_data_for_many_models(make):
    with pytest.raises(ValueError, match="read once"):
        make().search(iter([(X, Y)]), epochs=1)
    with pytest.raises(ValueError, match="cv needs"):
        make(cv=3).search(epochs=1)


# what trials may do


def test_training_can_have_hyperparameters_too(make):
    class Both(kt.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            size = hp.Int("batch_size", 4, 64, sampling="log")
            return model.fit(*args, batch_size=size, **kwargs)

    tuner = search(make(hypermodel=Both(), max_trials=3))
    sizes = {values["batch_size"] for values in (
        trial.hyperparameters.values for trial in tuner.oracle.trials.values())}
    assert len(sizes) == 3
    assert "batch_size" in [entry.name for entry in tuner.oracle.get_space().space]


@pytest.mark.parametrize(("result", "score"), [
    (3.0, 3.0), ([1.0, 2.0], 1.5), ({"default_objective": 4, "other": 1}, 4.0), (np.float32(2), 2)])
def test_what_a_trial_may_return(make, result, score):
    class Own(kt.RandomSearch):
        def run_trial(self, trial, *args):
            trial.hyperparameters.Int("a", 0, 3)
            return result

    tuner = make(Own, None, None, max_trials=1)
    tuner.search(verbose=0)
    [trial] = tuner.oracle.trials.values()
    assert (trial.score, trial.status) == (score, "COMPLETED")


@pytest.mark.parametrize(("result", "words"), [
    (None, "must return a number"), ("good", "must return a number"),
    (fastnn.callbacks.History(), "must return a number")])
def test_what_it_must_not_return_ends_the_search(make, result, words):
    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            return result

    with pytest.raises(kt.errors.FatalTypeError, match=words):
        make(Own, None, None).search(verbose=0)


def test_an_objective_that_is_not_there_ends_the_search(make):
    with pytest.raises(kt.errors.FatalValueError, match="val_loss is not in what"):
        search(make(), validation_split=0)


def test_the_best_epoch_counts(make):
    values = iter([0.5, 0.2, 0.9])

    class Own(kt.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, callbacks, **kwargs):
            log = fastnn.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: logs.update(own=next(values)))
            return model.fit(*args, callbacks=[log, *callbacks], **kwargs)

    tuner = search(make(hypermodel=Own(), objective=kt.Objective("own", "min"), max_trials=1))
    [trial] = tuner.oracle.trials.values()
    assert (trial.score, trial.best_step) == (0.2, 1)


def test_best_models_have_the_weights_of_their_best_epoch(make):
    tuner = search(make(max_trials=4), epochs=8)
    trial = tuner.oracle.get_best_trials()[0]
    [model] = tuner.get_best_models()
    cut = len(X) - len(X) // 4
    loss, accuracy = model.evaluate(X[cut:], Y[cut:], verbose=0)
    assert loss == pytest.approx(trial.score, rel=1e-6)
    assert accuracy == pytest.approx(trial.metrics["val_accuracy"], rel=1e-6)
    best = tuner.get_best_hyperparameters(2)
    assert [hp.values for hp in best] == [
        trial.hyperparameters.values for trial in tuner.oracle.get_best_trials(2)]
    assert tuner.hypermodel.build(best[0]).count_params() == model.count_params()


def test_models_without_an_input_shape_are_loaded(make):
    def late(hp):
        model = fastnn.Sequential([layers.Dense(hp.Int("units", 1, 4)), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    tuner = search(make(hypermodel=late, max_trials=2))
    assert tuner.get_best_models()[0].predict(X).shape == (80, 1)


def test_errors_of_a_trial_do_not_end_the_search(make):
    attempts = []

    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            value = trial.hyperparameters.Float("a", 0, 1)
            attempts.append((trial.number, value, fastnn.random.next_seed()))
            if trial.number == 1:
                raise kt.errors.FailedTrialError("too slow")
            if trial.number == 2 and sum(n == 2 for n, *_ in attempts) < 3:
                raise ArithmeticError("odd")
            if trial.number == 3:
                return float("nan")
            return value

    tuner = make(Own, None, None, max_trials=5, max_retries_per_trial=2, workers=1)
    tuner.search(verbose=0)
    trials = list(tuner.oracle.trials.values())
    assert [t.status for t in trials] == ["COMPLETED", "FAILED", "COMPLETED", "FAILED", "COMPLETED"]
    assert [n for n, *_ in attempts] == [0, 1, 2, 2, 2, 3, 3, 3, 4]
    assert "too slow" in trials[1].message
    assert len({value for n, value, _ in attempts if n == 2}) == 1  # the same values
    assert len({seed for n, _, seed in attempts if n == 2}) == 3  # other weights
    assert tuner.oracle.get_best_trials(5)[-1].status == "FAILED"


@pytest.mark.filterwarnings("ignore:Training diverged:RuntimeWarning")
def test_a_trial_that_diverges_has_failed(make):
    def wild(hp):
        model = fastnn.Sequential([layers.Dense(4, "relu", input_dim=3), layers.Dense(1)])
        rate = hp.Choice("rate", [0.01, 1e30])
        model.compile(fastnn.optimizers.SGD(rate), "mse")
        return model

    tuner = search(make(kt.GridSearch, hypermodel=wild))
    good, bad = tuner.oracle.get_best_trials(2)
    assert (good.hyperparameters["rate"], good.status) == (0.01, "COMPLETED")
    assert (bad.hyperparameters["rate"], bad.status) == (1e30, "FAILED")
    assert "Training diverged in epoch 1" in bad.message


def test_many_failures_in_a_row_end_it(make):
    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            if trial.number in (1, 3, 4):
                raise ArithmeticError("odd")
            return trial.hyperparameters.Float("a", 0, 1)

    tuner = make(Own, None, None, max_trials=9, max_consecutive_failed_trials=2)
    with pytest.raises(RuntimeError, match=r"2 trials in a row have failed(.|\n)*odd"):
        tuner.search(verbose=0)


def test_large_models_are_not_trained(make):
    tuner = search(make(max_trials=5, max_model_size=60, max_consecutive_failed_trials=9))
    trials = tuner.oracle.trials.values()
    assert {trial.status for trial in trials} == {"COMPLETED", "FAILED"}
    for trial in trials:
        size = build(trial.hyperparameters.copy()).count_params()
        assert (size > 60) == (trial.status == "FAILED")


def test_only_what_was_given_is_tuned(make):
    hp = kt.HyperParameters()
    hp.Int("units", 3, 4)
    hp.Fixed("layers", 1)
    tuner = search(make(max_trials=4, hyperparameters=hp, tune_new_entries=False))
    for trial in tuner.oracle.trials.values():
        values = trial.hyperparameters.values
        assert values.pop("units") in (3, 4)
        assert values == {"layers": 1, "units_0": 2, "dropout": False, "learning_rate": 1e-4}
    assert [entry.name for entry in tuner.oracle.get_space().space] == ["units", "layers"]
    with pytest.raises(RuntimeError, match="allow_new_entries"):
        make(hyperparameters=hp, allow_new_entries=False)


def test_compile_arguments_are_replaced(make):
    seen = []

    class Watching(kt.RandomSearch):
        def on_epoch_end(self, trial, model, epoch, logs=None):
            seen.append((type(model.optimizer).__name__, sorted(logs)))

    search(make(Watching, max_trials=1, optimizer="sgd", loss="mse", metrics=["mae"]), epochs=1)
    assert seen == [("SGD", ["loss", "mae", "val_loss", "val_mae"])]


def test_hooks_of_batches_are_called_if_there_are_any(make):
    seen = []

    class Watching(kt.RandomSearch):
        def on_batch_end(self, trial, model, batch, logs=None):
            seen.append(batch)

    search(make(Watching, max_trials=1), epochs=2, batch_size=30)
    assert seen == [0, 1, 0, 1]


def test_callbacks_are_copied_for_each_trial(make):
    stop = fastnn.callbacks.EarlyStopping("val_loss", patience=1)
    tuner = search(make(max_trials=3), epochs=30, callbacks=[stop])
    assert stop.stopped_epoch == 0
    assert len(tuner.oracle.trials) == 3


# pruning


def test_bad_trials_are_pruned_between_epochs(make):
    epochs = {}

    class Watching(kt.RandomSearch):
        def on_epoch_end(self, trial, model, epoch, logs=None):
            epochs[trial.number] = epoch + 1

    pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)
    tuner = search(make(Watching, max_trials=10, pruner=pruner, parallel_trials=1), epochs=6)
    trials = list(tuner.oracle.trials.values())
    pruned = [trial for trial in trials if trial.status == "PRUNED"]
    assert pruned
    assert all(1 < epochs[trial.number] < 6 for trial in pruned)
    assert all(epochs[trial.number] == 6 for trial in trials if trial.status == "COMPLETED")
    states = [trial.state.name for trial in tuner.oracle.study.trials]
    assert states == [{"COMPLETED": "COMPLETE"}.get(t.status, t.status) for t in trials]
    assert all(trial.score is not None for trial in pruned)
    assert tuner.oracle.get_best_trials(10)[-1].status == "PRUNED"


def test_several_objectives_are_not_pruned():
    with pytest.raises(ValueError, match="several objectives"):
        kt.oracles.RandomSearchOracle(["val_loss", "val_accuracy"], pruner="median")


def test_several_objectives_are_optunas(make):
    tuner = search(make(max_trials=6, objective=["val_loss", "val_accuracy"]))
    trials = tuner.oracle.trials
    assert [d.name for d in tuner.oracle.study.directions] == ["MINIMIZE", "MAXIMIZE"]
    for trial in trials.values():
        assert trial.score == trial.metrics["val_loss"] - trial.metrics["val_accuracy"]
    front = tuner.oracle.get_pareto_trials()
    assert tuner.oracle.get_best_trials()[0].trial_id in {trial.trial_id for trial in front}
    for trial in front:
        assert not any(other.metrics["val_loss"] < trial.metrics["val_loss"]
                       and other.metrics["val_accuracy"] > trial.metrics["val_accuracy"]
                       for other in trials.values())


# print


def test_what_a_search_prints(make, capsys):
    tuner = make(objective="val_accuracy", max_trials=2, project_name="p", workers=2)
    search(tuner, verbose=1)
    out = capsys.readouterr().out
    first = next(iter(tuner.oracle.trials.values()))
    assert f"""
Search: Running Trial #1

Value             |Best Value So Far |Hyperparameter
{first.hyperparameters.values['units']:<18}|?                 |units
""" in out
    assert re.search(r"Trial 1 Complete \[00h 00m 0\ds\]\n"
                     rf"val_accuracy: {first.score}\n\n"
                     r"Best val_accuracy So Far: [\d.]+\n"
                     r"Total elapsed time: 00h 00m 0\ds\n", out)
    tuner.results_summary(1)
    best = tuner.oracle.get_best_trials()[0]
    values = "\n".join(f"{name}: {value}" for name, value in best.hyperparameters.values.items())
    assert capsys.readouterr().out == f"""Results summary
Results in {tuner.directory}/p
Showing 1 best trials
Objective(name="val_accuracy", direction="max")

Trial {best.trial_id} summary
Hyperparameters:
{values}
Score: {best.score}
"""


def test_a_line_for_each_trial(make, capsys):
    tuner = search(make(max_trials=2, workers=1), verbose=2, epochs=1)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Trial")]
    scores = [trial.score for trial in tuner.oracle.trials.values()]
    assert len(lines) == 2
    assert re.fullmatch(rf"Trial 2/2 completed \d+\.\ds - val_loss: {scores[1]:.5g} - "
                        rf"best: {min(scores):.5g}", lines[1])


def test_a_last_line_tells_how_far_it_is(make, capsys, monkeypatch):
    monkeypatch.setattr(console, "repaints", lambda: True)
    monkeypatch.setattr(console, "columns", lambda: 200)
    tuner = search(make(max_trials=2, workers=2), verbose=2, epochs=1)
    best = tuner.oracle.get_best_trials()[0]
    out = capsys.readouterr().out
    last = (f"2/2 trials, 0 running, best val_loss: {best.score:.5g} (trial {best.number + 1}), "
            "00h 00m ")
    assert last in out
    assert out.endswith("\r")  # the line is taken away at the end
    assert not out.rsplit("\r", 2)[1].strip()


def test_a_notebook_shows_a_table(make):
    class Own(kt.RandomSearch):
        def run_trial(self, trial):
            return 0.25 + trial.hyperparameters.Choice("<a>", ["<b>"]).count("c")

    tuner = make(Own, None, None, max_trials=1)
    assert tuner._repr_html_().count("<tr>") == 1
    tuner.search(verbose=0)
    assert tuner._repr_html_() == (
        "<table><tr><th>trial</th><th>default_objective</th><th>status</th><th>&lt;a&gt;</th></tr>"
        "<tr><td>0</td><td>0.25</td><td>completed</td><td>&lt;b&gt;</td></tr></table>")


def test_silence(make, capsys):
    search(make(max_trials=1), verbose=0)
    assert capsys.readouterr() == ("", "")


def test_wrong_arguments(make):
    with pytest.raises(ValueError, match="hypermodel is missing"):
        make(hypermodel=None)
    with pytest.raises(TypeError, match=r"build\(hp\)"):
        make(hypermodel=3)
    with pytest.raises(ValueError, match="max_trials"):
        make(max_trials=0)
    with pytest.raises(kt.errors.FatalTypeError, match="Is there a return"):
        search(make(hypermodel=lambda hp: None))


@pytest.mark.slow
def test_the_page_of_the_documentation_runs(tmp_path, capsys):
    page = (Path(__file__).parents[1] / "docs" / "tuner.md").read_text("utf-8")
    names = {"folder": str(tmp_path)}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(code, "docs/tuner.md", "exec"), names)
    assert capsys.readouterr().out.count("best: ") == 8
    assert names["mean"].shape == (400, 1)
    assert [len(history.epoch) for history in names["histories"]] == [5] * 4
