"""What does a parameter set of H.264 say that decides how its picture may be encoded again? The redactor's reading only."""

from __future__ import annotations

from dataclasses import dataclass

from lapel.footage.nal import Bits, unescape

_WITH_CHROMA = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
PROFILES = {66: "baseline", 77: "main", 88: "main", 100: "high"}
MAX_ID = 31  # of a sequence parameter set, H.264 §7.4.2.1.1


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """`frames_only`: no interlaced pictures (frame_mbs_only_flag)."""

    profile: int
    id: int
    chroma: int
    depth_bits: int
    frames_only: bool


def read_sps(unit: bytes) -> SequenceSet:
    """The facts of a sequence parameter set (H.264 §7.3.2.1.1)."""
    bits = Bits(unescape(unit[:256]))
    bits.skip(8)
    profile = bits.take(8)
    bits.skip(16)
    number = bits.exp_golomb()
    chroma, depth = 1, 8
    if profile in _WITH_CHROMA:
        chroma = bits.exp_golomb()
        if chroma == 3:
            bits.skip(1)
        depth = 8 + max(bits.exp_golomb(), bits.exp_golomb())
        bits.skip(1)
        if bits.take(1):
            for number_of_list in range(8 if chroma != 3 else 12):
                if bits.take(1):
                    _skip_scaling_list(bits, 16 if number_of_list < 6 else 64)
    bits.exp_golomb()
    order = bits.exp_golomb()
    if order == 0:
        bits.exp_golomb()
    elif order == 1:
        bits.skip(1)
        bits.exp_golomb()
        bits.exp_golomb()
        for _ in range(min(256, bits.exp_golomb())):
            bits.exp_golomb()
    bits.exp_golomb()
    bits.skip(1)
    bits.exp_golomb()
    bits.exp_golomb()
    return SequenceSet(profile, number, chroma, depth, bool(bits.take(1)))


def free_id(sets: dict[tuple[int, int], bytes]) -> int | None:
    """The smallest id that no sequence or picture parameter set of the source uses; None when all are taken."""
    taken = {number for _, number in sets}
    return next((number for number in range(MAX_ID + 1) if number not in taken), None)


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.exp_golomb()
            delta = (code + 1) // 2 if code % 2 else -(code // 2)
            following = (last + delta) % 256
        last = following or last
