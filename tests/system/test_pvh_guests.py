# SPDX-License-Identifier: MIT
"""The guest-side tests as a PVH guest: on SVM under the hypervisor, and on real Xen."""

import os
import re
import sys

from driver import BUILD, CONSOLE, ROOT, boot, check, test

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import oracle  # noqa: E402

SUITE = os.path.join(BUILD, "guests", "suite-pvh.elf")
MODULES = [(os.path.join(BUILD, "dom0", "dom0.elf"), ""), (os.path.join(BUILD, "dom0", "initrd.tar"), ""), (SUITE, "")]


def failures(output):
    """What the suite's lines say went wrong."""
    return "\n".join(line for line in output.splitlines() if re.search(r"FAILURE|ERROR|unexpected trap", line))


@test
def guest_tests_as_pvh():
    """What: the guest-side tests that make sense there pass in a PVH guest on SVM. Why: one source, two routes: hypercalls, events, timers and
    vCPUs are the same to both kinds of guests. Method: a boot-time domain of 2 vCPUs runs them all. Expected: no failure."""
    option = 'domain="tests,kernel=2,type=pvh,mem=128M,vcpus=2,xenstore=0,cmdline=tests=all"'
    with boot("guest_tests_as_pvh", lifetime=120, cpus=2, memory="1G", append=f"{CONSOLE} dom0_mem=64M {option}", modules=MODULES) as session:
        session.expect(r"Test result: (\w+)")
        check("Test result: SUCCESS" in session.output, failures(session.output))


@test
def guest_tests_as_pvh_on_real_xen():
    """What: the same image passes as a PVH guest of Debian's Xen 4.17. Why: a test that Xen fails describes another ABI. Method: Linux's xl
    creates it. Expected: no failure."""
    with oracle("guest_tests_as_pvh", {"guest/suite": SUITE}, lifetime=240) as xen:
        xen.create('name="tests"; type="pvh"; kernel="/guest/suite"; memory=128; vcpus=2; tsc_mode="native"; extra="tests=all"')
        xen.guest_expect("tests", r"Test result: \w+", timeout=180)
        log = xen.run("cat /var/log/xen/console/guest-tests.log")
        check("Test result: SUCCESS" in log, failures(log) or log[-1500:])
