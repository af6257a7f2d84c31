"""The faults: a mutant is the syntax tree of a module with one node changed."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent.parent
PACKAGE: Final = ROOT / "smtpcore"
#: Applications of the library and its tools for tests: they are tried from outside.
_LEFT_OUT: Final = ("__main__", "cli/", "testing/")

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
#: What does nothing at run time, or only speaks to people: sentences of errors are not part of the contract.
_SPARED_CALLS: Final = ("Error", "Problem", "timed_out", "TypeVar", "NewType", "cast")
#: A text of more than one word, capital letters at the start of the first alone: words for people are no contract.
_SENTENCE: Final = re.compile(r"[A-Z][a-z]* .*|[a-z]+[,;:]? [a-z]+.*")
_SPARED_FIELDS: Final = ("annotation", "returns", "decorator_list", "type_params", "bases")
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


class Key(NamedTuple):
    """What names a mutant also after lines were added above it."""

    module: str
    #: Qualified name of the outermost function, or of the class; empty at the level of the module.
    scope: str
    what: str
    #: How many mutants of the same scope with the same text come before.
    nth: int


@dataclass(frozen=True)
class Mutant:
    """One fault, and what has to be known to put it in and to choose tests."""

    key: Key
    #: Place among the mutants of its module.
    number: int
    line: int
    #: First and last line of the statement around it, without the body of a compound one.
    lines: tuple[int, int]
    #: Whether it is in the body of a function.
    in_function: bool
    #: What the statement around it binds, outside of functions.
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Where:
    scope: str = ""
    in_function: bool = False
    lines: tuple[int, int] = (0, 0)
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """A node that may be replaced."""

    parent: ast.AST
    field: str
    index: int | None
    where: _Where

    def get(self) -> ast.AST:
        held = getattr(self.parent, self.field)
        node: ast.AST = held if self.index is None else held[self.index]
        return node

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def modules() -> list[str]:
    """All modules that are mutated, as paths inside the package without suffix."""
    found = sorted(path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))
    return [name for name in found if not name.startswith(_LEFT_OUT) and name != "__init__"]


def path_of(module: str) -> Path:
    return PACKAGE / f"{module}.py"


def dotted(module: str) -> str:
    return "smtpcore." + module.replace("/", ".").removesuffix(".__init__")


# -- where ------------------------------------------------------------------------------------------------------------


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
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and _SENTENCE.fullmatch(node.value) is not None
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _inside(where: _Where, node: ast.stmt) -> _Where:
    """The same for what is inside of a statement."""
    body = getattr(node, "body", None)
    last = max(node.lineno, body[0].lineno - 1) if isinstance(body, list) and body else node.end_lineno or node.lineno
    where = replace(where, lines=(node.lineno, last))
    if where.in_function:
        return where
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return replace(where, names=(*where.names[:1], node.name))
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names = [each.id for target in targets if target for each in ast.walk(target) if isinstance(each, ast.Name)]
    return replace(where, names=(*where.names[:1], *names)) if names else where


def _children(node: ast.AST, where: _Where) -> Iterator[tuple[str, int | None, ast.AST, _Where]]:
    """Each child, and where it is."""
    for field, value in ast.iter_fields(node):
        inner = where
        if field == "body" and not where.in_function and isinstance(node, (ast.ClassDef, *_FUNCTIONS)):
            scope = f"{where.scope}.{node.name}".lstrip(".")
            inner = replace(where, scope=scope, in_function=isinstance(node, _FUNCTIONS), names=(node.name,))
        if field in _SPARED_FIELDS:
            continue
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST):
                place = _inside(inner, child) if isinstance(child, ast.stmt) else inner
                yield field, index if isinstance(value, list) else None, child, place


def _places(node: ast.AST, where: _Where) -> Iterator[_Place]:
    for field, index, child, inner in _children(node, where):
        if not _spared(child):
            yield _Place(node, field, index, inner)
            if not isinstance(child, ast.JoinedStr):
                yield from _places(child, inner)


# -- what -------------------------------------------------------------------------------------------------------------


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
            number = f" {index + 1}" if len(node.ops) > 1 else ""
            yield f"comparison{number} {type(operator).__name__} -> {type(changed.ops[index]).__name__}", changed
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


def _changes(tree: ast.Module) -> Iterator[tuple[_Place, str, ast.AST]]:
    for place in list(_places(tree, _Where())):
        node = place.get()
        for what, changed in (*_statement(node), *_expression(node)):
            yield place, what, changed


def _text(node: ast.AST) -> str:
    """The statement or expression in one line, short enough for a table; a compound one without its body."""
    return ast.unparse(node).splitlines()[0][:100]


def mutants(module: str, source: str) -> list[Mutant]:
    """Every mutant of a module."""
    found: list[Mutant] = []
    seen: dict[tuple[str, str], int] = {}
    for number, (place, what, _) in enumerate(_changes(ast.parse(source))):
        node, where = place.get(), place.where
        around = f" in `{_text(place.parent)}`" if isinstance(node, ast.Constant) else ""
        label = f"{what}: `{_text(node)}`{around}"
        nth = seen[where.scope, label] = seen.get((where.scope, label), -1) + 1
        line = getattr(node, "lineno", where.lines[0])
        key = Key(module, where.scope, label, nth)
        found.append(Mutant(key, number, line, where.lines, where.in_function, where.names))
    return found


def compiled(module: str, source: str, number: int | None) -> CodeType:
    """The code of a module with the fault of this number, or without one."""
    tree = ast.parse(source)
    for current, (place, _, changed) in enumerate(_changes(tree)):
        if current == number:
            ast.copy_location(changed, place.get())
            place.put(changed)
            break
    return compile(ast.fix_missing_locations(tree), str(path_of(module)), "exec")
