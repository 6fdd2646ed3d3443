"""Shows that an exploration with several --threads finds what one with a single one does, and also if one of its
processes is killed.

    threads.py MNEME FOLDER

Explores each scenario of the folder with up to 60,000 states: what is printed, the schedule, and the states and
transitions that a checkpoint has, with their fingerprint, are the same.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

MNEME, FOLDER = sys.argv[1].split(), pathlib.Path(sys.argv[2])
BASE = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None))


def command(script, name, *options):
    return [*MNEME, "explore", str(script), "--no-advice", f"--checkpoint={BASE / name}",
            f"--schedule-out={BASE / name}.order", *options]


def found(run, name):
    """All that a run says, and all that it has written."""
    files = sorted([*BASE.glob(f"{name}/*"), *BASE.glob(f"{name}.order")])
    content = [(path.name.removeprefix(name), path.read_bytes()) for path in files]
    for path in files:
        path.unlink()
    shutil.rmtree(BASE / name, ignore_errors=True)
    return run.returncode, run.stdout, content


def compare(script):
    plain = found(subprocess.run(command(script, "one"), capture_output=True, text=True), "one")
    states = re.search(r"([0-9,]+) states", plain[1])
    if states is None or int(states[1].replace(",", "")) > 60_000:  # too many for several runs
        return False
    for threads in (2, 3):
        run = subprocess.run(command(script, "more", f"--threads={threads}"), capture_output=True, text=True)
        if found(run, "more") != plain:
            sys.exit(f"{script}: another result with {threads} threads\n{plain[1]}\n{run.stdout}{run.stderr}")
    return True


def kill_one(script):
    plain = found(subprocess.run(command(script, "one"), capture_output=True, text=True), "one")
    run = subprocess.Popen(command(script, "more", "--threads=2"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           text=True)
    children = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children")
    while not (pids := children.read_text().split()) and run.poll() is None:
        pass
    os.kill(int(pids[0]), signal.SIGKILL)
    run.stdout, text = None, run.stdout.read()
    run.wait()
    run.stdout = text
    if found(run, "more") != plain:
        sys.exit(f"{script}: another result if a process is killed\n{text}")


try:
    print(sum(map(compare, sorted(FOLDER.glob("*.mn")))), "scenarios")
    kill_one(FOLDER / "a_server_that_runs_for_ever_deadlocks_on_fragmentation.mn")
    print("and one with a killed process")
finally:
    shutil.rmtree(BASE)
