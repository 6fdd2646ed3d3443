"""Every harness over its seeds and all former findings, and the canary."""

import contextlib
import io
import shutil
import tempfile
import time
from pathlib import Path

from .overnight import Night
from .common import CANARY, FINDINGS, SEEDS, STOPPING, Stopped, inputs_of, options_of, program, run
from .report import findings_section
from .store import Store
from .triage import failure_of, options_to_replay

CANARY_SECONDS = 60


def run_seeds(harness):
    """The Failure of a harness on what is committed for it, or None."""
    with tempfile.TemporaryDirectory() as scratch:  # libFuzzer copies there what fails
        return failure_on_seeds(harness, f"-artifact_prefix={scratch}/")


def failure_on_seeds(harness, prefix):
    failure = failure_of(run([program(harness), "-runs=0", *options_of(harness), prefix,
                              *inputs_of(harness)], seconds=120))
    # Of a folder libFuzzer reads files up to -max_len only, and findings may be longer.
    findings = sorted((FINDINGS / harness).glob("*"))
    if failure or not findings:
        return failure
    return failure_of(run([program(harness), *options_to_replay(harness), "-rss_limit_mb=2048",
                           prefix, *findings], seconds=120))


def canary_problem(scratch):
    """What is wrong with the chain from a planted bug to a script in the report, or None."""
    with Store(scratch / "night", 0) as store:
        shutil.copytree(SEEDS / "raw_heaps", store.corpus(CANARY))
        night = Night(store, [CANARY], 1, CANARY_SECONDS, 5)
        end = time.monotonic() + CANARY_SECONDS
        while not (night.new_findings or night.problem or STOPPING.is_set()
                   or time.monotonic() > end):
            night.seconds = time.monotonic() - night.began + 5  # a slice more
            night.run()
        if not night.new_findings:
            return night.problem or f"its bug was not found in {CANARY_SECONDS} seconds"
        scripts = [row[-1] for row in findings_section(store)[-1]]
        if not any("resize" in script and len(script.splitlines()) <= 6 for script in scripts):
            return f"its bug did not become a short script with a resize: {scripts}"
    return None


def smoke(names):
    """Prints a line for each harness; the number of failures."""
    start, failed = time.monotonic(), 0
    for harness in (name for name in names if name != CANARY):
        failure = run_seeds(harness)
        count = sum(len(list(folder.iterdir())) for folder in inputs_of(harness))
        print(f"{harness:12} {count:4} inputs: {failure.what if failure else 'ok'}", flush=True)
        if failure or count == 0:
            failed += 1
            print(failure.log[-4000:] if failure else "no seeds: tools/fuzz seeds makes them")
    if CANARY in names:
        with tempfile.TemporaryDirectory() as scratch:
            with contextlib.redirect_stdout(io.StringIO()):  # of a night
                problem = canary_problem(Path(scratch))
        if STOPPING.is_set():
            raise Stopped
        print(f"{CANARY:12} {problem or 'its planted bug became a script'}")
        failed += bool(problem)
    print(f"smoke: {failed} failures in {time.monotonic() - start:.0f} s")
    return failed
