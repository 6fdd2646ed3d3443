"""What tools/bench does once the packages are there: builds the workloads of src/bench, counts, prints."""

import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/bench"
BENCH = ROOT / "src/bench"
CLANG = "clang++-22"
FLAGS = ("-std=c++23 -O2 -g1 -gdwarf-4 -pthread -Iinclude -Isrc -Isrc/bench").split()
BARE = ["-DMNEME_CHECKED=0", "-DMNEME_STATS=0"]
OPERATIONS = 400

# name: flags. Each is compiled once.
MNEME = {
    "bounded": ["-DBENCH_RAW=mneme::Bounded"],
    "bounded, bare": ["-DBENCH_RAW=mneme::Bounded", *BARE],
    "first-fit": ["-DBENCH_RAW=mneme::FirstFit"],
    "first-fit, bare": ["-DBENCH_RAW=mneme::FirstFit", *BARE],
}
PRELOADED = {"jemalloc": "libjemalloc.so.2", "mimalloc": "libmimalloc.so.2.0"}
PEERS = {
    "glibc malloc": ["-DBENCH_MALLOC"],
    "jemalloc": ["-DBENCH_MALLOC"],
    "mimalloc": ["-DBENCH_MALLOC"],
    "std::pmr pool": ["-DBENCH_PMR"],
    "Boost.Interprocess": ["-DBENCH_BOOST"],
}
# what a reader sees: workload, size
PATHS = {
    "`co_await make<T>` and drop, 64 bytes, room at the end": ("await", 0),
    "the same, from a hole of just that size": ("await", 72),
    "the same, split off a hole of 400 bytes": ("await", 400),
    "the same, split off a hole of 2,000 bytes": ("await", 2000),
    "`allocate` + `poll` + drop": ("request", 0),
    "`try_allocate` + `free`": ("pair", 0),
    "guard, allocate, unlock, free": ("guard", 0),
    "`free` while locked": ("free_locked", 0),
    "`defer_free`": ("defer_free", 0),
    "reclaim, a block": ("reclaim", 0),
    "fill, a block": ("fill", 0),
    "fill, a block, aligned to 16": ("fill_aligned", 16),
    "nothing fits, 4,000 holes": ("nothing_fits", 4000),
    "`free` while a head waits that fits nowhere, 4,000 holes": ("head_waits", 4000),
    "grant, take, ask again: 1 waiter": ("grant_cycle", 1),
    "grant, take, ask again: 1,000 waiters": ("grant_cycle", 1000),
    "cancel one of 400 that wait": ("cancel", 0),
    "cancel one of 10,400 that wait": ("cancel", 10000),
    "the slowest `try_allocate` found, of 2⁹ words": ("deepest_allocate", 9),
    "the same, of 2¹⁵ words": ("deepest_allocate", 15),
    "the slowest `free` found, beside a hole of 2⁹ words": ("deepest_free", 9),
    "the same, beside one of 2¹⁵ words": ("deepest_free", 15),
}
ONCE = ("deepest_allocate", "deepest_free")  # workloads of a single operation
HOLES = (0, 500, 4000, 32000)
# of threads.cpp: what a reader sees
THREADS = {"hand_over/threads:2": "one allocates, the other frees", "own_blocks/threads:2": "two with their own blocks",
           "own_blocks/threads:1": "one alone"}
# What the budget holds: one path of each kind.
BUDGETED = [label for label, row in PATHS.items() if row in (
    ("await", 0), ("await", 72), ("request", 0), ("pair", 0), ("free_locked", 0), ("defer_free", 0), ("reclaim", 0),
    ("nothing_fits", 4000), ("head_waits", 4000), ("grant_cycle", 1000))]


def build(name, flags, source="instructions", libraries=()):
    """The program, or why there is none."""
    program = BUILD / (source + "_" + re.sub(r"\W+", "_", name))
    made = subprocess.run([CLANG, *FLAGS, *flags, f"src/bench/{source}.cpp", "-o", program, *libraries], cwd=ROOT,
                          capture_output=True, text=True)
    if made.returncode == 0:
        return program, None
    if name in MNEME:
        sys.exit(made.stderr)
    return None, "its headers are missing"


def library(name):
    found = [str(file) for file in Path("/usr/lib").glob(f"*/{PRELOADED[name]}")] if name in PRELOADED else [""]
    return found[0] if found else None


def instructions(program, workload, size, preload="", operations=OPERATIONS):
    """Of one operation."""
    if workload in ONCE:
        operations = 1

    def total(count):
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured*",
             program, workload, str(count), str(size)], capture_output=True, text=True,
            env={"LD_PRELOAD": preload} if preload else {})
        found = re.search(r"Collected : (\d+)", run.stderr)
        if run.returncode or not found:
            sys.exit(f"bench: {program} {workload} {size}: {run.stderr[-300:]}")
        return int(found[1])
    return round((total(operations) - total(0)) / operations)


def small_live_sets(file, steps):
    """A script with some 50 live blocks."""
    chance, live, made = random.Random(1), [], 0
    file.write("heap 64K poll=auto align=8\n")
    for _ in range(steps):
        if len(live) < 20 or (len(live) < 60 and chance.random() < 0.5):
            file.write(f"alloc b{made} {chance.choice([16, 24, 40, 64, 100, 200])}\n")
            live.append(made)
            made += 1
        else:
            file.write(f"free b{live.pop(chance.randrange(len(live)))}\n")
    file.flush()


def build_driver():
    subprocess.run(["./configure.py", "--driver"], cwd=ROOT, check=True)
    subprocess.run(["ninja", "--quiet", "build/release/mneme"], cwd=ROOT, check=True)


def driver_steps():
    """Instructions of the driver, a step of each recording, and of one with few live blocks."""
    build_driver()
    program = BUILD / "mneme"  # callgrind cannot read what it is told of the lines
    subprocess.run(["strip", "--strip-debug", "-o", program, ROOT / "build/release/mneme"], check=True)

    def count(script):
        run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "run",
                              "--quiet", script], capture_output=True, text=True)
        steps = re.search(r"summary: (\d+) steps", run.stdout)
        found = re.search(r"Collected : (\d+)", run.stderr)
        if run.returncode or not steps or not found:
            sys.exit(f"bench: {script}: {run.stdout[-300:]}{run.stderr[-300:]}")
        return round(int(found[1]) / int(steps[1]))

    counts = {}
    for recording in sorted((ROOT / "lit-tests/scenarios").glob("*.mn.xz")):
        script = BUILD / recording.stem
        with open(script, "wb") as file:
            subprocess.run(["xz", "-dc", recording], stdout=file, check=True)
        counts[script.stem] = count(script)
    with open(BUILD / "few_live_blocks.mn", "w") as file:
        small_live_sets(file, 200_000)
    counts["200,000 steps with some 50 live blocks"] = count(BUILD / "few_live_blocks.mn")
    return counts


def compiler():
    return subprocess.run([CLANG, "--version"], capture_output=True, text=True).stdout.splitlines()[0]


def table(head, rows):
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head),
                      *(f"| {' | '.join(map(str, row))} |" for row in rows)]) + "\n"


def measure():
    BUILD.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        programs = dict(zip([*MNEME, *PEERS], pool.map(lambda item: build(*item), [*MNEME.items(), *PEERS.items()])))

        def count(name, workload, size, operations=OPERATIONS):
            program, why = programs[name]
            preload = library(name) if name in PRELOADED else ""
            if program is None or preload is None:
                return why or "not installed"
            return pool.submit(instructions, program, workload, size, preload, operations)

        paths = {label: {name: count(name, *row) for name in MNEME} for label, row in PATHS.items()}
        holes = {name: {str(number): count(name, "holes" if number else "pair", number,
                                           OPERATIONS if number < 30000 or "fit" not in name else 40)
                        for number in HOLES} for name in [*MNEME, *PEERS]}
        settle = lambda value: value.result() if hasattr(value, "result") else value
        return {"compiler": compiler(), "driver": driver_steps(),
                "paths": {label: {name: settle(value) for name, value in row.items()} for label, row in paths.items()},
                "holes": {name: {number: settle(value) for number, value in row.items()}
                          for name, row in holes.items()}}


def tables(results):
    head = ["instructions", *MNEME]
    paths = table(head, [[label, *(f"{value:,}" for value in row.values())]
                         for label, row in results["paths"].items()])
    best = results["holes"]["bounded"]
    rows = []
    for name, row in results["holes"].items():
        cells = [f"{value:,} ({value / best[number]:.1f})" if isinstance(value, int) else value
                 for number, value in row.items()]
        rows.append([name, *cells])
    holes = table(["a pair among", *(f"{number:,} holes" for number in HOLES)], rows)
    driver = table(["script", "instructions a step"],
                   [[name, f"{value:,}"] for name, value in results["driver"].items()])
    return {"paths": paths, "holes": holes, "driver": driver}


def plot(results, file):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "mneme"
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name, row in results["holes"].items():
        points = [(int(number), value) for number, value in row.items() if int(number) and isinstance(value, int)]
        if points:
            axes.loglog(*zip(*points), marker="o", label=name,
                        linewidth=2.5 if name.startswith("bounded") else 1)
    axes.set_xlabel("holes")
    axes.set_ylabel("instructions, an allocation and its free")
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    file.write_text(re.sub(r"\s*\n\s*", " ", file.read_text()) + "\n")


def check():
    """Exit code 0, or 1 with the rows that are over their budget; other compilers only print."""
    budget = json.loads((BENCH / "budget.json").read_text())
    BUILD.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        programs = dict(zip(budget["rows"], pool.map(lambda name: build(name, MNEME[name])[0], budget["rows"])))
        counted = {(name, label): pool.submit(instructions, programs[name], *PATHS[label])
                   for name, row in budget["rows"].items() for label in row}
        over = 0
        for (name, label), value in counted.items():
            now, allowed = value.result(), budget["rows"][name][label]
            if now != allowed:
                print(f"{name}: {label}: {now}, budget {allowed} ({now / allowed - 1:+.1%})")
            over += now > allowed * 1.03
    if budget["compiler"] != compiler():
        print(f"skipped: the budget is of {budget['compiler']}, this is {compiler()}")
        return 0
    print(f"{len(counted)} counts, {over} over budget")
    return 1 if over else 0


def driver_speed():
    """Replays ten million steps, with some 50 live blocks."""
    steps = 10_000_000
    build_driver()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.NamedTemporaryFile("w", suffix=".mn") as script:
        small_live_sets(script, steps)
        subprocess.run([ROOT / "build/release/mneme", "run", "--quiet", script.name], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(f"{steps} steps in {seconds:.2f} s: {steps / seconds / 1e6:.2f} million steps a second\n")


def threads_rows():
    """One row an allocator; each is timed several times, in turn with the others."""
    BUILD.mkdir(parents=True, exist_ok=True)
    rows, times = [name for name in [*MNEME, *PEERS] if "first-fit" not in name], {}
    for name in rows:
        program, why = build(name, {**MNEME, **PEERS}[name], "threads", ["-lbenchmark"])
        preload = library(name) if name in PRELOADED else ""
        times[name] = (program, preload) if program and preload is not None else why or "not installed"
    seen = {name: {label: [] for label in THREADS} for name in rows}
    for _ in range(5):
        for name in rows:
            if isinstance(times[name], str):
                continue
            program, preload = times[name]
            run = subprocess.run([program, "--benchmark_min_time=0.1", "--benchmark_format=json"],
                                 capture_output=True, text=True, env={"LD_PRELOAD": preload} if preload else {})
            if run.returncode:
                times[name] = "does not run"
                continue
            for one in json.loads(run.stdout)["benchmarks"]:
                seen[name][one["name"].replace("/process_time/real_time", "")].append(one["cpu_time"])
    median = {name: {label: statistics.median(values) for label, values in seen[name].items()}
              for name in rows if not isinstance(times[name], str)}

    def cell(name, label):
        values = seen[name][label]
        spread = (max(values) - min(values)) / median[name][label]
        return f"{median[name][label]:.0f} ({median[name][label] / median[rows[0]][label]:.1f}; ± {spread / 2:.0%})"

    return [[name, *([times[name]] * len(THREADS) if name not in median else [cell(name, label) for label in THREADS])]
            for name in rows]


def write_tables(contents):
    readme = BENCH / "README.md"
    text = readme.read_text()
    for mark, content in contents.items():
        text, places = re.subn(rf"(<!-- {mark} -->\n).*?(?=<!-- end -->)", lambda found: found[1] + content, text,
                               flags=re.S)
        if places != 1:
            sys.exit(f"bench: src/bench/README.md has no place for the table '{mark}'")
    readme.write_text(text)


def save(results):
    write_tables(tables(results))
    plot(results, BENCH / "holes.svg")
    kept = {name: {label: results["paths"][label][name] for label in BUDGETED} for name in list(MNEME)[:2]}
    (BENCH / "budget.json").write_text(json.dumps({"compiler": results["compiler"], "rows": kept}, indent=1) + "\n")


def main():
    how = sys.argv[1] if len(sys.argv) > 1 else ""
    if how == "--check":
        sys.exit(check())
    if how == "--speed":
        driver_speed()
        threads = table(["processor time of an operation, ns", *THREADS.values()], threads_rows())
        print(threads)
        if "--save" in sys.argv:
            write_tables({"threads": threads})
        return
    results = measure()
    (BUILD / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(results["compiler"], *tables(results).values(), sep="\n\n")
    if how == "--save":
        save(results)


main()
