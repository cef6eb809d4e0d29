"""Is this Ed25519 signature good? RFC 8032 §5.1.7 in plain Python, so that a receipt can be verified anywhere.

Stricter than the standard in what it turns away, so that all verifiers agree: S must be below the group's order, the
key and R must be encoded canonically, and the key must not be of small order. It only verifies, on public bytes, so it
need not run in constant time; about 3 ms a signature.
"""

from __future__ import annotations

from hashlib import sha512

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)

# Extended coordinates (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z (RFC 8032 §5.1.4).
_Point = tuple[int, int, int, int]
_NEUTRAL: _Point = (0, 1, 1, 0)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Did the holder of this 32-byte key sign this message with this 64-byte signature?"""
    if len(key) != 32 or len(signature) != 64:
        return False
    public = _decode(key)
    s = int.from_bytes(signature[32:], "little")
    if public is None or s >= _ORDER or _is_small(public):
        return False
    r = signature[:32]
    k = int.from_bytes(sha512(r + key + message).digest(), "little") % _ORDER
    x, y, z, t = public
    # R must be S·B − k·A; comparing encodings also turns away an R that is not canonical.
    return _encode(_two_scalars(s, _BASE, k, (-x % _P, y, z, -t % _P))) == r


def is_key(key: bytes) -> bool:
    """Can these bytes be a verification key: a canonical point that is not of small order?"""
    point = _decode(key) if len(key) == 32 else None
    return point is not None and not _is_small(point)


def _add(a: _Point, b: _Point) -> _Point:
    p = (a[1] - a[0]) * (b[1] - b[0]) % _P
    q = (a[1] + a[0]) * (b[1] + b[0]) % _P
    c = 2 * a[3] * b[3] * _D % _P
    d = 2 * a[2] * b[2] % _P
    e, f, g, h = q - p, d - c, d + c, q + p
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(a: _Point) -> _Point:
    x2, y2 = a[0] * a[0] % _P, a[1] * a[1] % _P
    h = x2 + y2
    e = h - (a[0] + a[1]) * (a[0] + a[1]) % _P
    g = x2 - y2
    f = 2 * a[2] * a[2] + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _two_scalars(s: int, a: _Point, k: int, b: _Point) -> _Point:
    """s·a + k·b, both at once (Straus)."""
    sums = (_NEUTRAL, a, b, _add(a, b))
    total = _NEUTRAL
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):
        total = _double(total)
        chosen = (s >> bit & 1) | (k >> bit & 1) << 1
        if chosen:
            total = _add(total, sums[chosen])
    return total


def _is_small(a: _Point) -> bool:
    x, y, z, _ = _double(_double(_double(a)))
    return x % _P == 0 and (y - z) % _P == 0


def _encode(a: _Point) -> bytes:
    inverse = pow(a[2], -1, _P)
    x, y = a[0] * inverse % _P, a[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(data: bytes) -> _Point | None:
    """The point in an encoding, RFC 8032 §5.1.3; None when it is no point or not its canonical encoding."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= _P:
        return None
    x2 = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (x * x - x2) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _base() -> _Point:
    point = _decode((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    if point is None:
        raise AssertionError("the base point decodes")
    return point


_BASE = _base()
