"""Tests of smtpcore: `test_<module>.py` for each module, `vectors/` for the conformance files, `interop/` for peers."""
