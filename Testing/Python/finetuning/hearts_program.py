"""A short training on the small store as a program, for several processes: hearts_program.py INDEX STORE FOLDER."""

import sys
from pathlib import Path

from heart_jobs import train_hearts
from small_store import SmallStore


def main() -> None:
    index, store, folder = map(Path, sys.argv[1:])
    train_hearts(SmallStore(index, store), folder, steps=3, part=1)


if __name__ == "__main__":
    main()
