"""What outlives the database? See `custody.sidecar`: rooms that act on cases write the same small sealed files."""

from lapel.custody.sidecar import NO_RECORDING, Under, Write, name_of, perform, put, read

__all__ = ["NO_RECORDING", "Under", "Write", "name_of", "perform", "put", "read"]
