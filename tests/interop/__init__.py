"""Tests against other implementations; each is skipped, with its name, where that one is missing."""
