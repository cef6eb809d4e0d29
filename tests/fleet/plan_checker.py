"""Does a plan keep every rule? Written from the rules of `fleet.plan` alone, with nothing of its code but the values."""

from __future__ import annotations

from collections.abc import Sequence

from lapel.fleet.plan import Means, Office


def broken(offices: Sequence[Office], means: Means, starts: Sequence[int | None]) -> list[str]:
    """The rules that these starts break, in words."""
    found = []
    last = len(means.quarters) - 1
    pairs = [(o, s) for o, s in zip(offices, starts, strict=True) if s is not None]
    for o, s in pairs:
        if s < o.earliest or s > last:
            found.append(f"{o.name} begins in {s}")
        for p, t in zip(offices, starts, strict=True):
            waits = p.agency == o.agency and p.pilot and not o.pilot and means.pilot_quarters
            if waits and (t is None or s < t + means.pilot_quarters):
                found.append(f"{o.name} does not wait for {p.name}")
    for q in range(last + 1):
        if sum(o.cameras for o, s in pairs if s <= q) > sum(means.cameras[: q + 1]):
            found.append(f"cameras in {q}")
        allowed = means.training[q]
        if allowed is not None and sum(o.officers for o, s in pairs if s == q) > allowed:
            found.append(f"training in {q}")
        money = means.budget[q]
        spent = 0.0
        for o, s in pairs:
            if s <= q:
                spent += o.cost + o.cameras * means.camera_cost + o.cameras * means.running_cost * (q - s + 1)
        if money is not None and spent > money + 1e-4:
            found.append(f"budget in {q}")
    for agency in {o.agency for o in offices}:
        all_of = sum(o.officers for o in offices if o.agency == agency)
        served = sum(o.officers for o, _ in pairs if o.agency == agency)
        if served < means.floor * all_of - 1e-6:
            found.append(f"floor of {agency}")
    return found
