# SPDX-License-Identifier: MIT
"""The guest-side tests once more: on real Xen, which says whether the tests are right, and on the debug build, whose
assertions and lock-order checks say whether the hypervisor is."""

import os
import re
import subprocess
import sys

from driver import BUILD, ROOT, check, test


def run_guest_tests(*arguments):
    """The names of the tests that failed, and what the runner says about them."""
    command = [sys.executable, "tests/guests/run.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, errors="replace",
                          stdin=subprocess.DEVNULL)  # fmt: skip
    bad = re.findall(r"^(\w+): (?!SUCCESS|SKIP)(.*\n(?: .*\n)*)", done.stdout, re.M)
    text = "".join(f"{name}: {rest}" for name, rest in bad) or done.stdout[-2000:] + done.stderr[-2000:]
    check(done.returncode == 0 or bad, text)
    return [name for name, _ in bad], text


@test
def guest_tests_on_real_xen():
    """What: every guest-side test passes on Debian's Xen 4.17. Why: a test that Xen fails describes another ABI.
    Method: the same image in dom0's place; what fails runs once more in a boot of its own, because Xen's clocks differ by milliseconds
    between CPUs when the host stalls the emulator while they are calibrated. Another ABI fails twice. Expected: no failure."""
    failed, text = run_guest_tests("--xen")
    if failed:
        failed, text = run_guest_tests("--xen", *failed)
    check(not failed, text)


@test
def guest_tests_on_debug_build():
    """What: every guest-side test passes with assertions and lock-order checks on. Why: they catch what the result does not show.
    Method: build/hv-debug/ryokan. Expected: no failure."""
    failed, text = run_guest_tests("--hv", os.path.join(BUILD, "hv-debug", "ryokan"))
    check(not failed, text)


@test
def guest_of_64_vcpus():
    """What: a guest of 64 vCPUs on 2 CPUs: all run at once, storm its page tables from half of them, and take events, flushes and grants
    in turns, on the debug build. Why: 64 is the limit, and what has one bit for each vCPU breaks there. Method: the tests of the guest-side suite
    that take as many vCPUs as there are. Expected: no failure."""
    tests = ["vcpu_many", "hostile_tables", "smp_event_storm", "smp_tlb_flush", "smp_grant_race"]
    options = ["--cpus", "2", "--vcpus", "64", "--timeout", "100", "--hv", os.path.join(BUILD, "hv-debug", "ryokan")]
    failed, text = run_guest_tests(*options, *tests)
    check(not failed, text)
