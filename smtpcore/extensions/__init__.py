"""Extension negotiation: one declarative file per extension, `base` for the shape, `registry` for a set of them."""
