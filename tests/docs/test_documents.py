"""Do the documents tell the truth about the code? What is set, flagged, linked and locked is compared with what is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from lapel.app.settings import Settings
from lapel.base import errors
from lapel.footage import model

ROOT = Path(__file__).parents[2]
OPERATE = (ROOT / "docs/operate.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changelog.d/*.md")])
# Written in two halves, so that this file does not itself name what it looks for.
HOSTS = ["pypi." + "org", "python" + "hosted", "registry." + "npmjs", "deb." + "debian.org"]


def tracked() -> list[Path]:
    """The files that git tracks; every file where this is no checkout."""
    said = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if said.returncode:
        return [path for path in ROOT.rglob("*") if path.is_file() and "node_modules" not in path.parts]
    return [ROOT / name for name in said.stdout.decode().split("\0") if name]


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_stands_in_the_operators_page(name: str) -> None:
    assert f"| `LAPEL_{name.upper()}` |" in OPERATE
    assert Settings.model_fields[name].description


def test_the_operators_page_names_no_setting_that_is_gone() -> None:
    named = set(re.findall(r"^\| `LAPEL_([A-Z_]+)` \|", OPERATE, re.MULTILINE))
    assert {name.lower() for name in named} == set(Settings.model_fields)


def test_every_flag_is_explained_to_the_operator() -> None:
    flags = {value for name, value in vars(model).items() if name.isupper() and isinstance(value, str)}
    assert flags
    assert {flag for flag in flags if f"| `{flag}` |" not in OPERATE} == set()


def test_every_exit_status_is_told() -> None:
    line = OPERATE.split("## Exit statuses")[1].split("##")[0]
    statuses = {error.exit_status for error in errors.LapelError.__subclasses__()}
    for status in statuses | {errors.CHECK_DOES_NOT_HOLD, errors.NOT_ANCHORED}:
        assert re.search(rf"\b{status} [a-z]", line), status


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("path", sorted((ROOT / "docs/formats").glob("*.md")), ids=lambda path: path.name)
def test_every_format_page_names_its_version(path: Path) -> None:
    assert re.search(r"version|Version|\bv1\b", path.read_text())


def test_code_that_the_decisions_name_is_there() -> None:
    for page in (ROOT / "docs/decisions").glob("*.md"):
        for named in re.findall(r"`(src/lapel/[\w/.]+\.(?:py|sql))`", page.read_text()):
            assert (ROOT / named).exists(), f"{page.name} names {named}"


def test_no_file_names_the_host_of_a_registry() -> None:
    found = []
    for path in tracked():
        if (
            path.suffix in {".py", ".md", ".txt", ".in", ".toml", ".json", ".sh", ".html", ".js", ".css", ""}
            and path.is_file()
        ):
            text = path.read_text(errors="replace")
            found += [f"{path.relative_to(ROOT)}: {host}" for host in HOSTS if host in text]
    assert found == []


def test_every_locked_package_has_a_hash() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        for package in re.split(r"\n(?=[a-z0-9])", lock.read_text()):
            if "==" in package:
                assert "--hash=sha256:" in package, f"{lock.name}: {package.splitlines()[0]}"


def test_code_files_are_a_page_or_two() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in tracked()
        if path.suffix in {".py", ".js", ".css", ".html"} and not {"tests", "bench"} & set(path.parts)
        for count in [len(path.read_text().splitlines())]
        if count > 350
    }
    assert long == {}, "Is a noun missing?"
