"""What does an outsider check with who has nothing but Python? The verifier as one file, made of the modules that Lapel runs.

`scripts/bundle-verifier` writes it; each redacted copy that is handed out carries it. Standard library only.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

BEGIN_WITH = ("lapel.custody.verify", "lapel.redaction.verify_folder")
_SOURCE = Path(__file__).parents[2]
_HEAD = '''#!/usr/bin/env python3
"""Verify a receipt of a Lapel custody log, or a redacted release. One file, Python 3.11 or later, nothing else; it asks nobody.

    python3 lapel-verify.py receipt.json [FILE] [--trust trust.json]
    python3 lapel-verify.py FOLDER [--trust trust.json]

Ends with 0 anchored, 8 consistent but not anchored, 1 the file could not be compared, 90 something disagrees,
5 unreadable. Made by scripts/bundle-verifier out of the modules below, unchanged.
"""
import os
import sys
from importlib.util import spec_from_loader

SOURCES = {}
'''
_TAIL = '''

class _Inside:
    """Finds the modules of this file; packages are empty."""

    def find_spec(self, name, path=None, target=None):
        if name in SOURCES:
            return spec_from_loader(name, self)
        if name in ("lapel", *{one.rpartition(".")[0] for one in SOURCES}):
            return spec_from_loader(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        text = SOURCES.get(module.__name__)
        if text is not None:
            exec(compile(text, module.__name__, "exec"), vars(module))


def main(arguments):
    import argparse

    parser = argparse.ArgumentParser(description="Verify a receipt of a Lapel custody log, or a redacted release.")
    parser.add_argument("receipt", help="the receipt, or the folder of a release")
    parser.add_argument("file", nargs="?")
    parser.add_argument("--trust")
    given = parser.parse_args(arguments)
    sys.meta_path.insert(0, _Inside())
    from pathlib import Path

    from lapel.base.errors import LapelError
    from lapel.custody.strictjson import MAX_BYTES
    from lapel.custody.verify import verify_receipt
    from lapel.redaction.verify_folder import verify_folder

    def small(path):
        with open(path, "rb") as opened:
            return opened.read(MAX_BYTES + 1)

    try:
        trust = small(given.trust) if given.trust else None
        if os.path.isdir(given.receipt):
            verdict = verify_folder(Path(given.receipt), trust)
        elif given.file is None:
            verdict = verify_receipt(small(given.receipt), None, trust)
        else:
            with open(given.file, "rb") as opened:
                verdict = verify_receipt(small(given.receipt), opened, trust)
    except LapelError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except OSError as error:
        print(f"{error.filename} cannot be read: {error.strerror}.", file=sys.stderr)
        return 4
    print(verdict)
    return verdict.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
'''


@cache
def verifier() -> bytes:
    """The program: UTF-8, the same bytes for the same modules."""
    found: dict[str, str] = {}
    waiting = list(BEGIN_WITH)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _path(name).read_text()
            waiting += _asked_for(found[name])
    parts = [f"SOURCES[{name!r}] = {found[name]!r}\n" for name in sorted(found)]
    return (_HEAD + "".join(parts) + _TAIL).encode()


def _asked_for(text: str) -> list[str]:
    """The modules of ours that a module imports, at its top or inside a function."""
    asked: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lapel."):
            whole = str(node.module)
            asked += [
                name
                for name in (whole, *(f"{whole}.{one.name}" for one in node.names))
                if _path(name).is_file()
            ]
    return asked


def _path(name: str) -> Path:
    return _SOURCE / f"{name.replace('.', '/')}.py"
