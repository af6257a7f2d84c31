"""Tests of the extensions, one file for each file of `smtpcore/extensions`."""
