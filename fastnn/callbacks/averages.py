"""The callback that lets others see the optimizer's averages of the weights."""

from __future__ import annotations

from fastnn.callbacks.base import Callback


class SwapEMAWeights(Callback):
    """Evaluate, validate and predict with the averages of ``use_ema`` instead of the weights.

    They change places before, and back afterwards. swap_on_epoch : also between the end of an epoch
    and the begin of the next, so that a ModelCheckpoint behind it in the list saves the averages.

    ValueError if the optimizer has no averages (``use_ema=True``). Semantics: Keras 3.15.
    """

    remembers = ("_swapped",)

    def __init__(self, swap_on_epoch: bool = False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False
        if swap_on_epoch:
            self.on_epoch_begin = self._put_back
            self.on_epoch_end = self._epoch_end

    def on_train_begin(self, logs=None):
        self._swapped = False
        self._averages()  # an error now, if there are none

    def on_test_begin(self, logs=None):
        self._swap(True)

    def on_test_end(self, logs=None):
        self._swap(False)

    on_predict_begin, on_predict_end = on_test_begin, on_test_end

    def _put_back(self, epoch, logs=None):
        self._swap(False)

    def _epoch_end(self, epoch, logs=None):
        self._swap(True)
        if epoch == self.params["epochs"] - 1 or self.model.stop_training:
            # when `fit` ends it puts the averages in place, where they are already
            weights, averages = self._averages()
            averages[...] = weights

    def _swap(self, averages_in_model: bool) -> None:
        if self._swapped is averages_in_model:
            return
        weights, averages = self._averages()
        weights[...], averages[...] = averages.copy(), weights.copy()
        self._swapped = averages_in_model

    def _averages(self):
        """The trained parameters and their averages, (n,) each."""
        trainer = self.model.trainer
        slot = getattr(trainer.optimizer, "average_slot", None)
        if slot is None:
            raise ValueError("SwapEMAWeights needs an optimizer with use_ema=True, received "
                             f"{trainer.optimizer!r}.")
        return trainer.memory.params[: trainer.plan.n_trained], trainer.memory.slots[slot]
