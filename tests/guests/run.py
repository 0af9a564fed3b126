#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the guest-side tests on Ryokan, or on Debian's real Xen as the oracle, in QEMU (TCG).

    tests/guests/run.py [--xen] [--cpus N] [--vcpus N] [--verbose] [--timeout S] [NAME...]
    tests/guests/run.py --bench [--xen]        prints the bench guest's "BENCH name value unit" lines

One boot runs all ordinary tests; each test that must end with the domain crashed gets a boot of its own. Prints one line
a test, then "N passed, N failed". The exit status is 0 when nothing failed. Usable as a library: run_all(options).
"""

import argparse
import os
import re
import selectors
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "run"))
from qemu import die_with_parent  # noqa: E402

SUITE = os.path.join(ROOT, "build/guests/suite.elf")
BENCH = os.path.join(ROOT, "build/guests/bench.elf")
RYOKAN = os.path.join(ROOT, "build/hv/ryokan")
XEN = os.path.join(ROOT, "build/debs/xen-4.17")
LINE = re.compile(r"^(?:\(\w+\) )*([a-z0-9_]+): (SUCCESS|SKIP|ERROR|FAILURE)\s*$")
END = re.compile(r"Test result: (SUCCESS|SKIP|ERROR|FAILURE)")
# Either hypervisor's last word about the domain that runs the tests; those that it makes itself come later, and may crash.
CRASHED = re.compile(r"(Hardware )?[Dd]om0 crashed|\bd[01]v\d+ crashed")


def tests_in_tree():
    """Names of all tests, and for crash tests the text expected in the hypervisor's log."""
    ordinary, crashing = [], {}
    base = os.path.join(ROOT, "tests/guests")
    for name in sorted(os.listdir(base)):
        source = os.path.join(base, name, "main.c")
        if not os.path.exists(source):
            continue
        match = re.search(r'CRASH_TEST\(\w+,\s*"([^"]*)"\)', open(source).read())
        if match:
            crashing[name] = match.group(1)
        else:
            ordinary.append(name)
    return ordinary, crashing


def qemu_command(options, guest_args):
    if options.xen:
        kernel = XEN
        line = "com1=115200,8n1 console=com1 dom0_mem=512M,max:512M noreboot=1 loglvl=all guest_loglvl=all"
    else:
        kernel = options.hv
        line = "com1=115200,8n1 console=com1 dom0_mem=512M noreboot=1 loglvl=all guest_loglvl=all"
    line += f" dom0_max_vcpus={options.vcpus} {options.hv_args}"
    modules = f"{options.guest} {guest_args}"
    if options.domu:
        modules = f"{options.guest} idle,{options.guest}"
        line += f' "domain=tests,kernel=1,mem=128M,vcpus={options.vcpus},cmdline={guest_args}"'
    icount = ["-icount", "shift=0,sleep=off"] if options.icount else []
    return ["qemu-system-x86_64", "-accel", "tcg"] + icount + ["-cpu", options.cpu, "-machine", "q35", "-m", "1024",
            "-smp", str(options.cpus), "-display", "none", "-vga", "none", "-nodefaults", "-serial", "stdio",
            "-no-reboot", "-monitor", "none", "-kernel", kernel, "-append", line,
            "-initrd", modules] + options.qemu_args.split()


def boot(options, guest_args, timeout, stop):
    """Boots once; returns the console's lines up to the first match of `stop`, the machine's end, or `timeout` seconds
    without output."""
    process = subprocess.Popen(qemu_command(options, guest_args), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    deadline, pending, lines, ended = time.monotonic() + timeout, b"", [], False
    try:
        while not ended and time.monotonic() < deadline:
            if not selector.select(timeout=0.5):
                continue
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                break
            deadline = time.monotonic() + timeout
            *done, pending = (pending + data).split(b"\n")
            for raw in done:
                line = raw.decode("latin-1").rstrip("\r")
                lines.append(line)
                if options.verbose:
                    print(line, flush=True)
                ended = ended or bool(stop.search(line))
        timed_out = time.monotonic() >= deadline
    finally:
        process.kill()
        process.wait()
    lines.append(pending.decode("latin-1"))
    return lines, timed_out


def fitting(names, limit):
    """The first names that go on a command line; start_info cuts it at 1024 bytes, Ryokan an option at 255."""
    count, length = 0, 0
    while count < len(names) and length + len(names[count]) < limit:
        length += len(names[count]) + 1
        count += 1
    return names[:count]


def run_suite(options, names, results):
    """All ordinary tests in one boot; a test that takes the machine down is blamed and the rest go on in another boot."""
    todo = list(names)
    while todo:
        batch = fitting(todo, 150 if options.domu else 900) if options.names else todo
        arg = "tests=" + "+".join(batch) if options.names else f"tests=all from={todo[0]}"
        arg += " invert" if options.invert else ""
        arg += f" {options.words}" if options.words else ""
        stop = re.compile(END.pattern + "|" + CRASHED.pattern + r"|Xen BUG|Panic on CPU|PANIC|BUG at")
        lines, timed_out = boot(options, arg, options.timeout, stop)
        reasons, seen = [], set()
        for line in lines:
            match = LINE.match(line)
            if match and match.group(1) in todo:
                results[match.group(1)] = (match.group(2), reasons)
                seen.add(match.group(1))
                reasons = []
            elif re.match(r"(\(\w+\) )*\s+(FAILURE|ERROR|SKIP): ", line):
                reasons.append(line.strip())
        rest = [name for name in batch if name not in seen]
        if rest:
            why = "TIMEOUT" if timed_out else "CRASH"
            results[rest[0]] = (why, reasons + lines[-12:])
            rest = rest[1:]
        todo = rest + todo[len(batch):]


def run_crash_test(options, name, text):
    stop = re.compile(CRASHED.pattern + "|" + END.pattern)
    lines, timed_out = boot(options, f"tests={name}", options.timeout, stop)
    log = "\n".join(lines)
    if timed_out:
        return "TIMEOUT", lines[-12:]
    if END.search(log):
        return "FAILURE", ["the domain was not crashed"] + lines[-6:]
    if CRASHED.search(log) and re.search(text, log):
        return "SUCCESS", []
    return "FAILURE", [f"no crash that says /{text}/"] + lines[-12:]


def report_inverted(results):
    """With every check inverted each test must fail: one that does not cannot fail at all."""
    toothless = [name for name, (result, _) in sorted(results.items()) if result not in ("FAILURE", "SKIP")]
    for name in toothless:
        print(f"{name}: {results[name][0]} with inverted checks")
    print(f"{len(results) - len(toothless)} passed, {len(toothless)} failed")
    return not toothless


def run_all(options):
    ordinary, crashing = tests_in_tree()
    if options.names:
        ordinary = [n for n in ordinary if n in options.names]
        crashing = {n: t for n, t in crashing.items() if n in options.names}
    results = {}
    run_suite(options, ordinary, results)
    if options.invert:
        return report_inverted(results)
    for name, text in crashing.items():
        results[name] = run_crash_test(options, name, text)
    counts = {}
    for name in sorted(results):
        result, reasons = results[name]
        counts[result] = counts.get(result, 0) + 1
        print(f"{name}: {result}")
        for reason in reasons:
            print(f"    {reason}")
    good = counts.get("SUCCESS", 0)
    skipped = counts.get("SKIP", 0)
    bad = len(results) - good - skipped
    print(f"{good} passed, {bad} failed" + (f", {skipped} skipped" if skipped else ""))
    return bad == 0 and good > 0


def bench_boot(options, cpus, guest_args):
    """One boot of the bench guest. Returns {name: (value, unit)}, in order of printing."""
    options.icount, options.cpus, options.vcpus, options.guest = cpus == 1, cpus, 2, BENCH
    lines, timed_out = boot(options, guest_args, options.timeout, re.compile(END.pattern + "|" + CRASHED.pattern))
    figures = {}
    for line in lines:
        match = re.search(r"BENCH (\w+) (\d+) (\w+)", line)
        if match:
            figures[match.group(1)] = (int(match.group(2)), match.group(3))
    if timed_out or not any("Bench done" in line for line in lines):
        print("\n".join(lines[-12:]))
        raise RuntimeError("the bench guest did not finish")
    return figures


def run_bench(options):
    """All figures: instructions on one CPU, counted by the TSC, and nanoseconds of those that need two."""
    figures = bench_boot(options, 1, "bench")
    try:
        figures.update(bench_boot(options, 2, "2"))
    except RuntimeError:
        print("no figures of two CPUs: the host is too slow")
    return figures


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--xen", action="store_true", help="run on Debian's Xen 4.17 instead of Ryokan")
    parser.add_argument("--cpus", type=int, default=2, help="host CPUs")
    parser.add_argument("--vcpus", type=int, default=4, help="vCPUs of the guest")
    parser.add_argument("--cpu", default="max,-smap", help="QEMU CPU model")
    parser.add_argument("--hv", default=RYOKAN, help="another build of the hypervisor")
    parser.add_argument("--guest", default=SUITE)
    parser.add_argument("--hv-args", default="", help="more words for the hypervisor's command line")
    parser.add_argument("--qemu-args", default="")
    parser.add_argument("--words", default="", help="more words for the guest's command line: test.option=N")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds without output")
    parser.add_argument("--invert", action="store_true", help="invert all checks: every test must fail")
    parser.add_argument("--domu", action="store_true", help="run as a domain made at boot, beside an idle dom0 (Ryokan)")
    parser.add_argument("--bench", action="store_true", help="run the bench guest instead")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("names", nargs="*")
    parser.set_defaults(icount=False)
    return parser.parse_args(argv)


if __name__ == "__main__":
    arguments = parse(sys.argv[1:])
    if arguments.bench:
        for figure, (value, unit) in run_bench(arguments).items():
            print(f"BENCH {figure} {value} {unit}")
        sys.exit(0)
    sys.exit(0 if run_all(arguments) else 1)
