# SPDX-License-Identifier: MIT
"""Real Xen 4.17 as the hypervisor: our guests are plain Xen guests, so they must run there too."""

import os
import sys

from driver import BUILD, CONSOLE, ROOT, TCG_CPU, XEN, boot, check, test

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


@test
def real_xen_with_linux_and_xl():
    """What: real Xen with Linux and Debian's `xl` as its control domain runs Linux as a PV and as a PVH guest. Why: it is the oracle that our
    toolstack and our figures are compared with. Method: both are created, their consoles give a shell, a command is typed there that ends
    them. Expected: `xl list` shows each while it runs, and neither at the end."""
    files = {"guest/vmlinuz": LINUX_CLOUD, "guest/initrd": RAMDISK}
    with oracle("with_linux_and_xl", files, lifetime=240) as xen:
        for kind in ("pv", "pvh"):
            boot_files = 'kernel="/guest/vmlinuz"; ramdisk="/guest/initrd"; extra="console=hvc0 quiet end=shell"'
            # With an intercepted TSC the emulator reports RDTSCP as RDTSC, and Linux hangs.
            xen.create(f'name="{kind}"; type="{kind}"; memory=128; tsc_mode="native"; {boot_files}')
            xen.guest_expect(kind, r"guest# ", timeout=120)
            check(kind in xen.run("xl list"), f"xl list does not show {kind}")
            xen.guest_send(kind, "poweroff -f")
            xen.run(f"while xl domid {kind}; do sleep 0.1; done 2>/dev/null")
        check("pv" not in xen.run("xl list"), "xl list still shows the domains")
