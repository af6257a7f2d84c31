"""One target for each module: `seeds()` gives octets to begin with, `run(data)` raises for whatever is a bug."""
