"""Does the verifier run where nothing is installed?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import receipts

HERE = Path(__file__).parents[2]
ALLOWED = {
    f"lapel.custody.{name}"
    for name in ("checkpoint", "ed25519", "entry", "note", "strictjson", "tree", "trust", "verify", "tiles")
} | {f"lapel.base.{name}" for name in ("clock", "digest", "errors", "ids")}
ALLOWED |= {"lapel", "lapel.base", "lapel.custody"}


def test_the_verifier_imports_only_the_standard_library_base_and_pure_custody() -> None:
    program = (
        "import sys; before = set(sys.modules); import lapel.custody.verify, lapel.custody.tiles;"
        "print('\\n'.join(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.split(".")[0] == "lapel"} <= ALLOWED
    foreign = {n.split(".")[0] for n in loaded if not n.startswith("lapel")} - set(sys.stdlib_module_names)
    assert not foreign


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "lapel-verify.py"
    env = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([str(HERE / "scripts" / "bundle-verifier"), str(out)], check=True, env=env)
    return out


def run(bundle: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(bundle), *arguments],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        env={},
    )


def test_one_file_verifies_in_an_empty_folder_without_any_package(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text(receipts.text(receipts.receipt()))
    (tmp_path / "trust.json").write_text(json.dumps(receipts.trust().to_json()))
    (tmp_path / "clip.mp4").write_bytes(receipts.FILE)
    done = run(bundle, tmp_path, "receipt.json", "clip.mp4", "--trust", "trust.json")
    assert done.returncode == 0, done.stderr
    assert "Seen by no outside party" in done.stdout
    assert "bit for bit" in done.stdout


def test_its_exit_status_tells_the_outcomes_apart(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "receipt.json").write_text(receipts.text(receipts.receipt()))
    (tmp_path / "other.mp4").write_bytes(b"other")
    (tmp_path / "broken.json").write_text("{")
    assert run(bundle, tmp_path, "receipt.json").returncode == 8
    assert run(bundle, tmp_path, "receipt.json", "other.mp4").returncode == 90
    assert run(bundle, tmp_path, "broken.json").returncode == 5
    assert run(bundle, tmp_path, "nothing.json").returncode == 4
