"""The parts with the least configuration that they need: mail from anybody to anybody, handed on to one port."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.applications import free_port
from tests.interop.mta.layer import Layer

_POSTFIX: Final = """\
compatibility_level = 3.6
myhostname = mta.example
queue_directory = /var/spool/interop
data_directory = /var/lib/interop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
local_transport = error:none
local_recipient_maps =
alias_maps =
alias_database =
relayhost = [127.0.0.1]:{relay}
disable_dns_lookups = yes
maillog_file = /dev/stdout
message_size_limit = 0
mailbox_size_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_forbid_bare_newline = no
"""
_MASTER: Final = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_EXIM: Final = """\
primary_hostname = mta.example
spool_directory = /var/spool/interop
log_file_path = $FOLDER/log/%s
exim_user = Debian-exim
exim_group = Debian-exim
never_users = root
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
accept_8bitmime = true
chunking_advertise_hosts = *
prdr_enable = true
dsn_advertise_hosts = *
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
message_size_limit = 0
queue_run_max = 20
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all
{more}
begin acl
accept_all:
  accept
begin routers
onward:
  driver = manualroute
  route_list = * 127.0.0.1::{relay} byname
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  allow_localhost
  hosts_try_fastopen =
begin authenticators
{authenticators}
"""
_OPENSMTPD: Final = """\
smtp max-message-size 64M
smtp limit max-mails 100000
listen on 127.0.0.1 port {port} hostname mta.example
action "onward" relay host "smtp://127.0.0.1:{relay}"
match from any for any action "onward"
"""


def postfix(relay: int) -> Layer:
    """Postfix, which hands everything on to that port."""
    port = free_port()
    return Layer(
        "postfix",
        ["postfix", "postdrop"],
        {"/etc/postfix/main.cf": _POSTFIX.format(relay=relay), "/etc/postfix/master.cf": _MASTER.format(port=port)},
        "install -d /var/spool/interop\ninstall -d -o postfix /var/lib/interop\nexec /usr/sbin/postfix start-fg\n",
        port,
    )


def exim(relay: int, more: str = "tls_advertise_hosts =", authenticators: str = "") -> Layer:
    """Exim, which hands everything on to that port."""
    port = free_port()
    return Layer(
        "exim",
        ["Debian-exim"],
        {"/etc/exim4/exim4.conf": _EXIM.format(relay=relay, more=more, authenticators=authenticators)},
        "install -d -o Debian-exim -g Debian-exim -m 750 /var/spool/interop\n"
        "install -d -o Debian-exim -g Debian-exim $FOLDER/log\n"
        f"exec /usr/sbin/exim4 -bdf -oX 127.0.0.1.{port} -oP /run/exim.pid\n",
        port,
    )


def opensmtpd(relay: int) -> Layer:
    """OpenSMTPD, which hands everything on to that port."""
    port = free_port()
    return Layer(
        "opensmtpd",
        ["opensmtpd", "opensmtpq"],
        {"/etc/smtpd.conf": _OPENSMTPD.format(relay=relay, port=port), "/etc/mailname": "mta.example\n"},
        "install -d -m 711 /var/spool/smtpd\n"
        "install -d -m 770 -g opensmtpq /var/spool/smtpd/offline\n"
        "install -d -m 711 /var/empty\n"
        "exec /usr/sbin/smtpd -d -f /etc/smtpd.conf\n",
        port,
    )


_DOVECOT: Final = """\
protocols = lmtp submission
listen = 127.0.0.1
base_dir = /run/dovecot
log_path = /dev/stderr
ssl = required
ssl_cert = <{certificate}
ssl_key = <{certificate}
auth_mechanisms = plain scram-sha-256 scram-sha-1
hostname = mta.example
first_valid_uid = 1
auth_username_format = %n
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
mail_location = maildir:~/
mail_save_crlf = yes
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN /etc/dovecot/users
}}
userdb {{
  driver = passwd-file
  args = /etc/dovecot/users
  default_fields = uid=nobody gid=nogroup
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
}}
"""


class Dovecot(Layer):
    """LMTP on `port`, which fills `mail/USER` in the folder; `submission` is the port that wants TLS and a login.

    `users` have that password each; nothing can be written for `full`, who is a user too.
    """

    def __init__(self, relay: int, certificate: Path, users: Sequence[str], password: str) -> None:
        self.submission = free_port()
        port = free_port()
        accounts = "".join(f"{user}:{password}:::::: userdb_home=$FOLDER/mail/{user}\n" for user in users)
        files = {
            "/etc/dovecot/dovecot.conf": _DOVECOT.format(
                certificate="/etc/dovecot/server.pem", relay=relay, lmtp=port, port=self.submission
            ),
            "/etc/dovecot/server.pem": certificate.read_text(encoding="ascii"),
            "/etc/dovecot/users": accounts + f"full:{password}:::::: userdb_home=/proc/full\n",
        }
        start = "install -d -o nobody $FOLDER/mail\nexec /usr/sbin/dovecot -F\n"
        super().__init__("dovecot", ["dovecot", "dovenull"], files, start, port)

    def mails(self, user: str) -> list[bytes]:
        """The mails that came for the user, the first one first."""
        files = (self.folder / "mail" / user / "new").iterdir()
        return [file.read_bytes() for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)]


MTAS: Final = {"Postfix": postfix, "Exim": exim, "OpenSMTPD": opensmtpd}
