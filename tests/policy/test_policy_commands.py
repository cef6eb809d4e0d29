"""The commands on files alone: what they print, and with which status they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from policy_samples import WORDS, clause, head
from typer.testing import CliRunner, Result

from lapel.base.errors import Invalid, LapelError
from lapel.policy.commands import app
from lapel.policy.shelf import folder_of

DUTY = clause("D1", "record: required", "doing has stop")
TOPICS = "must address:\n- {topics: [carry], within days: 10}\n"
GOOD = clause("N1", "record: required", "doing has stop") + clause("N2", binds="officer", addresses="[carry]")
BROKEN = clause("N1", "record: required", "doing has stop and not armed") + clause(
    "N2", binds="officer", addresses="[carry]"
)

SEARCHED = [os.path.abspath(path) for path in sys.path]  # before a test changes the folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "directives").mkdir()
    for name, text in {
        "vocabulary": WORDS,
        "department": head("dept", TOPICS) + DUTY,
        "north": head("north") + GOOD,
    }.items():
        (tmp_path / "directives" / f"{name}.yaml").write_text(text)
    (tmp_path / "broken.yaml").write_text(head("north") + BROKEN)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_check_says_what_is_well_formed(folder: Path) -> None:
    found = run("check")
    assert found.exit_code == 0
    assert "directives/north.yaml: north of 2024-02-01, 2 clauses, well formed" in found.output


def test_check_of_one_policy_needs_no_other_file_named(folder: Path) -> None:
    assert run("check", "directives/north.yaml").exit_code == 0


def test_a_fault_is_one_line_and_status_5(folder: Path) -> None:
    (folder / "bad.yaml").write_text(head("north") + clause("N1", "record: requird"))
    command = [sys.executable, "-m", "lapel.policy", "check", "bad.yaml"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(SEARCHED)}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert process.returncode == 5
    assert (
        process.stderr
        == "bad.yaml:8:11, clause N1: “requird” is no answer to record. Did you mean required?\n"
    )
    assert process.stdout == ""


def test_prove_everything_under_directives(folder: Path) -> None:
    found = run("prove")
    assert found.exit_code == 0, found.output
    assert found.output.endswith("1 of 1 agencies: every check holds in every interval\n")


def test_prove_named_files_with_the_counterexample_in_words_and_status_1(folder: Path) -> None:
    found = run("prove", "--department", "directives/department.yaml", "--policy", "broken.yaml")
    assert found.exit_code == 1
    assert (
        "conforms: North: an ordinary situation except: somebody is armed; the officer is doing: stop."
        in found.output
    )


def test_a_draft_alone_is_proved_against_the_department_beside_the_vocabulary(folder: Path) -> None:
    assert run("prove", "--policy", "broken.yaml").exit_code == 1
    assert run("prove", "--policy", "directives/north.yaml").exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--agency", "nort"], "“nort” is no agency. Did you mean north?"),
        (["--agency", "south"], "No policy of south was given. Name its file with --policy."),
        (["--order", "order.yaml"], "No department policy was given."),
        (["--smt-lib", "broken.yaml"], "broken.yaml cannot be made: File exists."),
    ],
)
def test_a_proof_of_nothing_is_refused(folder: Path, words: list[str], says: str) -> None:
    order = head("writ", "order: {binds: all, authority: court, outranks: []}\n")
    (folder / "order.yaml").write_text(order + clause("O1", "record: required"))
    found = run("prove", *words)
    assert isinstance(found.exception, Invalid)
    assert says in str(found.exception)


def test_directives_are_found_here_above_or_beside_the_code(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "er")
    assert "north of 2024-02-01" in run("check").output
    assert run("prove").output.endswith("1 of 1 agencies: every check holds in every interval\n")
    assert folder_of(Path("named")) == Path("named")
    monkeypatch.chdir("/")
    assert folder_of() == Path(__file__).resolve().parents[2] / "directives"


def test_prove_as_json(folder: Path) -> None:
    found = run(
        "prove",
        "--department",
        "directives/department.yaml",
        "--policy",
        "broken.yaml",
        "--json",
        "--agency",
        "north",
    )
    body = json.loads(found.output)
    assert not body["holds"]
    check = next(c for c in body["proofs"][0]["checks"] if c["check"] == "conforms")
    assert check["findings"][0]["situation"]["armed"] == "yes"
    assert set(body["proofs"][0]["texts"]) == {"vocabulary.yaml", "department.yaml", "broken.yaml"}


def test_the_questions_can_be_given_to_another_prover(folder: Path) -> None:
    assert run("prove", "--smt-lib", "questions").exit_code == 0
    text = (folder / "questions" / "north-2024-02-01.smt2").read_text()
    assert "(check-sat-assuming (|? conforms dept:D1| |words inside their bounds|))" in text


def test_ask(folder: Path) -> None:
    found = run(
        "ask",
        "--agency",
        "north",
        "--on",
        "2024-03-01",
        "doing=stop|patrol",
        "alone=no",
        "people=2",
        "--question",
        "record",
    )
    assert found.output.splitlines()[:2] == ["North, 2024-03-01", "record: required by North N1"]
    strict = json.loads(run("ask", "--agency", "north", "--on", "2024-03-01", "--strict", "--json").output)
    assert strict["record"]["status"] == "undetermined"
    assert strict["record"]["missing"] == ["doing"]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--agency", "nort"], 5, "“nort” is no agency. Did you mean north?"),
        (["--agency", "south", "--on", "2024-03-01"], 4, "south has no policy in force on 2024-03-01."),
        (["--agency", "north", "--on", "2024-01-31"], 4, "Its first version is of 2024-02-01."),
        (["--agency", "north", "--on", "soon"], 5, "“soon” is no day."),
        (["--agency", "north", "armd=yes"], 5, "“armd” is no fact of the vocabulary. Did you mean armed?"),
        (["--agency", "north", "armed"], 5, "“armed” states nothing. Write fact=value."),
        (["--agency", "north", "armed=true"], 5, "armed is yes or no, not “true”."),
        (["--agency", "north", "doing=patrol,search", "place=home"], 5, "The situation cannot be"),
        (["armed=yes"], 5, "Whose policy? Give --agency, one of: north."),
    ],
)
def test_ask_refuses_in_one_line(folder: Path, words: list[str], status: int, says: str) -> None:
    found = run("ask", *words)
    assert isinstance(found.exception, LapelError)
    assert found.exception.exit_status == status
    assert says in str(found.exception)


def test_diff_shows_classes_and_counts_events(folder: Path) -> None:
    (folder / "events.csv").write_text(
        "alone,armed,place,doing,people\nno,yes,street,stop,2\nno,no,street,stop,2\n"
    )
    found = run("diff", "directives/north.yaml", "broken.yaml", "--events", "events.csv")
    assert found.exit_code == 0
    assert "record: required -> permitted, by N1" in found.output
    assert "1 answers about past events change" in found.output
    assert (
        run("diff", "broken.yaml", "broken.yaml").output == "Every answer is the same in every situation.\n"
    )


def test_coverage_shows_how_late_and_what_is_missing(folder: Path) -> None:
    found = run("coverage", "--on", "2024-03-01")
    assert found.output.splitlines() == [
        "North: due 2024-01-11, adopted 2024-02-01, 21 days late, 1 of 1 topics",
        "South: due 2024-01-11, not adopted, 50 days late, 0 of 1 topics",
    ]
    assert json.loads(run("coverage", "--json", "--on", "2024-03-01").output)[0]["days_late"] == 21


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_bulk_answers_every_row(folder: Path, suffix: str) -> None:
    (folder / "events.csv").write_text(
        "id,agency,on,doing,alone,people,armed\n1,north,2024-03-01,stop,no,2,no\n2,north,2024-03-01,,no,2,\n3,north,2024-03-01,stop,,,yes\n"
    )
    assert run("bulk", "events.csv", "--out", f"out{suffix}", "--question", "record").exit_code == 0
    if suffix == ".csv":
        assert (folder / "out.csv").read_text().splitlines() == [
            "id,agency,on,doing,alone,people,armed,record,record_by,presumed,missing",
            "1,north,2024-03-01,stop,no,2,no,required,north:N1,,",
            "2,north,2024-03-01,,no,2,,undetermined: required or permitted,north:N1,,doing",
            "3,north,2024-03-01,stop,,,yes,required,north:N1,,",
        ]
    else:
        assert run("bulk", f"out{suffix}", "--out", "again.csv", "--question", "stop").exit_code == 0
        assert "may_stop" in (folder / "again.csv").read_text()


def test_bulk_names_the_row_that_is_wrong_and_leaves_no_file(folder: Path) -> None:
    (folder / "events.csv").write_text("agency,on,doing\nnorth,2024-03-01,stop\nnorth,2024-03-01,stopp\n")
    found = run("bulk", "events.csv", "--out", "out.csv")
    assert "row 2: “stopp” is no value of doing. Did you mean stop?" in str(found.exception)
    assert not list(folder.glob("out*"))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_with_a_heading_only_is_answered_by_a_heading(folder: Path, suffix: str) -> None:
    (folder / "events.csv").write_text("agency,on,doing\n")
    assert run("bulk", "events.csv", "--out", f"out{suffix}", "--question", "record").exit_code == 0
    assert run("bulk", f"out{suffix}", "--out", "again.csv", "--question", "stop").exit_code == 0
    heading = "agency,on,doing,record,record_by,presumed,missing,stop,stop_by"
    assert (folder / "again.csv").read_text() == f"{heading}\n"


@pytest.mark.parametrize("out", ["nowhere/out.csv", "directives"])
def test_bulk_refuses_a_place_it_cannot_write(folder: Path, out: str) -> None:
    (folder / "events.csv").write_text("agency,on,doing\nnorth,2024-03-01,stop\n")
    (folder / "taken.csv").mkdir()
    for place in (out, "taken.csv"):
        assert isinstance(run("bulk", "events.csv", "--out", place).exception, Invalid)
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize(
    "path",
    sorted(p for p in (Path(__file__).parent / "bad").glob("*.yaml") if not p.stem.startswith("vocabulary_")),
    ids=lambda path: path.stem,
)
def test_a_bad_file_ends_every_command_with_one_line_and_status_5(folder: Path, path: Path) -> None:
    """The vocabulary, the department and the file: never a traceback, whichever command meets it."""
    bad = str(path)
    grants = head("dept", "grants:\n- {id: G1, to: [north], record: [permitted]}\n") + DUTY
    (folder / "directives" / "department.yaml").write_text(grants)
    for words in (["check", bad], ["prove", "--policy", bad], ["diff", bad, bad]):
        fault = run(*words).exception
        if isinstance(fault, Invalid):
            assert fault.exit_status == 5
            assert "\n" not in str(fault)
        else:  # what is wrong with it shows only beside the others
            assert words[0] == "diff", (words, fault)
            assert fault is None
