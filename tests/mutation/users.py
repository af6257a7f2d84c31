"""Which lines of functions read a name: they lead from a table or a default to the tests that may notice its fault."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.mutation.mutants import Mutant
from tests.mutation.reach import Lines


class Users:
    """Names of the whole package, read without regard to whose they are: rather more tests than fewer."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._lines: dict[str, Lines] = defaultdict(lambda: defaultdict(int))
        self._bound: dict[str, set[str]] = defaultdict(set)
        for module, source in sources.items():
            self._statements(module, ast.parse(source).body, ())

    def _statements(self, module: str, body: Iterable[ast.stmt], around: tuple[str, ...]) -> None:
        outside: list[ast.AST]
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for inner in node.body:
                    for name, line in _read(inner):
                        self._lines[name][module] |= 1 << line
                outside = [node.args, *node.decorator_list]
                self._bind([name for each in outside for name, _ in _read(each)], (node.name,))
            elif isinstance(node, ast.ClassDef):
                self._bind(
                    [name for each in (*node.bases, *node.decorator_list) for name, _ in _read(each)], (node.name,)
                )
                self._statements(module, node.body, (node.name,))
            else:
                names = [(name, line) for name, line in _read(node)]
                stored = [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and _stores(each)]
                self._bind([name for name, _ in names], (*around, *stored))

    def _bind(self, names: Iterable[str], bound: tuple[str, ...]) -> None:
        for name in names:
            self._bound[name].update(bound)

    def of(self, mutant: Mutant) -> Iterator[Lines]:
        """Lines that read what the statement binds; then those that read its class, or what is made of it."""
        yield self._reading(mutant.names[-1:])
        names = {*mutant.names}
        for name in mutant.names[-1:]:
            names |= self._bound.get(name, set())
        yield self._reading(names)

    def _reading(self, names: Iterable[str]) -> Lines:
        found: Lines = defaultdict(int)
        for name in names:
            for module, lines in self._lines.get(name, {}).items():
                found[module] |= lines
        return found


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _read(node: ast.AST) -> Iterator[tuple[str, int]]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and not _stores(each):
            yield each.id, each.lineno
        elif isinstance(each, ast.Attribute):
            yield each.attr, each.lineno
        elif isinstance(each, ast.keyword) and each.arg:
            yield each.arg, each.value.lineno
