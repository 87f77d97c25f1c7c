"""``python -m fastnn.lessons NAME ...`` runs lessons; without a name it lists them."""

from __future__ import annotations

import sys

from fastnn import console, lessons


def main(arguments: list[str]) -> int:
    """Run the lessons named; 2 if one does not exist, 1 if a claim does not hold, else 0."""
    if not arguments:
        for name in lessons.NAMES:
            console.write(f"{name:<12} {lessons.summary(name)}\n")
        return 0
    for name in lessons.NAMES if arguments == ["all"] else arguments:
        try:
            console.write(f"{name}: {lessons.summary(name)}\n")
            lessons.run(name)
        except ValueError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        except AssertionError as error:
            sys.stderr.write(f"The claim of {name} does not hold: {error}\n")
            return 1
        console.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
