"""Who works on which trial: many threads, processes and machines over one study of Optuna.

A search has *slots* 0, 1, 2, ...; a slot says what is tried, whoever does it. Optuna gives trials
their numbers one by one, whoever asks, so each new trial of the study takes the next slot. Where a
worker dies, or is interrupted, its slot is *lost*: another trial of the study, marked ``again``,
takes it over.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress

import optuna
from optuna.trial import FrozenTrial, TrialState

from fastnn.tuner.trial import TrialStatus

POLL = 0.2  # seconds between two looks at what others have done
STATE, AGAIN = "fastnn", "again"  # attributes of a trial: how it has ended; the lost slot it redoes
# a decorator's warning apart, which threads cannot silence
_fail_stale_trials = getattr(optuna.storages.fail_stale_trials, "__wrapped__",
                             optuna.storages.fail_stale_trials)


class Book:
    """The trials of a study by slot, as they were when it was read."""

    def __init__(self, trials: list[FrozenTrial]):
        self.trials: dict[int, FrozenTrial] = {}
        self.slot_of: dict[int, int] = {}  # number of a trial -> slot
        self.next_slot = 0
        self._all: dict[int, list[FrozenTrial]] = {}
        for trial in sorted(trials, key=lambda trial: trial.number):
            if AGAIN in trial.user_attrs:
                slot = trial.user_attrs[AGAIN]
            else:
                slot, self.next_slot = self.next_slot, self.next_slot + 1
            self.slot_of[trial.number] = slot
            self._all.setdefault(slot, []).append(trial)
            known = self.trials.get(slot)
            if known is None or not _ended(known):
                self.trials[slot] = trial

    def ended(self, slot: int) -> bool:
        """Whether the slot's work is done, well or ill."""
        return slot in self.trials and _ended(self.trials[slot])

    def of(self, slot: int, *states: TrialState) -> list[FrozenTrial]:
        """The trials of a slot in such a state."""
        return [trial for trial in self._all.get(slot, ()) if trial.state in states]

    def at_work(self) -> list[int]:
        """Slots that somebody works on."""
        return [slot for slot in self._all
                if not self.ended(slot) and self.of(slot, TrialState.RUNNING)]

    def waiting(self) -> list[int]:
        """Slots that have been put in the queue, and nobody works on."""
        return [slot for slot in self._all if not self.ended(slot)
                and self.of(slot, TrialState.WAITING) and not self.of(slot, TrialState.RUNNING)]

    def left_over(self) -> list[FrozenTrial]:
        """Trials in the queue for slots that are done."""
        return [trial for slot in self._all if self.ended(slot)
                for trial in self.of(slot, TrialState.WAITING)]

    def lost(self) -> list[int]:
        """Slots whose worker has not come to an end with them."""
        return [slot for slot in self._all if not self.ended(slot)
                and not self.of(slot, TrialState.WAITING, TrialState.RUNNING)]


def _ended(trial: FrozenTrial) -> bool:
    """Whether its worker has come to an end with it, be it a failure."""
    if trial.state == TrialState.FAIL:
        return trial.user_attrs.get(STATE, {}).get("status") == TrialStatus.FAILED
    return trial.state.is_finished()


class Ledger:
    """Gives slots to the workers of this process, and tells the others that they are alive."""

    def __init__(self, study: optuna.Study, storage):
        self.study, self.storage = study, storage
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._study_id = storage.get_study_id_from_name(study.study_name)
        self._running: set[int] = set()  # ids of the trials at work here
        self._looked = 0.0

    def read(self) -> Book:
        return Book(self.study.get_trials(deepcopy=False))

    def claim(self, exists, ready, interrupt):
        """(slot, id of a new trial in the storage, Book) of work to do; None when all is done.

        exists : whether there is such a slot; ready : whether the Book has what it needs.
        """
        with self._lock:
            while not interrupt.seen:
                self._look_for_the_dead()
                book = self.read()
                free = [slot for slot in sorted({*book.waiting(), *book.lost(), book.next_slot})
                        if exists(slot)]
                for slot in free:
                    trial_id = self._take(slot, book) if ready(slot, book) else None
                    if trial_id is not None:
                        return slot, trial_id, book
                if not free and not any(exists(slot) for slot in book.at_work()):
                    for trial in book.left_over():
                        self.lose(trial._trial_id)
                    return None
                self._changed.wait(POLL)
        return None

    def _take(self, slot: int, book: Book) -> int | None:
        """A running trial for the slot; None if another worker was faster."""
        trial_id = None
        if slot == book.next_slot:
            trial_id = self.storage.create_new_trial(self._study_id)
            number = self.storage.get_trial_number_from_id(trial_id)
            if self.read().slot_of[number] != slot:
                self.lose(trial_id)  # two have taken a slot each: this one is for whoever comes
                return None
        else:
            if slot not in book.waiting():
                self.storage.create_new_trial(self._study_id, optuna.trial.create_trial(
                    state=TrialState.WAITING, user_attrs={AGAIN: slot}))
                book = self.read()
            # several may have queued it: the first counts, and whoever is first to take that
            queued = book.of(slot, TrialState.WAITING)
            if not queued or book.of(slot, TrialState.RUNNING):
                return None
            first = queued[0]
            with suppress(optuna.exceptions.UpdateFinishedTrialError):
                if self.storage.set_trial_state_values(first._trial_id, TrialState.RUNNING):
                    trial_id = first._trial_id
        if trial_id is not None:
            self._running.add(trial_id)
            self._beat()
        return trial_id

    def end(self, trial_id: int, state: dict, values=None, outcome=TrialState.COMPLETE) -> bool:
        """Enter what has become of a trial; False if others had given it up meanwhile."""
        with self._lock:
            self._running.discard(trial_id)
            try:
                self.storage.set_trial_user_attr(trial_id, STATE, state)
                self.storage.set_trial_state_values(trial_id, outcome, values)
            except optuna.exceptions.UpdateFinishedTrialError:
                return False
            finally:
                self._changed.notify_all()
            return True

    def lose(self, trial_id: int) -> None:
        """Give a trial up: another worker may do its slot."""
        with self._lock, suppress(optuna.exceptions.UpdateFinishedTrialError):
            self._running.discard(trial_id)
            self.storage.set_trial_state_values(trial_id, TrialState.FAIL)
            self._changed.notify_all()

    @contextmanager
    def alive(self):
        """Inside, other processes hear that this one lives, if the storage can tell them."""
        every = getattr(self.storage, "get_heartbeat_interval", lambda: None)()
        if every is None:
            yield
            return
        over = threading.Event()

        def beat():
            while not over.wait(every):
                self._beat()

        thread = threading.Thread(target=beat, name="fastnn-heart", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _beat(self) -> None:
        if getattr(self.storage, "get_heartbeat_interval", lambda: None)() is not None:
            for trial_id in list(self._running):
                self.storage.record_heartbeat(trial_id)

    def _look_for_the_dead(self) -> None:
        now = time.monotonic()
        if now - self._looked > POLL:
            self._looked = now
            _fail_stale_trials(self.study)
