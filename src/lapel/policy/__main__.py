"""`python -m lapel.policy`: the policy commands alone, before the whole command line is mounted."""

from __future__ import annotations

import sys

from lapel.base.errors import LapelError
from lapel.policy.commands import app


def main() -> None:
    """Runs a command; an error is one line and its exit status."""
    try:
        app()
    except LapelError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_status) from None


if __name__ == "__main__":
    main()
