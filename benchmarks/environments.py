"""Makes the environments in which the peers run, none of them inside this repository.

    python benchmarks/environments.py                        all of them
    python benchmarks/environments.py jax_scan pytorch       some, named as in environments/
    python benchmarks/environments.py --folder FOLDER        elsewhere; tell report.py, too

Each file of environments/ pins what one environment holds; the module of the same name in
contenders/ runs there. An environment that is there already is brought to the pinned versions.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent / "environments"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
FOLDER = CACHE / "fastnn" / "benchmarks"
NAMES = tuple(sorted(path.stem for path in REQUIREMENTS.glob("*.txt")))


def python(name: str, folder: Path) -> Path:
    """The interpreter of an environment, whether it has been made or not."""
    return folder / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make(name: str, folder: Path) -> bool:
    """Make an environment, or bring it up to date; whether that worked."""
    pip = [str(python(name, folder)), "-m", "pip", "--disable-pip-version-check", "install"]
    for command in ([sys.executable, "-m", "venv", str(folder / name)],
                    [*pip, "--quiet", "--requirement", str(REQUIREMENTS / f"{name}.txt")]):
        if subprocess.call(command):
            return False
    return True


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description="Make the environments of the benchmarks' peers.")
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], metavar="NAME",
                        help=f"of {', '.join(NAMES)}; all, if none is named")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: %(default)s")
    options = parser.parse_args(argv)
    failed = []
    for name in options.names or NAMES:
        print(f"{name}: {options.folder / name}", flush=True)
        if not make(name, options.folder):
            failed.append(name)
    if failed:
        print(f"Not made, see above: {', '.join(failed)}. The report leaves them out.")
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
