"""How a fault gets into a process: into a function that is there already, or into a module about to be imported."""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from tests.mutation.mutants import PACKAGE, dotted, path_of

#: A code object of a file: its qualified name and first line.
Name = tuple[str, str, int]


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and all inside of it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def _name(code: CodeType) -> Name:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def functions() -> dict[Name, list[FunctionType]]:
    """Every function of the package that exists, however it is wrapped."""
    found: dict[Name, list[FunctionType]] = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename.startswith(str(PACKAGE)):
            found[_name(each.__code__)].append(each)
    return found


def put_in(there: dict[Name, list[FunctionType]], code: CodeType, scope: str) -> bool:
    """Give the functions of this scope the code of the mutant; `False` when that is not possible."""
    changed = [each for each in codes(code) if f"{each.co_qualname}.".startswith(f"{scope}.")]
    pairs = [(function, each) for each in changed for function in there.get(_name(each), ())]
    for function, each in pairs:
        if function.__code__.co_freevars != each.co_freevars:
            return False
        function.__code__ = each
    return bool(pairs)


class Swap(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutant in place of the module."""

    def __init__(self, module: str, code: CodeType) -> None:
        self.name = dotted(module)
        self.path: Path = path_of(module)
        self.code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        places = [str(self.path.parent)] if self.path.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, self.path, loader=self, submodule_search_locations=places
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(self.code, module.__dict__)

    def install(self) -> None:
        sys.meta_path.insert(0, self)
