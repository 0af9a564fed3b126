# SPDX-License-Identifier: MIT
"""Networks served outside dom0: kit/samples/driver between other domains and the outside."""

import re
import subprocess

from driver import PROMPT, check, die_with_parent, test
from test_driver_domain import DRIVER, wait_for
from test_network import MODULES, OUR_GUEST, TRANSFER, attach, free_ports, linux, network, user_network

DRV, LIN, OUR = 1, 2, 3


def check_refusals(session):
    said = session.command_line(f"xl network-attach {LIN} backend=none")
    check("backend=none: there is no such domain" in said, said)
    said = session.command_line(f"xl network-attach {LIN} backend=our")
    check("no backend has taken it up: Connection timed out" in said, said)
    listed = session.command_line(f"xl network-list {LIN}")
    check(listed.count("/backend/vif/") == 1, "what was refused is still there:\n" + listed)


def check_end(session):
    """One interface is taken away, the backend ends while it serves the other."""
    session.command_line(f"xl network-detach {LIN} 0")
    wait_for(session, f"xl network-list {LIN}", r"\A(?!(.*\n)*.*/backend/vif/)")
    session.command_line(f"xl shutdown {DRV}")
    wait_for(session, "xl list", r"^drv .* ---s-- ")  # it was not made by xl, which would take it away
    session.command_line("xl destroy drv")
    wait_for(session, "xl list", r"\A(?!(.*\n)*drv )")
    said = session.command_line(f"xl network-detach {OUR} 0")
    check("xl:" not in said, said)
    wait_for(session, f"xl network-list {OUR}", r"\A(?!(.*\n)*.*/backend/vif/)")


@test
def driver_domain_network():
    """What: a guest serves vifs of Linux and of a guest of ours, and is their DHCP server, name server and way out. Why: a backend need not be in dom0: the
    toolstack writes both ends for another domain, and the backend is the same code. Method: the guest's own vif is on dom0's outer switch; Linux moves data to
    and from this machine through it, our guest to and from Linux. Expected: addresses of the inner network, equal checksums; an unknown domain and one
    that serves none are refused with the reason; network-list names the backend; detaching works, also when the backend has ended."""
    here, = free_ports(1)
    words = f"dhcp=1 serve=1 ping=10.0.2.2 transfer=10.0.2.2:{here}:2000000 end=stay"
    domains = [' "domain=drv,kernel=5,mem=64M,cmdline=NET=192.168.78.0"', linux("lin", words),
               ' "domain=our,kernel=4,mem=64M,cmdline=transfer 192.168.78.10 5000 1000000"']  # fmt: skip
    modules = MODULES + [(OUR_GUEST, ""), (DRIVER, "")]
    with subprocess.Popen([TRANSFER, "serve", str(here)], preexec_fn=die_with_parent) as server:
        with network("driver_domain_network", domains, modules=modules, extra=user_network({}), lifetime=400) as session:
            session.expect(r"\(drv\) driver: ready")
            session.send("\r")
            session.expect(PROMPT)
            while "10.0.2.15" not in session.command_line("ifconfig"):
                pass
            attach(session, DRV, "backend=Domain-0")
            attach(session, LIN, "backend=drv")
            session.expect(r"\(lin\) net: .* 192\.168\.78\.10/24")
            session.expect(r"\(lin\) 3 packets transmitted, [1-3] packets received")
            session.expect(r"\(lin\) transfer: 2000000 bytes each way, checksums equal")
            session.expect(r"\(lin\) net: done")
            attach(session, OUR, f"backend={DRV}")
            session.expect(r"\(our\) net: address 192\.168\.78\.11")
            session.expect(r"\(our\) transfer: 1000000 bytes each way, checksums equal")
            session.expect(r"\(our\) net: serving")
            session.send("\r")
            session.expect(PROMPT)
            listed = session.command_line(f"xl network-list {LIN}")
            check(re.search(rf"^0 +{DRV} +00:16:3e:00:00:02 .* 4 .*/local/domain/{DRV}/backend/vif/{LIN}/0$", listed, re.M), listed)
            check_refusals(session)
            check_end(session)
        server.kill()
