# How lit runs the tests of one variant. The rendered lit.site.cfg.py loads this file.
#
#   %mneme   the driver                          %runner  what a C++ program has to be prefixed with
#   %build   build/VARIANT: tests/, misuse/, …   %source  the top of the source tree
#   %tools   the tools folder                 %this    the program of a unit test, bare
#                                             %helgrind  goes before it, where Valgrind watches its
#                                                        threads; it is built on atomics that say so
#   %folder of NAME  all unit tests of a folder, where tools/check runs them in one process
#   %scripts  the scripts of spec and regression that state their own results
#   %word    the bytes of a machine word      %fatal   compares with the CHECK lines, where W is %word
#
# A variant's name is a feature: `REQUIRES: asan`, `UNSUPPORTED: valgrind`. So is `full`, the tests that
# take too long for tools/check; it alone leaves them out. And `g++`, if there is one that is new enough;
# and `clang++-19` and `boost-asio`, if they are there; `mneme-mpi`, if it was built and there is an mpirun; and
# `plain-path`, where the tree's path is one word to a shell.
import os
import shutil
import sys
from pathlib import Path

import lit.formats
import lit.util

sys.path.insert(0, f"{config.source}/tools")
from plain_path import is_plain, plain_path

if is_plain(config.source):
    config.available_features.add("plain-path")
else:
    # lit puts paths into commands as they are, and a shell would cut this one at its blank: the tests see the
    # tree through a link, which lit must not resolve.
    lit.util.abs_path_preserve_drive = os.path.abspath
    config.source = str(plain_path(config.source))
config.build = f"{config.source}/build/{config.variant}"

config.name = f"mneme-{config.variant}"
config.test_source_root = f"{config.source}/lit-tests"
config.test_exec_root = f"{config.build}/lit"
config.test_format = lit.formats.ShTest(execute_external=True)  # bash, with pipefail
config.suffixes = {".mn", ".test", "_test.cpp"}
config.excludes = {"Inputs"}
config.excludes |= set(config.without_program)
if not config.has_driver:
    config.suffixes = {".test", "_test.cpp"}
    config.excludes |= {"cli", "driver", "scenarios", "tools"}
config.available_features.add(config.variant)
if config.lacking:
    config.unsupported = True
    lit_config.note(f"{config.name} is unsupported, because {config.lacking}")
if "full" in lit_config.params:
    config.available_features.add("full")
else:
    if "repeated" not in lit_config.params:  # tools/mutants runs one variant alone
        config.excludes |= set(config.repeated_tests)
    together = {file.parent.name for file in Path(config.test_source_root).rglob("the_folder_in_one_process.test")}
    config.excludes |= {test for program, tests in config.in_one_process.items() if program.split("_")[0] in together
                        for test, is_plain in tests.items() if is_plain}
scripts = [file for folder in ("spec", "regression") for file in Path(config.test_source_root, folder).rglob("*.mn")]
if config.variant in ("valgrind", "asan") and "full" not in lit_config.params:  # asan: spec/all_scripts_in_one_process.test
    config.excludes |= {file.name for file in scripts}
if config.has_gcc:
    config.available_features.add("g++")
if config.has_mpi and shutil.which("mpirun"):
    config.available_features.add("mneme-mpi")
elif config.variant == "release" and "full" in lit_config.params:
    lit_config.note("mneme-mpi is not tested, because " + ("there is no mpirun: install the package openmpi-bin"
                    if config.has_mpi else "it was not built: ./configure.py --mpi"))
if shutil.which("clang++-19"):
    config.available_features.add("clang++-19")
if Path("/usr/include/boost/asio.hpp").exists():
    config.available_features.add("boost-asio")
if config.runner_of_m32:
    config.available_features.add("emulated")
if config.variant in ("quarantine", "hardened"):
    config.available_features.add("asan")
if config.variant == "model":  # a suite of its own, whose programs are built once
    config.test_source_root += "/models"
    config.suffixes = {".test", "_model.cpp"}
else:
    config.excludes.add("models")
if config.variant not in ("release", "debug"):  # the same programs, whatever the variant
    config.excludes.add("firmware")
lit_config.maxIndividualTestTime = 600  # twenty times what the longest takes

valgrind = "valgrind -q --error-exitcode=99 --leak-check=full"
helgrind = "valgrind -q --error-exitcode=99 --tool=helgrind --fair-sched=try"
runner = {"valgrind": valgrind, "m32": config.runner_of_m32,
          "tysan": f"{config.source}/lit-tests/sanitizers/tysan_runner.sh"}.get(config.variant, "")
folders = {}  # the name of each: the commands that run its unit tests
for program, tests in config.in_one_process.items():
    without = "".join(f" -sfe='*/{test}'" for test, is_plain in tests.items() if not is_plain)
    command = f"{config.build}/tests/{program} -sf='*'{without}"
    folders.setdefault(program.split("_")[0], []).append(f"{valgrind} {command}")
    if program.endswith("_helgrind"):
        folders[program.split("_")[0]].append(f"{helgrind} {command}")
word = 4 if config.variant == "m32" else 8
config.substitutions += [
    (r"%mneme\b", f"{runner} {config.build}/mneme".strip()),
    (r"%runner\b", runner),
    (r"%this\b", f"{config.runner_of_m32} {config.build}/tests/$(basename %s .cpp)".strip()),
    (r"%helgrind\b", helgrind if config.variant == "valgrind" else ""),
    (r"%fatal\b", f"FileCheck %s --match-full-lines -D#W={word}"),
    (r"%word\b", str(word)),
    (r"%scripts\b", " ".join(str(file) for file in scripts if "\n# RUN: %mneme run --check %s\n" in file.read_text())),
    *((f"%folder of {name}", " && ".join(commands)) for name, commands in folders.items()),
    (r"%build\b", config.build),
    (r"%tools\b", f"{config.source}/tools"),
    (r"%source\b", config.source),
]

# The options of sanitizers come from here alone, whatever the caller's environment says.
for name in list(config.environment):
    if name.endswith("_OPTIONS") or name.endswith("_SYMBOLIZER_PATH") or name == "LD_PRELOAD":
        del config.environment[name]
config.environment |= {
    "PATH": f"{config.llvm_bin}:{config.environment['PATH']}",
    "LC_ALL": "C.UTF-8",
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "LSAN_OPTIONS": "report_objects=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    # What libraries compare and measure was written without MSan's knowledge.
    "MSAN_OPTIONS": "intercept_memcmp=0:intercept_strcmp=0:intercept_strlen=0",
    "RTSAN_OPTIONS": "halt_on_error=1",
    # Whoever runs the tests as root, as in a container, means to.
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}
