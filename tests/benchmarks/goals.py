"""What the project set out to reach: one row for each promise, with the fact that decides it."""

from __future__ import annotations

from typing import NamedTuple

from tests.benchmarks.tables import Facts, Table


class Goal(NamedTuple):
    text: str
    fact: str
    limit: float
    at_most: bool = True

    def holds(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit


GOALS = (
    Goal("server in memory, lock-step, CPU by Twisted's", "memory.lockstep.Twisted", 0.6),
    Goal("server in memory, lock-step, CPU by aiosmtpd's", "memory.lockstep.aiosmtpd", 0.08),
    Goal("server in memory, pipelined, 100 per connection, CPU by Twisted's", "memory.pipelined100.Twisted", 0.55),
    Goal("server in memory, pipelined, 100 per connection, CPU by aiosmtpd's", "memory.pipelined100.aiosmtpd", 0.12),
    Goal("asyncio server, 1 per connection, CPU by smtp-sink's", "server.one.sink", 2.0),
    Goal("asyncio server, 100 per connection, CPU by smtp-sink's", "server.hundred.sink", 1.9),
    Goal("asyncio server, 100 per connection, pipelined, CPU by smtp-sink's", "server.piped.sink", 2.2),
    Goal("uvloop server, 1 per connection, CPU by smtp-sink's", "server.one.sink.uvloop", 1.35),
    Goal("uvloop server, 100 per connection, CPU by smtp-sink's", "server.hundred.sink.uvloop", 1.4),
    Goal("uvloop server, 100 per connection, pipelined, CPU by smtp-sink's", "server.piped.sink.uvloop", 1.6),
    Goal("uvloop server, 1 per connection, CPU by go-smtp's", "server.one.go.uvloop", 1.0),
    Goal("uvloop server, 100 per connection, pipelined, CPU by go-smtp's", "server.piped.go.uvloop", 1.0),
    Goal("asyncio server, 1 per connection, messages/s by aiosmtpd's", "server.one.rate", 3.5, False),
    Goal("asyncio server, 100 per connection, messages/s by aiosmtpd's", "server.hundred.rate", 3.5, False),
    Goal("asyncio server, 100 per connection, pipelined, messages/s by aiosmtpd's", "server.piped.rate", 4.8, False),
    Goal("plain body, MB/s by smtp-sink's", "body.plain.smtp-sink", 2.5, False),
    Goal("plain body, MB/s by aiosmtpd's", "body.plain.aiosmtpd", 14, False),
    Goal("plain body, MB/s by Twisted's", "body.plain.Twisted", 6, False),
    Goal("body of dot lines, MB/s by smtp-sink's", "body.dots.smtp-sink", 1.3, False),
    Goal("body, growth of the peak, MiB", "body.peak", 1),
    Goal("content decoder, no dot lines, GB/s where plain copy makes 7", "content.decode.none", 0.9, False),
    Goal("content decoder, a tenth dot lines, GB/s where plain copy makes 7", "content.decode.tenth", 0.45, False),
    Goal("content decoder, all dot lines, GB/s where plain copy makes 7", "content.decode.all", 0.4, False),
    Goal("content encoder, no dot lines, GB/s where plain copy makes 7", "content.encode.none", 2.5, False),
    Goal("content encoder, all dot lines, GB/s where plain copy makes 7", "content.encode.all", 1.0, False),
    Goal("client, one message at a time, network turns", "client.turns", 2.1),
    Goal("client, one message at a time, CPU by smtplib's", "client.cpu", 0.6),
    Goal("client, queued, network turns", "client.queued.turns", 1.15),
    Goal("client, queued, CPU by smtplib's", "client.queued.cpu", 0.45),
    Goal("client, queued, messages/s behind 20 ms by the best Python peer's", "client.queued.far", 3.7, False),
    Goal("client, queued, CHUNKING, network turns", "client.chunking.turns", 1.15),
    Goal("MAIL line to event, us where one compiled regex takes 0.9", "line.mail", 2.0),
    Goal("RCPT line to event, us where one compiled regex takes 0.9", "line.rcpt", 2.0),
    Goal("MAIL line with three parameters to event, us where one compiled regex takes 0.9", "line.params", 4.0),
    Goal("pipelined RCPT over a socket, CPU by Twisted's", "rcpt.Twisted", 0.5),
    Goal("pipelined RCPT over a socket, CPU by aiosmtpd's", "rcpt.aiosmtpd", 0.07),
    Goal("idle connection after EHLO, all extensions, KiB", "idle.object", 1),
    Goal("idle connection in an asyncio server, KiB", "idle.server", 3),
    Goal("import smtpcore over bare Python, ms", "import", 25),
    Goal("growth exponent, the worst hostile stream", "growth.worst", 1.1),
    Goal("one octet a call, us, the worst", "octet.worst", 2.5),
)


def table(facts: Facts) -> Table:
    """Goal, what was reached, and whether that is enough."""
    made = Table("Goals", ["what", "goal", "reached", ""])
    for goal in GOALS:
        value = facts.get(goal.fact)
        sign = "at most" if goal.at_most else "at least"
        reached = "-" if value is None else f"{value:.3g}"
        verdict = "not measured" if value is None else "" if goal.holds(value) else "**missed**"
        made.add(goal.text, f"{sign} {goal.limit:g}", reached, verdict)
    return made
