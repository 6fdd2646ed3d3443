"""Shows that an exploration with --checkpoint can go on after it has ended at any moment, with the same answer.

    checkpoints.py MNEME FOLDER

Explores each scenario of the folder with up to 30,000 states: it is killed at several moments, and resumed each time.
Then, with one scenario: limits that are reached, a file that cannot grow, damaged files, another script, and
a second run in the same folder.
"""

import fcntl
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

MNEME, FOLDER = sys.argv[1].split(), pathlib.Path(sys.argv[2])
# Writing to a disk would take most of the time.
BASE = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None))


def explore(script, *options, **how):
    return subprocess.run([*MNEME, "explore", script, "--no-advice", "--this-raw-heap", *options], capture_output=True, text=True, **how)


def kept_in(folder, *options):
    return [f"--checkpoint={folder}", "--checkpoint-seconds=0", *options]


def fail(what, *runs):
    sys.exit("\n".join([what, *(f"exit {run.returncode}\n{run.stdout}{run.stderr}" for run in runs)]))


def expect_same(script, plain, run):
    if (run.returncode, run.stdout) != (plain.returncode, plain.stdout):
        fail(f"{script}: another answer", plain, run)


def expect_refused(what, run):
    if run.returncode != 2 or run.stdout or run.stderr.count("\n") != 1 or what not in run.stderr:
        fail(f"not refused as: {what}", run)


def killed(script, folder, options, seconds):
    """Whether it was still running."""
    run = subprocess.Popen([*MNEME, "explore", script, "--no-advice", *kept_in(folder, *options)],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    run.send_signal(signal.SIGKILL)
    return run.wait() == -signal.SIGKILL


def kill_all(rng):
    """Returns how many runs were killed, and how many of them after they had kept a layer."""
    scripts, kills, layers = 0, 0, 0
    for script in sorted(FOLDER.glob("*.mn")):
        began = time.monotonic()
        plain = explore(script)
        takes = time.monotonic() - began
        states = re.search(r"([0-9,]+) states", plain.stdout)
        if states is None or int(states[1].replace(",", "")) > 30_000:  # too many for so many runs
            continue
        scripts += 1
        folder = BASE / script.stem
        options = []
        for _ in range(8):
            if killed(script, folder, options, rng.uniform(0.2, 1.1) * takes):
                kills += 1
                layers += (folder / "manifest").exists()
            else:  # too late: once more from the beginning
                shutil.rmtree(folder)
            options = ["--resume"] if (folder / "lock").exists() else []
        expect_same(script, plain, explore(script, *kept_in(folder, *options)))
        expect_same(script, plain, explore(script, *kept_in(folder, "--resume")))
    return scripts, kills, layers


def end_early(script, other):
    plain = explore(script)
    folder = BASE / "limits"
    expect = lambda run, what: run.returncode == 5 and what in run.stdout or fail(f"no limit: {what}", run)
    expect(explore(script, *kept_in(folder, "--states=500")), "--states")
    expect(explore(script, *kept_in(folder, "--resume", "--memory=64K")), "--memory")
    expect_refused("has a checkpoint already", explore(script, *kept_in(folder)))
    expect_refused("of another script", explore(other, *kept_in(folder, "--resume")))
    expect_refused("or of other options", explore(script, *kept_in(folder, "--resume", "--switch=waits")))
    expect_refused("no checkpoint to resume", explore(script, *kept_in(BASE / "nothing", "--resume")))
    foreign = BASE / "foreign"
    foreign.mkdir()
    (foreign / "states").write_text("precious")
    expect_refused("is not empty, and has no checkpoint", explore(script, *kept_in(foreign)))
    if (foreign / "states").read_text() != "precious":
        fail("a file that is no checkpoint was overwritten")
    exchanged = [BASE / "ab.mn", BASE / "ba.mn"]
    for file, first, second in zip(exchanged, "ab", "ba"):
        file.write_text(f"heap 64\nheap {first} 64\nheap {second} 1K\ntask t x2\n  alloc x 16 in a\n  alloc z 16 in b\n"
                        "  free x\n  free z\nend\n")
    explore(exchanged[0], *kept_in(BASE / "names"))
    expect_refused("of another script", explore(exchanged[1], *kept_in(BASE / "names", "--resume")))
    with open(folder / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        expect_refused("in use by another run", explore(script, *kept_in(folder, "--resume")))
    damage(script, folder)
    expect_same(script, plain, explore(script, *kept_in(folder, "--resume")))

    def cannot_grow():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
    full = BASE / "full"
    expect_refused("cannot write", explore(script, *kept_in(full), preexec_fn=cannot_grow))
    if not (full / "manifest").exists():
        fail("no layer was kept before the file could not grow")
    expect_same(script, plain, explore(script, *kept_in(full, "--resume")))


def come_round():
    """The states after the resume are those before it, also where a raw heap's lists identify them."""
    script = BASE / "endless.mn"
    script.write_text("heap 200 align=8\ntask a x2\nrepeat forever\nalloc x 24\nalloc y 40\nfree x\nfree y\nend\nend\n")
    plain, folder = explore(script), BASE / "endless"
    if explore(script, *kept_in(folder, "--states=30")).returncode != 5:
        fail("too few states")
    expect_same(script, plain, explore(script, *kept_in(folder, "--resume")))


def damage(script, folder):
    whole = {name: (folder / name).read_bytes() for name in ("states", "transitions", "manifest")}
    for name, content in whole.items():
        for at in (0, len(content) // 3, len(content) - 2):
            changed = bytearray(content)
            changed[at] ^= 1
            for bad in (bytes(changed), content[:at]):
                (folder / name).write_bytes(bad)
                expect_refused("is damaged", explore(script, *kept_in(folder, "--resume")))
        (folder / name).write_bytes(content)
    (folder / "states").unlink()
    expect_refused("is damaged", explore(script, *kept_in(folder, "--resume")))
    (folder / "states").write_bytes(whole["states"] + b"what was not finished")


try:
    scripts, kills, layers = kill_all(random.Random(1))
    come_round()
    end_early(FOLDER / "three_sensors_with_blocks_of_mixed_sizes.mn", FOLDER / "two_heaps_can_deadlock_in_a_circle.mn")
    print(kills, layers, file=sys.stderr)
    print(f"{scripts} scenarios; at least 20 killed: {kills >= 20}, 10 after a layer was kept: {layers >= 10}")
finally:
    shutil.rmtree(BASE)
