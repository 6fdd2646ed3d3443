"""Cases for tools/fuzz. Usage: tools_fuzz_cases.py TOOLS, in an empty folder."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.dont_write_bytecode = True
TOOLS = Path(sys.argv.pop(1))
sys.path.insert(0, str(TOOLS))
from fuzzing import (cli, common, corpus, coverage, engine, overnight, report, shrink, smoke,
                     triage)
from fuzzing.common import STOPPING, Problem, Stopped
from fuzzing.store import Store

# Whatever nohup, or a shell's `&`, left ignored: what is started here hears of signals.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
PULSE = "#{0}: cov: {1} ft: {2} corp: 7 exec/s: 99 oom/timeout/crash: 0/0/{3} time: 1s"


def stand_in(name, *lines):
    """A program that does as a harness would."""
    path = Path(name).resolve()
    path.write_text("#!/bin/bash\n" + "\n".join(lines) + "\n")
    path.chmod(0o755)
    return path


def say(*numbers):
    return f"echo '{PULSE.format(*numbers)}' >&2"


def is_gone(marker):
    """Whether the process whose number a file holds ends, if not just now then soon."""
    stat = Path(f"/proc/{marker.read_text().strip()}/stat")
    for _ in range(50):
        with contextlib.suppress(OSError):
            if stat.read_text().split()[2] != "Z":
                time.sleep(0.1)
                continue
        return True
    return False


@contextlib.contextmanager
def stopped(seconds=0):
    """As if the user wished it, now or soon."""
    timer = threading.Timer(seconds, STOPPING.set)
    timer.start()
    if seconds == 0:
        timer.join()
    try:
        yield
    finally:
        timer.join()
        STOPPING.clear()


def main(*arguments):
    """The exit code of tools/fuzz."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before, handlers = sys.argv, list(map(signal.getsignal, numbers))
    sys.argv = ["fuzz", *arguments]
    try:
        return cli.main()
    finally:
        sys.argv = before
        list(map(signal.signal, numbers, handlers))
        STOPPING.clear()


def signal_behind(number, marker):
    """Sends a signal once there is a file."""
    def send():
        for _ in range(200):
            if marker.exists():
                break
            time.sleep(0.1)
        os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()


def run_as_harness(program, seconds=3):
    engine.program = lambda harness: program
    return engine.run_slice("heap_ops", Path("corpus"), Path("artifacts"), 1, seconds,
                            lambda slice_: None)


class Slices(unittest.TestCase):
    def test_counts_come_from_the_pulses(self):
        slice_ = run_as_harness(stand_in("good", say(10, 5, 100, 0), "touch artifacts/crash-$$",
                                         say(90, 6, 140, 1)))
        self.assertEqual((slice_.pulse.executions, slice_.pulse.coverage, slice_.pulse.failures,
                          slice_.gained, slice_.trouble), (90, 6, 1, 40, ""))

    def test_a_killed_worker_is_told(self):
        slice_ = run_as_harness(stand_in("killed", say(1, 1, 1, 0), "kill -KILL $$"))
        self.assertEqual(slice_.trouble, "ended by signal 9")

    def test_why_a_worker_ended_is_told(self):
        slice_ = run_as_harness(stand_in("bad", "echo 'ERROR: no such folder' >&2", "exit 3"))
        self.assertEqual(slice_.trouble, "ended by exit code 3: ERROR: no such folder")

    def test_the_end_of_the_last_job_by_a_kept_bug_is_no_trouble(self):
        for code in (70, 71, 77, 99):
            self.assertEqual(run_as_harness(stand_in("found", f"exit {code}")).trouble, "")

    def test_workers_that_die_without_a_word_are_told(self):
        slice_ = run_as_harness(stand_in("shot", say(1, 1, 1, 0), say(9, 1, 1, 3)))
        self.assertEqual(slice_.trouble, "3 workers died and left no input")

    def test_what_jobs_found_before_they_were_ended_is_kept(self):
        left = Path("artifacts/scratch/libFuzzerTemp.Killed1.dir/C7")
        left.mkdir(parents=True)
        (left / "early").write_text("by a run that was killed")
        # As libFuzzer does, it removes the folders of its jobs when it is asked to end.
        works = stand_in("works", "trap 'rm -r $TMPDIR/*; exit 72' TERM", say(9, 1, 1, 3),
                         "mkdir -p $TMPDIR/libFuzzerTemp.Fork2.dir/{C1,F1}",
                         "echo x > $TMPDIR/libFuzzerTemp.Fork2.dir/C1/late",
                         "echo x > $TMPDIR/libFuzzerTemp.Fork2.dir/F1/features", "sleep 60 & wait")
        with stopped(1):
            self.assertEqual(run_as_harness(works, 60).trouble, "")  # what failed is not cut short
        self.assertTrue(Path("corpus/early").exists() and Path("corpus/late").exists())
        self.assertFalse(Path("corpus/features").exists())
        self.assertFalse(Path("artifacts/scratch").exists())

    def test_inputs_that_a_full_disk_cut_go_and_are_told(self):
        whole, cut = "11f6ad8ec52a2984abaafd7c3b516503785c2072", "ab" * 20
        slice_ = run_as_harness(stand_in(
            "fills_disk", say(1, 1, 1, 0), f"printf x > corpus/{whole}; : > corpus/{cut}",
            "mkdir -p $TMPDIR/libFuzzerTemp.Fork3.dir/C1",
            f"for f in {whole} {cut[::-1]}; do : > $TMPDIR/libFuzzerTemp.Fork3.dir/C1/$f; done"))
        self.assertEqual(slice_.trouble, "3 inputs are not what they were, as on a full disk, and "
                         f"are in {engine.damaged(Path('corpus'))} now")
        self.assertTrue((engine.damaged(Path("corpus")) / cut).exists())
        self.assertEqual([name for name in (whole, cut, cut[::-1])
                          if Path("corpus", name).exists()], [whole])

    def test_a_worker_that_hangs_is_ended_with_all_it_started(self):
        engine.GRACE_SECONDS, before = 1, engine.GRACE_SECONDS
        start = time.monotonic()
        slice_ = run_as_harness(stand_in("hangs", "trap '' TERM", "sleep 60 & echo $! > child",
                                         "wait", "sleep 60"), seconds=1)
        self.assertEqual(slice_.trouble, "had to be ended 1 s behind its time")
        engine.GRACE_SECONDS = before
        self.assertLess(time.monotonic() - start, 20)
        self.assertTrue(is_gone(Path("child")))

    def test_a_hang_that_begins_late_in_a_slice_is_still_found(self):
        # libFuzzer looks at its clock every -timeout / 2 + 1 seconds only.
        timeout = next(int(option.partition("=")[2]) for option in common.options_of("layout")
                       if option.startswith("-timeout="))
        self.assertGreater(engine.GRACE_SECONDS, timeout + timeout / 2 + 1)

    def test_what_a_run_that_is_killed_had_started_ends_with_it(self):
        harness = stand_in("outlives", "sleep 60 & echo $! > half; mv half orphan", "wait")
        run = subprocess.Popen([sys.executable, "-c", f"""
import sys
sys.path.insert(0, {str(Path(engine.__file__).parents[1])!r})
from pathlib import Path
from fuzzing import common, engine
engine.program = lambda harness: {str(harness)!r}
engine.run_slice("heap_ops", Path("corpus"), Path("orphans"), 1, 60, print)
"""], stdout=subprocess.DEVNULL)
        for _ in range(100):
            if Path("orphan").exists():
                break
            time.sleep(0.1)
        run.kill()
        run.wait()
        self.assertTrue(is_gone(Path("orphan")))

    def test_a_stop_ends_the_slice_at_once(self):
        start = time.monotonic()
        with stopped(1):
            slice_ = run_as_harness(stand_in("long", "exec sleep 60"), 60)
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual(slice_.trouble, "")

    def test_a_folder_that_cannot_be_written_is_told(self):
        blocked = Path("corpus/.probe")  # as if it were read-only, which root would not notice
        blocked.mkdir(parents=True)
        slice_ = run_as_harness(stand_in("unheard", say(1, 1, 1, 0)))
        blocked.rmdir()
        self.assertEqual(slice_.trouble, "cannot write into corpus: Is a directory")


class Stores(unittest.TestCase):
    def test_a_second_run_on_the_same_folder_is_refused(self):
        with Store("twice", 0):
            with self.assertRaisesRegex(Problem, f"process {os.getpid()} works on .*twice already"):
                with Store("twice", 0):
                    pass
        with Store("twice", 0):  # and welcome behind it
            pass

    def test_a_damaged_state_is_told_and_nothing_is_lost(self):
        sound = '{"seconds": {}, "gain": {}, "executions": {}, "notes": []}'
        for damage in ('{"seconds": {"a"', '[]', '{"seconds": 1}', '\0', '[' * 100000,
                       sound.replace("{}", '{"layout": null}', 1),
                       sound.replace("{}", '{"layout": "1"}'),
                       sound.replace("{}", '{"layout": NaN}'),
                       sound.replace("{}", '{"layout": 1' + "0" * 400 + "}"),
                       sound.replace("[]", "[1]")):
            folder = Path("damaged")
            (folder / "corpus/heap_ops").mkdir(parents=True, exist_ok=True)
            (folder / "corpus/heap_ops/input").write_text("kept")
            (folder / "state.json").write_text(damage)
            with Store(folder, 0) as store:
                self.assertIn("state.json was damaged", store.state["notes"][-1])
                store.write_state()
            self.assertEqual((folder / "state.json.damaged").read_text(), damage)
            self.assertTrue((folder / "corpus/heap_ops/input").exists())

    def test_the_next_run_goes_on_where_the_last_one_was(self):
        pulse = engine.Pulse(executions=5, coverage=3, features=9)
        with Store("again", 0) as store:
            store.record(engine.Slice("layout", pulse, engine.Pulse(features=4), 2.0))
        with Store("again", 0) as store:
            store.record(engine.Slice("layout", pulse, pulse, 2.0))
            self.assertEqual(store.state["seconds"]["layout"], 4.0)
            self.assertEqual(store.state["executions"]["layout"], 10)
            self.assertEqual([row[:3] for row in store.growth()],
                             [(2, "layout", 3), (4, "layout", 3)])

    def test_half_a_line_of_growth_is_passed_over(self):
        with Store("half", 0) as store:
            (store.folder / "growth.csv").write_text("1,layout,2,3,4,5,6\n7,lay")
            self.assertEqual(len(store.growth()), 1)

    def test_what_is_no_text_harms_nobody(self):
        with Store("no_text", 0) as store:
            (store.folder / "growth.csv").write_bytes(
                "1,layout,2,3,4,5,6\n1,layout,²,3,4,5,6\n".encode() + b"\xff,layout,2,3,4,5,6\n")
            self.assertEqual(len(store.growth()), 1)
            for name, what in (("layout-a", b"layout: \xff\nto reproduce: x\n"), ("layout-b", b""),
                               ("layout-c", b"layout: bad\n")):
                for file, data in (("what.txt", what), ("input", b""), ("standing", b"\xff\n"),
                                   ("count", b"\xff")):
                    path = store.findings / name / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
            _, text, _, rows = report.findings_section(store)
            self.assertEqual(rows, [("layout: \ufffd", "\ufffd", "1", "x", "–", "")])
            self.assertIn(f"or half of one, in {store.findings}: 2.", text)
        Path("no_text/lock").write_bytes(b"\xff")
        with Store("no_text", 0):
            Path("no_text/lock").write_bytes(b"\xff")
            with self.assertRaisesRegex(Problem, "process \ufffd works on"), Store("no_text", 0):
                pass

    def test_a_file_that_cannot_be_written_leaves_the_old_one(self):
        path = Path("whole/file")
        common.write_atomically(path, "old")
        path.with_name("file.half").mkdir()
        with self.assertRaises(OSError):
            common.write_atomically(path, "new")
        self.assertEqual(path.read_text(), "old")


class Corpora(unittest.TestCase):
    def test_a_minimisation_that_was_killed_loses_nothing(self):
        for file in ("layout.old/a", "script.old/a", "script/b"):
            common.write_atomically(Path("half_small/corpus") / file, "x")
        with Store("half_small", 0):
            pass
        self.assertEqual(sorted(path.relative_to("half_small/corpus").as_posix()
                                for path in Path("half_small/corpus").rglob("?")),
                         ["layout/a", "script/a", "script/b"])

    def test_what_fails_in_a_merge_is_kept_for_triage(self):
        corpus.program = lambda harness: stand_in(
            "merges", "for arg; do", "[[ $arg == -artifact_prefix=* ]] && touch ${arg#*=}crash-1",
            "done; exit 0")
        common.write_atomically(Path("small/corpus/layout/a"), "x")
        with Store("small", 0) as store:
            counts = corpus.minimise("layout", store.corpus("layout"), store.artifacts("layout"), 0)
            self.assertEqual(counts, (1, 0))
            self.assertEqual(store.waiting(), [1, 0])

    def test_a_minimised_corpus_has_nothing_that_was_not_in_it(self):
        corpus.program = lambda harness: stand_in(
            "takes_all", "for arg; do [[ -d $arg ]] || continue",
            "[[ $to ]] && cp $arg/* $to; to=${to:-$arg}", "done; exit 0")
        common.write_atomically(Path("smaller/corpus/layout/a"), "x")
        with Store("smaller", 0) as store:
            folders = store.corpus("layout"), store.artifacts("layout")
            self.assertEqual(corpus.minimise("layout", *folders, 0), (1, 1))
            self.assertGreater(corpus.merge("layout", folders[0], [], folders[1]), 1)

    # As libFuzzer on a full disk: names are the SHA-1 of what the files should hold, exit code 0.
    SHA1_X = "11f6ad8ec52a2984abaafd7c3b516503785c2072"
    CUTS = ("for arg; do [[ -d $arg ]] && to=$arg && break; done", f"printf x > $to/{SHA1_X}",
            f": > $to/{SHA1_X[::-1]}", "exit 0")

    def test_a_disk_that_fills_up_does_not_cost_the_corpus_that_is_minimised(self):
        named = ["for arg; do [[ -d $arg ]] && : > $arg/a && exit; done"]
        for name, lines in (("cuts", self.CUTS), ("cuts_named", named)):
            corpus.program = lambda harness: stand_in(name, *lines)
            common.write_atomically(Path(f"disk_{name}/corpus/layout/a"), "a")
            with Store(f"disk_{name}", 0) as store:
                with self.assertRaisesRegex(Problem, "1 of .* not written whole.* disk"):
                    corpus.minimise("layout", store.corpus("layout"), store.artifacts("layout"), 0)
                self.assertEqual([path.read_text() for path in store.folder.glob("corpus/*/*")],
                                 ["a"])

    def test_a_merge_in_place_keeps_nothing_that_is_cut(self):
        corpus.program = lambda harness: stand_in("cuts", *self.CUTS)
        kept = "0" * 40  # somebody's name for it
        common.write_atomically(Path("merged_cut/corpus/layout") / kept, "mine")
        with Store("merged_cut", 0) as store:
            with self.assertRaisesRegex(Problem, "1 of .* not written whole.* disk"):
                corpus.merge("layout", store.corpus("layout"), [], store.artifacts("layout"))
            self.assertEqual(sorted(path.name for path in store.corpus("layout").iterdir()),
                             [kept, self.SHA1_X])

    def make_seeds(self, *lines):
        """Seeds of one harness, which has some already, by a program that merges."""
        for name in ("program", "MNEME", "ROOT", "SEEDS"):
            self.addCleanup(setattr, corpus, name, getattr(corpus, name))
        corpus.ROOT, corpus.SEEDS = Path("sources").resolve(), Path("sources/fuzz/seeds").resolve()
        corpus.MNEME = stand_in("encodes", "exit 0")
        corpus.program = lambda harness: stand_in("makes_seeds", *lines)
        shutil.rmtree("sources", ignore_errors=True)
        common.write_atomically(corpus.SEEDS / "layout/old", "x")
        return corpus.make_seeds(["layout"])

    def seeds(self):
        return [path.relative_to("sources/fuzz/seeds").as_posix()
                for path in Path("sources/fuzz/seeds").rglob("*") if path.is_file()]

    def test_new_seeds_take_the_place_of_the_old_ones(self):
        takes = 'for arg; do [[ -d $arg ]] && { touch $arg/new; ls $arg/; exit; }; done'
        self.assertEqual(self.make_seeds(takes), {"layout": 1})
        self.assertEqual(self.seeds(), ["layout/new"])

    def test_seeds_stay_if_new_ones_are_not_made(self):
        with self.assertRaisesRegex(Problem, "failed: .*no room"):
            self.make_seeds("echo 'no room' >&2; exit 1")
        self.assertEqual(self.seeds(), ["layout/old"])

    def test_a_seed_that_fails_is_a_problem_and_kept(self):
        with self.assertRaisesRegex(Problem, "layout fails on new seeds: .*/layout/crash-1$"):
            self.make_seeds("for arg; do",
                            "[[ $arg == -artifact_prefix=* ]] && echo x > ${arg#*=}crash-1",
                            "done; exit 0")
        self.assertEqual(self.seeds(), ["layout/old"])
        self.assertTrue(Path("sources/build/failed-seeds/layout/crash-1").exists())

    def test_a_merge_with_nothing_is_a_mistake(self):
        cli.build = lambda *_: None
        with self.assertRaisesRegex(Problem, "no-such-folder has no folder with a harness' name"):
            cli.do_merge(SimpleNamespace(corpus="merged", reserve_mb=0, folder="no-such-folder",
                                         harness=None))

    def test_where_there_is_no_corpus_nothing_is_made_small_and_none_is_made(self):
        cli.build = lambda *_: None
        with self.assertRaisesRegex(Problem, "no corpus in .*no_corpus"):
            cli.do_minimise(cli.parser().parse_args(["minimise", "--corpus=no_corpus"]))
        self.assertFalse(Path("no_corpus").exists())


class CommandLines(unittest.TestCase):
    def test_an_interrupt_while_it_starts_is_quiet(self):
        common.write_atomically(Path("starts/fuzzing/cli.py"), "raise KeyboardInterrupt")
        shutil.copy(TOOLS / "fuzz", "starts")
        done = subprocess.run(["starts/fuzz"], stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (130, b""))

    def test_numbers_are_above_zero(self):
        for option in ("--jobs=0", "--jobs=-1", "--hours=-1", "--hours=nan", "--hours=inf",
                       "--hours=x"):
            said = io.StringIO()
            with self.assertRaises(SystemExit) as end, contextlib.redirect_stderr(said):
                cli.parser().parse_args(["overnight", option])
            self.assertEqual(end.exception.code, 2)
            self.assertIn("invalid number above zero", said.getvalue())

    def test_smoke_runs_what_it_is_told(self):
        cli.build = lambda *_: None
        smoke.program = lambda harness: stand_in("runs", "exit 0")
        said = io.StringIO()
        options = cli.parser().parse_args(["smoke", "--harness=layout"])
        with contextlib.redirect_stdout(said):
            self.assertEqual(cli.do_smoke(options), 0)
        self.assertEqual([line.split()[0] for line in said.getvalue().splitlines()],
                         ["layout", "smoke:"])

    def test_smoke_runs_findings_one_by_one_and_uncut(self):
        self.addCleanup(setattr, common, "FINDINGS", common.FINDINGS)
        self.addCleanup(setattr, smoke, "FINDINGS", smoke.FINDINGS)
        smoke.FINDINGS = common.FINDINGS = Path("former").resolve()
        common.write_atomically(common.FINDINGS / "script/long", "x" * 5000 + "bad")
        # As libFuzzer does, it cuts what it reads, a folder by the least that it can be told to.
        smoke.program = lambda harness: stand_in(
            "cuts", "max=100000; for arg; do case $arg in -max_len=*) max=${arg#*=};; esac; done",
            'for arg; do if [[ -f $arg ]]; then head -c $max "$arg"; fi', "done | grep -q bad",
            "[[ $? -eq 0 ]] && exit 77; exit 0")
        self.assertEqual(smoke.run_seeds("script").what, "exit code 77")
        self.assertIsNone(smoke.run_seeds("layout"))

    def test_a_signal_ends_the_canary_at_once(self):
        for module in (engine, triage):
            self.addCleanup(setattr, module, "program", module.program)
            module.program = lambda *_: stand_in("sings", "exec sleep 60")
        start = time.monotonic()
        with stopped(1):
            self.assertIn("not found", smoke.canary_problem(Path("sung")))
        self.assertLess(time.monotonic() - start, 10)

    def test_what_fails_in_smoke_or_coverage_leaves_nothing_in_the_current_folder(self):
        for module in (smoke, coverage):
            self.addCleanup(setattr, module, "program", module.program)
        smoke.program = coverage.program = lambda *_: stand_in(
            "leaves", "prefix=./", "for arg; do", "case $arg in",
            "-artifact_prefix=*) prefix=${arg#*=} ;; esac; done", "echo x > ${prefix}crash-left",
            "exit 77")
        self.assertEqual(smoke.run_seeds("layout").what, "exit code 77")
        with Store("tidy", 0) as store:
            store.scratch.mkdir()
            coverage.profiles_of("layout", store)
        self.assertFalse(Path("crash-left").exists())

    def test_a_tree_that_cannot_be_configured_is_told_in_one_line(self):
        self.addCleanup(setattr, common, "ROOT", common.ROOT)
        common.ROOT = Path("bare").resolve()
        common.ROOT.mkdir()
        stand_in("bare/configure.py", "exit 1")
        with self.assertRaisesRegex(Problem, "configure.py failed"):
            common.build()

    def test_the_harness_of_an_input_is_told_by_its_folder(self):
        self.addCleanup(setattr, cli, "triage", cli.triage)
        asked, cli.build = [], lambda *_: None
        cli.triage = lambda harness, *_: asked.append(harness)
        for folder in ("layout", "heap_ops-alloc-560b1b9148", "threads-once-ab12",
                       "script-954aef69f0/also", "canary-expect-1", "gone-1"):
            path = Path("minimise") / folder / "input"
            common.write_atomically(path, "x")
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Problem):
                cli.do_triage(cli.parser().parse_args(["triage", str(path)]))
        self.assertEqual(asked, ["layout", "heap_ops", "threads", "script", "canary"])

    def test_findings_do_not_go_into_a_corpus(self):
        options = cli.parser().parse_args(["triage", "corpus/layout/input"])
        self.assertEqual(options.out, common.ROOT / "build/fuzz-findings")


class Nights(unittest.TestCase):
    def test_time_goes_to_those_that_still_find_something(self):
        spent = self.deal({"a": 10.0, "b": 0.0}, {}, 60)
        self.assertGreater(spent["a"], 3 * spent["b"])
        self.assertGreater(spent["b"], 2)  # but nobody is left out

    def test_time_once_dealt_out_is_not_weighed_again(self):
        clocks = {}
        self.deal({"a": 10.0, "b": 0.0}, clocks, 60)
        spent = self.deal({"a": 0.0, "b": 10.0}, clocks, 60)
        self.assertGreater(spent["a"], 5)

    def test_the_first_is_the_one_that_had_least_so_far(self):
        self.assertEqual(overnight.next_harness({}, {"a": 9, "b": 5}, ["a", "b"]), "b")

    def deal(self, gains, clocks, slices):
        """How many slices each gets."""
        spent = {"a": 0, "b": 0}
        for _ in range(slices):
            name = overnight.next_harness(clocks, {}, ["a", "b"])
            clocks[name] = clocks.get(name, 0) + 10 / overnight.weight(gains, ["a", "b"], name)
            spent[name] += 1
        return spent

    def test_a_harness_that_dies_at_once_does_not_end_the_night(self):
        folder = Path("night")
        good, bad = stand_in("good_one", say(1, 1, 1, 0), "sleep 1"), stand_in("bad_one", "exit 9")
        engine.program = lambda harness: bad if harness == "layout" else good
        with Store(folder, 0) as store:
            night = overnight.Night(store, ["layout", "heap_ops"], 1, 9, 2)
            night.run()
            self.assertGreaterEqual(store.state["seconds"]["heap_ops"], 2)
            self.assertIn("ended by exit code 9; the night goes on", str(store.state["notes"]))

    def test_a_signal_in_the_middle_of_a_wait_is_heard(self):
        heard = []
        self.addCleanup(STOPPING.clear)

        def wait():
            def signalled(*_):  # at every line of the wait, and of what it calls
                sys.settrace(None)
                STOPPING.set()
                heard.append(True)
                sys.settrace(signalled)
                return signalled

            sys.settrace(signalled)
            STOPPING.wait(0.1)

        waiter = threading.Thread(target=wait, daemon=True)
        waiter.start()
        waiter.join(10)
        self.assertTrue(heard)
        self.assertFalse(waiter.is_alive())

    def test_a_disk_that_fills_up_ends_the_night_and_nothing_is_raised(self):
        with Store("filling", 0) as store:
            night = overnight.Night(store, ["layout"], 1, 9, 2)
            engine.program = lambda harness: stand_in("fills", say(1, 1, 1, 0))
            store.record = lambda slice_: (store.folder / "no-folder/growth.csv").write_text("")
            night.run()
            self.assertIn("No such file", night.problem)
            self.assertIn("No such file", store.state["notes"][-1])

    def test_a_night_that_ends_early_has_a_report_and_an_exit_code(self):
        engine.program = lambda harness: stand_in("dies", "exit 9")
        cli.build = lambda *_: None
        report.draw = lambda *_: "a plot takes its time"
        code = cli.do_overnight(SimpleNamespace(corpus="early", reserve_mb=0, hours=0.01, jobs=1,
                                                harness=["layout"], no_coverage=False))
        self.assertEqual(code, 2)
        text = Path("early/report.md").read_text()
        self.assertIn("no harness runs any more", text)
        self.assertIn("## Coverage\nNot measured: no harness runs any more.", text)
        self.assertIn("No plot: a plot takes its time.", text)
        self.assertFalse(Path("early/growth.csv").exists())  # no slice said anything

    def overnight(self, corpus, seconds=1):
        """The exit code of a short night."""
        report.draw = lambda *_: "a plot takes its time"
        with contextlib.redirect_stdout(io.StringIO()):
            return main("overnight", f"--corpus={corpus}", "--reserve-mb=0", "--harness=layout",
                        f"--hours={seconds / 3600}", "--jobs=1")

    def test_a_signal_ends_the_measuring_of_coverage_and_all_it_started(self):
        engine.program = lambda harness: stand_in("short", say(1, 1, 1, 0), "sleep 1")
        cli.build = lambda *_: None
        self.addCleanup(setattr, coverage, "program", coverage.program)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            folder, marker, start = Path(f"left_{number}"), Path(f"ran_{number}"), time.monotonic()
            coverage.program = lambda *_: stand_in(
                "measures", f"cp {folder}/report.md {marker}.md", "sleep 60 & echo $! > half",
                f"mv half {marker}", "wait")
            signal_behind(number, marker)
            self.assertEqual(self.overnight(folder), 0)
            self.assertLess(time.monotonic() - start, 20)
            self.assertTrue(is_gone(marker))
            self.assertIn("Not measured yet.", Path(f"{marker}.md").read_text())
            self.assertIn("Not measured: the run was stopped.", (folder / "report.md").read_text())

    def test_a_signal_ends_the_build_for_coverage_and_all_it_started(self):
        engine.program = lambda harness: stand_in("short", say(1, 1, 1, 0), "sleep 1")
        stand_in("ninja", "[[ $2 == fuzz ]] && exit 0", "trap 'kill $!; exit 2' TERM",
                 "sleep 60 & echo $! > half; mv half built", "wait")
        self.addCleanup(setattr, common, "ROOT", common.ROOT)
        self.addCleanup(os.environ.update, PATH=os.environ["PATH"])
        common.ROOT, os.environ["PATH"] = Path.cwd(), f"{Path.cwd()}:{os.environ['PATH']}"
        for file in ("build.ninja", "fuzz/layout.cpp"):
            common.write_atomically(Path(file), "")
        cli.build, start = common.build, time.monotonic()
        signal_behind(signal.SIGTERM, Path("built"))
        self.assertEqual(self.overnight("left_building"), 0)
        self.assertLess(time.monotonic() - start, 20)
        self.assertTrue(is_gone(Path("built")))
        self.assertIn("Not measured: the run was stopped.",
                      Path("left_building/report.md").read_text())

    def test_a_signal_ends_any_command_and_all_it_started(self):
        cli.build = lambda *_: None
        for module in (corpus, triage, smoke):
            self.addCleanup(setattr, module, "program", module.program)
            module.program = lambda *_: harness
        common.write_atomically(Path("ended/corpus/layout/x"), "x")
        for number, command in ((signal.SIGTERM, ("minimise", "--corpus=ended", "--reserve-mb=0")),
                                (signal.SIGHUP, ("merge", "--corpus=ended", "--reserve-mb=0",
                                                 "ended/corpus/..")),
                                (signal.SIGINT, ("triage", "ended/corpus/layout/x")),
                                (signal.SIGTERM, ("smoke",))):
            marker, start = Path(f"started_{command[0]}"), time.monotonic()
            harness = stand_in("waits", "sleep 60 & echo $! > half", f"mv half {marker}", "wait")
            signal_behind(number, marker)
            self.assertEqual(main(*command, "--harness=layout"), 130)
            self.assertLess(time.monotonic() - start, 20)
            self.assertTrue(is_gone(marker))
        self.assertEqual(Path("ended/corpus/layout/x").read_text(), "x")

    def test_what_was_not_looked_at_is_in_the_exit_code(self):
        engine.program = lambda harness: stand_in("short", say(1, 1, 1, 0), "sleep 1")
        cli.build = lambda *_: None
        self.addCleanup(setattr, overnight, "triage", overnight.triage)

        def stopped_triage(*_):
            raise Stopped

        overnight.triage = stopped_triage
        common.write_atomically(Path("unseen/artifacts/layout/crash-1"), "x")
        self.assertEqual(self.overnight("unseen"), 1)
        self.assertNotIn("Nothing was found", Path("unseen/report.md").read_text())

    def test_a_hangup_that_is_ignored_stays_so_and_a_second_signal_ends_at_once(self):
        heard = []

        def build():
            heard.append(signal.getsignal(signal.SIGHUP))
            os.kill(os.getpid(), signal.SIGTERM)
            self.assertTrue(STOPPING.is_set())
            os.kill(os.getpid(), signal.SIGTERM)

        cli.build = build
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with self.assertRaises(KeyboardInterrupt):
            main("smoke")
        self.assertEqual(heard, [signal.SIG_IGN])

    def test_a_signal_ends_the_first_build_and_all_it_started(self):
        stand_in("ninja", "trap 'kill $!; exit 2' TERM", "sleep 60 & echo $! > half; mv half begun",
                 "wait")
        self.addCleanup(setattr, common, "ROOT", common.ROOT)
        self.addCleanup(os.environ.update, PATH=os.environ["PATH"])
        common.ROOT, os.environ["PATH"] = Path.cwd(), f"{Path.cwd()}:{os.environ['PATH']}"
        common.write_atomically(Path("build.ninja"), "")
        cli.build, said = common.build, io.StringIO()
        signal_behind(signal.SIGTERM, Path("begun"))
        with contextlib.redirect_stdout(said):
            self.assertEqual(main("smoke"), 130)
        self.assertTrue(is_gone(Path("begun")))
        self.assertEqual(said.getvalue(),
                         "builds 'fuzz' for the first time, which takes a few minutes\n")

    def test_a_stop_in_the_night_leaves_coverage_out(self):
        engine.program = lambda harness: stand_in("long", "echo $$ > half; mv half began",
                                                  "exec sleep 60")
        cli.build = lambda *_: None
        signal_behind(signal.SIGINT, Path("began"))
        self.assertEqual(self.overnight("left_early", seconds=3600), 0)
        self.assertIn("Not measured: the run was stopped.",
                      Path("left_early/report.md").read_text())

    def test_what_the_system_refuses_is_told_in_one_line(self):
        cli.build = lambda *_: None
        self.assertEqual(main("triage", "--harness", "layout", "/proc/self/mem"), 2)


class Findings(unittest.TestCase):
    SCRIPT = "heap 1K\nalloc n3 400\nalloc n4 1234\npoll\nfree n3\nstat\nfree n4\n"

    def test_the_lines_that_matter_are_left_and_numbers_shrink(self):
        short = shrink.shortest(self.SCRIPT, lambda text: "heap" in text and "alloc n4" in text
                                and "free n4" in text)
        self.assertEqual(short, "heap 0\nalloc n4 0\nfree n4\n")

    def test_what_does_not_fail_stays_as_it_is(self):
        self.assertEqual(shrink.shortest(self.SCRIPT, lambda text: False), self.SCRIPT)

    def test_shrinking_ends_at_a_stop_and_by_its_clock(self):
        with stopped(), self.assertRaises(Stopped):
            shrink.shortest(self.SCRIPT, lambda text: True)
        shrink.SECONDS_MAX, before = 0.2, shrink.SECONDS_MAX
        start = time.monotonic()
        shrink.shortest("line\n" * 99, lambda text: not time.sleep(0.05))
        shrink.SECONDS_MAX = before
        self.assertLess(time.monotonic() - start, 2)

    def test_names_become_short_in_their_order(self):
        self.assertEqual(triage.with_plain_names("alloc n17 8\nclone n2 n17\n"),
                         "alloc a 8\nclone b a\n")
        self.assertEqual(triage.with_plain_names("alloc n17 8\nclone a n2\n"),
                         "alloc b 8\nclone a c\n")

    def failure(self, log, code=1):
        return triage.failure_of(SimpleNamespace(returncode=code), log)

    def test_failures_are_grouped_by_what_and_where_not_by_numbers(self):
        log = "== finding: byte {0} of 'n{0}' is wrong\nheap {0}\n== end\n" \
              "    #0 0x1 in mneme::fuzz::stop() /x/fuzz/support/finding.cpp:{0}:5\n" \
              "    #1 0x2 in mneme::FirstFit::carve(unsigned long) /x/include/mneme/raw/f.hpp:{0}:5\n"
        one, two = self.failure(log.format(1)), self.failure(log.format(22))
        self.assertEqual(one.key, two.key)
        self.assertEqual(one.story, "heap 1\n")
        self.assertEqual(len(one.frames), 1)
        self.assertNotEqual(one.key, self.failure(log.format(1).replace("carve", "other")).key)
        self.assertIsNone(self.failure("", 0))

    def test_a_story_of_any_bytes_has_its_name(self):
        Path("tells.cpp").write_text(r"""
            #include <unistd.h>
            #include <support/finding.hpp>
            int main() {
              std::string text(1000, '?');
              text.resize(static_cast<std::size_t>(::read(0, text.data(), text.size())));
              const mneme::fuzz::TextReproducer story(text);
              mneme::fuzz::stop("a sentence");
            }""")
        subprocess.run(["clang++-22", "-std=c++23", *(f"-I{common.ROOT / folder}" for folder in
                                                      ("include", "fuzz")),
                        "tells.cpp", common.ROOT / "fuzz/support/finding.cpp", "-o", "tells"],
                       check=True)
        for text, line in ((b"", ""), (b"heap 1", "heap 1\n"), (b"heap 1\n", "heap 1\n"),
                           (b"heap\0 1\n", "heap\0 1\n")):
            done = subprocess.run(["./tells"], input=text, stderr=subprocess.PIPE)
            failure = triage.failure_of(done)
            self.assertEqual((failure.what, failure.story), ("a sentence", line))

    def test_a_failure_without_a_story_is_named_by_its_tool(self):
        self.assertEqual(self.failure("==7==ERROR: libFuzzer: timeout after 20 seconds\n").what,
                         "libFuzzer: timeout after 20 seconds")
        self.assertEqual(self.failure("", 9).what, "exit code 9")

    def test_a_race_is_named_and_grouped_by_the_report_of_its_tool(self):
        race = "== finding: ThreadSanitizer: see the report\nheap 1\n== end\n" \
               "WARNING: ThreadSanitizer: data race (pid=7)\n  Write of size 4 at 0x5 by T2:\n" \
               "    #0 mneme::{0}(int) /x/include/mneme/free.hpp:2:17 (threads+0xea) (BuildId: 4)\n"
        one, two = self.failure(race.format("push")), self.failure(race.format("drain"))
        self.assertEqual(one.what, "ThreadSanitizer: data race")
        self.assertEqual(one.frames, ["mneme::push(int) (include/mneme/free.hpp)"])
        self.assertNotEqual(one.key, two.key)
        undefined = self.failure("== finding: UndefinedBehaviorSanitizer: see the report\n== end\n"
                                 "/x/a.hpp:3:5: runtime error: shift exponent 64 is too large\n"
                                 "==7== ERROR: libFuzzer: deadly signal\n")
        self.assertEqual(undefined.what, "runtime error: shift exponent 64 is too large")

    def test_a_race_is_the_same_whichever_side_came_first(self):
        log = "WARNING: ThreadSanitizer: data race (pid=7)\n  Write of size 4 at 0x5 by T2:\n" \
              "    #0 mneme::{0}(int) /x/include/mneme/a.hpp:2:17 (t+0xea)\n" \
              "    #1 mneme::c{0}() /x/include/mneme/b.hpp:2:17 (t+0xea)\n\n" \
              "  Previous read of size 4 at 0x5 by T1:\n" \
              "    #0 mneme::{1}(int) /x/include/mneme/a.hpp:9:1 (t+0xeb)\n\n" \
              "  Location is heap block\n    #0 mneme::other() /x/include/mneme/a.hpp:2:1 (t+0x1)\n"
        one = self.failure(log.format("push", "drain"))
        self.assertEqual(one.key, self.failure(log.format("drain", "push")).key)
        self.assertNotEqual(one.key, self.failure(log.format("push", "pop")).key)
        lost = log.replace("    #0 mneme::{1}(int) /x/include/mneme/a.hpp:9:1 (t+0xeb)\n",
                           "    [failed to restore the stack]\n")
        self.assertEqual(self.failure(lost.format("push", "")).frames,
                         ["mneme::push(int) (include/mneme/a.hpp)"])

    def test_what_a_sanitizer_sees_twice_is_one_finding(self):
        Path("uses_freed.cpp").write_text("""
            #include <support/finding.hpp>
            int main() {
              const mneme::fuzz::TextReproducer story("heap 1");
              int* freed = new int(1);
              delete freed;
              return *const_cast<volatile int*>(freed);
            }""")
        subprocess.run(["clang++-22", "-std=c++23", "-fsanitize=address",
                        *(f"-I{common.ROOT / folder}" for folder in ("include", "fuzz")),
                        "uses_freed.cpp", common.ROOT / "fuzz/support/finding.cpp", "-o",
                        "uses_freed"], check=True)
        one, two = (triage.failure_of(common.run([Path("uses_freed").resolve()])) for _ in "12")
        self.assertEqual(one.what, "AddressSanitizer: heap-use-after-free")
        self.assertEqual(one.key, two.key)
        for what in ("attempting double-free on 0x602{0}", "SEGV on unknown address 0x6a{0}"):
            one, two = (self.failure(f"ERROR: AddressSanitizer: {what}\n".format(address))
                        for address in ("0a", "bc"))
            self.assertEqual(one.key, two.key)
        one, two = (self.failure(f"runtime error: load of misaligned address 0x7ff{part} for x\n")
                    for part in ("da", "1"))
        self.assertEqual(one.key, two.key)

    def test_where_a_run_was_when_its_time_was_over_does_not_matter(self):
        log = "ERROR: libFuzzer: timeout after 20 seconds\n    #0 0x1 in {0} /x/src/a.cpp:1:5\n"
        self.assertEqual(self.failure(log.format("f")).key, self.failure(log.format("g")).key)


class Triages(unittest.TestCase):
    """A harness that fails on what holds `raw`, and a driver, both of which a case may replace."""

    def setUp(self):
        self.before = triage.program, triage.MNEME, triage.ROOT
        triage.ROOT = Path.cwd()
        triage.MNEME = self.driver("exit 0")
        triage.program = lambda harness: self.harness
        self.harness = stand_in("fails_on_raw", 'grep -q raw "${@: -1}" || exit 0',
                                "echo '== finding: broken' >&2", "echo 'heap 64' >&2",
                                "echo 'alloc n1 8' >&2", "echo '== end' >&2", "exit 77")
        self.folder = Path(f"triages/{self.id().rpartition('.')[2]}")
        self.folder.mkdir(parents=True)

    def tearDown(self):
        triage.program, triage.MNEME, triage.ROOT = self.before

    def driver(self, run, encode='cat "$2"'):
        return stand_in("driver", '[ "$1" = fuzz ] && shift', 'case "$1" in', f"run) {run};;", f"encode) {encode};;",
                        "decode) echo 'heap 64'; cat \"$2\";;", "esac")

    def triage(self, data, harness="heap_ops", name="crash-1"):
        path = self.folder / name
        path.write_text(data)
        return triage.triage(harness, path, self.folder / "findings", self.folder / "scratch")

    def test_an_input_that_was_not_seen_to_fail_is_not_delivered(self):
        for driver in ("exit 0", "echo 'mneme: fatal: broken' >&2; exit 4"):
            triage.MNEME = self.driver(driver)
            found, is_new = self.triage("raw bytes", name=f"crash-{len(driver)}")
            self.assertTrue(is_new)
            self.assertEqual((found / "input").read_text(), "raw bytes")
            self.assertEqual((found / "script.mn").exists(), True)
            found.rename(found.with_name(f"seen-{len(driver)}"))

    def test_the_untouched_input_is_kept_beside_the_short_one(self):
        self.harness = stand_in("any_alloc", 'grep -q alloc "${@: -1}" || exit 0',
                                *("echo '" + line + "' >&2" for line in
                                  ("== finding: broken", "heap 64", "alloc n1 8", "== end")),
                                "exit 77")
        found, _ = self.triage("alloc by bytes")
        self.assertEqual((found / "original").read_text(), "alloc by bytes")
        self.assertEqual((found / "input").read_text(), "alloc n1 8\n")
        self.assertEqual((found / "what.txt").read_text().splitlines()[-2:],
                         ["to keep: copy input to fuzz/findings/heap_ops, which every smoke runs",
                          f"to reproduce: any_alloc -timeout=20 {found / 'input'}"])
        self.assertEqual(list(found.glob("lit_test*")), [])  # lit runs before harnesses are built

    def test_what_tells_no_story_is_decoded(self):
        self.harness = stand_in("hangs_on_raw", 'grep -q raw "${@: -1}" || exit 0',
                                "echo 'ERROR: libFuzzer: timeout after 5 seconds' >&2", "exit 70")
        found, _ = self.triage("poll\nraw\nstat\n")
        self.assertEqual((found / "script.mn").read_text(), "raw\n")

    def pairwise(self, more=""):
        """A harness of two heaps, the second of which a flag of the first byte asks for."""
        return stand_in("pairs", 'head -c 1 "${@: -1}" | grep -q j || exit 0',
                        'grep -q alloc "${@: -1}" || exit 0', more,
                        *("echo '" + line + "' >&2" for line in
                          ("== finding: broken", "heap 128", "alloc n1 8", "stat", "== end")),
                        "exit 77")

    def test_what_needs_two_heaps_is_made_short_with_both(self):
        self.harness = self.pairwise()
        found, _ = self.triage("jeap 64\nalloc n1 8\n")
        self.assertEqual((found / "script.mn").read_text(), "heap 0\nalloc n1 8\n")
        self.assertEqual((found / "input").read_text(), "jeap 0\nalloc n1 8\n")

    def test_a_story_of_one_heap_of_two_that_does_not_fail_is_not_the_script(self):
        self.harness = self.pairwise('grep -q 128 "${@: -1}" && exit 0')
        found, _ = self.triage("j\npoll\nalloc n1 8\n")
        self.assertEqual((found / "script.mn").read_text(), "j\nalloc n1 8\n")

    def test_what_is_no_script_is_made_short_by_libfuzzer(self):
        self.harness = stand_in("fails_on_long", "to=; for arg; do case $arg in",
                                "-exact_artifact_path=*) to=${arg#*=};; esac; done",
                                "[[ $to ]] && echo raw > $to", 'grep -q raw "${@: -1}" || exit 0',
                                "echo '== finding: broken' >&2", "echo 'heap 64' >&2",
                                "echo '== end' >&2", "exit 77")
        triage.MNEME = self.driver("exit 0", "exit 2")
        found, _ = self.triage("poll raw stat")
        self.assertEqual((found / "input").read_text(), "raw\n")
        self.assertEqual((found / "original").read_text(), "poll raw stat")

    def test_the_command_goes_on_behind_errors_as_the_driver_did(self):
        triage.MNEME = self.driver("echo 'mneme: fatal: broken' >&2; exit 4")
        found, _ = self.triage("raw")
        what = (found / "what.txt").read_text()
        self.assertIn(f"driver run --keep-going {found / 'script.mn'}\n", what)
        self.assertNotIn("to keep", what)  # but by the lit test

    def test_what_is_no_ascii_is_the_same_in_script_and_test(self):
        triage.MNEME = self.driver("echo 'mneme: fatal: broken' >&2; exit 4")
        self.harness = stand_in("fails", "exit 77")
        (self.folder / "in").write_bytes(b"heap \xe9\n")
        found, _ = triage.triage("script", self.folder / "in", self.folder / "findings",
                                 self.folder / "scratch")
        self.assertTrue((found / "lit_test.mn").read_bytes().endswith(b"heap \xe9\n"))

    def test_a_script_that_the_driver_can_show_is_made_short_as_one(self):
        # The harness fails without a heap of its own, which the driver needs to fail.
        self.harness = stand_in("fails_on_free", 'grep -q free "${@: -1}" || exit 0', "exit 77")
        triage.MNEME = self.driver('grep -q heap "${@: -1}" && grep -q free "${@: -1}" || exit 0; '
                                   "echo 'mneme: fatal: broken' >&2; exit 4")
        found, _ = self.triage("heap 64\nalloc a 8\nfree a\nstat\n", "script")
        self.assertEqual((found / "script.mn").read_text(), "heap 0\nfree a\n")
        self.assertTrue((found / "lit_test.mn").read_text().endswith("heap 0\nfree a\n"))

    def test_some_inputs_of_a_known_finding_are_kept_and_half_a_count_is_no_harm(self):
        found, _ = self.triage("raw")
        (found / "count").write_text("")
        for number in range(8):
            self.assertEqual(self.triage("raw again", name=f"crash-{number}"), (found, False))
        self.assertEqual(len(list((found / "also").iterdir())), triage.ALSO_MAX)
        self.assertEqual((found / "count").read_text(), "9")

    def test_the_last_step_tells_findings_apart(self):
        one = triage.Failure("broken", [], "heap 64\nfree n1\n", "")
        two = triage.Failure("broken", [], "heap 64\nalloc n1 8\n", "")
        self.assertNotEqual(triage.group("heap_ops", one), triage.group("heap_ops", two))
        self.assertEqual(triage.group("script", one), triage.group("script", two))

    def test_half_a_finding_does_not_hide_the_whole_one(self):
        found, _ = self.triage("raw")
        (found / "what.txt").unlink()
        self.assertEqual(self.triage("raw"), (found, True))
        self.assertTrue((found / "what.txt").exists())

    def test_a_finding_is_delivered_whole_or_not_at_all(self):
        triage.shlex, before = None, triage.shlex  # it ends in the middle
        with self.assertRaises(AttributeError):
            self.triage("raw")
        triage.shlex = before
        self.assertEqual(list((self.folder / "findings").glob("[!.]*")), [])
        self.assertTrue(self.triage("raw")[1])

    def test_a_stop_leaves_the_input_for_the_next_run(self):
        with stopped(), self.assertRaises(Stopped):
            self.triage("raw")
        self.assertFalse((self.folder / "findings").exists())

    def test_a_failed_check_of_threads_is_not_stuck_in_a_report_on_its_own_handler(self):
        # libFuzzer's handler of SIGABRT allocates; ThreadSanitizer's report on that never ends.
        self.assertIn("report_signal_unsafe=0", common.ENVIRONMENT["TSAN_OPTIONS"].split(":"))

    def test_a_race_that_does_not_show_again_is_a_finding_by_its_report(self):
        self.harness = stand_in("races_once", 'if [[ $1 == -fork* ]]; then', say(1, 1, 1, 0),
                                "eval ${TSAN_OPTIONS##*:}", "touch ${log_path%/*/*}/crash-1",
                                "for f in 1 2; do echo 'WARNING: ThreadSanitizer: data race (",
                                "  Write of size 1 at 0x5 by T1:",
                                "    #0 f'$f'() /x/src/a.cpp:1:2 (t+0x1)' > $log_path.$f; done",
                                "touch -d '1 hour ago' $log_path.1",
                                "touch ${log_path%/*/*}/timeout-2", say(9, 1, 1, 2), "exit 99; fi",
                                'echo "$@" > replayed')
        engine.program = triage.program
        with Store(self.folder, 0) as store:
            night = overnight.Night(store, ["threads"], 1, 1, 1)
            night.run()
            found, = night.new_findings
            self.assertEqual((found / "what.txt").read_text().splitlines()[:2],
                             ["threads: ThreadSanitizer: data race, seen once",
                              "  in f2() (src/a.cpp)"])
            self.assertIn("-runs=200", Path("replayed").read_text())
            night = overnight.Night(store, ["threads"], 1, 0, 1)
            night.run()
            self.assertEqual(triage.standing(found), "did not fail again")
            self.assertFalse((store.artifacts("threads") / "reports").exists())
            # A busy machine is late, and is no finding.
            self.assertEqual([path.name for path in store.folder.glob("not-reproduced/*/*")],
                             ["timeout-2"])

    def test_what_a_check_of_threads_said_once_is_a_finding_by_its_words(self):
        Path("fails.cpp").write_text("""
            #include <support/finding.hpp>
            int main() {
              const mneme::fuzz::TextReproducer story("task 1");
              mneme::fuzz::require(false, "woken twice");
            }""")
        subprocess.run(["clang++-22", "-std=c++23", *(f"-I{common.ROOT / folder}" for folder in
                                                      ("include", "fuzz")),
                        "fails.cpp", common.ROOT / "fuzz/support/finding.cpp", "-o", "fails_once"],
                       check=True)
        # As a job of libFuzzer's, whose words are lost.
        self.harness = stand_in("runs_jobs", "[[ $1 == -fork* ]] || exit 0", say(1, 1, 1, 0),
                                f"{Path.cwd()}/fails_once 2>/dev/null", "eval ${TSAN_OPTIONS##*:}",
                                "touch ${log_path%/*/*}/crash-1", say(9, 1, 1, 1), "exit 99")
        engine.program = triage.program
        with Store(self.folder, 0) as store:
            night = overnight.Night(store, ["threads"], 1, 1, 1)
            night.run()
            found, = night.new_findings
            self.assertEqual((found / "what.txt").read_text().splitlines()[0],
                             "threads: woken twice, seen once")
            self.assertIn("task 1\n", (found / "log.txt").read_text())

    def test_what_fails_as_something_that_was_mended_is_a_finding_of_its_own(self):
        found, _ = self.triage("raw")
        write = common.write_atomically
        write(found / "standing", triage.MENDED)
        again, is_new = self.triage("raw, another bug", name="crash-2")
        self.assertEqual((again, is_new, triage.standing(found)), (found, True, "new"))
        self.assertEqual((found / "original").read_text(), "raw, another bug")
        self.assertEqual((found / "before/original").read_text(), "raw")
        # And one that an input of its kind still shows is not mended.
        self.assertEqual(self.triage("raw, a third", name="crash-3"), (found, False))
        self.harness = stand_in("half_mended", 'grep -q third "${@: -1}" || exit 0', "exit 77")
        triage.ask_again("heap_ops", found, self.folder / "scratch")
        self.assertEqual(triage.standing(found),
                         "still fails by also/crash-3, by its short input no more")

    def test_an_input_that_is_too_much_for_us_ends_no_night(self):
        with Store(self.folder, 0) as store:
            for name in ("crash-1", "crash-2"):
                common.write_atomically(store.artifacts("heap_ops") / name, f"raw {name}")
            self.addCleanup(setattr, triage, "group", triage.group)
            triage.group = lambda *_: {}["gone"]
            night = overnight.Night(store, ["heap_ops"], 1, 0, 2)
            night.run()
            self.assertEqual(night.problem, "")
            self.assertIn("crash-2 could not be looked at: KeyError: 'gone'",
                          store.state["notes"][1])
            self.assertEqual(store.waiting(), [2, 0])  # and so the exit code is 1

    def test_what_cannot_be_made_short_is_a_finding_all_the_same(self):
        self.addCleanup(setattr, triage, "minimise", triage.minimise)
        triage.minimise = lambda *_: b"\xff".decode()
        found, is_new = self.triage("raw")
        self.assertTrue(is_new)
        self.assertEqual((found / "input").read_text(), "raw")
        self.assertIn("not made short: UnicodeDecodeError", (found / "log.txt").read_text())
        self.assertIn("broken", (found / "what.txt").read_text())

    def test_a_report_belongs_to_the_input_that_was_written_with_it(self):
        at = time.time()
        for name, seconds in (("crash-1", 0), ("crash-2", 3), ("crash-3", -9000), ("race.1", 1),
                              ("race.2", 4), ("timeout-4", 5), ("finding.3.half", 0), ("race.4", 5)):
            common.write_atomically(self.folder / name, "x")
            os.utime(self.folder / name, (at + seconds, at + seconds))
        pairs = triage.reports_by_input(list(self.folder.glob("[ct]*")),
                                        list(self.folder.glob("[rf]*")))
        self.assertEqual({one.name: report.name for one, report in pairs.items()},
                         {"crash-1": "race.1", "crash-2": "race.2"})

    def test_a_report_is_kept_until_it_is_a_finding(self):
        self.harness = stand_in("well", "exit 0")
        with Store(self.folder, 0) as store:
            folder = store.artifacts("threads")
            common.write_atomically(folder / "crash-1", "x")
            common.write_atomically(folder / "reports/race.1", "WARNING: ThreadSanitizer: data race (")
            self.addCleanup(setattr, triage, "shlex", triage.shlex)

            def no_space(*_):
                raise OSError(28, "No space left on device")

            quote, triage.shlex = triage.shlex, SimpleNamespace(quote=no_space)
            night = overnight.Night(store, ["threads"], 1, 0, 1)
            night.run()
            self.assertEqual((night.new_findings, store.waiting()), ([], [1, 0]))
            triage.shlex = quote
            night.run()
            self.assertEqual(len(night.new_findings), 1)
            # Met once more, it is told.
            common.write_atomically(folder / "crash-2", "x")
            common.write_atomically(folder / "reports/race.1", "WARNING: ThreadSanitizer: data race (")
            night.run()
            self.assertEqual(triage.standing(night.new_findings[0]), "seen again")

    def test_a_kill_between_two_findings_loses_neither(self):
        found, _ = self.triage("raw")
        (found / "standing").write_text(triage.MENDED)
        new = found.with_name(f".new-{found.name}")
        new.mkdir()
        found.rename(new / "before")  # where it was killed
        self.assertEqual(self.triage("raw, another", name="crash-2"), (found, True))
        self.assertEqual((found / "before/original").read_text(), "raw")

    def test_a_driver_that_is_slow_shows_no_bug(self):
        self.addCleanup(setattr, triage, "SHRINK_SECONDS", triage.SHRINK_SECONDS)
        triage.SHRINK_SECONDS = 0.3
        slow = triage.Failure("libFuzzer: timeout after 5 seconds", [], "", "")
        wrong = triage.Failure("broken", [], "", "")
        triage.MNEME = self.driver("sleep 9")
        self.assertIsNone(triage.driver_failure("heap 64", wrong, self.folder))
        self.assertIsNotNone(triage.driver_failure("heap 64", slow, self.folder))

    def test_a_script_shows_the_bug_that_was_found_and_no_other(self):
        # The driver crashes on any `alloc`; the finding needs the `free`.
        self.harness = stand_in("fails_on_free", 'grep -q free "${@: -1}" || exit 0',
                                *("echo '" + line + "' >&2" for line in
                                  ("== finding: broken", "heap 64", "alloc n1 8", "free n1",
                                   "== end")), "exit 77")
        triage.MNEME = self.driver('grep -q alloc "${@: -1}" || exit 0; '
                                   "echo 'mneme: fatal: other' >&2; exit 4")
        found, _ = self.triage("free")
        self.assertEqual((found / "script.mn").read_text(), "alloc a 8\nfree a\n")

    def test_a_former_finding_is_asked_again(self):
        found, _ = self.triage("raw")
        self.assertEqual(triage.standing(found), "new")
        with Store(self.folder, 0) as store:
            night = overnight.Night(store, [], 1, 0, 2)
            night.run()
            self.assertEqual(triage.standing(found), "still fails")
            self.harness = stand_in("mended", "exit 0")
            night.run()
            self.assertEqual(triage.standing(found), "does not fail any more")

    def test_a_former_finding_that_cannot_be_asked_ends_no_night(self):
        found, _ = self.triage("raw")
        for name in ("heap_ops-a", "heap_ops-b", "heap_ops-z"):
            common.write_atomically(found.with_name(name) / "what.txt",
                               "heap_ops: bad\nto reproduce: x\n")
            common.write_atomically(found.with_name(name) / "input", "raw")
        (found.with_name("heap_ops-a") / "input").unlink()  # somebody took it for a test
        (found.with_name("heap_ops-b") / "standing").mkdir()
        with Store(self.folder, 0) as store:
            night = overnight.Night(store, [], 1, 0, 2)
            night.run()
            self.assertEqual(night.problem, "")
            self.assertEqual(triage.standing(found.with_name("heap_ops-z")), "still fails")
            note, = store.state["notes"]
            self.assertIn("heap_ops-b was not asked again: [Errno 21]", note)
            self.assertIn("or half of one", report.findings_section(store)[1])

    def test_a_program_does_not_hear_of_the_terminal(self):
        done = common.run([stand_in("session", "ps -o sid= -p $$")])
        self.assertNotEqual(int(done.stdout), os.getsid(0))


class Reports(unittest.TestCase):
    LCOV = "SF:/x/include/mneme/a.hpp\nDA:1,5\nDA:2,0\nDA:3,0\nDA:4,0\nend_of_record\n" \
           "SF:/x/src/driver/run.cpp\nDA:1,0\nend_of_record\n"

    def test_lines_are_reached_explained_or_listed(self):
        files = coverage.judge(coverage.parse_lcov(self.LCOV),
                               [coverage.Row("include/mneme/a.hpp", "trap", "cannot be reached")],
                               lambda name: ["f();", "  trap();", "  g();", "}"])
        self.assertEqual(list(files), ["include/mneme/a.hpp"])
        found = files["include/mneme/a.hpp"]
        self.assertEqual((found.lines, found.reached, found.unexplained), (4, 1, [3]))
        self.assertEqual(found.explained[2], "cannot be reached")
        self.assertEqual(coverage.ranges([3, 4, 5, 9]), "3–5, 9")

    def test_an_input_that_fails_does_not_take_all_coverage_away(self):
        coverage.program = lambda harness, build: stand_in(
            f"covers_{harness}", "for arg; do [[ -d $arg ]] && set -- $@ $arg/*; done",
            '[[ "$*" == */bad* ]] && echo "ERROR: libFuzzer: bad" >&2 && echo Base64: AA >&2 && '
            "exit 77", 'echo "$@" >$LLVM_PROFILE_FILE', 'echo "$@" >>ran'
        ) if harness != "script" else stand_in("covers_nothing", "exit 77")
        coverage.LLVM = Path.cwd()
        stand_in("llvm-profdata", 'echo "$@" > profiles')
        stand_in("llvm-cov", "echo SF:/x/include/mneme/check.hpp; echo DA:1,5")
        stand_in("llvm-cxxfilt", "exec cat")
        for name in ("a", "bad1", "bad2", "c"):
            common.write_atomically(Path("covered/corpus/layout") / name, "x")
        with Store("covered", 0) as store:
            files, stale = coverage.coverage(store, ["layout", "schedule", "script"])
            self.assertEqual((list(files), stale), (["include/mneme/check.hpp"], []))
            inputs = {name: 4 * (name == "layout") + sum(len(list(folder.iterdir())) for folder in
                                                         common.inputs_of(name))
                      for name in ("layout", "script")}
            self.assertEqual([note.partition("coverage: ")[2] for note in store.state["notes"]],
                             [f"layout fails: libFuzzer: bad; 2 of its {inputs['layout']} inputs "
                              "do not count",
                              f"script fails: exit code 77; {inputs['script']} of its "
                              f"{inputs['script']} inputs do not count"])
            ran = Path("ran").read_text().split()
            for name in ("layout/a", "layout/c"):
                self.assertEqual(ran.count(str(store.folder / "corpus" / name)), 1)
            merged = Path("profiles").read_text()
            self.assertTrue("layout-0.profraw" in merged and "schedule.profraw" in merged)
            stand_in("llvm-profdata", "echo 'no such profile' >&2; exit 1")
            with self.assertRaisesRegex(Problem, "llvm-profdata failed: no such profile"):
                coverage.coverage(store, ["schedule"])

    FUNCTIONS = "SF:/x/include/mneme/a.hpp\n" \
                "FN:1,void mneme::A::f<mneme::A::g(int)::'lambda'(int)>(mneme::B<A::h>) const\n" \
                "FN:3,mneme::A::g(int)\n" \
                "FN:4,mneme::A::g(int)::'lambda'(int)::operator()(int) const\n" \
                "FN:6,(anonymous namespace)::h(mneme::A::g)\n" \
                "DA:1,5\nDA:2,0\nDA:3,0\nDA:4,0\nDA:5,0\nDA:6,0\nDA:7,0\nend_of_record\n"

    def judge(self, *rows):
        return coverage.judge(coverage.parse_lcov(self.FUNCTIONS), rows,
                              lambda name: [f"f({line});" for line in range(1, 8)]
                              )["include/mneme/a.hpp"]

    def test_a_row_may_explain_one_function(self):
        whole = coverage.Row("include/mneme/a.hpp", "", "why", "A::g")
        self.assertEqual(self.judge(whole).unexplained, [2, 6, 7])
        part = coverage.Row("include/mneme/a.hpp", "f(7)", "why", "h")
        self.assertEqual(self.judge(whole, part).unexplained, [2, 6])
        other = coverage.Row("include/mneme/a.hpp", "f(5)", "why", "g")  # whole does that already
        gone = coverage.Row("include/mneme/a.hpp", "", "why", "A::gone")
        self.judge(whole, other, gone)
        self.assertEqual([row.explains for row in (whole, part, other, gone)],
                         [True, True, False, False])

    def test_a_row_says_what_it_explains_and_nothing_else(self):
        self.addCleanup(setattr, coverage, "UNREACHED", coverage.UNREACHED)
        coverage.UNREACHED = Path("unreached.toml")
        row = '[[unreached]]\nfile = "a"\nwhy = "b"\n'
        coverage.UNREACHED.write_text(f'{row}function = "c"\n{row}text = ""\n')
        self.assertEqual(list(map(str, coverage.explanations())), ["a, c", "a"])
        for wrong in (row, f'{row}fuction = "c"\n', "[["):
            coverage.UNREACHED.write_text(wrong)
            with self.assertRaisesRegex(Problem, "unreached.toml: "):
                coverage.explanations()

    def test_lines_that_nobody_explains_and_rows_that_explain_nothing_are_told(self):
        self.addCleanup(setattr, coverage, "UNREACHED", coverage.UNREACHED)
        coverage.UNREACHED, cli.build = Path("unreached.toml").resolve(), lambda *_: None
        coverage.program = lambda *_: stand_in("covers", "touch $LLVM_PROFILE_FILE")
        coverage.LLVM = Path.cwd()
        stand_in("llvm-profdata")
        stand_in("llvm-cov", "echo SF:/x/include/mneme/check.hpp; echo FN:1,_Z4failv; echo DA:1,0")
        stand_in("llvm-cxxfilt", "sed 's/_Z4failv/fail()/'")
        # Whether a line is reached by chance is no matter.
        chance = '[[unreached]]\nfile = "include/mneme/check.hpp"\ntext = "fail_by_chance"\n' \
                 'by_chance = true\nwhy = "threads"\n'
        for function, code in (("fail", 0), ("gone", 1)):
            coverage.UNREACHED.write_text(chance + '[[unreached]]\nfile = "include/mneme/check.hpp"\n'
                                          f'function = "{function}"\nwhy = "it ends all"\n')
            for more in ([], ["--harness=layout"]):
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    options = cli.parser().parse_args(["coverage", "--corpus=explained", *more])
                    self.assertEqual(cli.do_coverage(options), code)
                stale = "explains nothing: include/mneme/check.hpp, gone\n"
                self.assertNotIn("by_chance", said.getvalue())
                self.assertEqual(stale in said.getvalue(), code == 1 and not more)
                # Those of one harness are not what the report is about.
                self.assertEqual("explain nothing: include/mneme/check.hpp, gone" in
                                 Path("explained/report.md").read_text(), code == 1)

    def test_a_finding_stands_in_both_reports_with_its_script(self):
        with Store("reported", 0) as store:
            store.record(engine.Slice("layout", engine.Pulse(5, 3, 9), None, 2.0))
            failure = triage.Failure("it <broke>", [], "", "log")
            triage.deliver(triage.Told("heap_ops", failure, b"x", "heap 64\n", True), b"xy",
                           store.findings / "one")
            report.draw = lambda *_: "a plot takes its time"
            report.write_report(store, None)
        self.assertIn("heap_ops: it &lt;broke> | new | 1 |", Path("reported/report.md").read_text())
        self.assertIn("```\nheap 64\n```", Path("reported/report.md").read_text())
        self.assertIn("it &lt;broke&gt;", Path("reported/report.html").read_text())
        test = Path("reported/findings/one/lit_test.mn").read_text()
        self.assertIn("%mneme run --quiet --keep-going %s || [ $? -le 3 ]\n", test)
        self.assertNotIn("REQUIRES", test)
        self.assertTrue(test.endswith("heap 64\n"))

    def test_what_only_a_sanitizer_sees_is_a_test_of_its_variant(self):
        failure = triage.Failure("it broke", [], "", "ERROR: AddressSanitizer: heap-use-after-free")
        triage.deliver(triage.Told("heap_ops", failure, b"x", "heap 64\n", True), b"xy",
                       Path("sanitized"))
        self.assertIn("# REQUIRES: asan\n", Path("sanitized/lit_test.mn").read_text())

    def test_no_finding_breaks_the_markdown(self):
        text = report.as_markdown([("Findings", "in <x>", ("what", "script"),
                                    [("a|<b", "```\nheap"), ("c|<d", "````\n`\n"), ("e", "one|<"),
                                     ("f\ng", "")])])
        self.assertEqual(text, "# Fuzzing\n\n## Findings\nin &lt;x>\n"
                         "\n| what | script |\n|---|---|\n"
                         "| a\\|&lt;b | below |\n| c\\|&lt;d | below |\n| e | one\\|&lt; |\n"
                         "| below |  |\n"
                         "\na\\|&lt;b:\n````\n```\nheap\n````\n"
                         "\nc\\|&lt;d:\n`````\n````\n`\n`````\n"
                         "\nf:\n```\nf\ng\n```\n")

    def test_what_is_no_finding_yet_or_only_half_of_one_is_counted(self):
        with Store("untidy", 0) as store:
            for file in ("findings/stray", "findings/.new-x/what.txt", "findings/half/input",
                         "artifacts/layout/crash-1", "artifacts/script/oom-1",
                         "not-reproduced/threads/crash-2"):
                common.write_atomically(store.folder / file, "x")
            text = report.findings_section(store)[1]
            self.assertEqual(text, "None. Inputs that failed, and the next run looks at: in "
                             f"{store.folder}/artifacts: 2. Inputs that did not fail again, in {store.folder}/"
                             "not-reproduced: 1. What is no finding, or half of one, in "
                             f"{store.folder}/findings: 3.")

    def test_what_an_older_version_delivered_is_listed(self):
        with Store("older", 0) as store:
            common.write_atomically(store.findings / "script-954aef69f0/what.txt",
                               "script: broken\nto reproduce: build/fuzz/script input\n")
            common.write_atomically(store.findings / "script-954aef69f0/input", "x")
            self.assertEqual(report.findings_section(store)[3],
                             [("script: broken", "of an earlier run", "1",
                               "build/fuzz/script input", "–", "")])

    def test_what_fails_in_the_same_way_is_one_row_and_the_shortest_is_shown(self):
        with Store("alike", 0) as store:
            for name, times, script in (("heap_ops-free-aa", 3, "heap 64\nfree a\nfree a\n"),
                                        ("heap_ops-alloc-aa", 1, "heap 64\nalloc a 1\n"),
                                        ("heap_ops-alloc-bb", 1, "heap 64\n"),
                                        ("threads-once-aa", 1, "")):
                folder = store.findings / name
                common.write_atomically(folder / "what.txt", f"{name[:8]}: bad\nto reproduce: {name}\n")
                common.write_atomically(folder / "input", "x")
                common.write_atomically(folder / "script.mn", script)
                common.write_atomically(folder / "count", str(times))
            _, text, _, rows = report.findings_section(store)
            self.assertEqual(text, f"4 in {store.findings}, which fail in 3 ways.")
            self.assertIn(("heap_ops: bad", "of an earlier run", "4", "heap_ops-alloc-aa",
                           "heap_ops-free-aa", "heap 64\nalloc a 1\n"), rows)

    def test_a_plot_that_cannot_be_drawn_says_why(self):
        Path("plot.png").mkdir()
        self.assertTrue(DRAW([(1, "layout", 2, 3, 4, 5, 6)], Path("plot.png").resolve()))
        self.assertEqual(DRAW([], Path("plot.png")), "nothing has run yet")

    def test_a_broken_matplotlib_leaves_the_plot_out(self):
        for name, body in (("__init__", "use = print"), ("pyplot", "raise TypeError('built ill')")):
            common.write_atomically(Path(f"broken/matplotlib/{name}.py"), body)
        sys.path.insert(0, str(Path("broken").resolve()))
        self.addCleanup(sys.path.pop, 0)
        self.addCleanup(sys.modules.update, dict(sys.modules))
        for module in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[module]
        self.assertEqual(DRAW([(1, "layout", 2, 3, 4, 5, 6)], Path("p.png").resolve()),
                         "TypeError: built ill")
        del sys.modules["matplotlib"]


DRAW = report.draw
unittest.main()
