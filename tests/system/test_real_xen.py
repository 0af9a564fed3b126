# SPDX-License-Identifier: MIT
"""Real Xen 4.17 as the hypervisor: our guests are plain Xen guests, so they must run there too."""

import os
import sys

from driver import BUILD, CONSOLE, HV, ROOT, TCG_CPU, XEN, boot, check, test
from test_nested import inner_archive

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import LINUX_CLOUD, oracle  # noqa: E402

RAMDISK = os.path.join(BUILD, "interop", "stress.cpio.gz")


@test
def real_xen_without_dom0():
    """What: Debian's Xen, started without a module, stops with its own message.
    Why: it proves the driver (start, wait for text, end) against a hypervisor that is known to work.
    Method: boot it with noreboot. Expected: `dom0 kernel not specified`."""
    with boot("real_xen_without_dom0", kernel=XEN, append=CONSOLE + " noreboot", cpu=TCG_CPU) as session:
        session.expect("dom0 kernel not specified")
        session.expect("Manual reset required")


def run_ryokan(xen):
    """Ryokan as a PVH domain of the oracle: to its prompt, a guest of its own, its power-off."""
    files = 'kernel="/guest/ryokan"; ramdisk="/guest/modules"; extra="loglvl=info dom0_mem=48M"'
    # TCG lets an SVM guest change XCR0 behind Xen's back, which then loses registers of its control domain.
    xen.create(f'name="inner"; type="pvh"; memory=112; vcpus=2; cpuid="host,xsave=0"; {files}')
    xen.guest_expect("inner", r"^dom0# ", timeout=120)
    xen.guest_send("inner", "xl create name=answer kernel=/guest/answer memory=16")
    xen.guest_send("inner", "xl list")
    xen.guest_expect("inner", r"^answer +1 +16 ", timeout=120)
    xen.guest_send("inner", "date")
    xen.guest_expect("inner", r"UTC 20[2-9]", timeout=120)
    xen.guest_send("inner", "poweroff")
    log = xen.guest_end("inner")
    check("CPUs: 2 running" in log, "the second processor does not run:\n" + log)
    check("the machine goes off" in log, "it did not switch itself off:\n" + log)


@test
def real_xen_with_linux_and_xl():
    """What: real Xen with Linux and Debian's `xl` as its control domain runs Linux as a PV and as a PVH guest, and our hypervisor as a PVH guest. Why: it is
    the oracle that our toolstack and our figures are compared with; and what we use as a guest has to be Xen's interface, not what our own
    hypervisor makes of it. Method: Linux gives a shell on both consoles, where a command is typed that ends it; Ryokan gets dom0 and its files in
    one archive, makes a guest, and is switched off. Expected: `xl list` shows each while it runs, and none at the end; the inner date is right."""
    name = "with_linux_and_xl"
    files = {"guest/vmlinuz": LINUX_CLOUD, "guest/initrd": RAMDISK, "guest/ryokan": HV, "guest/modules": inner_archive(name)}
    with oracle(name, files, lifetime=480) as xen:
        for kind in ("pv", "pvh"):
            boot_files = 'kernel="/guest/vmlinuz"; ramdisk="/guest/initrd"; extra="console=hvc0 quiet end=shell"'
            # With an intercepted TSC the emulator reports RDTSCP as RDTSC, and Linux hangs.
            xen.create(f'name="{kind}"; type="{kind}"; memory=128; tsc_mode="native"; {boot_files}')
            xen.guest_expect(kind, r"guest# ", timeout=120)
            check(kind in xen.run("xl list"), f"xl list does not show {kind}")
            xen.guest_send(kind, "poweroff -f")
            xen.run(f"while xl domid {kind}; do sleep 0.1; done 2>/dev/null")
        check("pv" not in xen.run("xl list"), "xl list still shows the domains")
        run_ryokan(xen)
