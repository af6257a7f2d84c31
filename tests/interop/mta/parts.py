"""The parts with the least configuration that they need: mail from anybody to anybody, handed on to one port."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

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
#MAIN
begin acl
accept_all:
#ACL
  accept
begin routers
onward:
  driver = manualroute
  route_list = * localhost::RELAY byname
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  allow_localhost
  hosts_try_fastopen =
#TRANSPORT
begin authenticators
#AUTHENTICATORS
"""
_EXIM_PLAIN: Final = {"MAIN": "tls_advertise_hosts =\n"}
_EXIM_SECURITY: Final = {
    "MAIN": "tls_certificate = /etc/exim4/server.pem\n",
    "ACL": """\
  deny !encrypted = *
  deny !authenticated = *
""",
    "TRANSPORT": """\
  hosts_require_tls = *
  tls_verify_certificates = /etc/exim4/authority.pem
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *
  hosts_require_auth = *
""",
    "AUTHENTICATORS": """\
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{user}}}{{{password}}}fail}}
  server_set_id = $auth1
  server_advertise_condition = ${{if def:tls_in_cipher}}
  client_name = {user}
  client_secret = {password}
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
  client_send = ^{user}^{password}
""",
}
_OPENSMTPD: Final = """\
smtp max-message-size 64M
smtp limit max-mails 100000
listen on 127.0.0.1 port {port} hostname mta.example
action "onward" relay host "smtp://127.0.0.1:{relay}"
match from any for any action "onward"
"""
_OPENSMTPD_SECURITY: Final = """\
smtp max-message-size 64M
table logins {{ label = "{user}:{password}" }}
listen on 127.0.0.1 port {port} hostname mta.example
action "onward" relay host "smtp+tls://label@localhost:{relay}" auth <logins>
match from any for any action "onward"
"""
_POSTFIX_TLS: Final = """\
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = /etc/postfix/server.pem
relayhost = [localhost]:{relay}
smtp_tls_security_level = verify
smtp_tls_CAfile = /etc/postfix/authority.pem
"""


class Security(NamedTuple):
    """TLS and a login, towards a part and from it on to our server, whose certificate it must verify."""

    certificate: Path
    authority: Path
    user: str
    password: str

    def files(self, folder: str) -> dict[str, str]:
        """Certificates in the part's own folder."""
        return {
            f"{folder}/server.pem": self.certificate.read_text(encoding="ascii"),
            f"{folder}/authority.pem": self.authority.read_text(encoding="ascii"),
        }


def postfix(relay: int, security: Security | None = None) -> Layer:
    """Postfix, which hands everything on to that port.  The package has no SASL mechanisms: TLS is all of security."""
    port = free_port()
    main = _POSTFIX.format(relay=relay) + (_POSTFIX_TLS.format(relay=relay) if security else "")
    return Layer(
        "postfix",
        ["postfix", "postdrop"],
        {
            "/etc/postfix/main.cf": main,
            "/etc/postfix/master.cf": _MASTER.format(port=port),
            **(security.files("/etc/postfix") if security else {}),
        },
        "install -d /var/spool/interop\ninstall -d -o postfix /var/lib/interop\nexec /usr/sbin/postfix start-fg\n",
        port,
    )


def exim(relay: int, security: Security | None = None) -> Layer:
    """Exim, which hands everything on to that port.  With security it wants and gives a login by PLAIN or CRAM-MD5."""
    port = free_port()
    text = _EXIM
    for mark in ("MAIN", "ACL", "TRANSPORT", "AUTHENTICATORS"):
        some = _EXIM_SECURITY[mark].format(**security._asdict()) if security else _EXIM_PLAIN.get(mark, "")
        text = text.replace(f"#{mark}\n", some)
    return Layer(
        "exim",
        ["Debian-exim"],
        {
            "/etc/exim4/exim4.conf": text.replace("RELAY", str(relay)),
            **(security.files("/etc/exim4") if security else {}),
        },
        "install -d -o Debian-exim -g Debian-exim -m 750 /var/spool/interop\n"
        "install -d -o Debian-exim -g Debian-exim $FOLDER/log\n"
        f"exec /usr/sbin/exim4 -bdf -oX 127.0.0.1.{port} -oP /run/exim.pid\n",
        port,
    )


def opensmtpd(relay: int, security: Security | None = None) -> Layer:
    """OpenSMTPD, which hands everything on to that port.

    With security it does so by TLS and a login; towards the part there is none, since Debian's 6.8.0p2 fails the
    handshakes as a server (`SSL routines::EVP lib`), with openssl as its client, too.
    """
    port = free_port()
    text = _OPENSMTPD if security is None else _OPENSMTPD_SECURITY
    users = security._asdict() if security else {}
    return Layer(
        "opensmtpd",
        ["opensmtpd", "opensmtpq"],
        {
            "/etc/smtpd.conf": text.format(relay=relay, port=port, **users),
            "/etc/mailname": "mta.example\n",
            # It asks the system's authorities, wherever they were when it was built.
            **({"/etc/ssl/certs/ca-certificates.crt": security.authority.read_text("ascii")} if security else {}),
        },
        "install -d -m 711 /var/spool/smtpd\n"
        "install -d -m 770 -g opensmtpq /var/spool/smtpd/offline\n"
        "install -d -m 711 /var/empty\n"
        "chmod 600 /etc/smtpd.conf\n"
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
