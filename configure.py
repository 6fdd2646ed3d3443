#!/usr/bin/python3
"""Finds the tools, and renders build.ninja.in (rules) to build.ninja (what is built from what).

There is no other description of the build: what lies in a folder is built by that folder's rule.

    src/driver/*.cpp                ->  build/VARIANT/mneme
    src/examples/NAME.cpp           ->  build/VARIANT/examples/NAME
    lit-tests/FOLDER/NAME_test.cpp  ->  build/VARIANT/tests/NAME_test
    lit-tests/misuse/NAME.cpp       ->  build/VARIANT/misuse/NAME

`ninja` builds release; `ninja check` runs all tests, `ninja check-VARIANT` those of one variant.
Checks of the text: `ninja headers`, `ninja tidy`, `ninja format-check`, `ninja house-rules`.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CLANG = "clang++-22"
LLVM_BIN = "/usr/lib/llvm-22/bin"
# Debian's own interpreter, whatever `python3` is on the PATH: lit needs Debian's psutil module.
LIT = f"/usr/bin/python3 {LLVM_BIN}/lit"

# doctest uses __COUNTER__, which clang takes for an extension; g++ ignores a -Wno- it does not know.
COMMON = ("-std=c++23 -pthread -Iinclude -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion "
          "-Wshadow -Wold-style-cast -Wnon-virtual-dtor -Wno-c2y-extensions -Werror")
ASAN = ("-fsanitize=address,undefined,implicit-conversion,local-bounds,nullability,"
        "float-divide-by-zero -fno-sanitize-recover=all -fno-omit-frame-pointer")
VARIANTS = {  # name: (compiler, flags)
    "release": (CLANG, "-O2 -g1"),
    "debug": (CLANG, "-O0 -g"),
    "asan": (CLANG, f"-O1 -g {ASAN}"),
    "tsan": (CLANG, "-O1 -g -fsanitize=thread"),
    # Debian's valgrind reads DWARF 4 at most, and needs GNU ld, clang's default here, to see names.
    "valgrind": (CLANG, "-O1 -gdwarf-4 -DMNEME_VALGRIND"),
    # -Wpedantic of g++, unlike that of clang, rejects __int128 wherever it stands.
    "gcc": ("g++", "-O1 -g -Wno-pedantic"),
}
QUICK = ("release", "debug")

# The core must compile without exceptions and RTTI, with all checks and with none, by both compilers.
BARE = "-fno-exceptions -fno-rtti"
HEADER_CHECKS = {  # name: (compiler, flags)
    "clang-checked": (CLANG, BARE),
    "clang-unchecked": (CLANG, f"{BARE} -DMNEME_CHECKED=0 -DMNEME_STATS=0"),
    "gcc-checked": ("g++", BARE),
    "gcc-unchecked": ("g++", f"{BARE} -DMNEME_CHECKED=0 -DMNEME_STATS=0"),
}

TOOLS = {  # command: (Debian package, lowest major version)
    CLANG: ("clang-22", 22),
    "g++": ("g++", 12),
    "ninja": ("ninja-build", 1),
    "valgrind": ("valgrind", 3),
    "clang-tidy-22": ("clang-tidy-22", 22),
    "clang-format-22": ("clang-format-22", 22),
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
}


def output_of(*command, text=""):
    return subprocess.run(command, input=text, capture_output=True, text=True).stdout


def check_tools(variants):
    """Stops with one line for each thing that is missing, naming the package that has it."""
    missing = []
    for tool, (package, lowest) in TOOLS.items():
        if tool == "valgrind" and tool not in variants:
            continue
        if not shutil.which(tool):
            missing.append(f"{tool} not found: install the package {package}")
            continue
        version = re.search(r"(\d+)\.\d+", output_of(tool, "--version"))
        if not version or int(version[1]) < lowest:
            found = version[0] if version else "unknown"
            missing.append(f"{tool} has version {found}, needed is {lowest} or later ({package})")
    if shutil.which(CLANG):
        probe = "".join(f"#if !__has_include(<{header}>)\n{header}\n#endif\n"
                        for header in LIBRARIES)
        absent = output_of(CLANG, "-E", "-P", "-x", "c++", "-", text=probe).split()
        missing += [f"<{header}> not found: install the package {LIBRARIES[header]}"
                    for header in absent]
        if not list(Path(output_of(CLANG, "-print-resource-dir").strip()).glob("lib/*/*asan*.a")):
            missing.append("sanitizer run-time not found: install the package libclang-rt-22-dev")
    if subprocess.run(["/usr/bin/python3", "-c", "import psutil"], capture_output=True).returncode:
        missing.append("Debian's module psutil not found: install the package python3-psutil")
    if missing:
        sys.exit("\n".join(f"configure.py: error: {line}" for line in missing))


class Edges:
    """Collects build edges. Files are given relative to ROOT, one as a string, several as a list."""

    def __init__(self):
        self.text = ""

    def add(self, outputs, rule, inputs="", implicit="", **variables):
        def join(files):
            return files if isinstance(files, str) else " ".join(files)

        self.text += f"build {join(outputs)}: {rule} {join(inputs)}"
        self.text += f" | {join(implicit)}\n" if implicit else "\n"
        self.text += "".join(f"  {name} = {value}\n" for name, value in variables.items())
        return outputs


def sources(pattern):
    return sorted(str(file.relative_to(ROOT)) for file in ROOT.glob(pattern))


def uses_driver(test):
    """Tests of the core are built without the driver, so that neither waits for the other."""
    return re.search(r'#include ["<].*driver/', (ROOT / test).read_text()) is not None


def add_variant(edges, variant):
    """What is built for one variant, under build/VARIANT, and the target VARIANT for all of it."""
    out = f"build/{variant}"
    programs = []

    def compile_one(source, flags=""):
        return edges.add(f"{out}/obj/{source}.o", "compile", source, compiler=f"$compiler_{variant}",
                         flags=f"$flags_{variant} {flags}".strip())

    def link(folder, source, objects, libraries=""):
        name = Path(folder, Path(source).stem) if folder else "mneme"
        programs.append(edges.add(f"{out}/{name}", "link", objects, compiler=f"$compiler_{variant}",
                                  flags=f"$flags_{variant}", libraries=libraries))

    main = "src/driver/main.cpp"
    archive = edges.add(f"{out}/libdriver.a", "archive",
                        [compile_one(file) for file in sources("src/driver/*.cpp") if file != main])
    for file in sources(main):
        link("", file, [compile_one(file), archive], "-lfmt")
    for file in sources("src/examples/*.cpp"):
        link("examples", file, [compile_one(file)])
    for file in sources("lit-tests/misuse/*.cpp"):
        if not file.endswith("_test.cpp"):
            link("misuse", file, [compile_one(file)])
    doctest_main = compile_one("lit-tests/doctest_main.cpp")
    for file in sources("lit-tests/*/*_test.cpp"):
        if uses_driver(file):
            link("tests", file, [compile_one(file, "-Isrc"), doctest_main, archive], "-lfmt")
        else:
            link("tests", file, [compile_one(file), doctest_main])
    edges.add(variant, "phony", programs)


def add_text_checks(edges, variants):
    """headers, tidy, format-check, house-rules: checks of the text, the same for all variants."""
    core = sources("include/mneme/**/*.hpp")
    others = sources("src/**/*.hpp")
    programs = sources("src/**/*.cpp") + sources("lit-tests/*/*.cpp")

    def header(name, file, compiler, flags):
        return edges.add(f"build/headers/{name}/{file}.ok", "header", file, compiler=compiler,
                         flags=f"{COMMON} {flags}")

    headers = [header(name, file, compiler, flags)
               for name, (compiler, flags) in HEADER_CHECKS.items() for file in core]
    headers += [header("plain", file, CLANG, "") for file in others]
    edges.add("headers", "phony", headers)

    # Each file is tidied by itself, and again whenever the edge that compiles it was due.
    compiled = {file: f"build/headers/clang-checked/{file}.ok" for file in core}
    compiled |= {file: f"build/headers/plain/{file}.ok" for file in others}
    compiled |= {file: f"build/{variants[0]}/obj/{file}.o" for file in programs}
    edges.add("tidy", "phony",
              [edges.add(f"build/tidy/{file}.ok", "tidy", file,
                         [edge, ".clang-tidy", "lit-tests/.clang-tidy"],
                         flags=f"-x c++ {COMMON} -Isrc -Wno-pragma-once-outside-header")
               for file, edge in compiled.items()])

    formatted = edges.add("build/format-check.ok", "format-check",
                          core + others + programs + sources("lit-tests/*.cpp"), ".clang-format")
    edges.add("format-check", "phony", formatted)
    edges.add("house-rules", "house-rules")


def add_lit(edges, target, variants):
    """The target that builds these variants and runs the lit suite of each in one process."""
    edges.add(target, "lit", implicit=variants, xml=f"build/{target}.xml",
              suites=" ".join(f"build/{variant}/lit" for variant in variants))


def build_description(variants, arguments, sites):
    """The text of build.ninja."""
    settings = f"arguments = {shlex.join(arguments)}\nlit = {LIT}\n"
    edges = Edges()
    for variant in variants:
        compiler, flags = VARIANTS[variant]
        settings += f"compiler_{variant} = {compiler}\nflags_{variant} = {COMMON} {flags}\n"
        add_variant(edges, variant)
        add_lit(edges, f"check-{variant}", [variant])
    add_lit(edges, "check", variants)
    quick = [variant for variant in variants if variant in QUICK]
    if quick:
        add_lit(edges, "check-quick", quick)
    add_text_checks(edges, variants)
    database = edges.add("build/compile_commands.json", "compdb", implicit="build.ninja")
    edges.add("build.ninja | " + " ".join(sites), "configure")
    edges.text += f"default {variants[0]} {database}\n"
    return "\n".join([settings, (ROOT / "build.ninja.in").read_text(), edges.text])


def main():
    parser = argparse.ArgumentParser(description="Renders build.ninja; then run ninja.")
    parser.add_argument("--variants", default=",".join(VARIANTS), metavar="A,B,…",
                        help="what to build, the first by default (default: %(default)s)")
    variants = parser.parse_args().variants.split(",")
    for variant in variants:
        if variant not in VARIANTS:
            parser.error(f"no variant '{variant}'; there are {', '.join(VARIANTS)}")
    check_tools(variants)

    sites = [f"build/{variant}/lit/lit.site.cfg.py" for variant in variants]
    for variant, site in zip(variants, sites):
        text = (ROOT / "lit-tests/lit.site.cfg.py.in").read_text()
        for word, value in {"root": ROOT, "llvm_bin": LLVM_BIN, "variant": variant}.items():
            text = text.replace(f"@{word}@", str(value))
        (ROOT / site).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / site).write_text(text)

    # A folder's time changes when a file in it comes or goes; then all this is due again.
    folders = [folder for folder in sources("include/**/") + sources("src/**/")
               + sources("lit-tests/**/") if "__pycache__" not in folder]
    looked_at = [*folders, *sources("lit-tests/*/*_test.cpp"), "configure.py", "build.ninja.in",
                 "lit-tests/lit.site.cfg.py.in"]
    (ROOT / "build/configure.d").write_text(f"build.ninja: {' '.join(looked_at)}\n")
    (ROOT / "build.ninja").write_text(build_description(variants, sys.argv[1:], sites))


main()
