"""Where a search is kept: a study of Optuna, by default in an SQLite file of the project's folder.

``directory/project_name/study.db`` holds the trials, ``trial_<id>.<k>.weights.fastnn`` beside it
the best weights of their trainings.
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import optuna

from fastnn import console

# A worker that has not been heard of for so many seconds is dead; it speaks at every ...
GRACE, HEARTBEAT = 30, 5
ABOUT = "fastnn"  # attribute of a study: what kind of search it is


def open_study(oracle, directory, name: str, storage=None, overwrite: bool = False):
    """The study and its storage, for an oracle; a line says so if it is there already.

    ValueError if that is a search of another kind.
    """
    folder = Path(directory) / name
    if storage is None:
        folder.mkdir(parents=True, exist_ok=True)
        storage = _sqlite(f"sqlite:///{folder / 'study.db'}")
    elif isinstance(storage, str) and storage.startswith("sqlite:"):
        storage = _sqlite(storage)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = optuna.storages.get_storage(storage)
    if overwrite:
        _clear(storage, folder, name)
    directions = [{"min": "minimize", "max": "maximize"}[part.direction]
                  for part in oracle.objective.parts]
    sampler = optuna.samplers.RandomSampler()  # never asked: see `Oracle`
    try:
        study = optuna.create_study(storage=storage, study_name=name, sampler=sampler,
                                    directions=directions)
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(study_name=name, storage=storage, sampler=sampler)
        _join(study, oracle, name)
    else:
        study.set_user_attr(ABOUT, _about(oracle))
    return study, storage


def _sqlite(url: str):
    """The storage of a file that many threads and processes write to."""
    for attempt in range(20):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                storage = optuna.storages.RDBStorage(
                    url, heartbeat_interval=HEARTBEAT, grace_period=GRACE,
                    engine_kwargs={"connect_args": {"timeout": 100}})
            break
        except Exception:  # another process makes the tables at this moment
            if attempt == 19:
                raise
            time.sleep(0.1)
    from sqlalchemy import event

    # A trial is some twenty small writes: with a log, not one of them waits for the disk, and a
    # crash of the machine may cost the last of them, but nothing else.
    event.listen(storage.engine, "connect", lambda connection, _: (
        connection.execute("PRAGMA journal_mode=WAL"),
        connection.execute("PRAGMA synchronous=NORMAL")))
    storage.engine.dispose()
    return storage


def _clear(storage, folder: Path, name: str) -> None:
    for study in storage.get_all_studies():
        if study.study_name == name:
            storage.delete_study(study._study_id)
    for path in folder.glob("trial_*.weights.fastnn"):
        path.unlink()


def _about(oracle) -> dict:
    return {"oracle": type(oracle).__name__, "objective": str(oracle.objective),
            "seed": oracle.seed}


def _join(study, oracle, name: str) -> None:
    """Take over the seed of a search that exists, and say so."""
    wanted = _about(oracle)
    for _ in range(40):  # its maker may not have come that far
        about = study.user_attrs.get(ABOUT)
        if about is not None:
            break
        time.sleep(0.05)
    else:
        raise ValueError(f"The study {name!r} was not made by fastnn. Choose another project_name, "
                         "or overwrite=True.")
    if oracle.seed is None or oracle.seed_was_drawn:
        wanted["seed"] = about["seed"]
    if about != wanted:
        raise ValueError(f"The project {name!r} is another search: it was made with {about}, and "
                         f"this one has {wanted}. Choose another project_name, or overwrite=True.")
    oracle.seed = about["seed"]
    n = sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
    console.write(f"Going on with the search {name!r}, which has {n} finished trials; "
                  "overwrite=True would begin anew.\n")
