"""The command line of tools/fuzz."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from . import corpus as corpora
from .coverage import coverage, table
from .overnight import overnight
from .common import (CANARY, ROOT, STOPPING, Problem, Stopped, build, check_harness, check_path,
                     harnesses, text_of)
from .report import write_report
from .smoke import smoke
from .store import Store
from .triage import triage


def do_overnight(options):
    with Store(options.corpus, options.reserve_mb) as store:
        build()
        night = overnight(store, options.hours, options.jobs, options.harness)
        try:
            files, no_coverage = None, night.problem or "by --no-coverage"
            if not night.problem and not options.no_coverage:
                files, no_coverage = measured(store)
            print(f"report: {write_report(store, files, no_coverage)}")
        finally:
            store.write_state()
        return 1 if night.new_findings or store.waiting()[0] else 2 if night.problem else 0


def measured(store):
    """(coverage, None), or (None, why there is none)."""
    try:
        if STOPPING.is_set():
            raise Stopped
        write_report(store, None)  # measuring takes its time, and may not come to an end
        build("fuzz-coverage")
        return coverage(store, harnesses())[0], None
    except Stopped:
        return None, "the run was stopped"
    except (Problem, OSError) as problem:
        return None, str(problem)


def do_merge(options):
    folder, merged = Path(options.folder), 0
    with Store(options.corpus, options.reserve_mb) as store:
        build()
        for harness in options.harness or harnesses():
            more = [path for path in (folder / harness, folder / "corpus" / harness)
                    if path.is_dir()][:1]
            if more:
                count = corpora.merge(harness, store.corpus(harness), more,
                                      store.artifacts(harness))
                print(f"{harness}: {count} inputs")
            merged += len(more)
        if merged == 0:
            raise Problem(f"{folder} has no folder with a harness' name, nor has its `corpus`")
        return 0


def do_minimise(options):
    if not (Path(options.corpus) / "corpus").is_dir():
        raise Problem(f"no corpus in {options.corpus}")
    with Store(options.corpus, options.reserve_mb) as store:
        build()
        for harness in options.harness or harnesses():
            before, after = corpora.minimise(harness, store.corpus(harness),
                                             store.artifacts(harness), options.reserve_mb)
            print(f"{harness}: {before} inputs, now {after}")
        return 0


def do_coverage(options):
    with Store(options.corpus, options.reserve_mb) as store:
        build("fuzz-coverage")
        files, stale = coverage(store, options.harness or harnesses())
        for name, share, lines, unexplained, _ in table(files):
            print(f"{share:>8}  {lines:>12}  {name}" +
                  (f"  not reached: {unexplained}" if unexplained != "–" else ""))
        for row in stale:
            print(f"explains nothing: {row}")
        if not options.harness:  # those of some are not what the report is about
            print(f"report: {write_report(store, files)}")
        return 1 if any(found.unexplained for found in files.values()) else 0


def harness_of(path):
    """Whose input it is, by the name of its folder, which is NAME, or a finding's: NAME-…"""
    folder = path.absolute().parent
    name = (folder.parent if folder.name == "also" else folder).name
    first = name.partition("-")[0]
    return first if first in [*harnesses(), CANARY] else name


def do_triage(options):
    path = Path(options.file)
    if not path.is_file():
        raise Problem(f"no file {path}")
    if len(options.harness or []) > 1:
        raise Problem("an input is one harness'")
    harness = options.harness[0] if options.harness else check_harness(harness_of(path))
    build()
    with tempfile.TemporaryDirectory() as scratch:
        result = triage(harness, path, Path(options.out), Path(scratch))
    if result is None:
        print(f"{harness} does not fail on {path}")
        return 0
    print(text_of(result[0] / "what.txt") + text_of(result[0] / "script.mn"), end="")
    print(f"in {result[0]}" + ("" if result[1] else ", known before"))
    return 1


def do_smoke(options):
    build()
    return 1 if smoke(options.harness or [*harnesses(), CANARY]) else 0


def do_seeds(options):
    build()
    for harness, count in corpora.make_seeds(options.harness or harnesses()).items():
        print(f"{harness}: {count} seeds")
    return 0


def folder(text):
    if not text:
        raise ValueError
    return Path(text)


def above_zero(kind):
    def number(text):
        value = kind(text)
        if not 0 < value < 1e9:  # neither inf nor nan
            raise ValueError
        return value

    # As argparse names it in its error.
    number.__name__ = f"number above zero and below 1e9, {kind.__name__}"
    return number


def parser():
    main_parser = argparse.ArgumentParser(prog="tools/fuzz", description="Fuzzes mneme.")
    commands = main_parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, action, what, with_corpus=True):
        one = commands.add_parser(name, help=what, description=what)
        one.set_defaults(action=action)
        one.add_argument("--harness", action="append", metavar="NAME",
                         help="only this one; may be given more than once")
        if with_corpus:
            one.add_argument("--corpus", type=folder, default=ROOT / "build/fuzz-corpus", metavar="DIR",
                             help="the folder to manage (default: build/fuzz-corpus)")
            one.add_argument("--reserve-mb", type=int, default=500, metavar="MB",
                             help="stop while the disk still has this much free (default: %(default)s)")
        return one

    night = command("overnight", do_overnight,
                    "Run all harnesses in turn, and write a report. "
                    "Exit code 1 if there are new findings, or failing inputs that were not triaged "
                    "yet; 2 if it ended early.")
    night.add_argument("--hours", type=above_zero(float), default=8.0,
                       help="(default: %(default)s)")
    night.add_argument("--jobs", type=above_zero(int), default=2,
                       help="processes (default: %(default)s)")
    night.add_argument("--no-coverage", action="store_true",
                       help="do not measure coverage for the report")
    command("merge", do_merge, "Add the inputs of another corpus that reach new code.").add_argument("folder")
    command("minimise", do_minimise, "Reduce a corpus to as few inputs as possible with the same coverage.")
    command("coverage", do_coverage,
            "Report the lines that fuzzing reaches. "
            "Exit code 1 if lines are neither reached nor explained in fuzz/unreached.toml.")
    one = command("triage", do_triage, "Turn a crashing input into a script and a test.", False)
    one.add_argument("file", help="the input; by default, the name of its folder is the harness")
    one.add_argument("--out", default=ROOT / "build/fuzz-findings", metavar="DIR",
                     help="where findings go (default: build/fuzz-findings)")
    command("smoke", do_smoke, "Run all seeds, former findings and the canary; takes less than a minute.", False)
    command("seeds", do_seeds, "Generate fuzz/seeds from scenarios and traces.", False)
    return main_parser


def stop(number, _frame):
    """Ends the run well. A second signal of the kind ends it as it is."""
    STOPPING.set()
    signal.signal(number, signal.default_int_handler)


def main():
    options = parser().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup leaves a hangup
            signal.signal(number, stop)
    try:
        for name in options.harness or []:
            check_harness(name)
        if "corpus" in options:
            check_path(options.corpus.absolute())
        return options.action(options)
    except (Problem, OSError) as problem:
        print(f"tools/fuzz: error: {problem}", file=sys.stderr)
        return 2
    except Stopped:
        print("tools/fuzz: stopped", file=sys.stderr)
        return 130
