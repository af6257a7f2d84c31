"""`python -m smtpcore`: see `smtpcore.cli`."""

from __future__ import annotations

import sys

from smtpcore.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
