"""Twisted's server: the factory for a process, and the object without sockets.  It takes every message and drops it."""

# mypy: ignore-errors
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

from twisted.internet import defer, protocol, task
from twisted.internet.testing import StringTransport
from twisted.mail import smtp
from zope.interface import implementer

from tests.benchmarks.adapters import HOSTNAME, Feed


@implementer(smtp.IMessage)
class _Drop:
    def lineReceived(self, line: bytes) -> None:
        pass

    def eomReceived(self) -> object:
        return defer.succeed(b"OK")

    def connectionLost(self) -> None:
        pass


@implementer(smtp.IMessageDelivery)
class _TakeAll:
    def receivedHeader(self, helo: object, origin: object, recipients: object) -> bytes:
        return b"Received: x"

    def validateFrom(self, helo: object, origin: object) -> object:
        return origin

    def validateTo(self, user: object) -> object:
        return _Drop


class TwistedFactory(protocol.ServerFactory):
    noisy = False

    def buildProtocol(self, addr: object) -> smtp.ESMTP:
        made = smtp.ESMTP()
        made.delivery, made.host, made.noisy, made.factory = _TakeAll(), HOSTNAME.encode(), False, self
        return made


class _NoLogin:
    portal = None


def twisted_object() -> Feed:
    """A connection of Twisted's server."""
    made = TwistedFactory().buildProtocol(None)
    made.timeout, made.callLater, made.factory = None, task.Clock().callLater, _NoLogin()
    transport = StringTransport()
    made.makeConnection(transport)

    def feed(data: bytes) -> bytes:
        if data:
            made.dataReceived(data)
        output = transport.value()
        transport.clear()
        return output

    return feed
