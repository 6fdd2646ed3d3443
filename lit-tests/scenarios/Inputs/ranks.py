"""Shows that mneme-mpi finds what `mneme explore` does, with any number of ranks.

    ranks.py MNEME MNEME_MPI FOLDER

Explores each scenario of the folder with up to 60,000 states, with 1, 2 and 4 ranks and with 2 threads: what is
printed, the schedule, and the states and transitions that a checkpoint has, with their fingerprint, are the same. Then,
with one scenario: a rank that is killed, limits, and input that is refused.
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

MNEME, MPI, FOLDER = sys.argv[1].split(), sys.argv[2], pathlib.Path(sys.argv[3])
BASE = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None))
SERVER = FOLDER / "a_server_that_runs_for_ever_deadlocks_on_fragmentation.mn"


def ranks(number):
    return ["mpirun", "-q", "--oversubscribe", "-n", str(number), MPI]


def explore(program, script, *options):
    return subprocess.run([*program, "explore", str(script), "--no-advice", *options], capture_output=True, text=True,
                          timeout=300)


def fail(what, *runs):
    sys.exit("\n".join([what, *(f"exit {run.returncode}\n{run.stdout}{run.stderr}" for run in runs)]))


def found(program, script, *options):
    """The run, and all that it has found."""
    folder, order = BASE / "found", BASE / "order"
    run = explore(program, script, f"--checkpoint={folder}", f"--schedule-out={order}", *options)
    files = [file.read_bytes() if file.exists() else b"" for file in (folder / "states", folder / "transitions", order)]
    manifest = (folder / "manifest").read_text() if (folder / "manifest").exists() else ""
    shutil.rmtree(folder, ignore_errors=True)
    order.unlink(missing_ok=True)
    return run, (run.returncode, run.stdout, files, manifest)


def compare(script, *given):
    plain, expected = found(MNEME, script, *given)
    states = re.search(r"([0-9,]+) states", plain.stdout)
    if states is None or int(states[1].replace(",", "")) > 60_000:  # too many for so many runs
        return False
    for program, *options in ((MNEME, "--threads=2"), *([ranks(number)] for number in (1, 2, 4))):
        run, others = found(program, script, *given, *options)
        if others != expected:
            fail(f"{script}: another result by {' '.join([*program, *options])}", plain, run)
    return True


def kill_one(signalled):
    """Kills one rank inside a layer, and goes on with other numbers of ranks, and without MPI."""
    _, expected = found(MNEME, SERVER)
    kept = BASE / "kept"
    run = subprocess.Popen([*ranks(2), "explore", str(SERVER), f"--checkpoint={kept}", "--checkpoint-seconds=0"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deepest = lambda: int((re.findall(r"^depth (\d+)", text_of(kept / "manifest"), re.M) or [0])[0])
    while deepest() < 12 and run.poll() is None:
        time.sleep(0.001)
    children = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
    os.kill(int(children[signalled]), signal.SIGKILL)
    if run.wait(timeout=60) == 0:
        sys.exit("the run ended before its rank was killed")
    for program in (ranks(1), ranks(3), MNEME):
        copy = BASE / "copy"
        shutil.copytree(kept, copy)
        again = explore(program, SERVER, f"--checkpoint={copy}", "--resume")
        files = [(copy / name).read_bytes() for name in ("states", "transitions")]
        if (again.returncode, again.stdout, files) != (*expected[:2], expected[2][:2]):
            fail(f"another result after a kill, by {' '.join(program)}", again)
        shutil.rmtree(copy)
    shutil.rmtree(kept)


def text_of(path):
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def expect_line(what, run, code=2):
    lines = run.stderr.splitlines()
    if run.returncode != code or run.stdout or what not in run.stderr or sum("error: " in line for line in lines) != 1:
        fail(f"not refused as: {what}", run)


def refuse():
    three, kept = ranks(3), BASE / "kept"
    for option in ("--memory=2M", "--states=500"):
        run = explore(three, SERVER, option)
        if run.returncode != 5 or option.split("=")[0] not in run.stdout:
            fail(f"no limit: {option}", run)
    run = explore(three, SERVER, "--states=5000", f"--checkpoint={kept}")
    if run.returncode != 5:
        fail("no limit with a checkpoint", run)
    other = FOLDER / "two_heaps_can_deadlock_in_a_circle.mn"
    expect_line("has a checkpoint already", explore(three, SERVER, f"--checkpoint={kept}"))
    expect_line("of another script", explore(three, other, f"--checkpoint={kept}", "--resume"))
    (kept / "states").write_bytes(b"x" + (kept / "states").read_bytes()[1:])
    expect_line("is damaged", explore(three, SERVER, f"--checkpoint={kept}", "--resume"))
    expect_line("No such file", explore(three, FOLDER / "none.mn"))
    expect_line("must be in a file", explore(three, "-"))
    expect_line("--threads", explore(three, SERVER, "--threads=2"))
    expect_line("walks need no MPI", explore(three, SERVER, "--walks=2", "--first=0"))
    wrong = BASE / "wrong.mn"
    wrong.write_text("heap 64\ntask a\n  allocate x 8\nend\n")
    expect_line("allocate", explore(three, wrong))


try:
    print(sum(map(compare, sorted(FOLDER.glob("*.mn")))), "scenarios")
    safe = (FOLDER / "three_sensors_with_blocks_of_mixed_sizes.mn", "--heap=1904")
    if not compare(*safe):
        sys.exit("the safe one was not compared")
    plain, run = explore(MNEME, *safe), explore(ranks(3), *safe)
    if "on any raw heap" not in run.stdout or (plain.returncode, plain.stdout) != (run.returncode, run.stdout):
        fail("another proof for any raw heap", plain, run)
    kill_one(0)
    kill_one(1)
    print("with killed ranks")
    refuse()
    print("and what is refused")
finally:
    shutil.rmtree(BASE)
