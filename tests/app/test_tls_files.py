"""Is a certificate that cannot be used found before anything starts?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lapel.app.serving import need_tls_files
from lapel.base.errors import Invalid


def written(folder: Path, name: str) -> tuple[Path, Path]:
    key, called = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
    )
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(called, called, key.public_key(), 1, now, now + timedelta(days=1))
    cert, secret = folder / f"{name}.pem", folder / f"{name}.key"
    cert.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert, secret


def test_a_certificate_and_its_key_are_taken_and_anything_else_is_refused(tmp_path: Path) -> None:
    cert, key = written(tmp_path, "one")
    other, other_key = written(tmp_path, "other")
    need_tls_files(cert, key)
    need_tls_files(None, None)
    for wrong in (
        (cert, None),
        (None, key),
        (cert, other_key),
        (key, cert),
        (tmp_path / "gone", key),
        (other, cert),
    ):
        with pytest.raises(Invalid):
            need_tls_files(*wrong)
