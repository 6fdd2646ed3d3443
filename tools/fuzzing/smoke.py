"""Every harness over its seeds and all former findings, and the canary."""

import tempfile
import time
from pathlib import Path

from .places import CANARY, FINDINGS, SEEDS, inputs_of, options_of, program, run, text_of
from .triage import failure_of, options_to_replay, triage

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
    """What is wrong with the chain from a planted bug to a script, or None."""
    folder = scratch / "canary"
    folder.mkdir()
    corpus = scratch / "corpus"  # libFuzzer writes into the first folder that it is given
    corpus.mkdir()
    run([program(CANARY), "-seed=1", f"-max_total_time={CANARY_SECONDS}", "-max_len=200",
         f"-artifact_prefix={folder}/", corpus, SEEDS / "raw_heaps"], seconds=CANARY_SECONDS + 30)
    crashes = list(folder.glob("crash-*"))
    if not crashes:
        return f"the canary's bug was not found in {CANARY_SECONDS} seconds"
    result = triage(CANARY, crashes[0], scratch / "findings", scratch / "try")
    script = result and text_of(result[0] / "script.mn")
    if not script or "resize" not in script or len(script.splitlines()) > 6:
        return f"the canary's bug did not become a short script with a resize: {script}"
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
            problem = canary_problem(Path(scratch))
        print(f"{CANARY:12} {problem or 'its planted bug became a script'}")
        failed += bool(problem)
    print(f"smoke: {failed} failures in {time.monotonic() - start:.0f} s")
    return failed
