"""Who may import whom: downwards only, and no I/O, clock, randomness or log anywhere but in the applications."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "smtpcore"

#: From the bottom up.  A module imports only from levels below its own.
LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"value", "errors"}),
    frozenset({"leniency", "datetimes"}),
    # values and octets
    frozenset({"idna", "xtext", "enhanced", "lines", "content", "timeouts", "limits"}),
    frozenset({"domains", "reply"}),
    frozenset({"literals", "reply_reader"}),
    frozenset({"mailboxes", "replies"}),
    frozenset({"addresses", "capabilities"}),
    # the language
    frozenset({"parameters"}),
    frozenset({"command"}),
    frozenset({"commands"}),
    frozenset({"sasl"}),
    # the conversation, which knows no role
    frozenset({"state", "slots", "listed"}),
    frozenset({"events", "session"}),
    frozenset({"extensions"}),
    frozenset({"reception", "connection"}),
    # the two ends
    frozenset({"settings", "sending", "report"}),
    frozenset({"serving", "outgoing"}),
    frozenset({"intake", "client"}),
    frozenset({"server"}),
    # conveniences
    frozenset({"transaction"}),
    frozenset({"delivery"}),
    frozenset({"testing"}),
    # the public names, and the applications on top of them
    frozenset({"__init__"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
#: The two ends never import each other.
SERVER_END = frozenset({"settings", "serving", "intake", "server"})
CLIENT_END = frozenset({"sending", "outgoing", "client", "report", "transaction", "delivery"})
#: Modules that stand beside the conversation: they import values and the language only, and nothing below the tests'
#: helpers imports them.
LEAVES = frozenset({"routing", "trace", "retry", "notifications", "proxy_protocol"})
LEAF_LEVEL = next(level for level, names in enumerate(LEVELS) if "sasl" in names)
APPLICATIONS = frozenset({"cli", "__main__"})
FORBIDDEN = frozenset(
    """
    asyncio concurrent curses ftplib getpass http imaplib io logging multiprocessing os pathlib poplib random sched
    secrets select selectors shutil signal smtplib socket socketserver ssl subprocess syslog telnetlib tempfile
    threading time _thread datetime trio anyio uuid urllib email warnings
    """.split()
)
#: Not I/O, but dearer to import than this whole package.
DEAR = frozenset({"dataclasses", "inspect", "ipaddress", "typing_extensions"})
#: Not I/O either, in spite of the module it lives in: the newline decoder in C.
HARMLESS = frozenset({("io", "IncrementalNewlineDecoder")})
CALLS = frozenset({"open", "print", "input", "breakpoint"})
LONGEST = 500


def group_of(path: Path) -> str:
    """`extensions` for `extensions/size.py`, `server` for `server.py`."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def level_of(group: str) -> int:
    if group in LEAVES:
        return LEAF_LEVEL
    return next((level for level, names in enumerate(LEVELS) if group in names), -1)


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Full names of the modules that a file imports, also inside functions and under `TYPE_CHECKING`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide who imports whom"
            module = node.module or ""
            if module == "smtpcore":
                for alias in node.names:
                    inner = level_of(alias.name) >= 0
                    yield (f"smtpcore.{alias.name}" if inner else "smtpcore"), node.lineno
            elif {(module, alias.name) for alias in node.names} - HARMLESS:
                yield module, node.lineno


def upward(group: str, other: str) -> bool:
    """Whether an import of group `other` by a module of `group` breaks the order."""
    if other == group:
        return False
    if (group in SERVER_END and other in CLIENT_END) or (group in CLIENT_END and other in SERVER_END):
        return True
    if other in LEAVES:
        return level_of(group) < level_of("testing")
    return level_of(other) >= level_of(group)


MODULES = sorted(PACKAGE.rglob("*.py"))
CORE = [path for path in MODULES if group_of(path) not in APPLICATIONS]
by_path = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
by_core_path = pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(PACKAGE)))


@by_path
def test_a_module_has_a_level(path: Path) -> None:
    assert level_of(group_of(path)) >= 0, "put the new module into LEVELS or LEAVES"


@by_path
def test_imports_go_downwards(path: Path) -> None:
    group = group_of(path)
    wrong = [
        f"line {line}: {name}"
        for name, line in imports(ast.parse(path.read_text(encoding="utf-8")))
        if name.partition(".")[0] == "smtpcore" and upward(group, [*name.split("."), "__init__"][1])
    ]
    assert not wrong


@by_core_path
def test_no_io_no_clock_no_chance_no_log(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wrong = [f"line {line}: {name}" for name, line in imports(tree) if name.partition(".")[0] in FORBIDDEN | DEAR]
    wrong += [
        f"line {node.lineno}: {node.func.id}()"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS
    ]
    assert not wrong


@by_core_path
def test_only_the_standard_library(path: Path) -> None:
    import sys

    names = {name.partition(".")[0] for name, _ in imports(ast.parse(path.read_text(encoding="utf-8")))}
    allowed = sys.stdlib_module_names | {"smtpcore"} | ({"hypothesis"} if group_of(path) == "testing" else set())
    assert not names - allowed


@by_path
def test_a_module_is_one_noun(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST, "a file this long has a second noun in it"
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "no docstring"
    assert len(tree.body) == 1 or "from __future__ import annotations" in text


@pytest.mark.parametrize(
    ("group", "other", "expected"),
    [
        ("server", "client", True),
        ("client", "server", True),
        ("server", "commands", False),
        ("commands", "server", True),
        ("trace", "addresses", False),
        ("trace", "server", True),
        ("server", "trace", True),
        ("testing", "retry", False),
        ("testing", "server", False),
        ("server", "sending", True),
        ("transaction", "settings", True),
        ("trace", "sasl", True),
        ("sasl", "__init__", True),
        ("sasl", "sasl", False),
        ("errors", "value", True),
    ],
)
def test_the_order_is_judged(group: str, other: str, expected: bool) -> None:
    assert upward(group, other) is expected


def test_imports_are_found() -> None:
    source = """
import os.path
from io import IncrementalNewlineDecoder
def f():
    from io import StringIO
    from smtpcore import server, Reply
    from smtpcore.sasl.plain import Plain
"""
    names = [name for name, _ in imports(ast.parse(source))]
    assert sorted(names) == ["io", "os.path", "smtpcore", "smtpcore.sasl.plain", "smtpcore.server"]
