"""The callback that says what is wrong with a training."""

from __future__ import annotations

from fastnn.callbacks.base import Callback


class Doctor(Callback):
    """Diagnoses the model at the end of `fit`, as ``model.diagnose`` does, and prints the findings.

    every : also after every so many epochs; each rule speaks once.
    print_fn : gets the text; by default it is printed. None: nothing is.

    ``diagnosis`` is the last one. It looks at the rows that `fit` trains and validates on; where
    these come in batches, at nothing: a ValueError.

    >>> import fastnn
    >>> model = fastnn.Sequential([fastnn.layers.Dense(1, input_dim=2)])
    >>> model.compile("sgd", "mse")
    >>> x, y = fastnn.datasets.notes.package()
    >>> doctor = Doctor(print_fn=None)
    >>> history = model.fit(1000 * x, y, epochs=3, verbose=0, callbacks=doctor)
    >>> "unscaled_inputs" in doctor.diagnosis
    True
    """

    def __init__(self, every: int | None = None, print_fn=print):
        super().__init__()
        self.every, self.print_fn = every, print_fn
        self.diagnosis = None
        self._said: set[str] = set()
        if every is not None:
            self.on_epoch_end = self._epoch_end

    def on_train_begin(self, logs=None):
        self._said = set()
        if not hasattr(self.model.trainer.run.batches, "feed"):
            raise ValueError("Doctor looks at arrays; this training takes its data in batches. "
                             "Call model.diagnose(x, y) with some of them.")

    def on_train_end(self, logs=None):
        self._look()
        if not self.diagnosis and self.print_fn is not None:
            self.print_fn(str(self.diagnosis))

    def _epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self._look()

    def _look(self) -> None:
        from fastnn.understanding.diagnosis import of_feed

        run = self.model.trainer.run
        batches = run.batches
        self.diagnosis = of_feed(self.model, batches.feed, run.validation_feed, batches.batch_size,
                                 self.model.history.history)
        for finding in self.diagnosis:
            if finding.rule not in self._said and self.print_fn is not None:
                self.print_fn(str(finding))
            self._said.add(finding.rule)
