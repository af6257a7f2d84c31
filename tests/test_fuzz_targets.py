"""Every fuzz target starts and finds nothing in a few hundred runs; one that fails, or does not start, shows."""

from __future__ import annotations

import importlib.util
import itertools
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import rig
from tests.fuzz.__main__ import main
from tests.fuzz.choices import Choices, joined, split, varied
from tests.fuzz.oracles import ended_text, plain_text

ROOT = Path(__file__).parent.parent
NAMES = rig.names()
#: Runs of a target here: enough to see that it starts and reaches the library.  The dialogues take longer.
RUNS = {"server": 400, "dialogue": 400, "content": 150, "client": 600}


@pytest.mark.parametrize("name", NAMES)
def test_a_target_finds_nothing(name: str) -> None:
    target = rig.load(name)
    runs = RUNS.get(name, 400)
    assert rig.run_plainly(target, executions=runs) == runs
    assert target.about.endswith(".")


def test_there_is_a_target_for_each_subject() -> None:
    wanted = {"server", "client", "dialogue", "path", "parameters", "commands", "reply", "ehlo", "sasl", "content"}
    assert wanted <= set(NAMES)
    folder = ROOT / "tests" / "fuzz" / "targets"
    assert {path.stem for path in folder.glob("[!_]*.py")} == set(NAMES), "targets are found, not listed"


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", NAMES)
def test_a_long_run_finds_nothing(name: str) -> None:
    rig.run_plainly(rig.load(name), seconds=60)


# -- the rig itself ---------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package of targets, in the working folder."""
    folder = tmp_path / f"targets_{tmp_path.name.replace('-', '_')}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return folder


def write(package: Path, name: str, body: str, *, seeds: str = "[b'seed', b'other']") -> list[str]:
    (package / f"{name}.py").write_text(f'"""About {name}."""\ndef seeds(): return {seeds}\ndef run(data): {body}\n')
    return ["--package", package.name, "--plain"]


def test_a_finding_is_kept_and_can_be_run_again(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = write(package, "bad", "assert b'other' not in data")
    assert main(["bad", *options, "--seconds", "5"]) == 1
    (crash,) = Path().glob("crash-bad-*")
    assert b"other" in crash.read_bytes()
    assert "AssertionError" in capsys.readouterr().err
    with pytest.raises(AssertionError):
        main(["bad", *options, "--input", str(crash)])
    crash.write_bytes(b"seed")
    assert main(["bad", *options, "--input", str(crash)]) == 0


@pytest.mark.parametrize(
    "text",
    ["import nothing_of_the_kind", "def run(data): pass", "def seeds(): return []\ndef run(data): pass", "run = 1"],
)
def test_a_target_that_does_not_start_fails_the_run(
    package: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = write(package, "good", "pass")
    (package / "broken.py").write_text(text)
    assert main(["broken", *options, "--seconds", "0"]) == 1
    assert main(["--list", *options]) == 1
    assert main(["--all", *options, "--seconds", "0.05"]) == 1
    out = capsys.readouterr().out
    assert "good         About good." in out
    assert "good         ok" in out
    assert "broken       FAILED no executions" in out
    assert "1 targets without a finding, 1 with one or not started" in out


def test_all_targets_without_a_finding(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = write(package, "good", "pass")
    assert main(["--all", *options, "--seconds", "0.05"]) == 0
    assert "1 targets without a finding, 0" in capsys.readouterr().out


def test_no_targets_at_all_is_a_failure(package: Path) -> None:
    assert main(["--all", "--package", package.name]) == 1
    assert main([]) == 2


def test_the_targets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_atheris_follows_the_branches(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "parameters", "--seconds", "1", "--corpus", str(tmp_path / "corpus")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Done " in done.stderr
    assert any((tmp_path / "corpus").iterdir()), "no input reached anything new"


def test_the_same_seed_gives_the_same_run() -> None:
    seeds = [b"one", b"two", b"three"]
    first, again, other = (
        list(itertools.islice(rig.mutations(seeds, random.Random(number)), 200)) for number in (1, 1, 2)
    )
    assert first == again != other
    assert set(seeds) < set(first)
    assert len(set(first)) > 150


def test_decisions_are_part_of_the_input() -> None:
    wire, choices = split(joined(b"wire", b"\1\2\3"))
    assert wire == b"wire"
    assert [choices.octet() for _ in range(5)] == [1, 2, 3, 0, 0]
    assert split(b"")[0] == b""
    assert split(b"x\0")[0] == b"x"
    assert split(b"x\xff")[0] == b""
    assert Choices(b"\1\2").below(1000) == 258
    assert Choices(b"\3").take(9) == b"\3"
    assert Choices(bytes(range(16))).at(1).take(8) == bytes(range(8, 16))
    assert varied([b"a"]) == varied([b"a"])
    for octets in (b"", b"0123456789" * 9):
        for how in range(4):
            assert b"".join(Choices(bytes((how, 4, 9))).pieces(octets)) == octets


def test_the_oracles() -> None:
    assert ended_text(b".\r\nQUIT\r\n") == (b"", b"QUIT\r\n")
    assert ended_text(b"a\r\n..\r\n...\r\n.\r\nx") == (b"a\r\n.\r\n..\r\n", b"x")
    assert ended_text(b"a\n.\nb\r.\rc\r\n.\n.\r\n") == (None, b"")
    assert plain_text(b"a\r\r\n\nb") == b"a\r\n\r\n\r\nb"
