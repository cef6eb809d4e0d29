"""How does a docking station deliver? A small sender that speaks the camera protocol over HTTP, as docs/formats/intake.md has it.

It stands in for the real controller in the demonstration: what it sends passes the same door, by the same rules.
"""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from lapel.app.demo_footage import Sample
from lapel.base.errors import Unavailable

_CHUNK = 1 << 20
_WEARERS = uuid.UUID("6f6b2f9e-0000-4000-8000-000000000000")


@dataclass(slots=True)
class Controller:
    """One docking station's controller. `connection` is the parsed connection file; `sent` hears the bytes of each chunk."""

    connection: Mapping[str, Any]
    sent: Callable[[int], None] = lambda _: None
    _token: str = ""
    _base: str = ""
    _host: str = ""

    def sign_in(self) -> None:
        """Get a token and the address that everything else goes to."""
        address = urlsplit(self.connection["AuthenticationTokenURI"][0])
        self._host = address.netloc
        headers = {
            "X-Auth-User": str(self.connection["BlobAPIUserName"]),
            "X-Auth-Key": str(self.connection["BlobAPIKey"]),
        }
        reply = self._send("GET", address.path, headers=headers)
        self._token = reply["x-auth-token"]
        self._base = urlsplit(reply["x-storage-url"]).path

    def deliver(self, sample: Sample, started_at: datetime, length_s: float) -> str:
        """Deliver one recording: announce wearer, camera and recording, send its clips, say that it is complete."""
        wearer = str(uuid.uuid5(_WEARERS, sample.wearer))
        self._put(
            f"Users/{wearer}", {"Active": "True", "Name": f"Badge {sample.wearer}", "UserID": sample.wearer}
        )
        self._put(f"Devices/{sample.camera}", {"Active": "True", "Name": sample.camera, "Model": "W120"})
        name = f"{wearer}_{sample.camera}_{_compact(started_at)}"
        self._send(
            "PUT",
            f"{self._base}/{name}",
            headers=_meta("Container", self._said(sample, wearer, name, started_at, length_s)),
        )
        each = length_s / len(sample.files)
        for number, path in enumerate(sample.files):
            begun = started_at + timedelta(seconds=number * each)
            said = {
                **_times("Start", begun),
                **_times("Stop", begun + timedelta(seconds=each)),
                "ContainerType": "mp4",
            }
            self._put(f"{name}/{_compact(begun)}_{number:04X}.mp4", said, path=path)
        if sample.trail:
            trail = f"{name}/{started_at:%Y%m%d_%H%M%S}_0000_{sample.camera}_gpstrail.json"
            self._put(trail, {"FileType": "json"}, body=_walk(started_at, length_s))
        if sample.words:
            said = {
                "StartTime": (started_at + timedelta(seconds=3)).isoformat().replace("+00:00", "Z"),
                "Tags": "TriggerOn:Button",
            }
            self._put(f"{name}/bookmark_{_compact(started_at)}_1", said, body=sample.words.encode())
        self._send("POST", f"{self._base}/{name}", headers=_meta("Container", {"Status": "Complete"}))
        return name

    def _said(
        self, sample: Sample, wearer: str, name: str, started_at: datetime, length_s: float
    ) -> dict[str, str]:
        return {
            "ContainerName": name,
            "BWCSerialNumber": sample.camera,
            "UserID": wearer,
            "TriggerOn": "Button",
            "TriggerOff": "Button",
            **_times("TriggerOn", started_at),
            **_times("Start", started_at),
            **_times("Stop", started_at + timedelta(seconds=length_s)),
            "TimeZone": "America/New_York",
            "BWCModel": "W120",
            "FirmwareVersion": "11.8.1",
            "Status": "Transferring",
        }

    def _put(
        self, name: str, said: Mapping[str, str], *, path: Path | None = None, body: bytes = b""
    ) -> None:
        self._send("PUT", f"{self._base}/{quote(name)}", headers=_meta("Object", said), path=path, body=body)

    def _send(
        self,
        verb: str,
        address: str,
        *,
        headers: Mapping[str, str],
        path: Path | None = None,
        body: bytes = b"",
    ) -> dict[str, str]:
        size = path.stat().st_size if path else len(body)
        link = http.client.HTTPConnection(self._host, timeout=120)
        try:
            link.putrequest(verb, address)
            for key, value in {**headers, "X-Auth-Token": self._token, "Content-Length": str(size)}.items():
                link.putheader(key, value)
            link.endheaders()
            if path:
                with path.open("rb") as read:
                    while chunk := read.read(_CHUNK):
                        link.send(chunk)
                        self.sent(len(chunk))
            elif body:
                link.send(body)
            reply = link.getresponse()
            words = reply.read()
        finally:
            link.close()
        if reply.status >= 300:
            raise Unavailable(
                f"The intake answered {reply.status} to {verb}: {words[:300].decode(errors='replace')}"
            )
        return {key.lower(): value for key, value in reply.getheaders()}


def _meta(kind: str, said: Mapping[str, str]) -> dict[str, str]:
    return {f"X-{kind}-Meta-{key}": quote(value, safe=" :/,;") for key, value in said.items()}


def _times(which: str, at: datetime) -> dict[str, str]:
    return {
        f"{which}Time": str(int(at.timestamp())),
        f"{which}TimeISO": at.isoformat().replace("+00:00", "Z"),
    }


def _compact(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _walk(started_at: datetime, length_s: float) -> bytes:
    """A short walk around a block, one point a second."""
    entries = []
    for second in range(int(length_s) + 1):
        east, north = min(second, 5) * 0.00012, max(0, second - 5) * 0.00009
        at = (started_at + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
        entries.append(
            {
                "LocationWKT": f"POINT({-77.0365 + east:.6f} {38.8977 + north:.6f})",
                "SecondsFromStart": float(second),
                "Timestamp": at,
            }
        )
    return json.dumps({"CoordinateEntries": entries}).encode()
