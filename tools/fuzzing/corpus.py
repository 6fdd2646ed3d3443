"""Seeds and corpora: made from scenarios, merged, and made small."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .common import (MNEME, ROOT, SEEDS, Problem, check_room, inputs_of, is_cut, options_of,
                     program, run)
from .store import OLD

SEED_BYTES_MAX = 400
FAILED = "build/failed-seeds"  # seeds that fail, each harness' in a folder, for tools/fuzz triage


def merge(harness, corpus, more, artifacts, committed=True):
    """Adds to a corpus what reaches something new, of the committed inputs as well.

    What fails goes to the artifacts instead. What cannot be written whole goes, and is a Problem.
    """
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    there = set(corpus.iterdir())
    folders = [*more, *(inputs_of(harness) if committed else [])]
    done = run([program(harness), "-merge=1", *options_of(harness),
                f"-artifact_prefix={artifacts}/", corpus, *folders], seconds=3600)
    new = set(corpus.iterdir()) - there
    if cut := [path for path in new if is_cut(path) or differs(path, folders)]:
        for path in cut:
            path.unlink()
        raise Problem(f"{len(cut)} of {len(new)} inputs were not written whole into {corpus}, as "
                      "on a full disk; they were removed, and all that was there before is kept")
    if done.returncode != 0:
        raise Problem(f"merging into {corpus} failed: "
                      f"{done.stderr.decode(errors='replace').splitlines()[-1:]}")
    return len(list(corpus.iterdir()))


def differs(path, folders):
    """Whether a file is not what another of its name is, if there is one."""
    sources = [folder / path.name for folder in folders if (folder / path.name).is_file()]
    return bool(sources) and all(path.read_bytes() != one.read_bytes() for one in sources)


def minimise(harness, corpus, artifacts, reserve_mb):
    """Replaces a corpus by the fewest inputs that reach the same. The old one goes last."""
    check_room(corpus.parent, reserve_mb)
    if not corpus.is_dir():
        return 0, 0
    before = len(list(corpus.iterdir()))
    small = corpus.with_name(corpus.name + ".small")
    shutil.rmtree(small, ignore_errors=True)
    try:
        after = merge(harness, small, [corpus], artifacts, committed=False)
        check_room(corpus.parent, reserve_mb)  # else some may have found no room at all
    except Problem:
        shutil.rmtree(small)
        raise
    old = corpus.with_name(corpus.name + OLD)
    corpus.rename(old)
    small.rename(corpus)
    shutil.rmtree(old)
    return before, after


def _first_lines(script, count):
    lines = [line for line in script.splitlines() if line and not line.startswith("#")]
    return "\n".join(lines[:count]) + "\n"


def make_seeds(names):
    """Writes fuzz/seeds: scenarios and the starts of recorded traces, as far as they add anything."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        for kind in ("bytes", "text", "traces", "worlds"):
            (raw / kind).mkdir()
        scripts = {file.stem: file.read_text() for file in sorted(ROOT.glob("lit-tests/**/*.mn"))}
        for file in sorted(ROOT.glob("lit-tests/scenarios/*.mn.xz")):
            text = subprocess.run(["xz", "-dc", file], capture_output=True, text=True).stdout
            scripts[file.name.partition(".")[0]] = _first_lines(text, 60)
        scripts["forty_names"] = "heap 4K align=8\n" + "".join(f"alloc n{at} 8\n" for at in range(40))
        for name, text in scripts.items():
            (raw / "text" / name).write_text(_first_lines(text, 200))
            done = run([MNEME, "fuzz", "encode", raw / "text" / name])
            if done.returncode == 0 and len(done.stdout) <= SEED_BYTES_MAX:
                (raw / "bytes" / name).write_bytes(done.stdout)
                # Three tasks and a schedule that changes them every few steps.
                (raw / "worlds" / name).write_bytes(bytes([1, 8, 1, 6, 8, 13, 18, 4, 9, 2])
                                                    + done.stdout)
        # The tests of the parser hold several scripts each, most of them wrong in one place.
        for file in sorted(ROOT.glob("lit-tests/cli/*.test")):
            parts = re.split(r"^#--- (.*)\n", file.read_text(), flags=re.MULTILINE)[1:]
            for name, text in zip(parts[::2], parts[1::2]):
                if name.endswith((".mn", ".rep")):
                    (raw / "text" / f"{file.stem}-{name}").write_text(text)
        for file in sorted(ROOT.glob("lit-tests/cli/Inputs/*.log")):
            head = b"\n".join(file.read_bytes().splitlines()[:40]) + b"\n"
            (raw / "traces" / file.stem).write_bytes(b"\0" + head[:2000])
        malloclab = b"9\n2\n4\n1\na 0 8\nr 0 99\nr 1 9\nf 0\nf -1\n"
        (raw / "traces" / "malloclab").write_bytes(b"\3" + malloclab)
        (raw / "text" / "malloclab").write_bytes(malloclab)
        (raw / "traces" / "recording").write_bytes(
            b"\4mneme-recording 1 word=8 heap=4096 keeps=newest\nalloc 1 1 0x10 64 16\nwait 2 1 0x80 9 8\n"
            b"free 2 1 0x10 64\nalloc 2 1 0x10 9 8\ngrant 2 1 0x80 0x10\nresize 3 1 0x10 20\ncancel 1 2 0x90\nend 7 1\n")
        kinds = {"script": "text", "trace_import": "traces", "schedule": "worlds",
                 "threads": "worlds"}
        counts = {}
        for harness in names:
            new, failed = raw / "new" / harness, ROOT / FAILED / harness
            shutil.rmtree(failed, ignore_errors=True)
            counts[harness] = merge(harness, new, [raw / kinds.get(harness, "bytes")], failed,
                                    committed=False)
            if bad := sorted(failed.iterdir()):
                raise Problem(f"{harness} fails on new seeds: {' '.join(map(str, bad))}")
            shutil.rmtree(SEEDS / harness, ignore_errors=True)
            shutil.move(new, SEEDS / harness)
        return counts
