"""Replays generated scripts of two lengths, and checks that the longer one takes as much memory.

    check_memory.py MNEME STEPS MORE_STEPS
"""

import random
import resource
import subprocess
import sys

ALLOWED_KIB = 512  # that the allocator of the C library may vary by; 4 bytes a step are more


def write_steps(file, steps):
    """Some 50 blocks are live or requested at any time, on a heap on which most requests wait."""
    chance, live, made = random.Random(1), [], 0
    file.write("heap 5K poll=auto align=8\n")
    for _ in range(steps):
        dice = chance.random()
        if len(live) < 20 or (len(live) < 80 and dice < 0.5):
            align = " align=64" if dice < 0.05 else ""
            file.write(f"alloc b{made} {chance.choice([16, 24, 40, 64, 100, 200])}{align}\n")
            live.append(f"b{made}")
            made += 1
        elif dice < 0.55:
            file.write(f"resize {chance.choice(live)} {chance.choice([8, 16])}\n")
        elif dice < 0.60:
            made += 1
            file.write(f"arc r{made}\nclone r{made} s{made}\ndrop r{made}\ndrop s{made}\n")
        elif dice < 0.64:
            made += 1
            file.write(f"alloc t{made} 2000 try\nfree t{made}\n")
        elif dice < 0.66:
            file.write(f"cancel {chance.choice(live)}\n")
        else:
            file.write(f"free {live.pop(0)}\n")


def peak_kib(mneme, steps):
    """The largest of all runs so far, so the shorter one comes first."""
    run = subprocess.Popen([*mneme.split(), "run", "--quiet", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                           text=True)
    write_steps(run.stdin, steps)
    run.stdin.close()
    if run.wait() not in (0, 3):  # at the end some may wait
        sys.exit(f"check_memory: {steps} steps: exit {run.returncode}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def main():
    mneme, few, many = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    before = peak_kib(mneme, few)
    after = peak_kib(mneme, many)
    if after - before > ALLOWED_KIB:
        sys.exit(f"{few} steps take {before} KiB, and {many} steps {after} KiB")
    print("memory does not grow with steps")


main()
