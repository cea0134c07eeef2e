"""A real SMTP server for the tests: Debian's Exim, in a directory of its own, on a free port of the loopback.

It takes mail for example.org and, signed in, for example.com; delivers into Maildirs; refuses `nobody@`, puts off
`later@`, takes mail for `gone@` and then returns it to its sender, as servers do.
"""

import asyncio
import grp
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import SERVICES_REQUIRED
from tests.connectors.channels.free_ports import free_ports

USER, PASSWORD, TOKEN = "shop", "sesame", "opens-it"

_CONFIGURATION = r"""
exim_path = {program}
primary_hostname = mx.example.org
spool_directory = {home}/spool
log_file_path = {home}/log/%s
pid_file_path = {home}/exim.pid
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_hosts =
tls_advertise_hosts =
exim_user = {owner}
exim_group = {group}
never_users =
keep_environment =
deliver_drop_privilege = true
acl_smtp_rcpt = rcpt
acl_smtp_data = data
message_size_limit = 1M
begin acl
rcpt:
  deny message = 5.1.1 No such user
    local_parts = nobody
  defer message = 4.7.1 Greylisted, come again
    local_parts = later
  accept domains = example.org
  accept authenticated = *
  deny message = 5.7.1 Relay not permitted
data:
  accept
begin routers
gone:
  driver = redirect
  local_parts = gone
  data = :fail: mailbox is gone
  allow_fail
sender:
  driver = accept
  domains = example.com
  transport = shop
customer:
  driver = accept
  transport = customer
begin transports
shop:
  driver = appendfile
  directory = {returned}
  maildir_format
customer:
  driver = appendfile
  directory = {home}/customer
  maildir_format
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
token:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_condition = ${{if eq{{$auth1}}{{user={user}\x01auth=Bearer {token}\x01\x01}}}}
  server_set_id = token
"""


@dataclass
class Exim:
    home: Path
    port: int
    program: str
    returned: Path
    """The Maildir of whoever sends from example.com: where bounces land."""
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        owner, group = _owner()
        (self.home / "exim.conf").write_text(
            _CONFIGURATION.format(
                program=self.program,
                owner=owner,
                group=group,
                home=self.home,
                port=self.port,
                returned=self.returned,
                user=USER,
                password=PASSWORD,
                token=TOKEN,
            )
        )
        # Given a configuration of one's own, Exim gives up root's rights; so it begins without them.
        self._process = subprocess.Popen(
            [self.program, "-C", str(self.home / "exim.conf"), "-bdf"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=None if os.getuid() else owner,
            group=None if os.getuid() else group,
        )

    async def answers(self) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    greeting = await reader.readline()
                    writer.close()
                    if greeting.startswith(b"220"):
                        return
                except OSError:
                    pass
                assert self._process is not None
                assert self._process.poll() is None, self.said()
                await asyncio.sleep(0.02)

    async def arrived(self) -> bytes:
        """The mail that the customer has."""
        async with asyncio.timeout(20):
            while not (found := list((self.home / "customer" / "new").glob("*"))):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return found[0].read_bytes()

    def said(self) -> str:
        return "\n".join(each.read_text() for each in (self.home / "log").glob("*"))

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.wait, 20)
            self._process = None


def _owner() -> tuple[str, str]:
    who = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam("nobody")
    return who.pw_name, grp.getgrgid(who.pw_gid).gr_name


def an_exim(home: Path, *, returned: Path) -> Exim:
    """Not started yet. Fails where services are required and it is not installed."""
    program = shutil.which("exim4", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        message = "Exim is not installed (try `make services`)"
        if SERVICES_REQUIRED:
            pytest.fail(f"ALLO_REQUIRE_SERVICES=1, and {message}")
        # Reason: a newcomer without it still has the rest tested; the check (ALLO_REQUIRE_SERVICES=1) fails above.
        pytest.skip(message)
    for each in (home, home / "spool", home / "log"):
        each.mkdir(exist_ok=True)
        if not os.getuid():
            shutil.chown(each, *_owner())
    (port,) = free_ports(1)
    return Exim(home, port, program, returned)
