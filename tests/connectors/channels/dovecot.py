"""A real IMAP server for the tests: Debian's Dovecot, in a directory of its own, on a free port of the loopback.

Mails are written straight into its Maildirs, as a delivering server would: 10 000 of them take no time. The password of
everybody is `PASSWORD`; `token_for` makes what opens a box by XOAUTH2.
"""

import asyncio
import base64
import grp
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import NOON, SERVICES_REQUIRED
from tests.connectors.channels.free_ports import free_ports

PASSWORD = "sesame"
DELIVERED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

TOKEN_KEY = b"k" * 32


def token_for(user: str) -> str:
    claims = {"sub": user, "exp": 4_000_000_000, "iat": 1_600_000_000, "nbf": 1_600_000_000}
    return jwt.encode(claims, TOKEN_KEY, algorithm="HS256", headers={"typ": "JWT"})


_CONFIGURATION = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{home}/certificate.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = no
{users}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{home}/mail/%u
mail_max_userip_connections = 100
mailbox_list_index = no
imap_capability = {capability}
auth_mechanisms = plain login xoauth2
auth_verbose = yes
auth_failure_delay = 0
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {home}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/homes/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
  chroot =
  process_min_avail = 1
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


@dataclass
class Dovecot:
    """Started and stopped at will; its boxes stay."""

    home: Path
    port: int
    tls_port: int
    program: str
    idle: bool = True
    _process: subprocess.Popen[bytes] | None = None
    _numbers: dict[str, int] = field(default_factory=dict)

    @property
    def certificate(self) -> Path:
        return self.home / "certificate.pem"

    def start(self) -> None:
        who, owner = pwd.getpwuid(os.getuid()), _owner()
        capability = "" if self.idle else "IMAP4rev1 SASL-IR LITERAL+ ID UIDPLUS"
        (self.home / "dovecot.conf").write_text(
            _CONFIGURATION.format(
                home=self.home,
                users=_users(who),
                uid=owner.pw_uid,
                gid=owner.pw_gid,
                port=self.port,
                tls_port=self.tls_port,
                capability=capability,
                password=PASSWORD,
            )
        )
        self._process = subprocess.Popen(
            [self.program, "-F", "-c", str(self.home / "dovecot.conf")],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def answers(self) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    greeting = await reader.readline()
                    writer.close()
                    if greeting.startswith(b"* OK"):
                        return
                except OSError:
                    pass
                assert self._process is not None
                assert self._process.poll() is None, (self.home / "log").read_text()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """With every connection that is open. Clients that keep knocking hold it up for ten seconds; it gets two."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, 2)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.to_thread(self._process.wait)
        self._process = None

    async def is_left_by(self, user: str) -> None:
        """Waits until Dovecot too knows that nobody has the box open any more, and has written what it writes then."""

        def open_sessions() -> int:
            log = (self.home / "log").read_text()
            ended = sum(
                f"imap({user})" in each and "Disconnected" in each for each in log.splitlines()
            )
            return log.count(f"Login: user=<{user}>") - ended

        async with asyncio.timeout(20):
            while open_sessions():  # noqa: ASYNC110  # a file has no event
                await asyncio.sleep(0.02)

    def box(self, user: str) -> Path:
        box = self.home / "mail" / user
        for each in ("cur", "new", "tmp"):
            (box / each).mkdir(parents=True, exist_ok=True)
            _give(box / each)
        _give(box)
        return box

    def deliver(self, user: str, mails: Iterable[bytes], *, arrived: datetime = DELIVERED) -> None:
        """In this order, a second apart."""
        box = self.box(user)
        for raw in mails:
            number = self._numbers[user] = self._numbers.get(user, 0) + 1
            moment = (arrived + timedelta(seconds=number)).timestamp()
            written = box / "tmp" / f"{int(moment)}.M{number:09}P1.test"
            written.write_bytes(raw)
            os.utime(written, (moment, moment))
            _give(written)
            written.rename(box / "new" / written.name)

    def number(self, user: str, validity: int) -> None:
        """A box that Dovecot has not seen yet gets this UIDVALIDITY, and UIDs from 1."""
        box = self.box(user)
        names = sorted(each.name for each in (box / "new").iterdir())
        lines = [f"{number} :{name}\n" for number, name in enumerate(names, 1)]
        uids = box / "dovecot-uidlist"
        uids.write_text(f"3 V{validity} N{len(names) + 1}\n" + "".join(lines))
        _give(uids)

    def renumber(self, user: str) -> None:
        """What a restored backup does: the same mails, other UIDs, another UIDVALIDITY."""
        box = self.box(user)
        uids = box / "dovecot-uidlist"
        head = uids.read_text().splitlines()[0].split()
        fresh = int(next(each[1:] for each in head if each.startswith("V"))) + 1
        lines = sorted(uids.read_text().splitlines()[1:], key=lambda each: each.rpartition(":")[2])
        names = [each.rpartition(":")[2] for each in reversed(lines)]
        numbered = [f"{number + 100} :{name}" for number, name in enumerate(names)]
        uids.write_text(
            f"3 V{fresh} N{100 + len(names)}\n" + "".join(f"{each}\n" for each in numbered)
        )
        _give(uids)
        for each in box.glob("dovecot.index*"):
            each.unlink()


def a_dovecot(home: Path, *, idle: bool = True) -> Dovecot:
    """Not started yet. Fails where services are required and it is not installed; the caller has to start and stop it."""
    program = shutil.which(
        "dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    )
    if program is None:
        message = "Dovecot is not installed (try `make services`)"
        if SERVICES_REQUIRED:
            pytest.fail(f"ALLO_REQUIRE_SERVICES=1, and {message}")
        # Reason: a newcomer without it still has the rest tested; the check (ALLO_REQUIRE_SERVICES=1) fails above.
        pytest.skip(message)
    # The processes that greet strangers have another user, and must get through to their sockets.
    home.chmod(0o755)
    for each in ("run", "state", "mail", "homes"):
        (home / each).mkdir(parents=True)
        if each in {"mail", "homes"}:
            _give(home / each)
    (home / "oauth2.conf").write_text(
        f"introspection_mode = local\nusername_attribute = sub\nlocal_validation_key_dict = fs:posix:prefix={home}/keys/\n"
    )
    keys = home / "keys" / "default" / "HS256"
    keys.mkdir(parents=True)
    (keys / "default").write_text(base64.b64encode(TOKEN_KEY).decode())
    (home / "log").touch()
    _certify(home)
    ports = free_ports(2)
    return Dovecot(home, ports[0], ports[1], program, idle=idle)


def _owner() -> pwd.struct_passwd:
    """Whose the boxes are: Dovecot opens none as root."""
    return pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam("nobody")


def _give(path: Path) -> None:
    owner = _owner()
    os.chown(path, owner.pw_uid, owner.pw_gid)


def _users(who: pwd.struct_passwd) -> str:
    """Root's Dovecot speaks to strangers as the users that its package made; anybody else's has only themselves."""
    if not who.pw_uid:
        return ""
    group = grp.getgrgid(who.pw_gid).gr_name
    return (
        f"default_internal_user = {who.pw_name}\n"
        f"default_login_user = {who.pw_name}\n"
        f"default_internal_group = {group}\n"
    )


def _certify(home: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOON - timedelta(days=3650))
        .not_valid_after(NOON + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (home / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (home / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@asynccontextmanager
async def running_dovecot() -> AsyncGenerator[Dovecot]:
    # Not pytest's own directory, which is root's alone and too deep for the names of sockets.
    home = Path(tempfile.mkdtemp(prefix="allo-imap-"))
    dovecot = a_dovecot(home)
    dovecot.start()
    try:
        await dovecot.answers()
        yield dovecot
    finally:
        await dovecot.stop()
        shutil.rmtree(home)
