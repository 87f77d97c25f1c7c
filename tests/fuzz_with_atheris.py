"""The loader under atheris, which looks for inputs that reach new lines: for people, not for CI.

    pip install atheris && python tests/fuzz_with_atheris.py -max_total_time=600

Takes libFuzzer's options. It stops at the first input that makes `load_model` do anything but
refuse a file with a ValueError or make a model of it, and writes that input down.
"""

import sys
import tempfile
from pathlib import Path


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["fastnn"]):
        import fuzz
        from model_files import craft, members_of, tiny, trained

        import fastnn

    class Guided:
        """A chooser that atheris guides."""

        def __init__(self, data):
            self.data = atheris.FuzzedDataProvider(data)

        def integer(self, low, high):
            return self.data.ConsumeIntInRange(low, high)

    path = Path(tempfile.mkdtemp()) / "fuzzed.fastnn"
    originals = []
    for model in (tiny(), trained()):
        model.save(path, metadata={"classes": ["a", "b"]})
        originals.append((members_of(path), path.read_bytes()))

    def load(data: bytes) -> None:
        chooser = Guided(data)
        members, whole = fuzz.pick(chooser, originals)
        if chooser.integer(0, 3) == 0:  # the bytes of the file itself
            path.write_bytes(fuzz.change_bytes(chooser, whole))
        else:
            for _ in range(chooser.integer(1, 3)):
                members = fuzz.change_members(chooser, members) if members else members
            craft(path, members)
        try:
            fastnn.load_model(path)
        except ValueError:
            return

    atheris.Setup(sys.argv, load)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
