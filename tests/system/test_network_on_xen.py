# SPDX-License-Identifier: MIT
"""Our network frontend with Linux's backend, on real Xen."""

import os
import sys

from driver import BUILD, ROOT, check, test

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import oracle  # noqa: E402

FILES = {"guest/net.elf": os.path.join(BUILD, "pvguest", "net.elf"), "bin/transfer": os.path.join(BUILD, "interop", "transfer"),
         "bin/multicast": os.path.join(BUILD, "interop", "multicast")}  # fmt: skip
CONFIG = """name="our"
type="pv"
kernel="/guest/net.elf"
memory=64
extra="IP=10.0.0.2/24 transfer 10.0.0.3 5000 2000000 echo 10.0.0.3 5000 20 group 239.1.2.3 6000 50"
vif=["bridge=xenbr0,mac=00:16:3e:00:00:02"]
"""


@test
def network_our_guest_on_real_xen():
    """What: our guest's netfront works with Linux's xen-netback. Why: it must be a plain Xen frontend. Method: real Xen 4.17 with a
    Linux control domain and its bridge; data both ways from either side, by IPv6 too; the control domain sends to a group. Expected: equal checksums,
    ping is answered; the guest gets the group's packets."""
    files = dict(FILES, **{"guest/our.cfg": CONFIG.encode()})
    with oracle("network_our_guest_on_real_xen", files=files, lifetime=360, cpus=2) as xen:
        xen.run("modprobe bridge; modprobe xen-netback; modprobe af_packet; brctl addbr xenbr0")
        xen.run("ip addr add 10.0.0.3/24 dev xenbr0; ip link set xenbr0 up")
        xen.run("transfer serve 5000 & sleep 0")
        xen.run("xl create /guest/our.cfg")
        xen.guest_expect("our", "20 requests and responses", timeout=150)
        xen.run("multicast 239.1.2.3 6000 xenbr0 & sleep 0")
        said = xen.guest_expect("our", "net: serving", timeout=150)
        check("checksums equal" in said and "20 requests and responses" in said, said)
        check("3 packets received" in xen.run("ping -c 3 10.0.0.2"), "ping")
        check("checksums equal" in xen.run("transfer 10.0.0.2 5000 1000000"), "from the control domain")
        check("net: 50 datagrams to 239.1.2.3" in said, said)
        check("checksums equal" in xen.run("transfer fe80::216:3eff:fe00:2%xenbr0 5000 200000"), "by IPv6")
