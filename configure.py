#!/usr/bin/python3
"""Finds the tools, and renders build.ninja.in (rules) to build.ninja (what is built from what).

There is no other description of the build: what lies in a folder is built by that folder's rule.

    src/driver/**/*.cpp             ->  build/VARIANT/mneme
    src/examples/NAME.cpp           ->  build/VARIANT/examples/NAME
    src/firmware                    ->  by tools/firmware, for targets that are not this machine
    lit-tests/**/NAME_test.cpp      ->  build/VARIANT/tests/NAME_test; in a folder `driver` with the driver's library,
                                        in `alone` by itself; those in `threads`, `races` and `adapters` by tsan, too
    lit-tests/misuse/NAME.cpp       ->  build/VARIANT/misuse/NAME
    lit-tests/models/NAME_model.cpp ->  build/model/NAME_model
    src/mpi/*.cpp                   ->  build/release/mneme-mpi, with --mpi alone
    fuzz/NAME.cpp                   ->  build/fuzz/NAME, a libFuzzer target, and build/fuzz-coverage/NAME

The driver is compiled as two batches, the unit tests of a folder as some, the models as one: all include
the same headers, and reading those is much of the work. A test is then a name for the program of its folder, which runs
what was asked for by that name. Files of a batch share one unnamed namespace.

`ninja` builds release; `ninja check` runs the essential tests, `ninja check-full` all there are,
`ninja check-VARIANT` those of one variant, `ninja check-model` the searches of the models.
`ninja fuzz` builds the fuzz targets, and build/fuzz/mneme with the same sanitizers.
`ninja install` copies the library and its packages to --prefix, as tools/package does.
Checks of the text: `ninja headers`, `ninja tidy` (`tidy-sources` leaves the tests out),
`ninja alone`, `ninja format-check`, `ninja house-rules`.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CLANG = "clang++-22"
GCC = "g++"
LLVM_BIN = "/usr/lib/llvm-22/bin"
# Debian's own interpreter, whatever `python3` is on the PATH: lit needs Debian's psutil module.
LIT = f"/usr/bin/python3 {LLVM_BIN}/lit"

# doctest uses __COUNTER__, an extension to clang; g++ ignores a -Wno- that it does not know.
# Without a handler around each assertion tests compile faster; an exception ends its test case, which fails.
COMMON = ("-std=c++23 -pthread -Iinclude -Isrc -Ilit-tests -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion "
          "-Wshadow -Wold-style-cast -Wnon-virtual-dtor -Wno-c2y-extensions -Werror "
          "-DDOCTEST_CONFIG_NO_TRY_CATCH_IN_ASSERTS")
# g++ 12 rejects __int128 as pedantic, and takes coroutines in an optional for uninitialized.
GCC_WARNINGS = "-Wno-pedantic -Wno-maybe-uninitialized"
ASAN = ("-fsanitize=address,undefined,implicit-conversion,local-bounds,"
        "float-divide-by-zero -fno-sanitize-recover=all -fno-sanitize-trap=local-bounds "
        "-fno-omit-frame-pointer")
VARIANTS = {  # name: (compiler, flags)
    "release": (CLANG, "-O2"),
    "debug": (CLANG, "-O0 -g"),
    "asan": (CLANG, f"-O1 -g1 {ASAN}"),
    "tsan": (CLANG, "-O0 -g1 -fsanitize=thread"),
    # Valgrind watches what g++ makes of the same sources. Debian's reads DWARF 4 at most.
    "valgrind": (GCC, f"-O0 -gdwarf-4 -g1 {GCC_WARNINGS} -DMNEME_VALGRIND"),
    "gcc": (GCC, f"-O2 -g1 {GCC_WARNINGS}"),
    "quarantine": (CLANG, f"-O1 -g1 {ASAN} -DMNEME_QUARANTINE=8"),
    "unchecked": (CLANG, f"-O1 -g1 {ASAN} -DMNEME_CHECKED=0"),
    "hardened": (CLANG, f"-O1 -g1 {ASAN} -DMNEME_CHECKED=2"),
    "msan": (CLANG, "-O1 -g1 -fsanitize=memory -fsanitize-memory-track-origins=2 "
                    "-fsanitize-ignorelist=lit-tests/sanitizers/msan.ignore"),
    "tysan": (CLANG, "-O1 -g1 -fsanitize=type"),
    "rtsan": (CLANG, "-O1 -g1 -fsanitize=realtime"),
    "m32": (CLANG, "-m32 -O1 -g1"),
}
LLD = " -fuse-ld=lld-22"  # takes a third of the time of GNU ld
# For the tests whose threads Helgrind watches.
HELGRIND = "-DMNEME_ATOMIC_HEADER='\"../../lit-tests/support/helgrind_atomic.hpp\"'"
# What tools/check builds and runs; the models are one more suite. Of release it has the driver and its scripts; the unit
# tests that asan has too are run by release with --quick and --full.
CHECKS = {"check": ("release", "asan", "tsan", "valgrind", "model"),
          "check-quick": ("release", "debug"),
          "check-full": (*VARIANTS, "model")}
# Variants without the driver: it has one thread, prints what the quarantine changes, stands on the
# checks, builds on libraries that MSan cannot look into and that come for one width at a time, and is too
# slow under TypeSanitizer. Of the tests, tsan has those with threads, unchecked those that misuse nothing;
# valgrind has the driver for its scripts, which only --full runs, without the unit tests of its parts.
CORE_ONLY = ("tsan", "quarantine", "unchecked", "hardened", "msan", "tysan", "m32")
WITHOUT_MISUSES = ("tsan", "unchecked")
FIRMWARE = "src/firmware/"
MPI = "src/mpi/"
DRIVER_MAIN = "src/driver/commands/main.cpp"
# Of the driver, what runs once a command is a batch that is not optimized: libraries for options, JSON and
# formatting are most of its code. All else runs at every step, line or state, and is one that is.
RUN_ONCE = ("commands", "report")
RUN_ONCE_OF_OTHERS = ("advice", "command_words", "diagnostic", "explain", "fit", "format_script", "machine_memory", "mend",
                      "program_check", "schedule", "text_start", "verdict", "window")
RUN_AT_EVERY_STEP = ("run", "script_runner", "transcript", "wait_histograms")
NOT_OPTIMIZED = ("build/batches/driver-once.cpp", "lit-tests/support/doctest_main.cpp")
# Unit tests that are not optimized compile in a third of the time. With ASan only those of these folders are: they show
# UBSan's checks of the sizes of objects and of local arrays, which need optimized code, or search for long.
OPTIMIZED_WITH_ASAN = ("sanitizers", "testing")
BATCH_FILES = 12  # of tests: larger batches take longer than their parts, and leave other cores idle
# A batch is found from the top of the tree. Its files see each other's names, so that a local one may
# hide one of another file; g++ still warns of a local name that hides a local one, and takes a batch's files for
# headers, whose unnamed namespaces it suspects.
BATCH = "-I. -Wno-shadow"
BATCH_GCC = f"{BATCH} -Wshadow=local -Wno-subobject-linkage"
# relacy knows no sized delete; and counters, by which nothing decides, would only add steps.
MODEL = "-O2 -g1 -fno-sized-deallocation -DMNEME_STATS=0"
FUZZ_THREADED = ["fuzz/threads.cpp"]  # built with ThreadSanitizer
FUZZED = "-fsanitize=fuzzer-no-link"
# What clang-tidy reads file by file, as names in it mean something to all; and folders whose files are programs, by the
# name of their entry.
EACH_ALONE = ("lit-tests/sanitizers", "lit-tests/models/Inputs", "src/bench", "fuzz/support", "fuzz/schedule.cpp",
              "lit-tests/support/helgrind_atomic.hpp", "lit-tests/support/may_wait.hpp",
              "lit-tests/support/observing_atomic.hpp", "lit-tests/support/tasks.hpp",
              "src/examples/static_frames.cpp", "src/examples/task.hpp")
OF_PROGRAMS = {"src/examples": "main", "lit-tests/misuse": "main", "fuzz": "LLVMFuzzerTestOneInput"}
# All that the harness with threads needs of the driver, which else is built a third time.
FUZZ_CODEC = ("byte_codec", "command_table", "diagnostic", "format_op")

# The core compiles without exceptions and RTTI, at each level of checks, by both compilers.
BARE = "-fno-exceptions -fno-rtti"
HEADER_CHECKS = {  # name: (compiler, flags)
    "clang-checked": (CLANG, BARE),
    "clang-hardened": (CLANG, f"{BARE} -DMNEME_CHECKED=2 -DMNEME_QUARANTINE=8"),
    "clang-unchecked": (CLANG, f"{BARE} -DMNEME_CHECKED=0 -DMNEME_STATS=0"),
    "gcc-checked": (GCC, BARE),
    "gcc-hardened": (GCC, f"{BARE} -DMNEME_CHECKED=2 -DMNEME_QUARANTINE=8"),
    "gcc-unchecked": (GCC, f"{BARE} -DMNEME_CHECKED=0 -DMNEME_STATS=0"),
}

TOOLS = {  # command: (Debian package, lowest major version)
    CLANG: ("clang-22", 22),
    GCC: ("g++", 12),
    "ninja": ("ninja-build", 1),
    "valgrind": ("valgrind", 3),
    "cmake": ("cmake", 3),
    "pkg-config": ("pkg-config", 1),
    "clang-tidy-22": ("clang-tidy-22", 22),
    "clang-format-22": ("clang-format-22", 22),
    "ld.lld-22": ("lld-22", 22),
    f"{LLVM_BIN}/lit": ("llvm-22-tools", 22),
    f"{LLVM_BIN}/FileCheck": ("llvm-22-tools", 22),
    f"{LLVM_BIN}/llvm-symbolizer": ("llvm-22", 22),
}
LIBRARIES = {  # header: Debian package
    "fmt/format.h": "libfmt-dev",
    "CLI/CLI.hpp": "libcli11-dev",
    "nlohmann/json.hpp": "nlohmann-json3-dev",
    "doctest/doctest.h": "doctest-dev",
    "valgrind/memcheck.h": "valgrind",
    "sanitizer/asan_interface.h": "libclang-rt-22-dev",
    "relacy/relacy.hpp": "relacy-dev",
    "asio.hpp": "libasio-dev",
}
# All that building the driver needs.
FOR_DRIVER = {CLANG, "ninja", "fmt/format.h", "CLI/CLI.hpp", "nlohmann/json.hpp"}
# What only some suites of tests need: without it, those alone are unsupported.
ONLY_FOR = {"valgrind": ("valgrind",), "valgrind/memcheck.h": ("valgrind",), GCC: ("gcc", "valgrind"),
            "relacy/relacy.hpp": ("model",)}


def find_mpi():
    """What it takes to compile and to link with Open MPI; stops if it is not there."""
    if not shutil.which("mpicc") or not output_of("mpicc", "--showme:compile"):
        sys.exit("configure.py: error: Open MPI not found: install the packages libopenmpi-dev and openmpi-bin")
    return {what: output_of("mpicc", f"--showme:{what}").strip().replace("-I", "-isystem ")
            for what in ("compile", "link")}


def try_32_bits():
    """What a 32-bit program has to be prefixed with on this machine; and, if it cannot build or run one, why."""
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/program"
        # Of the C++ library's headers, <vector> includes one that each width has of its own.
        built = subprocess.run([CLANG, "-m32", "-xc++", "-", "-o", program], input="#include <vector>\nint main() {}",
                               capture_output=True, text=True)
        if built.returncode:
            return "", f"{CLANG} -m32 builds no program: install the package g++-multilib"
        for prefix in ("", "qemu-i386"):
            try:
                if subprocess.run([*prefix.split(), program], capture_output=True).returncode == 0:
                    return prefix, ""
            except OSError:
                pass
        return "", "the kernel runs no 32-bit programs: install the package qemu-user"


def output_of(*command, text=""):
    return subprocess.run(command, input=text, capture_output=True, text=True).stdout


def check_tools(driver_only):
    """{suite: why this machine cannot run it}. Stops, with one line for each thing that is missing and
    the package that has it, if nothing can be built at all."""
    missing, unsupported = [], {}

    def lacks(what, why):
        if driver_only and what not in FOR_DRIVER:
            return
        if what in ONLY_FOR:
            unsupported.update(dict.fromkeys(ONLY_FOR[what], why))
        else:
            missing.append(why)

    for tool, (package, lowest) in TOOLS.items():
        if not shutil.which(tool):
            lacks(tool, f"{tool} not found: install the package {package}")
            continue
        version = re.search(r"(\d+)\.\d+", output_of(tool, "--version"))
        if not version or int(version[1]) < lowest:
            found = version[0] if version else "unknown"
            lacks(tool, f"{tool} has version {found}, needed is {lowest} or later ({package})")
    if shutil.which(CLANG):
        probe = "".join(f"#if !__has_include(<{header}>)\n{header}\n#endif\n"
                        for header in LIBRARIES)
        for header in output_of(CLANG, "-E", "-P", "-xc++", "-", text=probe).split():
            lacks(header, f"<{header}> not found: install the package {LIBRARIES[header]}")
        if not driver_only and (why := try_32_bits()[1]):
            unsupported["m32"] = why
    if subprocess.run(["/usr/bin/python3", "-c", "import psutil"], capture_output=True).returncode:
        lacks("psutil", "Debian's module psutil not found: install the package python3-psutil")
    if missing:
        sys.exit("\n".join(f"configure.py: error: {line}" for line in missing))
    for suite, why in unsupported.items():
        print(f"configure.py: {suite} is unsupported, because {why}", file=sys.stderr)
    return unsupported


edges = []  # the text of each
mpi = {}  # find_mpi(), with --mpi
outputs = set()  # of all of them


def add(output, rule, inputs=(), implicit=(), **variables):
    """Adds a build edge and returns its output. Files are given relative to ROOT."""
    outputs.add(output)
    edges.append(f"build {output}: {rule} {' '.join(inputs)} | {' '.join(implicit)}\n"
                 + "".join(f"  {name} = {value}\n" for name, value in variables.items()))
    return output


def use_raw_heaps(rows):
    """Writes the header that adds rows, each PATH:TYPE, to src/raw_heaps/table.hpp; returns the flag that makes the
    table include it."""
    includes, types = "", ""
    for row in rows:
        path, _, name = row.partition(":")
        if not name or not Path(path).is_file():
            sys.exit(f"configure.py: error: --raw-heap={row}: expected PATH:TYPE, a header and the class in it")
        includes += f'#include "{Path(path).resolve()}"\n'
        types += f", ::{name.removeprefix('::')}"
    if not rows:
        return ""
    header = ROOT / "build/raw_heaps.hpp"
    header.parent.mkdir(exist_ok=True)
    # Warnings of code from outside are not the tree's.
    header.write_text(f"#pragma once\n#pragma GCC system_header\n{includes}#define MNEME_EXTRA_RAW_HEAPS {types}\n")
    return " -DMNEME_EXTRA_RAW_HEAPS_HEADER='\"../../build/raw_heaps.hpp\"'"


def sources(pattern):
    """The files of a pattern; those of bare metal, which only tools/firmware compiles, if it names their folder."""
    files = sorted(str(file.relative_to(ROOT)) for file in ROOT.glob(pattern))
    return [file for file in files if FIRMWARE in pattern or not file.startswith(FIRMWARE)]


def optimization_of(file, variant=""):
    """What goes behind a variant's flags."""
    # TypeSanitizer takes the library's strings for violations where they are not optimized.
    return "-O0" if file in NOT_OPTIMIZED and variant != "tysan" else ""


def linker_of(variant):
    """What is built for tests alone is linked by lld. Not release, which users build, nor what g++ makes: with GNU ld
    Valgrind finds more names."""
    return LLD if VARIANTS[variant][0] == CLANG and variant != "release" else ""


def driver_part(file):
    """Of two parts of about equal cost: what runs once a command, and what runs often."""
    folder, stem = Path(file).parent.name, Path(file).stem
    if stem in RUN_ONCE_OF_OTHERS or folder in RUN_ONCE and stem not in RUN_AT_EVERY_STEP:
        return "once"
    return "often"


def driver_batches():
    parts = {"often": [], "once": []}
    for file in [file for file in sources("src/driver/**/*.cpp") if file != DRIVER_MAIN]:
        parts[driver_part(file)].append(file)
    return [batch(f"driver-{part}", files) for part, files in parts.items()]


def misuses():
    return [file for file in sources("lit-tests/misuse/*.cpp") if not file.endswith("_test.cpp")]


def batch(name, files, folder="build/batches"):
    """A source file that includes these; it is written only if it changes."""
    return write_if_new(f"{folder}/{name}.cpp", "".join(f'#include "{file}"\n' for file in files))


def batch_of_programs(files, folder, entry="main"):
    """The same for files that each have a main(), or another entry: each in a namespace of its own, behind all that
    they include. The main() of the batch calls the one of the file that it is called by the name of."""
    texts = {file: (ROOT / file).read_text() for file in files}
    includes = sorted({"#include <string_view>", *(line for text in texts.values()
                                                   for line in re.findall("^#include .*$", text, re.MULTILINE))})
    calls = "".join(f'  if (name == "{Path(file).stem}") return program_{number}::main_{number}();\n'
                    for number, file in enumerate(files) if file.endswith(".cpp") and entry == "main")
    return write_if_new(f"{folder}/batch.cpp", "\n".join(includes) + "".join(
        f'\nnamespace program_{number} {{\n#define {entry} {entry}_{number}  // NOLINT\n#include "{file}"\n'
        f"#undef {entry}\n}}  // namespace program_{number}\n" for number, file in enumerate(files))
        + f"int main(int /*argc*/, char** argv) {{\n  std::string_view name = argv[0];\n"
          f"  name.remove_prefix(name.rfind('/') + 1);\n{calls}  return 2;\n}}\n")


def write_if_new(name, text):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
    return name


def is_alone(test):
    """Changes the library or the whole program that it is built with, so no batch may hold it."""
    return "alone" in Path(test).parts


def uses_driver(test):
    """Tests of the core are built without the driver, so that neither waits for the other."""
    return "driver" in Path(test).parts


def has_threads(test):
    return not is_alone(test) and not {"threads", "races", "adapters"}.isdisjoint(Path(test).parts)


def folder_of(test):
    """The name of a test's folder, whatever the folders in it say of how the test is built."""
    return [part for part in Path(test).parent.parts if part not in ("alone", "driver", "threads")][-1]


def tests_without_program(variant):
    """The tests whose program a variant does not build."""
    left_out = [Path(file).name for file in sources("lit-tests/**/*_test.cpp")
                if (variant in (*CORE_ONLY, "valgrind") and uses_driver(file))
                or (variant == "tsan" and not has_threads(file))]
    if variant in WITHOUT_MISUSES:
        left_out += [Path(file).name for file in misuses()]
    if variant == "tsan":
        left_out += [f"{Path(file).stem}.test" for file in sources("src/examples/*.cpp")]
    return left_out


def is_run_by(variant, test, more=("full",)):
    """Whether its line `REQUIRES: a || !b || full`, if there is one, is true of the variant, with more features or
    with --full."""
    required = re.search(r"^// REQUIRES: (.*)$", (ROOT / test).read_text(), re.MULTILINE)
    features = {variant, "asan"} if variant in ("quarantine", "hardened") else {variant}
    return not required or any(each[1:] not in features if each[0] == "!" else each in features.union(more)
                               for each in required[1].split(" || "))


def is_repeated(variant, test):
    """Whether release repeats, for --quick and --full, what asan runs in tools/check."""
    return variant == "release" and is_run_by("asan", test, ())


def in_one_process(variant):
    """{a program of several unit tests: {the name of each: whether tools/check runs it together with the others}}.
    A test with commands of its own is run by itself."""
    def is_plain(file):
        plain = {f"%runner %build/tests/{Path(file).stem}", "%if valgrind %{ %helgrind %this %}"}
        return plain.issuperset(re.findall(r"^// RUN: (.*)$", (ROOT / file).read_text(), re.MULTILINE))

    return {name: {Path(file).name: is_run_by(variant, file, ()) and is_plain(file) for file in files}
            for (name, _), files in test_programs(variant).items() if len(files) > 1}


def test_programs(variant):
    """{(name of a program, its own flags): the unit tests in it}"""
    left_out = tests_without_program(variant)
    together = {}
    for file in sources("lit-tests/**/*_test.cpp"):
        if Path(file).name in left_out or not is_run_by(variant, file):
            continue
        name, flags = folder_of(file), ""
        if uses_driver(file):
            name = f"{name}_driver"
        if variant == "valgrind" and "%helgrind" in (ROOT / file).read_text():
            name, flags = f"{name}_helgrind", HELGRIND
        if is_alone(file) or not is_run_by("asan", file):
            name = Path(file).stem
        together.setdefault((name, flags), []).append(file)
    return {(name if len(files) > 1 else Path(files[0]).stem, flags): files for (name, flags), files in together.items()}


def add_driver(variant):
    """The driver of a variant; returns the library of all of it but main()."""
    out, archive = f"build/{variant}", f"build/{variant}/libdriver.a"
    if archive in outputs:
        return archive
    compiler, flags = VARIANTS[variant]
    if variant == "asan":
        flags += f" {FUZZED}"  # so that the fuzzers need none of their own

    def compile_one(source):
        return add(f"{out}/obj/{source}.o", "compile", [source], compiler=compiler,
                   flags=f"{COMMON} {flags} {optimization_of(source, variant)} -I.")

    # The first of several copies of a template is the one that runs: an optimized one.
    parts = [compile_one(part) for part in driver_batches()]
    add(f"{out}/mneme", "link", [*parts, compile_one(DRIVER_MAIN)], compiler=compiler,
        flags=f"{COMMON} {flags}{linker_of(variant)}", libraries="-lfmt")
    return add(archive, "archive", parts)


def add_mpi():
    """mneme-mpi, on the driver of release; mneme itself is never linked with MPI."""
    compiler, flags = VARIANTS["release"]
    objects = [add(f"build/release/obj/{source}.o", "compile", [source], compiler=compiler,
                   flags=f"{COMMON} {flags} {mpi['compile']}") for source in sources("src/mpi/*.cpp")]
    return add("build/release/mneme-mpi", "link", [*objects, add_driver("release")], compiler=compiler,
               flags=f"{COMMON} {flags}", libraries=f"{mpi['link']} -lfmt")


def add_variant(variant):
    """What is built for one variant, under build/VARIANT, and the target VARIANT for all of it."""
    out, programs = f"build/{variant}", []

    def compile_one(source, flags=""):
        return add(f"{out}/obj/{source}.o", "compile", [source], compiler=f"$compiler_{variant}",
                   flags=f"$flags_{variant} {optimization_of(source, variant)} {flags}")

    def link(name, objects, libraries=""):
        program = add(f"{out}/{name}", "link", objects, compiler=f"$compiler_{variant}",
                      flags=f"$flags_{variant}{linker_of(variant)}", libraries=libraries)
        programs.append(program)
        return program

    for_full = []  # of these programs, those that only --full runs
    if variant not in CORE_ONLY:
        archive = add_driver(variant)
        programs.append(f"{out}/mneme")
        if variant == "valgrind":
            for_full.append(programs[-1])
        if variant == "release" and mpi:
            programs.append(add_mpi())
            for_full.append(programs[-1])
    if variant != "tsan":
        for file in sources("src/examples/*.cpp"):
            link(f"examples/{Path(file).stem}", [compile_one(file)])
    if variant not in WITHOUT_MISUSES:  # a main() with another name should return
        flags = "-Wno-return-type"
        if VARIANTS[variant][0] == CLANG:
            flags += " -fno-strict-return -fno-sanitize=return"
        program = link("misuse/all", [compile_one(batch_of_programs(misuses(), "build/batches/misuse"),
                                                  f"{BATCH} {flags}")])
        programs += [add(f"{out}/misuse/{Path(file).stem}", "name", [program]) for file in misuses()]

    doctest_main = compile_one("lit-tests/support/doctest_main.cpp")
    for (name, flags), files in test_programs(variant).items():
        driver, libraries = ([archive], "-lfmt") if uses_driver(files[0]) else ([], "")
        if len(files) == 1:
            batches = files
        else:
            batches = [batch(f"{variant}/{name}-{first}", files[first:first + BATCH_FILES])
                       for first in range(0, len(files), BATCH_FILES)]
            flags = f"{flags} {BATCH_GCC if VARIANTS[variant][0] == GCC else BATCH}"
        if variant == "asan" and folder_of(files[0]) not in OPTIMIZED_WITH_ASAN:
            flags += " -O0"
        first = len(programs)
        objects = [*(compile_one(source, flags) for source in batches), doctest_main, *driver]
        program = link(f"tests/{name}", objects, libraries)
        if len(files) > 1:
            programs += [add(f"{out}/tests/{Path(file).stem}", "name", [program]) for file in files]
        if not any(is_run_by(variant, file, ()) and not is_repeated(variant, file) for file in files):
            for_full += programs[first:]
    add(variant, "phony", programs)
    add(f"{variant}-checked", "phony", sorted(set(programs).difference(for_full)))


def add_models():
    """The models that relacy searches, all in one program, and the target model."""
    models = sources("lit-tests/models/*_model.cpp")
    objects = [add(f"build/model/obj/{source}.o", "compile", [source], compiler=CLANG,
                   flags=f"{COMMON} {BATCH} {MODEL}")
               for source in ("lit-tests/models/Inputs/search.cpp", batch("models", models))]
    program = add("build/model/all", "link", objects, compiler=CLANG, flags=f"{COMMON} {MODEL}{LLD}")
    add("model", "phony", [add(f"build/model/{Path(file).stem}", "name", [program]) for file in models])


def add_fuzz():
    """The harnesses of fuzz/ in their three builds: each with its flags, and the files of the driver that it needs."""
    threaded = [file for file in sources("fuzz/*.cpp") if file in FUZZ_THREADED]
    others = [file for file in sources("fuzz/*.cpp") if file not in threaded]
    codec = [batch("fuzz-codec", [f"src/driver/language/{name}.cpp" for name in FUZZ_CODEC])]
    builds = {"fuzz": (VARIANTS["asan"][1], others, []),
              "fuzz-threads": (VARIANTS["tsan"][1], threaded, codec),
              "fuzz-coverage": ("-O1 -g1 -fprofile-instr-generate -fcoverage-mapping", others + threaded,
                                driver_batches())}
    for name, (flags, harnesses, driver) in builds.items():
        out = f"build/{name}"

        def compile_one(file):
            return add(f"{out}/obj/{file}.o", "compile", [file], compiler=CLANG,
                       flags=f"{COMMON} {flags} {FUZZED} -I.")

        shared = add(f"{out}/libshared.a", "archive",
                     [compile_one(file) for file in [*sources("fuzz/support/*.cpp"), *driver]])
        archives = [shared] if driver else [shared, add_driver("asan")]
        programs = [add(f"{out}/{Path(file).stem}", "link", [compile_one(file), *archives], compiler=CLANG,
                        flags=f"{flags} -fsanitize=fuzzer{LLD}", libraries="-lfmt") for file in harnesses]
        if name == "fuzz":
            programs.append("build/asan/mneme")  # to try what was found on
            add("fuzz", "phony", [*programs, "build/fuzz-threads/threads"])
        elif name == "fuzz-coverage":
            add(name, "phony", programs)


def build_of(check, variant):
    """The target of what a check needs of a variant."""
    return f"{variant}-checked" if check == "check" and variant != "model" else variant


def add_lit(target, variants):
    """The target that builds these variants and runs the lit suite of each in one process."""
    add(target, "lit", implicit=[build_of(target, variant) for variant in variants], xml=f"build/{target}.xml",
        parameters="" if target == "check" else "--param full",
        suites=" ".join(f"build/{variant}/lit" for variant in variants))


def add_tidy(has_models):
    """clang-tidy. It reads the files of a folder, or a part of the driver, as one batch, headers included, so that what
    they all include is looked through once; a copy of the tree's folders under build/tidy has the rules of each."""
    groups = {}  # (folder, name of the batch): its files
    for file in [file for top in ("include", "src", "fuzz", "lit-tests") for file in sources(f"{top}/**/*.[ch]pp")]:
        folder, name = Path(file).parent, Path(file).name
        if file.startswith(MPI) and not mpi:
            continue
        if folder.name == "Inputs" and "models" not in folder.parts or "models" in folder.parts and not has_models:
            continue  # other programs' files
        if folder.parts[:2] == ("src", "driver"):
            folder, name = folder.parent, f"{driver_part(file)}.cpp"
        elif folder.parts[0] == "include" or not ({file, str(folder)}.intersection(EACH_ALONE) or is_alone(file)):
            name = "batch_driver.cpp" if folder.parts[0] == "lit-tests" and uses_driver(file) else "batch.cpp"
        groups.setdefault((folder, name), []).append(file)
    rules = [".clang-tidy", *(file for top in ("src", "fuzz", "lit-tests") for file in sources(f"{top}/**/.clang-tidy"))]
    for file in rules:
        link = ROOT / "build/tidy" / file
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(ROOT / file)
    tidied = []
    for (folder, name), files in groups.items():
        place, flags = f"build/tidy/{folder}", f"-x c++ {COMMON} {BATCH} -Wno-pragma-once-outside-header"
        if (entry := OF_PROGRAMS.get(str(folder))) and len(files) > 1:  # a main() with another name must return
            source, flags = batch_of_programs(files, place, entry), f"{flags} -I{folder} -Wno-return-type"
        else:
            source = batch(Path(name).stem, files, place)
        if source.startswith(f"build/tidy/{MPI}"):
            flags += f" {mpi['compile']}"
        headers = f"{folder}/[a-z]*" if str(folder) == "src/driver" else folder
        tidied.append(add(f"{place}/{name}.ok", "tidy", [source], rules, folder=headers, flags=flags))
    add("tidy", "phony", tidied)
    add("tidy-sources", "phony", [file for file in tidied if "/lit-tests/" not in file or "/support/" in file])


def add_text_checks(variants, unsupported):
    """headers, tidy, tidy-sources, format-check, house-rules: checks of the text, the same for all variants."""
    adapters = [*sources("include/mneme/adapters/*.hpp"), *sources("include/mneme/testing/*.hpp")]
    core = [file for file in sources("include/mneme/**/*.hpp") if file not in adapters]
    others = [file for file in sources("src/**/*.hpp") + sources("fuzz/**/*.hpp") if not file.startswith(MPI)]

    def header(name, file, compiler, flags):
        return add(f"build/headers/{name}/{file}.ok", "header", [file], compiler=compiler,
                   flags=f"{COMMON} {flags}")

    # That each includes what it needs is seen once; the other ways are about all of them together.
    alone = next(iter(HEADER_CHECKS))
    add("headers", "phony",
        [header(name, file, compiler, f"{flags} -I.")
         for name, (compiler, flags) in HEADER_CHECKS.items()
         if compiler == CLANG or "gcc" not in unsupported
         for file in (core if name == alone else [batch("headers", core)])]
        + [header("plain", file, CLANG, "") for file in adapters])
    # In a batch a test may use what another one includes; and a header of a program, what the files of its folder do.
    add("alone", "phony", [header("alone", file, CLANG, "") for file in others + sources("lit-tests/**/*_test.cpp")])

    add_tidy("model" not in unsupported)

    texts = [*core, *adapters, *sources("src/**/*.[ch]pp"), *sources(f"{FIRMWARE}*.[ch]pp"), *sources("fuzz/**/*.[ch]pp"),
             *sources("lit-tests/**/*.[ch]pp")]
    add("format-check", "phony",
        [add("build/format-check.ok", "format-check", texts, [".clang-format"])])
    add("house-rules", "house-rules")


def build_description(variants, unsupported, sites, prefix):
    """The text of build.ninja."""
    settings = f"arguments = {shlex.join(sys.argv[1:])}\nlit = {LIT}\nprefix = {shlex.quote(prefix)}\n"
    # Ninja starts in this order, and so the longest first: the batches of clang-tidy, the one of the models.
    add_text_checks(variants, unsupported)
    if "model" in unsupported:
        add("model", "phony")
    else:
        add_models()
    for variant in variants:
        compiler, flags = VARIANTS[variant]
        settings += f"compiler_{variant} = {compiler}\nflags_{variant} = {COMMON} {flags}\n"
        if variant in unsupported:
            add(variant, "phony")
        else:
            add_variant(variant)
        add_lit(f"check-{variant}", [variant])
    add_lit("check-model", ["model"])
    for check, wanted in CHECKS.items():
        suites = [suite for suite in (*variants, "model") if suite in wanted]
        add(f"build-{check}", "phony", [build_of(check, suite) for suite in suites])
        add_lit(check, suites)
    add_fuzz()
    database = add("build/compile_commands.json", "compdb", implicit=["build.ninja"])
    add(f"build.ninja | {' '.join(sites)}", "configure")
    add("install", "install")
    edges.append(f"default {variants[0]} {database}\n")
    return "\n".join([settings, (ROOT / "build.ninja.in").read_text(), *edges])


def in_depfile(file):
    """A path as ninja reads it in a depfile, with blanks and the like marked as part of it."""
    return re.sub(r"([ #])", r"\\\1", str(file)).replace("$", "$$")


def main():
    parser = argparse.ArgumentParser(description="Renders build.ninja; then run ninja.")
    parser.add_argument("--variants", default=",".join(VARIANTS), metavar="A,B,…",
                        help="what to build, the first by default (default: %(default)s)")
    parser.add_argument("--raw-heap", action="append", default=[], metavar="PATH:TYPE",
                        help="a raw heap of your own, from a header outside the tree: one more row of "
                             "src/raw_heaps/table.hpp; may be repeated")
    parser.add_argument("--mpi", action="store_true",
                        help="also build mneme-mpi, which explores by several processes, with Open MPI")
    parser.add_argument("--prefix", default="/usr/local", help="where `ninja install` installs (default: %(default)s)")
    parser.add_argument("--driver", action="store_true",
                        help="ask only for what building the driver needs: no test can be built")
    options = parser.parse_args()
    global COMMON
    COMMON += use_raw_heaps(options.raw_heap)
    if options.mpi:
        mpi.update(find_mpi())
    variants = options.variants.split(",")
    for variant in variants:
        if variant not in VARIANTS:
            parser.error(f"no variant '{variant}'; there are {', '.join(VARIANTS)}")
    unsupported = check_tools(options.driver)
    if variants[0] in unsupported:
        parser.error(f"the first variant cannot be built: {unsupported[variants[0]]}")

    suites = [*variants, "model"]
    sites = [f"build/{suite}/lit/lit.site.cfg.py" for suite in suites]
    for variant, site in zip(suites, sites):
        text = (ROOT / "lit-tests/lit.site.cfg.py.in").read_text()
        for word, value in {"root": ROOT, "llvm_bin": LLVM_BIN, "variant": variant,
                            "without_program": tests_without_program(variant),
                            "repeated_tests": [Path(file).name for file in sources("lit-tests/**/*_test.cpp")
                                               if is_repeated(variant, file)],
                            "has_driver": variant not in CORE_ONLY,
                            "in_one_process": in_one_process(variant) if variant == "valgrind" else {},
                            "lacking": unsupported.get(variant, ""),
                            "runner_of_m32": try_32_bits()[0] if variant == "m32" else "",
                            "has_mpi": bool(mpi), "has_gcc": "gcc" not in unsupported}.items():
            text = text.replace(f"@{word}@", str(value))
        (ROOT / site).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / site).write_text(text)

    # A folder's time changes when a file in it comes or goes; then all this is due again. The folder
    # of the harnesses by its whole path: `fuzz` alone is the target that builds them all.
    looked_at = ["configure.py", "build.ninja.in", "lit-tests/lit.site.cfg.py.in",
                 *sources("include/**/"), *sources("src/**/"), *sources("lit-tests/**/"),
                 ROOT / "fuzz", "fuzz/support",
                 *sources("lit-tests/**/*_test.cpp")]
    dependencies = " ".join(in_depfile(file) for file in looked_at)
    (ROOT / "build/configure.d").write_text(f"build.ninja: {dependencies}\n")
    (ROOT / "build.ninja").write_text(build_description(variants, unsupported, sites, options.prefix))


if __name__ == "__main__":
    main()
