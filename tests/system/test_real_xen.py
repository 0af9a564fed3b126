# SPDX-License-Identifier: MIT
"""Real Xen 4.17 as the hypervisor: our guests are plain Xen guests, so they must run there too."""

from driver import CONSOLE, TCG_CPU, XEN, boot, test


@test
def real_xen_without_dom0():
    """What: Debian's Xen, started without a module, stops with its own message.
    Why: it proves the driver (start, wait for text, end) against a hypervisor that is known to work.
    Method: boot it with noreboot. Expected: `dom0 kernel not specified`."""
    with boot("real_xen_without_dom0", kernel=XEN, append=CONSOLE + " noreboot", cpu=TCG_CPU) as session:
        session.expect("dom0 kernel not specified")
        session.expect("Manual reset required")
