"""Which hash stands for the whole log, and how is it shown that a leaf is in it, or that it only grew?

The Merkle tree of RFC 9162 §2.1 over SHA-256. A *node* is the hash of a perfect subtree: `node(height, i)` covers the
leaves [i·2^height, (i+1)·2^height). Where the nodes come from (memory, tiles, rows) is the caller's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from lapel.base.errors import EvidenceFault, Invalid

HASH_BYTES = 32
TILE_HEIGHT = 8
EMPTY_ROOT = sha256(b"").digest()

Node = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the hashes of the perfect subtrees that cover its leaves, largest first.

    Enough to append to the tree and to know its root; 32 bytes for each one in the binary form of the size.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != size.bit_count() or any(len(p) != HASH_BYTES for p in peaks):
            raise EvidenceFault(f"The frontier kept for the log at {size} entries is not one for that size.")
        self.size = size
        self._peaks = list(peaks)

    @classmethod
    def from_bytes(cls, size: int, kept: bytes) -> Frontier:
        """Reads what `to_bytes` gave. Raises `EvidenceFault` when it does not fit the size."""
        return cls(size, [kept[i : i + HASH_BYTES] for i in range(0, len(kept), HASH_BYTES)])

    def to_bytes(self) -> bytes:
        return b"".join(self._peaks)

    def extend(self, leaf_hashes: Iterable[bytes]) -> list[tuple[int, int, bytes]]:
        """Append leaves. Returns the nodes of full tiles that came to be: (tile level ≥ 1, index in the level, hash)."""
        size, peaks, full = self.size, self._peaks, []
        for leaf in leaf_hashes:
            size += 1
            top, height, rest = leaf, 0, size
            while not rest & 1:
                top = sha256(b"\x01" + peaks.pop() + top).digest()
                rest >>= 1
                height += 1
                if height % TILE_HEIGHT == 0:
                    full.append((height // TILE_HEIGHT, rest - 1, top))
            peaks.append(top)
        self.size = size
        return full

    def root(self) -> bytes:
        """The root of the tree; SHA-256 of nothing when it is empty."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(size: int, node: Node) -> bytes:
    """The root of the first `size` leaves."""
    return _range(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """The audit path of a leaf, from its sibling upwards (RFC 9162 §2.1.3.1). Raises `Invalid` beyond the size."""
    if not 0 <= index < size:
        raise Invalid(f"There is no entry {index} in a log of {size} entries.")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range(middle, high, node))
            high = middle
        else:
            path.append(_range(low, middle, node))
            low = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """What shows that the tree of `new` leaves begins with that of `old` (RFC 9162 §2.1.4.1). Empty when 0 or equal."""
    if not 0 <= old <= new:
        raise Invalid(f"A log of {new} entries cannot continue one of {old}.")
    if old in (0, new):
        return []
    path: list[bytes] = []
    low, high, whole = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range(middle, high, node))
            high = middle
        else:
            path.append(_range(low, middle, node))
            low, whole = middle, False
    if not whole:
        path.append(_range(low, high, node))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Does the proof show that this leaf hash stands at this index? RFC 9162 §2.1.3.2."""
    if not 0 <= index < size or len(proof) > 64:
        return False
    first, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_BYTES:
            return False
        if first & 1 or first == last:
            computed = node_hash(sibling, computed)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and computed == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Does the proof show that the log only grew? RFC 9162 §2.1.4.2; from size 0 only the empty root goes on."""
    if not 0 <= old <= new or len(proof) > 128 or any(len(p) != HASH_BYTES for p in proof):
        return False
    if old in (0, new):
        return not proof and old_root == (EMPTY_ROOT if old == 0 else new_root)
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    was = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root


def _split(count: int) -> int:
    """The largest power of two smaller than the count."""
    return 1 << (count - 1).bit_length() - 1


def _range(low: int, high: int, node: Node) -> bytes:
    """The hash over [low, high), where low is a multiple of the largest power of two in it."""
    count = high - low
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return node(height, low >> height)
    middle = low + _split(count)
    return node_hash(_range(low, middle, node), _range(middle, high, node))
