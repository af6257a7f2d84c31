"""Joins a client's and a server's mechanism object, with an application that answers the questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smtpcore.sasl import (
    Authorization,
    Challenge,
    ClientMechanism,
    Credentials,
    Outcome,
    PasswordCredentials,
    SecretNeeded,
    ServerMechanism,
    StoredSecret,
    Verify,
)

Judge = Callable[[Credentials], bool]


def talk(
    client: ClientMechanism,
    server: ServerMechanism,
    judge: Judge = lambda _: False,
    stored: Mapping[str, StoredSecret] | None = None,
    *,
    initial: bool = True,
) -> Outcome:
    """The outcome of the whole exchange; with `initial`, client-first mechanisms send an initial response."""
    first = client.step(None) if initial and client.mechanism.client_first else None
    outcome = server.step(first)
    for _ in range(10):
        match outcome:
            case Challenge(data):
                outcome = server.step(client.step(data))
            case Verify(SecretNeeded() as needed):
                outcome = server.provide((stored or {}).get(needed.authentication_id))
            case Verify(credentials):
                outcome = server.verified(judge(credentials))
            case _:
                return outcome
    raise AssertionError("the exchange does not end")


def password_judge(users: Mapping[str, str], may_act: frozenset[tuple[str, str]] = frozenset()) -> Judge:
    """An application with a table of passwords, and one of who may act for whom."""

    def judge(credentials: Credentials) -> bool:
        match credentials:
            case PasswordCredentials(name, _, password):
                return users.get(name) == password
            case Authorization(name, acting):
                return (name, acting) in may_act
            case _:
                return False

    return judge
