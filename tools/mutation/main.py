"""Breaks mneme on purpose, one small change at a time, and reports which layers of the test bed detect it.

    tools/mutants                  run the catalogue, tools/faults.toml, against every layer
    tools/mutants --quick          the same; stop at the first layer that detects a fault
    tools/mutants --mechanical     change every comparison, sum, order, statement … of include/mneme in
                                   turn; stop at the first layer that detects it
    tools/mutants --sample 40      only 40 faults, chosen at random by --seed
    tools/mutants --layers release --add      add rows for new faults, with `?` for layers that did not run
    tools/mutants --table          print the results so far; --write puts the catalogue's into lit-tests/FAULTS.md

It builds a copy of the tree under build/mutants, which contains all faults, switched off. An interrupted
run continues where it stopped. Exit: 0 all faults were detected, 1 some were not, 2 it could not run.
"""

import argparse
import fcntl
import os
import random
import signal
import sys
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import processes
import report
from compiling import keep_what_compiles
from faults import CatalogueError, load_catalogue
from layers import LayerError, Text, Variant, configure_of, layers_of
from results import Results
from switches import copy_tree, numbered, snapshot, with_switches


def judge_all(faults, layer, results, jobs):
    """Every fault against one layer."""
    done, begin, lock = 0, time.monotonic(), threading.Lock()

    def judge(fault):
        nonlocal done
        verdict = layer.judge(fault, results.likely(fault), results.is_seen(fault))
        results.add(fault, layer.name, verdict)
        with lock:
            done += 1
            left = (time.monotonic() - begin) / done * (len(faults) - done)
            seen = f"{verdict.by}: {verdict.test}" if verdict.test else "not seen"
            print(f"{layer.name} {done}/{len(faults)}, {left / 60:.0f} min left: {fault.name}: "
                  f"{seen}", flush=True)

    pool = ThreadPoolExecutor(jobs)
    try:
        for future in [pool.submit(judge, fault) for fault in faults]:
            future.result()
    except BaseException:
        processes.stop_all()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def run(root, folder, everything, chosen, results, options):
    """Builds and asks one layer after the other for what is not known yet. A layer that cannot be used
    does not keep the others from being asked, but it is an error in the end."""
    broken, some = [], options.quick or options.mechanical
    for at, name in enumerate(options.layers):
        wanted = report.survivors(chosen, results, options.layers[:at]) if some else chosen
        due = [fault for fault in wanted if results.get(fault, name) is None
               and (fault.switched or name == "static")]
        if not due:
            continue
        try:
            if name == "static":
                layer = Text(root, folder, {fault.file for fault in due}, options.jobs)
            else:
                print(f"{name}: builds, and runs all tests with every fault switched off", flush=True)
                # A build with fewer faults in it is a shorter one.
                copy_tree(root, folder / "tree", wanted if some else everything)
                layer = Variant(folder / "tree", name, options.jobs)
            judge_all(due, layer, results, options.jobs)
        except (LayerError, OSError) as error:  # as of a compiler that is not there
            processes.go_on()
            broken.append(f"{name}: {error}")
            print(f"{name}: cannot be used: {error}", flush=True)
    if broken:
        raise LayerError("\n".join(broken))


def justified(root, faults):
    """{name: reason} of the mechanical faults that nobody can see; an entry that is none is an error."""
    file = root / "tools/equivalent.toml"
    try:
        entries = tomllib.loads(file.read_text()).get("mutant", []) if file.is_file() else []
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{file.name}: {error}") from error
    names = {fault.name for fault in faults}
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CatalogueError(f"{file.name}: holds what is no [[mutant]]")
    for entry in entries:
        if entry.get("name") not in names:
            raise CatalogueError(f"{file.name}: no fault is named {entry.get('name')}")
        if not str(entry.get("reason", "")).strip():
            raise CatalogueError(f"{file.name}: no reason is given for {entry['name']}")
    return {entry["name"]: entry["reason"] for entry in entries}


def arguments():
    parser = argparse.ArgumentParser(prog="tools/mutants", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mechanical", action="store_true", help="generated faults instead of the catalogue")
    parser.add_argument("--quick", action="store_true", help="stop at the first layer that detects a fault")
    parser.add_argument("--sample", type=int, metavar="N", help="only N faults")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default: 1)")
    parser.add_argument("--only", metavar="TEXT", help="only faults whose name or file contains TEXT")
    parser.add_argument("--layers", metavar="A,B,…", help="default: all, cheapest first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument("--again", action="store_true",
                        help="discard the results of the chosen faults and layers, and run them again")
    parser.add_argument("--table", action="store_true", help="print the results so far, and run nothing")
    parser.add_argument("--write", action="store_true", help="put the table into lit-tests/FAULTS.md")
    parser.add_argument("--add", action="store_true",
                        help="add rows for new faults to the table of lit-tests/FAULTS.md")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2],
                        help="the tree to break")
    options = parser.parse_args()
    options.root = options.root.resolve()
    if not (options.root / "configure.py").is_file():
        parser.error(f"no tree of sources: {options.root}")
    known = layers_of(configure_of(options.root))
    if options.mechanical:
        # Most are seen by the tests of release. The checks of the text come last: they see each order
        # that was weakened by its comment, which says nothing of the tests.
        known.sort(key=lambda name: (name == "static", name != "release"))
    options.layers = options.layers.split(",") if options.layers else known
    for name in options.layers:
        if name not in known:
            parser.error(f"no layer '{name}'; there are {', '.join(known)}")
    if options.jobs < 1 or (options.sample is not None and options.sample < 1):
        parser.error("--jobs and --sample need a number from 1 on")
    options.columns = known
    if options.add and options.mechanical:
        parser.error("--add is for the catalogue")
    if options.write and (options.mechanical or options.only or options.sample or options.quick
                          or options.layers != known):
        parser.error("--write needs the whole catalogue and all layers")
    return options


def faults_of(options, folder):
    """(all faults, the reasons of those that need not be seen)"""
    if not options.mechanical:
        faults = load_catalogue(options.root, options.root / "tools/faults.toml")
        for file, some in numbered(faults).items():  # says so at once if two overlap
            with_switches((options.root / file).read_text(), some)
        return faults, {fault.name: fault.reason for fault in faults if fault.reason}
    try:
        from mechanical import all_faults
    except ModuleNotFoundError as error:
        raise LayerError(f"{error}: install the package python3-clang-22") from error
    faults = keep_what_compiles(options.root, folder, all_faults(options.root), options.jobs)
    return faults, justified(options.root, faults)


def show(options, root, faults, results, reasons):
    """Prints the table, or puts it into lit-tests/FAULTS.md; and what is wrong. Returns the exit
    code."""
    text = (report.score(faults, results, options.layers, reasons) if options.mechanical
            else report.table(faults, results, options.layers))
    if options.write:
        unknown = sum(results.get(fault, layer) is None for fault in faults
                      for layer in options.layers if fault.switched or layer == "static")
        if unknown:
            raise CatalogueError(f"{unknown} verdicts of the table are not known yet: lit-tests/FAULTS.md is as "
                                 "it was")
        report.write(root, text)
    elif options.add:
        count = report.extend(root, faults, results, options.columns)
        print(f"{count} rows added to lit-tests/FAULTS.md")
    else:
        print(text, end="")
    alive = report.survivors(faults, results, options.layers)
    wrong = []
    for fault in alive:
        asked = all(results.get(fault, layer) for layer in options.layers
                    if fault.switched or layer == "static")
        if fault.name not in reasons:
            wrong.append(f"{'not seen' if asked else 'not seen, nor asked by all'}: {fault.name}")
    # A reason for what is seen after all is a wrong reason.
    wrong += [f"seen, although a reason says it cannot be: {fault.name}" for fault in faults
              if fault.name in reasons and fault not in alive]
    for line in wrong:
        print(f"tools/mutants: {line}", file=sys.stderr)
    return 1 if wrong else 0


def stop(_signal, _frame):
    raise KeyboardInterrupt


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup leaves a hangup
            signal.signal(number, stop)
    options = arguments()
    folder = (options.root / "build/mutants"
              / ("mechanical" if options.mechanical else "catalogue"))
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / "lock", "w")  # until the end of the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print(f"tools/mutants: error: another run works in {folder}", file=sys.stderr)
        return 2
    try:
        readme, options.root = options.root, snapshot(options.root, folder / "sources")
        everything, reasons = faults_of(options, folder)
        results = Results(options.root, folder / "results.jsonl")
        faults = [fault for fault in everything
                  if not options.only or options.only in f"{fault.name} {fault.file}"]
        if not faults:
            raise CatalogueError(f"no fault's name or file holds `{options.only}`")
        if options.sample and options.sample < len(faults):
            faults = random.Random(options.seed).sample(faults, options.sample)
        if options.again and not options.table:
            results.forget(faults, options.layers)
        if not options.table:
            run(options.root, folder, everything, faults, results, options)
        return show(options, readme, faults, results, reasons)
    except (CatalogueError, LayerError, OSError, ValueError) as error:
        print(f"tools/mutants: error: {error}", file=sys.stderr)
    except (KeyboardInterrupt, processes.Stopped):
        processes.stop_all()
        print("tools/mutants: stopped; the same command goes on from here", file=sys.stderr)
    return 2
