"""Many processes on one study: what a killed one loses, what a new one finds."""

import os
import signal
import subprocess
import sys
import time
import warnings

import optuna
import pytest

from fastnn import tuner as kt
from fastnn.interrupt import Interrupt
from fastnn.tuner.ledger import AGAIN, STATE, Book
from fastnn.tuner.project import open_study

# a worker of one search; trial number argv[2] hangs in the worker that is called so
PROGRAM = """
import sys, time
from fastnn import tuner as kt
from fastnn.tuner import project
folder, hangs, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
project.HEARTBEAT, project.GRACE = 1, 4

class Search(kt.BayesianOptimization):
    def run_trial(self, trial):
        x = trial.hyperparameters.Float("x", -5, 5)
        if trial.number == hangs:
            print("hanging", flush=True)
            time.sleep(1000)
        time.sleep(0.05)
        return (x - 1) ** 2

tuner = Search(max_trials=10, num_initial_points=3, parallel_trials=3, seed=2, directory=folder,
               project_name="p", workers=workers)
tuner.search(verbose=0)
for trial in tuner.oracle.trials.values():
    print(trial.trial_id, trial.status, repr(trial.score))
"""


def worker(folder, hangs=-1, workers=1):
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), str(hangs), str(workers)],
                            stdout=subprocess.PIPE, text=True, env=os.environ)


def results(process):
    out = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    return [line for line in out.splitlines() if " COMPLETED " in line or " FAILED " in line]


def kill(process):
    with process:  # closes its output
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What one process finds that is left alone."""
    found = results(worker(tmp_path_factory.mktemp("alone")))
    assert len(found) == 10
    return found


@pytest.mark.slow
def test_a_killed_worker_loses_its_own_trial_alone(tmp_path, undisturbed):
    dying = worker(tmp_path, hangs=4)
    assert dying.stdout.readline() == "hanging\n"
    kill(dying)
    study = optuna.load_study(study_name="p", storage=f"sqlite:///{tmp_path}/p/study.db")
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 4 + ["RUNNING"]
    kept = [trial.values for trial in study.trials[:4]]
    assert results(worker(tmp_path)) == undisturbed  # as if nothing had happened
    assert [trial.values for trial in study.trials[:4]] == kept
    states = [trial.state.name for trial in study.trials]
    assert sorted(states) == ["COMPLETE"] * 10 + ["FAIL"]
    [again] = [trial for trial in study.trials if AGAIN in trial.user_attrs]
    assert again.user_attrs[AGAIN] == 4
    assert again.params == study.trials[4].params


@pytest.mark.slow
def test_a_worker_beside_a_killed_one_takes_its_trial_over(tmp_path, undisturbed):
    dying = worker(tmp_path, hangs=2)
    assert dying.stdout.readline() == "hanging\n"
    other = worker(tmp_path, workers=2)
    time.sleep(1)
    kill(dying)
    assert results(other) == undisturbed


@pytest.mark.slow
def test_processes_that_begin_together_share_the_trials(tmp_path, undisturbed):
    processes = [worker(tmp_path, workers=1 + i % 2) for i in range(3)]
    assert all(results(process) == undisturbed for process in processes)
    study = optuna.load_study(study_name="p", storage=f"sqlite:///{tmp_path}/p/study.db")
    assert len([t for t in study.trials if STATE in t.user_attrs]) == 10


class Search(kt.RandomSearch):
    """Returns a value itself."""

    def run_trial(self, trial):
        return trial.hyperparameters.Float("x", 0, 1)


def make(folder, **options):
    options = {"max_trials": 4, "seed": 1, "directory": folder} | options
    return Search(**options)


def test_a_search_is_gone_on_with_and_says_so(tmp_path, capsys):
    first = make(tmp_path, max_trials=2)
    first.search(verbose=0)
    assert capsys.readouterr().out == ""
    second = make(tmp_path)
    assert capsys.readouterr().out == (
        "Going on with the search 'untitled_project', which has 2 finished trials; overwrite=True "
        "would begin anew.\n")
    assert second.remaining_trials == 2
    second.search(verbose=0)
    whole = make(tmp_path, project_name="whole")
    whole.search(verbose=0)
    scores = [trial.score for trial in second.oracle.trials.values()]
    assert scores == [trial.score for trial in whole.oracle.trials.values()]
    assert second.remaining_trials == 0
    first.reload()
    assert [trial.score for trial in first.oracle.trials.values()] == scores
    assert [entry.name for entry in first.oracle.get_space().space] == ["x"]


def test_another_search_of_the_same_name_is_an_error(tmp_path):
    make(tmp_path)
    for other in ({"seed": 2}, {"objective": "val_loss"}):
        with pytest.raises(ValueError, match="is another search"):
            make(tmp_path, **other)
    make(tmp_path, seed=None)
    with pytest.raises(ValueError, match="is another search"):
        kt.GridSearch(lambda hp: None, directory=tmp_path)
    optuna.create_study(study_name="other", storage=f"sqlite:///{tmp_path}/o.db")
    with pytest.raises(ValueError, match="not made by fastnn"):
        make(tmp_path, project_name="other", storage=f"sqlite:///{tmp_path}/o.db")


def test_overwrite_begins_anew_and_leaves_other_files(tmp_path, capsys):
    make(tmp_path).search(verbose=0)
    folder = tmp_path / "untitled_project"
    (folder / "trial_0.weights.fastnn").write_text("")
    (folder / "mine.txt").write_text("")
    again = make(tmp_path, overwrite=True, seed=9)
    assert capsys.readouterr().out == ""
    assert again.oracle.trials == {}
    assert [path.name for path in folder.iterdir() if "study" not in path.name] == ["mine.txt"]


@pytest.mark.parametrize("kind", ["url", "journal", "memory"])
def test_any_storage_of_optunas_will_do(tmp_path, kind):
    if kind == "url":
        storage = f"sqlite:///{tmp_path}/own.db"
    elif kind == "journal":
        backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
        storage = optuna.storages.JournalStorage(backend)
    else:
        storage = optuna.storages.InMemoryStorage()
    tuner = make(tmp_path, storage=storage, workers=2)
    tuner.search(verbose=0)
    study = optuna.load_study(study_name="untitled_project", storage=storage)
    assert len(study.trials) == 4
    assert all(0 <= trial.params["x"] <= 1 for trial in study.trials)
    assert study.best_value == tuner.oracle.get_best_trials()[0].score
    assert len(make(tmp_path, storage=storage).oracle.trials) == 4


def test_an_interrupted_trial_is_run_by_the_next_search(tmp_path):
    class Interrupted(Search):
        stops = True

        def run_trial(self, trial):
            value = super().run_trial(trial)
            if self.stops and trial.number == 2:
                raise KeyboardInterrupt
            return value

    tuner = Interrupted(max_trials=4, seed=1, directory=tmp_path, workers=1)
    with pytest.warns(RuntimeWarning, match="interrupted by the user after 2 trials"):
        tuner.search(verbose=0)
    Interrupted.stops = False
    tuner.search(verbose=0)
    whole = make(tmp_path, project_name="whole")
    whole.search(verbose=0)
    scores = [trial.score for trial in tuner.oracle.trials.values()]
    assert scores == [trial.score for trial in whole.oracle.trials.values()]


def ledger(tmp_path):
    oracle = kt.oracles.RandomSearchOracle("loss", seed=1)
    oracle.bind(*open_study(oracle, tmp_path, "p", optuna.storages.InMemoryStorage()))
    return oracle.ledger


def test_the_book_knows_lost_waiting_and_running_slots(tmp_path):
    book, interrupt = ledger(tmp_path), Interrupt()

    def claim():
        slot, trial_id, _ = book.claim(lambda slot: slot < 4, lambda slot, book: True, interrupt)
        return slot, trial_id

    (a, first), (b, second), (c, third) = claim(), claim(), claim()
    assert (a, b, c) == (0, 1, 2)
    book.end(first, {"done": True}, [1.0])
    book.lose(second)
    assert book.read().lost() == [1]
    assert book.read().at_work() == [2]
    assert claim()[0] == 1  # before a new one
    assert claim()[0] == 3
    book.end(third, {"status": "FAILED"}, None, optuna.trial.TrialState.FAIL)
    assert book.read().ended(2)
    assert not book.end(third, {}, [1.0])  # as if another worker had given it up
    assert isinstance(book.read(), Book)


def test_a_worker_that_dies_between_result_and_end_has_not_ended(tmp_path):
    book = ledger(tmp_path)
    _, trial_id, _ = book.claim(lambda slot: slot < 1, lambda slot, book: True, Interrupt())
    book.storage.set_trial_user_attr(trial_id, STATE, {"status": "COMPLETED"})
    book.lose(trial_id)
    assert book.read().lost() == [0]


def test_what_two_workers_have_queued_is_run_once(tmp_path):
    book = ledger(tmp_path)
    claim = (lambda slot: slot < 1), (lambda slot, book: True), Interrupt()
    book.lose(book.claim(*claim)[1])
    for _ in range(2):
        book.study.add_trial(optuna.trial.create_trial(
            state=optuna.trial.TrialState.WAITING, user_attrs={AGAIN: 0}))
    _, trial_id, _ = book.claim(*claim)
    assert book.read().waiting() == []
    book.end(trial_id, {}, [1.0])
    assert book.claim(*claim) is None
    assert [trial.state.name for trial in book.study.trials] == ["FAIL", "COMPLETE", "FAIL"]


def test_what_is_not_ready_is_waited_for(tmp_path):
    book, interrupt = ledger(tmp_path), Interrupt()
    _slot, trial_id, _ = book.claim(lambda slot: slot < 2, lambda slot, book: True, interrupt)
    needs = {0: [], 1: [0]}
    interrupt_soon = Interrupt()

    def ready(slot, seen):
        interrupt_soon.end()
        return all(map(seen.ended, needs[slot]))

    assert book.claim(lambda slot: slot < 2, ready, interrupt_soon) is None
    assert book.read().next_slot == 1  # nobody has taken it
    book.end(trial_id, {}, [0.5])
    assert book.claim(lambda slot: slot < 2, ready, Interrupt())[0] == 1


@pytest.mark.slow
def test_warnings_as_errors_find_none(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(tmp_path, workers=2, max_trials=3).search(verbose=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_a_search_between_two_steps(tmp_path, workers):
    import numpy as np

    import fastnn

    def build(hp):
        model = fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(hp.Int("units", 1, 9))])
        model.compile("sgd", "mse")
        return model

    class Interrupted(kt.RandomSearch):
        def on_epoch_end(self, trial, model, epoch, logs=None):
            if epochs > 3 and trial.number == 1 and epoch == 2:
                os.kill(os.getpid(), signal.SIGINT)

    def search():
        tuner.search(np.ones((8, 2)), np.ones((8, 9)), epochs=epochs, verbose=0)

    tuner = Interrupted(build, "loss", max_trials=4, seed=1, directory=tmp_path, workers=workers)
    hp = kt.HyperParameters()
    hp.Fixed("units", 9)
    tuner.oracle.given = hp
    epochs = 10**4
    with pytest.warns(RuntimeWarning, match="Search interrupted"):
        search()
    assert len(tuner.oracle.trials) < 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    epochs = 3
    search()
    assert {trial.status for trial in tuner.oracle.trials.values()} == {"COMPLETED"}
    assert len(tuner.oracle.trials) == 4


def test_failures_of_an_earlier_search_do_not_end_the_next(tmp_path):
    class Broken(Search):
        broken = True

        def run_trial(self, trial):
            if self.broken:
                raise ArithmeticError("odd")
            return super().run_trial(trial)

    tuner = Broken(max_trials=6, seed=1, directory=tmp_path, max_consecutive_failed_trials=2)
    with pytest.raises(RuntimeError, match="2 trials in a row"):
        tuner.search(verbose=0)
    Broken.broken = False
    again = Broken(max_trials=6, seed=1, directory=tmp_path, max_consecutive_failed_trials=2)
    again.search(verbose=0)
    assert len(again.oracle.trials) == 6
