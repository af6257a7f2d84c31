"""What the pages show works: every Python block of README.md and docs/ runs, every link inside the project leads on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: A fenced block with its language, and the line before it.  `<!-- not run -->` there keeps a block from running.
BLOCK = re.compile(r"(?:^(?P<before>[^\n]*)\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(?:#[^)\s]*)?\)")
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def python_blocks(text: str) -> list[tuple[int, str]]:
    """Line number and code of each Python block that is meant to run."""
    return [
        (text.count("\n", 0, match.start("code")), match["code"])
        for match in BLOCK.finditer(text)
        if match["language"] == "python" and "<!-- not run -->" not in (match["before"] or "")
    ]


@by_page
def test_python_blocks_run(page: Path) -> None:
    names: dict[str, object] = {"__name__": "page"}
    for line, code in python_blocks(page.read_text(encoding="utf-8")):
        exec(compile("\n" * line + code, str(page), "exec"), names)  # the blocks of one page build on each other


@by_page
def test_links_lead_on(page: Path) -> None:
    targets = [match["target"] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing


def test_blocks_are_found() -> None:
    runs, not_run = "```python\nx = 1\n```\n", "<!-- not run -->\n```python\nx = 2\n```\n"
    assert python_blocks(f"a\n{runs}{not_run}```sh\nls\n```\n\n{runs}") == [(2, "x = 1\n"), (13, "x = 1\n")]


def test_an_extension_of_ones_own_takes_thirty_lines() -> None:
    """Code and text together, blank lines too."""
    text = (ROOT / "docs" / "extensions.md").read_text(encoding="utf-8")
    section = text.partition("\n## One of your own\n")[2].partition("\n## ")[0]
    assert "```python" in section
    assert len(section.strip().splitlines()) <= 30
