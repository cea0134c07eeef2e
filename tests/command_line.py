"""The command line, as tests use it: in this process (the fixture `allo`), or in one of its own (`run_allo`)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens."""


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        answer: dict[str, object] = json.loads(self.out)
        return answer


Allo = Callable[..., Said]


def is_one_line(err: str) -> bool:
    """The last line of standard error is the command's; what stood before it are warnings of the log."""
    return (
        err.endswith("\n") and err.splitlines()[-1].startswith("allo: ") and "Traceback" not in err
    )


def run_allo(*args: str, **environment: str) -> Said:
    """With none of this process's own settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ALLO_")}
    said = subprocess.run(
        [sys.executable, "-m", "workers", *args],
        env=ours | environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return Said(said.returncode, said.stdout, said.stderr)
