"""What a vector demands of a conversation, judged on octets alone: nothing here imports smtpcore.

A judge drives a small engine (the protocols in `server.py` and `client.py`) and compares what went over the wire and
what was handed to the host.  The adapters make such engines out of this library.
"""
