"""A client in one screen, right for the simple cases only: it is here to test the judges of client vectors."""

from __future__ import annotations

from tests.vectors.judges.client import ClientIntent, ClientOutcome, RecipientOutcome


class ToyClient:
    """One command at a time, no extensions; `fault` names a mistake to make on purpose."""

    fault = ""
    wants_tls = False
    held = 0
    capabilities = frozenset[str]()
    size_limit = None

    def __init__(self, intent: ClientIntent) -> None:
        self.intent = intent
        self.plan = ["connect", f"EHLO {intent.helo}", f"MAIL FROM:<{intent.mail_from}>"]
        self.plan += [f"RCPT TO:<{name}>" for name in intent.rcpt_to] + ["DATA", "text", "QUIT"]
        self.report = ClientOutcome()
        self.codes: dict[str, int] = {}
        self.input = self.output = b""
        self.waiting = self.plan.pop(0)
        self.closed = False
        if "\n" in intent.mail_from and self.fault != "inject":
            self.closed = True
            self.report.error, self.report.fault = "invalid-argument", "local"

    def feed(self, data: bytes) -> None:
        self.input += data
        while not self.closed and b"\r\n" in self.input:
            line, _, self.input = self.input.partition(b"\r\n")
            if line[3:4] != b"-":
                self.reply(int(line[:3]))

    def reply(self, code: int) -> None:
        asked, good = self.waiting, code < 400
        if asked == "QUIT":
            self.closed = True
        elif asked.startswith("EHLO") and code in (500, 502):
            self.plan.insert(0, f"HELO {self.intent.helo}")
            self.send()
        elif good:
            if asked == "text":
                self.codes = dict.fromkeys(self.intent.rcpt_to, code)
            self.send()
        elif self.fault == "deaf":
            self.send()
        else:
            self.fail(asked, code)

    def send(self) -> None:
        self.waiting = self.plan.pop(0)
        if self.waiting == "text":
            text = b"".join(self.intent.body)
            if self.fault != "dots":
                text = (b"\r\n" + text).replace(b"\r\n.", b"\r\n..")[2:]
            self.output += text + (b"" if not text or text.endswith(b"\r\n") else b"\r\n") + b".\r\n"
        else:
            self.output += self.waiting.encode("utf-8") + b"\r\n"

    def fail(self, asked: str, code: int) -> None:
        words = {"connect": "greeting-rejected", "EHLO": "helo-rejected", "HELO": "helo-rejected"}
        words |= {"MAIL": "mail-rejected", "RCPT": "no-recipients", "DATA": "data-rejected", "text": "message-rejected"}
        self.report.error = "service-closing" if code == 421 else words[asked.split(" ")[0]]
        self.report.code, self.report.permanent = code, code >= 500
        if asked.split(" ")[0] in ("RCPT", "DATA", "text"):
            self.report.recipients = {name: RecipientOutcome("failed", code) for name in self.intent.rcpt_to}
        if self.fault == "rude":
            self.closed = True
        else:
            self.plan = ["QUIT"]
            self.send()

    def eof(self) -> None:
        if not self.closed and self.waiting != "QUIT":
            self.report.error, self.report.fault, self.report.permanent = "connection-lost", "remote", False
        self.closed = True

    def take(self) -> bytes:
        output, self.output = self.output, b""
        return output

    def tls(self, ok: bool) -> None:
        raise AssertionError("the toy has no TLS")

    def outcome(self) -> ClientOutcome:
        for name, code in self.codes.items():
            self.report.recipients[name] = RecipientOutcome("sent", code)
        return self.report
