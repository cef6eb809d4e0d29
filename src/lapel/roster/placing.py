"""Which office does a row name? By name or code; made when it is new, renamed when its code is known. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from lapel.roster.changes import Changes, There
from lapel.roster.model import Office
from lapel.roster.reading import Said

_COLUMNS = ("name", "component", "code")


class Placing:
    """The offices of an agency while a file is gone through. `named`: their names by id.

    What two rows of one file say differently of an office (its component, or the name of a code) is taken from the first.
    """

    def __init__(self, agency: str, there: There, changes: Changes, new_id: Callable[[], str]) -> None:
        self._agency, self._changes, self._new_id = agency, changes, new_id
        self._components = {name: one.id for name, one in there.components.items()}
        self._offices = {office.name: office for office in there.offices}
        self._codes = {office.code: office.name for office in there.offices if office.code}
        self._said_component: dict[str, Said] = {}
        self._said_code: dict[str, Said] = {}
        self.named = {office.id: office.name for office in there.offices}

    def place(self, row: Said) -> str | None:
        """The id of the office that a row names; None when it names none, or the office is rejected."""
        code = row.office_code
        name = row.office or self._codes.get(code, "")
        if not name:
            if code:
                self._changes.reject(row, "office", f"nobody knows an office with the code {code[:40]}")
            return None
        coded = self._codes.get(code) if code else None
        there = self._offices.get(coded or name)
        fault = self._fault(row, name, coded, there)
        if fault:
            self._changes.reject(row, "office", fault)
            return None
        if code:
            self._said_code.setdefault(code, row)
        component = self._component(row, name)
        if there is None:
            there = Office(self._new_id(), self._agency, name, component, None, code or None)
            made = {
                "id": there.id,
                "agency": self._agency,
                "name": name,
                "component": component,
                "code": there.code,
            }
            self._changes.add("office", made, name, row.component)
        else:
            there = self._kept(there, name, component, code)
        self._offices[name] = there
        self.named[there.id] = name
        if there.code:
            self._codes[there.code] = name
        return there.id

    def _fault(self, row: Said, name: str, coded: str | None, there: Office | None) -> str:
        code = row.office_code
        if coded and coded != name and name in self._offices:
            return f"the code {code[:40]} is that of {coded}, and {name} has another"
        said = self._said_code.get(code) if code else None
        if said is not None and said.office and said.office != name:
            return f"row {said.number} says that the code {code[:40]} is that of {said.office}"
        if there is not None and code and there.code and there.code != code:
            return f"{name} has the code {there.code}, not {code[:40]}"
        return ""

    def _component(self, row: Said, name: str) -> str | None:
        if not row.component:
            return None
        first = self._said_component.setdefault(name, row)
        if first.component != row.component:
            self._changes.reject(
                row, "component", f"row {first.number} says that {name} is part of {first.component}"
            )
            return self._components[first.component]
        if row.component not in self._components:
            self._components[row.component] = made = self._new_id()
            self._changes.add(
                "component", {"id": made, "agency": self._agency, "name": row.component}, row.component, ""
            )
        return self._components[row.component]

    def _kept(self, there: Office, name: str, component: str | None, code: str) -> Office:
        now = Office(
            there.id, self._agency, name, component or there.component, there.parent, code or there.code
        )
        changed = {one: getattr(now, one) for one in _COLUMNS if getattr(now, one) != getattr(there, one)}
        if changed:
            self._changes.change("office", there.id, changed, "changed", name)
        if name != there.name:
            del self._offices[there.name]
        return now
