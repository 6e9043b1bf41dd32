"""A child process that dies with its parent, and is ended by its own process id only.

The kernel is asked to end it when this process ends, however that happens (prctl(2),
PR_SET_PDEATHSIG). A fresh interpreter sets that and then becomes the program: `preexec_fn` would
run Python between fork and exec of a process that has threads.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_LAUNCH = """
import ctypes, os, signal, sys
parent, program, *arguments = sys.argv[1:]
if ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0) != 0 or os.getppid() != int(parent):
    sys.exit("cannot tie the child to its parent")
os.execv(program, [program, *arguments])
"""


class Child:
    """One process we started. Its output goes to `log` (a file) or, None, where ours goes."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.name = name
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())]
        output = log.open("ab") if log is not None else None
        try:
            self._process = subprocess.Popen(
                [*launcher, *command],
                stdin=subprocess.DEVNULL,
                stdout=output if output is not None else sys.stderr,
                stderr=output if output is not None else sys.stderr,
                env=dict(env) if env is not None else None,
                # Ctrl-C reaches the whole terminal group; the order of the drain is ours.
                start_new_session=True,
            )
        finally:
            if output is not None:
                output.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def signal(self, number: int) -> None:
        if self.alive:
            self._process.send_signal(number)

    async def stop(self, *, grace_s: float) -> None:
        """SIGTERM, then after `grace_s` SIGKILL. Returns when it is gone."""
        self.signal(signal.SIGTERM)
        if not await self.ended(grace_s):
            self.signal(signal.SIGKILL)
            await self.ended(5)

    async def ended(self, within_s: float) -> bool:
        """Whether it has ended within this time."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + within_s
        while self.alive and clock() < deadline:
            await asyncio.sleep(0.02)
        return not self.alive


def python(module: str, *arguments: str) -> list[str]:
    """The command line of a module of ours in this same interpreter."""
    return [sys.executable, "-m", module, *arguments]
