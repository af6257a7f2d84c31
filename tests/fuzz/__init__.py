"""Fuzz targets for both ends and every parser, with or without atheris; docs/fuzzing.md tells how to run and write one."""
