"""However large a delivery is, the intake needs no more memory for it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from door import RECORDING, Door, process

MIB = 1 << 20


def most_memory(pid: int) -> int:
    """The most resident memory this process has had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the process is gone")


def footage(size_mib: int) -> Iterator[bytes]:
    for number in range(size_mib):
        yield number.to_bytes(4, "big") * (MIB // 4)


@pytest.mark.slow
def test_an_upload_of_512_mib_takes_at_most_64_mib_of_memory(door: Door, tmp_path: Path):
    with process(door.house, tmp_path / "intake.log") as (port, pid):
        client = replace(door.client, port=port)
        client.call("PUT", f"/{RECORDING}")
        client.call("PUT", f"/{RECORDING}/small.mp4", b"to have everything loaded")
        before = most_memory(pid)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
            headers = {"X-Auth-Token": client.token, "Content-Length": str(512 * MIB)}
            connection.request("PUT", f"{client.account}/{RECORDING}/large.mp4", footage(512), headers)
            assert connection.getresponse().status == 201
        assert most_memory(pid) - before < 64 * MIB
