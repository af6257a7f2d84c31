"""The picture in the documentation is that of the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_state_diagram_is_fresh() -> None:
    script = Path(__file__).parent.parent / "docs" / "state_machine.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "fresh")
