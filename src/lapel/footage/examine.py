"""What is in this file from outside? Asks a parser in its cell, and believes only the form of what it answers."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

from lapel.base.errors import Invalid
from lapel.footage.inspection import Inspection, Thumbnail
from lapel.footage.mediatree import SEED_BYTES
from lapel.storage import confined
from lapel.storage.confined import Limits, Read

PARSER = "lapel.footage.probe"
THUMBNAILS = 8


def examine(
    read: Read,
    size: int,
    *,
    limits: Limits | None = None,
    seed: bytes | None = None,
    thumbnails: int = THUMBNAILS,
) -> Inspection:
    """Look into a file of `size` bytes that `read(offset, length)` gives, of which never more than a few MiB are held.

    Never raises for what is in the file: what cannot be read comes back with `readable` False and the reason. `seed` is
    the secret of the media tree, new when not given. Raises `Unavailable` when no parser can be started here, and whatever
    `read` raises.
    """
    seed = seed or secrets.token_bytes(SEED_BYTES)
    request = {"seed": seed.hex(), "thumbnails": thumbnails}
    try:
        spoken = confined.run(PARSER, request, read, size, limits or Limits())
        return _inspection(spoken, seed)
    except Invalid as error:
        return Inspection(readable=False, complete=False, reason=error.says)


def _inspection(spoken: confined.Spoken, seed: bytes) -> Inspection:
    """The answer as values. Raises `Invalid` when it has not the form that ours have."""
    from pydantic import TypeAdapter, ValidationError

    answer: dict[str, Any] = dict(spoken.answer)
    pictures = answer.pop("thumbnails", [])
    if not isinstance(pictures, list) or len(pictures) != len(spoken.blobs):
        raise Invalid("The parser's answer could not be read.")
    for jpeg in spoken.blobs:
        if not (jpeg.startswith(b"\xff\xd8\xff") and jpeg.endswith(b"\xff\xd9")):
            raise Invalid("The parser's answer could not be read.")
    try:
        found = TypeAdapter(Inspection).validate_python({**answer, "readable": True})
        small = TypeAdapter(tuple[Thumbnail, ...]).validate_python(
            [{**picture, "jpeg": jpeg} for picture, jpeg in zip(pictures, spoken.blobs, strict=True)]
        )
    except (ValidationError, TypeError):
        raise Invalid("The parser's answer could not be read.") from None
    return dataclasses.replace(found, media_seed=seed, thumbnails=small, enforced=spoken.enforced)
