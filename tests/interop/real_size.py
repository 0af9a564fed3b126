# SPDX-License-Identifier: MIT
"""Linux's networks and disks with amounts of data that are too large for `make test`: 100 MB each way over TCP, iperf3, 64 guests on one switch, a disk of
1 GiB. A line for each part, with what it measured.

usage: real_size.py [PART...]"""

import re
import subprocess
import sys
import time

from driver import PROMPT, Failure, check, die_with_parent
from test_disk import linux_ext4
from test_network import TRANSFER, attach, free_ports, guests_machine, linux, many_guests, network, transfer, user_network

BYTES = 100_000_000
SECONDS = 10  # of iperf3
LIFETIME = 1200
EQUAL = rf"transfer: {BYTES} bytes each way, checksums equal, (\d+) ms out, (\d+) ms in"


def rates(said, *names):
    """What each transfer measured, in MB/s."""
    found = re.findall(EQUAL, said)
    check(len(found) == len(names), f"{len(found)} of {len(names)} transfers are right:\n{said[-2000:]}")
    return [f"{name}: {BYTES / 1000 / int(out):.1f} MB/s out, {BYTES / 1000 / int(back):.1f} in" for name, (out, back) in zip(names, found)]


def linux_to_linux():
    """Two Linux domains on dom0's switch: data, iperf3."""
    domains = [linux("a", "addr=10.0.0.1/24 serve=1 end=stay"),
               linux("b", f"addr=10.0.0.2/24 transfer=10.0.0.1:5000:{BYTES} iperf=10.0.0.1 seconds={SECONDS} end=stay")]  # fmt: skip
    with network("real_size_linux_to_linux", domains, lifetime=LIFETIME) as session:
        session.expect(PROMPT.rstrip("$"))
        attach(session, 1)
        attach(session, 2)
        session.expect(r"\(b\) net: done")
        check("net: FAILED" not in session.output, session.tail())
        speed = re.search(r"\(b\) iperf3: .* (\d\S* \S+/sec) +receiver", session.output)
        check(speed, "iperf3 says nothing:\n" + session.tail())
        return rates(session.output, "guest to guest") + [f"iperf3: {speed[1]}"]


def linux_to_dom0():
    """A Linux domain and dom0, each as the client."""
    words = f"addr=10.0.0.1/24 serve=1 transfer=10.0.0.3:5000:{BYTES} end=stay"
    with network("real_size_linux_to_dom0", [linux("lin", words)], lifetime=LIFETIME) as session:
        session.expect(PROMPT.rstrip("$"))
        session.command_line("ifconfig en1 10.0.0.3/24")
        session.command_line("transfer serve 5000")
        attach(session, 1)
        session.expect(r"\(lin\) net: done")
        session.send("\r")
        session.expect(PROMPT)
        session.command_line(f"transfer 10.0.0.1 5000 {BYTES}")
        return rates(session.output, "guest to dom0", "dom0 to guest")


def linux_to_the_outside():
    """Linux domains and this machine: on the outer switch, each as the client, and by dom0's address translation."""
    here, to_guest = free_ports(2)
    domains = [linux(name, f"dhcp=1 serve=1 transfer=10.0.2.2:{here}:{BYTES} end=stay") for name in ("lin", "nat")]
    with subprocess.Popen([TRANSFER, "serve", str(here)], preexec_fn=die_with_parent) as server:
        with network("real_size_linux_to_the_outside", domains, lifetime=LIFETIME, extra=user_network({to_guest: ("10.0.2.16", 5000)})) as session:
            session.expect(PROMPT.rstrip("$"))
            while "10.0.2.15" not in session.command_line("ifconfig"):
                pass
            attach(session, 1)
            session.expect(r"\(lin\) net: done")
            attach(session, 2, "bridge=natbr0")
            session.expect(r"\(nat\) net: done")
            said = session.output + transfer(to_guest, BYTES, LIFETIME)
        server.kill()
        return rates(said, "guest to the outside", "guest behind natbr0 to the outside", "outside to guest")


def guests_on_one_switch():
    """64 guests of ours."""
    with guests_machine("real_size_guests_on_one_switch", "1G", LIFETIME) as session:
        many_guests(session, 64)
    return ["64 guests: all answered, data was right, nothing is left"]


def disk():
    """Linux on a disk of 1 GiB: mke2fs, 300 MiB of data, fio verifies 256 MiB, sync, reboot, e2fsck."""
    linux_ext4("real_size_disk", disk=1024, data=300, fio=256, lifetime=LIFETIME)
    return ["fio found what it wrote; the file system is clean after the reboot, the data is right in the guest and in the image"]


PARTS = {part.__name__: part for part in (linux_to_linux, linux_to_dom0, linux_to_the_outside, guests_on_one_switch, disk)}


def main():
    failed = 0
    for name in sys.argv[1:] or PARTS:
        start = time.monotonic()
        try:
            said, verdict = PARTS[name](), "ok  "
        except Failure as failure:
            said, verdict = [str(failure)], "FAIL"
            failed += 1
        print(f"{verdict} {name} ({time.monotonic() - start:.0f} s)", *said, sep="\n       ", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
