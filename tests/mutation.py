"""Mutation testing: small faults are put into a module one at a time, and its tests must notice each.

`python -m tests.mutation lines slots` tries the mutants of these modules (all of `SUITES` without names).  A mutant is
a changed syntax tree, imported instead of the file; every trial is a forked process that runs the tests of the module
until one fails.  `--seconds` bounds the time for one module: mutants are shuffled, always in the same way, so that
what was tried is a fair sample.  `docs/mutation.md` has the scores and what is to be said of the survivors.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import marshal
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT: Final = Path(__file__).parent.parent
_SERVER: Final = "server_session server_mail server_content server_chunks server_limits server_misuse server_deferral"
_SERVER_MORE: Final = "registry server_lmtp server_tls server_auth reception named_replies model server_properties"
_CLIENT: Final = "client transaction model rules_client"
#: Module, and its test files: the first that are likely to notice, and quick.
SUITES: Final[dict[str, str]] = {
    "state": "state state_diagram server_session client",
    "slots": "slots server_deferral",
    "lines": "lines server_limits",
    "addresses": "addresses rules_values",
    "mailboxes": "addresses",
    "domains": "domains addresses",
    "literals": "literals addresses",
    "command": "command commands",
    "commands": "commands rules_values",
    "parameters": "parameters commands",
    "reply": "replies named_replies reply_reader",
    "reply_reader": "reply_reader replies",
    "content": "content server_content",
    "reception": f"reception {_SERVER}",
    "intake": f"{_SERVER} {_SERVER_MORE}",
    "serving": f"{_SERVER} {_SERVER_MORE}",
    "server": f"{_SERVER} {_SERVER_MORE}",
    "outgoing": _CLIENT,
    "client": _CLIENT,
}

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
#: As the profile of the tests, but a failure is enough: nobody reads the smallest one.
settings.register_profile(
    "mutation",
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
_PYTEST: Final = (
    *("-x", "-q", "--tb=no", "-p", "no:cacheprovider", "--hypothesis-profile=mutation"),
    *("-W", "ignore:Module already imported"),  # so it is: in this process, before the fork
)
#: What does nothing at run time, or only speaks to people: sentences of errors are not part of the contract.
_SPARED_CALLS: Final = ("Error", "Problem", "timed_out", "TypeVar", "NewType", "cast")


@dataclass(frozen=True)
class Mutant:
    """A module with one fault."""

    line: int
    what: str
    code: bytes


# -- making mutants ----------------------------------------------------------------------------------------------------


def _spared(node: ast.AST) -> bool:
    """Whether nothing below this node is mutated."""
    if isinstance(node, ast.Assert | ast.Import | ast.ImportFrom | ast.Raise):
        return True
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in ("__slots__", "__all__") for target in node.targets)
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        return str(name).endswith(_SPARED_CALLS)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Each child that may be replaced: its parent, the field and the place in a list."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params", "bases"):
            continue
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if isinstance(child, ast.AST) and not _spared(child):
                yield node, field, index if isinstance(value, list) else None
                if not isinstance(child, ast.JoinedStr):
                    yield from _places(child)


def _constant(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value} -> {not value}", ast.Constant(not value)
    elif isinstance(value, int):
        yield f"{value} -> {value + 1}", ast.Constant(value + 1)
    elif isinstance(value, str) and value:
        yield f"{value!r} changed", ast.Constant(f"XX{value}")
    elif isinstance(value, bytes) and value:
        yield f"{value!r} changed", ast.Constant(b"XX" + value)


def _expression(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            changed = copy.copy(node)
            changed.ops = [*node.ops]
            changed.ops[index] = _COMPARISONS[type(operator)]()
            yield "comparison", changed
    elif isinstance(node, ast.BoolOp):
        other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and/or", ast.BoolOp(other, node.values)
        for index in range(len(node.values)):
            rest = [*node.values[:index], *node.values[index + 1 :]]
            yield f"operand {index + 1} dropped", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not dropped", node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield "operator", ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
    elif isinstance(node, ast.IfExp):
        yield "branches exchanged", ast.IfExp(node.test, node.orelse, node.body)


def _statement(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Compare | ast.Constant):
        changed = copy.copy(node)
        changed.test = ast.UnaryOp(ast.Not(), node.test)
        yield "condition negated", changed
    elif isinstance(node, ast.Return) and node.value is not None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield "returns None", ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Expr):
        yield "call dropped", ast.Pass()
    elif isinstance(node, ast.Assign) and all(isinstance(target, ast.Attribute) for target in node.targets):
        yield "assignment dropped", ast.Pass()
    elif isinstance(node, ast.AugAssign):
        yield "assignment dropped", ast.Pass()
        if type(node.op) in _OPERATORS:
            yield "operator", ast.AugAssign(node.target, _OPERATORS[type(node.op)](), node.value)
    elif isinstance(node, ast.Break):
        yield "break -> continue", ast.Continue()
    elif isinstance(node, ast.Continue):
        yield "continue -> break", ast.Break()


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse(source)
    for parent, field, index in list(_places(tree)):
        held = getattr(parent, field)
        node = held if index is None else held[index]
        for what, changed in (*_statement(node), *_expression(node)):
            ast.copy_location(changed, node)
            if index is None:
                setattr(parent, field, changed)
            else:
                held[index] = changed
            code = _compiled(ast.fix_missing_locations(tree))
            if index is None:
                setattr(parent, field, node)
            else:
                held[index] = node
            line = int(getattr(node, "lineno", 0))
            yield Mutant(line, f"{what}: {ast.unparse(node).splitlines()[0][:70]}", code)


def _compiled(tree: ast.Module) -> bytes:
    # Octets, since hundreds of trees are what each trial's collector of garbage would walk through.
    return marshal.dumps(compile(tree, "mutant", "exec"))


# -- trying them -------------------------------------------------------------------------------------------------------


class Swap(importlib.abc.MetaPathFinder):
    """Imports the mutant in place of the module."""

    def __init__(self, name: str, path: Path, code: bytes) -> None:
        self.name = name
        self.path = path
        self.code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=_Ready(self.code))


class _Ready(importlib.abc.Loader):
    def __init__(self, code: bytes) -> None:
        self.code = code

    def exec_module(self, module: ModuleType) -> None:
        exec(marshal.loads(self.code), module.__dict__)


def trial(name: str, code: bytes, files: Sequence[str], seconds: float) -> str:
    """`"killed"`, `"timeout"` (killed as well) or `"survived"`."""
    child = os.fork()
    if child == 0:
        failed = 2
        try:
            path = ROOT / "smtpcore" / f"{name}.py"
            sys.meta_path.insert(0, Swap(f"smtpcore.{name}", path, code))
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                # Tests with one example each first, since they are quick, and those of the first files before the rest.
                for mark, some in (("not hypothesis", files[:1]), ("not hypothesis", files[1:]), ("hypothesis", files)):
                    failed = pytest.main([*_PYTEST, "-m", f"{mark} and not campaign", *some])
                    if failed not in (0, 5):
                        break
        finally:
            os._exit(0 if failed in (0, 5) else 1)  # 5: there were none
    begun = time.monotonic()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
        if time.monotonic() - begun > seconds:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timeout"
        time.sleep(0.01)


def run(name: str, seconds: float, log: Path | None, lines: Sequence[int] = ()) -> tuple[int, int, int]:
    """Try the mutants of one module, or of these lines of it, for so long; gives how many were killed, tried, made."""
    source = (ROOT / "smtpcore" / f"{name}.py").read_text(encoding="utf-8")
    found = [mutant for mutant in mutants(source) if not lines or mutant.line in lines]
    random.Random(name).shuffle(found)
    files = [f"tests/test_{file}.py" for file in (*SUITES[name].split(), "small_faults")]
    begun = time.monotonic()
    if trial(name, _compiled(ast.parse(source)), files, 600) != "survived":
        sys.exit(f"{name}: its tests fail without any mutant")
    whole = time.monotonic() - begun
    killed = tried = 0
    begun = time.monotonic()
    for mutant in found:
        if time.monotonic() - begun > seconds:
            break
        result = trial(name, mutant.code, files, 3 * whole + 10)
        tried += 1
        killed += result != "survived"
        if log is not None:
            with log.open("a", encoding="utf-8") as out:
                out.write(json.dumps([name, mutant.line, mutant.what, result]) + "\n")
        if result == "survived":
            print(f"  {name}.py:{mutant.line}: {mutant.what}", flush=True)
    print(f"{name}: {killed}/{tried} killed of {len(found)}; the tests take {whole:.1f} s", flush=True)
    return killed, tried, len(found)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="module", help=", ".join(SUITES))
    parser.add_argument("--lines", type=int, nargs="+", default=(), help="only the mutants of these lines")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for one module")
    parser.add_argument("--log", type=Path, help="append each trial as a line of JSON")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    scores = [run(name, options.seconds, options.log, options.lines) for name in options.modules or SUITES]
    killed, tried = sum(score[0] for score in scores), sum(score[1] for score in scores)
    print(f"all: {killed}/{tried} killed, {100 * killed / max(tried, 1):.1f} %")


if __name__ == "__main__":
    main()
