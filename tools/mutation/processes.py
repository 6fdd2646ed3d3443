"""Runs commands that may hang or flood, and leaves none behind, however this program ends."""

import os
import signal
import subprocess
import tempfile
import threading

_lock = threading.Lock()
_live = set()  # processes that lead a session each
_stopped = threading.Event()
OUTPUT_KEPT = 64 << 10


class Stopped(Exception):
    """The run is being ended: what a command said now means nothing."""


def _kill_session(leader):
    """Also those that made a process group of their own, as `timeout` does."""
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.getsid(int(name)) == leader:
                os.kill(int(name), signal.SIGKILL)
        except ProcessLookupError:
            pass


def stop_all():
    _stopped.set()
    with _lock:
        for process in _live:
            _kill_session(process.pid)


def go_on():
    """After stop_all(), once all that were told have ended."""
    _stopped.clear()


def run(command, folder, limit_s=None, environment=None):
    """(exit code, or None if it took too long; the end of its output)."""
    with tempfile.TemporaryFile() as out:
        with _lock:
            if _stopped.is_set():
                raise Stopped
            process = subprocess.Popen(
                [str(word) for word in command], cwd=folder, env=environment, stdout=out,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
            _live.add(process)
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _kill_session(process.pid)
            process.wait()
            with _lock:
                _live.discard(process)
        if _stopped.is_set():
            raise Stopped
        out.seek(max(0, out.seek(0, os.SEEK_END) - OUTPUT_KEPT))
        return code, out.read().decode(errors="replace")
