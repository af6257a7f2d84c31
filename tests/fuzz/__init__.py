"""Fuzz targets for both ends and every parser, by atheris or without; see docs/fuzzing.md."""
