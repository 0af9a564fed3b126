# SPDX-License-Identifier: MIT
"""The guest library in guests of its own, which boot in dom0's place on Ryokan and on real Xen."""

import os
import sys

from driver import BUILD, CONSOLE, DOM0, HV, INITRD, ROOT, SVM_ACCEL, TCG_CPU, XEN, boot, check, test

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import oracle  # noqa: E402

GUESTS = os.path.join(BUILD, "pvguest")
HYPERVISORS = {"ryokan": {"kernel": HV}, "xen": {"kernel": XEN, "cpu": TCG_CPU}}


def guest(name, hypervisor, image, args="", modules=(), append="", **options):
    """A Session with the guest as the initial domain."""
    modules = [(os.path.join(GUESTS, image), args)] + [(os.path.join(GUESTS, module), "") for module in modules]
    append = f"{CONSOLE} dom0_mem=256M,max:256M guest_loglvl=all {append}"
    return boot(f"{name}_{hypervisor}", append=append, modules=modules, **HYPERVISORS[hypervisor], **options)


def selftest(hypervisor, cpus):
    name = f"pvguest_selftest_{cpus}"
    with guest(name, hypervisor, "selftest.elf", modules=["selftest.tar"], cpus=cpus) as session:
        check(session.expect(r"Test result: (\w+)\n").group(1) == "SUCCESS", "a test of the guest library failed:\n" + session.tail(40))
        check(" ok " in session.output, "no test ran")
        check(cpus == 1 or "vcpus              ok" in session.output, "the second vCPU was not tried")
        session.wait_exit()


def bad_end(hypervisor, how, message):
    with guest(f"pvguest_{how}", hypervisor, "selftest.elf", args=how, append="noreboot=0") as session:
        session.expect(message)


@test
def pvguest_selftest():
    """What: the guest library's self-test passes on Ryokan. Why: memory, page tables, traps, events, timers, threads, grants,
    PCI and the C library are what dom0 and every other guest of ours stand on.
    Method: boot selftest.elf and its archive in dom0's place, 1 vCPU. Expected: `Test result: SUCCESS`, then the machine restarts."""
    selftest("ryokan", 1)


@test
def pvguest_selftest_smp():
    """What, why, expected: as pvguest_selftest. Method: 2 vCPUs, of which the second runs functions and takes events too."""
    selftest("ryokan", 2)


@test
def pvguest_selftest_on_xen():
    """What, expected: as pvguest_selftest_smp. Why: the library must be a plain Xen guest. Method: real Xen 4.17."""
    selftest("xen", 2)


@test
def pvguest_selftest_as_domu():
    """What: the self-test passes in a domain without privileges, beside dom0. Why: there the console is the PV ring, and machine memory,
    ports and PCI are out of reach. Method: a boot domain of 64 MiB with 2 vCPUs. Expected: its `Test result: SUCCESS`, and dom0's prompt."""
    modules = [(DOM0, ""), (INITRD, "")] + [(os.path.join(GUESTS, name), "") for name in ("selftest.elf", "selftest.tar")]
    append = CONSOLE + " domain=u,kernel=2,ramdisk=3,mem=64M,vcpus=2"
    with boot("pvguest_selftest_as_domu", append=append, modules=modules, cpus=2) as session:
        session.expect(r"\(u\) Test result: SUCCESS")
        check("(u) vcpus              ok" in session.output, "the second vCPU was not tried:\n" + session.tail(40))
        session.position = 0
        session.expect("dom0# ")


@test
def pvguest_selftest_as_pvh():
    """What: the same image passes the self-test as a PVH guest. Why: then it makes its own page tables, takes upcalls as interrupts, and makes
    hypercalls by another instruction. Method: a boot domain of type pvh with 2 vCPUs beside dom0. Expected: its `Test result: SUCCESS`,
    the second vCPU tried too."""
    modules = [(DOM0, ""), (INITRD, "")] + [(os.path.join(GUESTS, name), "") for name in ("selftest.elf", "selftest.tar")]
    append = CONSOLE + " domain=u,type=pvh,kernel=2,ramdisk=3,mem=64M,vcpus=2"
    with boot("pvguest_selftest_as_pvh", append=append, modules=modules, cpus=2, accel=SVM_ACCEL) as session:
        session.expect(r"\(u\) Test result: SUCCESS")
        check("(u) vcpus              ok" in session.output, "the second vCPU was not tried:\n" + session.tail(40))


@test
def pvguest_selftest_as_pvh_on_xen():
    """What, expected: as pvguest_selftest_as_pvh. Why: the library must be a plain Xen guest in this way too. Method: real Xen with Linux
    and xl as its control domain; there the guest also grants pages to a domain that is not itself."""
    files = {"guest/selftest": os.path.join(GUESTS, "selftest.elf"), "guest/tar": os.path.join(GUESTS, "selftest.tar")}
    with oracle("pvguest_selftest_as_pvh_on_xen", files, lifetime=240) as xen:
        # TCG lets an SVM guest change XCR0 behind Xen's back, which then loses registers of others.
        xen.create('name="u"; type="pvh"; memory=64; vcpus=2; cpuid="host,xsave=0"; tsc_mode="native"; on_reboot="preserve"; kernel="/guest/selftest"; '
                   'ramdisk="/guest/tar"')  # fmt: skip
        output = xen.guest_expect("u", r"Test result: SUCCESS", timeout=120)
        check("vcpus              ok" in output, "the second vCPU was not tried:\n" + output[-3000:])


@test
def pvguest_fpu_across_domains():
    """What: a domain's SSE registers survive that other domains run in between. Why: a guest that never touches XCR0 has only x87 in
    it, and XSAVE then leaves SSE out. Method: six boot domains on two CPUs compute at the same time. Expected: all are right."""
    modules = [(DOM0, ""), (INITRD, ""), (os.path.join(GUESTS, "selftest.elf"), "")]
    domains = "".join(f' "domain=u{n},kernel=2,mem=16M,cmdline=fpu"' for n in range(6))
    with boot("pvguest_fpu_across_domains", append=CONSOLE + domains, modules=modules, cpus=2) as session:
        for _ in range(6):
            check(session.expect(r"Test result: (SUCCESS|FAILURE)").group(1) == "SUCCESS", "registers changed:\n" + session.tail(40))


def network_loop(hypervisor, **options):
    """Types the line that the guest asks for, in two parts; returns the ns on the CPU of a second's poll()."""
    with guest("pvguest_network_loop", hypervisor, "netloop.elf", **options) as session:
        idle = int(session.expect(r"netloop: poll\(\) for a second, (\d+) ns on the CPU")[1])
        session.expect("netloop: type a line")
        session.send("a")
        session.expect("a")
        session.send("\r")
        session.expect(r"Test result: SUCCESS")
        return idle


@test
def pvguest_network_loop():
    """What: lwIP on the library moves checked data over TCP and UDP, IPv4 and IPv6; poll() waits for sockets and the console at once without
    looking at either from time to time. Why: it exercises threads, locks and timeouts as programs do. Method: netloop.elf on Ryokan, where
    under -icount a nanosecond is an instruction; a line is typed in two parts. Expected: `Test result: SUCCESS`; a second of poll() takes
    fewer instructions than ten wake-ups would, beside lwIP's own four of its TCP timer."""
    idle = network_loop("ryokan", extra=["-icount", "shift=0,sleep=off"])
    check(idle < 100000, f"poll() does not sleep: {idle} instructions in a second")


@test
def pvguest_network_loop_on_xen():
    """What, why, expected: as pvguest_network_loop. Method: real Xen 4.17."""
    network_loop("xen")


@test
def pvguest_arguments():
    """What: main() gets its arguments from the command line. Method: hello.elf with two, one quoted. Expected: both are printed."""
    with guest("pvguest_arguments", "ryokan", "hello.elf", args="one 'two words'") as session:
        session.expect(r"^argument 1: one$")
        session.expect(r"^argument 2: two words$")


@test
def pvguest_bad_ends():
    """What: a guest that goes wrong says how. Why: a guest's developer has nothing else. Method: a null pointer, a failed
    assertion, a stack overflow, an exit code. Expected: registers and a backtrace; the assertion's text; the hypervisor's report,
    because the guard page leaves the guest no stack to report on; the code."""
    bad_end("ryokan", "crash", r"page fault\), error code 0x2\n(.*\n)*backtrace:\n.* main\+.*\n.* run_main\+")
    bad_end("ryokan", "assert", r'assertion "strcmp.*failed(.*\n)*panic: signal 6')
    bad_end("ryokan", "exit=3", r"a line that only exit\(\) ends: main returned 3")
    bad_end("ryokan", "overflow", r"d0v0 crashed: kernel stack")
    bad_end("xen", "overflow", r"Domain 0 \(vcpu#0\) crashed")
