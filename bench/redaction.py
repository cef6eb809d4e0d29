"""How well and how fast is footage redacted, beside `deface` and a plain encoder in the same run?

    python bench/redaction.py [faces] [encode] [length] [plates] [speech] [--deface PATH] [--keep DIR] [--clips NAME,…]

Without parts all of them run. `--deface`: the program of deface 1.5.0 in a virtual environment of its own
(`python -m venv V && V/bin/pip install deface==1.5.0`); without it the ratios are left out. `--keep`: a folder for what is
the same in every run (the reference, the shaken clip). Clips are those of ../shared/data/video; a shaken clip is made of one.

CPU times are user and system seconds of this process and of the child processes that do the work, their start included, ours
and theirs alike.
On a machine with other work all of them grow; the load is printed beside them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from redaction_faces import CLIPS, faces
from redaction_more import encode, length, plates, speech

PARTS = ("faces", "encode", "length", "plates", "speech")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    ask.add_argument("--deface", type=Path)
    ask.add_argument("--keep", type=Path)
    ask.add_argument("--clips", default=",".join(CLIPS))
    given = ask.parse_args()
    wanted = given.parts or PARTS
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        keep = given.keep or Path(folder)
        keep.mkdir(exist_ok=True)
        if "faces" in wanted:
            faces(given.clips.split(","), given.deface, keep, Path(folder))
        if "encode" in wanted:
            encode(Path(folder))
        if "length" in wanted:
            length(Path(folder))
        if "plates" in wanted:
            plates()
        if "speech" in wanted:
            speech()


if __name__ == "__main__":
    main()
