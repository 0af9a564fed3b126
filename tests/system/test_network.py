# SPDX-License-Identifier: MIT
"""Domains on dom0's switches: Debian's Linux with its own xen-netfront."""

import os
import re
import socket
import subprocess
import sys

from driver import BUILD, CONSOLE, DOM0, INITRD, PROMPT, boot, check, die_with_parent, dom0_files, test, until_none_is_dying
from qmp import Qmp

CLOUD = os.path.join(BUILD, "debs", "vmlinuz-cloud")
NET = os.path.join(BUILD, "interop", "net.cpio.gz")
OUR_GUEST = os.path.join(BUILD, "pvguest", "net.elf")
TRANSFER = os.path.join(BUILD, "interop", "transfer")
MODULES = [(DOM0, ""), (INITRD, ""), (CLOUD, ""), (NET, "")]


def linux(name, words, memory=128, vcpus=1):
    """The hypervisor's option for a Linux domain whose init does what the words say (tests/interop/net_initramfs.py)."""
    return f' "domain={name},kernel=2,ramdisk=3,mem={memory}M,vcpus={vcpus},cmdline=console=hvc0 quiet {words}"'


def network(name, domains, lifetime=150, memory="1G", **options):
    """A session with dom0 and those domains, each with an interface on the default bridge once dom0 runs."""
    options.setdefault("modules", MODULES)
    options.setdefault("cpus", 2)
    return boot(name, lifetime=lifetime, memory=memory, append=CONSOLE + "".join(domains), **options)


def attach(session, domid, words=""):
    session.command_line(f"xl network-attach {domid} mac=00:16:3e:00:00:{domid:02x} {words}")


def free_ports(number):
    """Ports of this machine that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def user_network(forwards, device="virtio-net-pci,disable-legacy=on"):
    """QEMU's arguments: an adapter on its user network, with host ports that lead to (address, port)."""
    rules = "".join(f",hostfwd=tcp:127.0.0.1:{host}-{address}:{port}" for host, (address, port) in forwards.items())
    return ["-netdev", "user,id=net0" + rules, "-device", device + ",netdev=net0"]


def transfer(port, size, timeout=100):
    """From this machine through a forwarded port; what the program says."""
    command = [TRANSFER, "127.0.0.1", str(port), str(size)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False).stdout


@test
def network_to_the_outside():
    """What: dom0 and a Linux domain get addresses from a DHCP server outside and exchange data with this machine, both ways. Why:
    dom0's adapter driver (virtio-net), the switch between it and a guest, checksums and segments that the adapter cannot do; for a
    domain on the switch inside, dom0's DHCP server and address translation.
    Method: QEMU's user network, the transfer program on this machine as server and, through forwarded ports, as client. Expected: equal
    checksums."""
    here, to_dom0, to_guest = free_ports(3)
    words = f"dhcp=1 serve=1 ping=10.0.2.2 transfer=10.0.2.2:{here}:4000000 end=stay"
    extra = user_network({to_dom0: ("10.0.2.15", 5000), to_guest: ("10.0.2.16", 5000)})
    with subprocess.Popen([TRANSFER, "serve", str(here)], preexec_fn=die_with_parent) as server:
        inside = f"dhcp=1 ping=10.0.2.2 transfer=10.0.2.2:{here}:2000000 end=stay"
        with network("network_to_the_outside", [linux("lin", words), linux("nat", inside)], extra=extra) as session:
            session.expect(PROMPT.rstrip("$"))
            while "10.0.2.15" not in session.command_line("ifconfig"):
                pass
            attach(session, 1)
            session.expect(r"\(lin\) net: .* 10\.0\.2\.16/24")
            session.expect(r"\(lin\) transfer: 4000000 bytes each way, checksums equal")
            session.expect(r"\(lin\) net: done")
            attach(session, 2, "bridge=natbr0")
            session.expect(r"\(nat\) net: .* 192\.168\.77\.10/24")
            session.expect(r"\(nat\) 3 packets transmitted, [23] packets received")
            session.expect(r"\(nat\) transfer: 2000000 bytes each way, checksums equal")
            session.expect(r"\(nat\) net: done")
            session.send("\r")
            session.expect(PROMPT)
            said = session.command_line(f"transfer 10.0.2.2 {here} 4000000")
            check("checksums equal" in said, said)
            session.command_line("transfer serve 5000")
            check("checksums equal" in transfer(to_dom0, 2000000), "from this machine to dom0")
            check("checksums equal" in transfer(to_guest, 2000000), "from this machine to the guest")
        server.kill()


@test
def network_on_e1000e():
    """What: the same for dom0 on Intel's adapter. Why: it is what a PC has. Method: QEMU's e1000e; data to and from this machine, both ends
    as the client. Expected: an address by DHCP, equal checksums."""
    here, to_dom0 = free_ports(2)
    extra = user_network({to_dom0: ("10.0.2.15", 5000)}, "e1000e")
    with subprocess.Popen([TRANSFER, "serve", str(here)], preexec_fn=die_with_parent) as server:
        with boot("network_on_e1000e", lifetime=90, append=CONSOLE, extra=extra) as session:
            session.expect(PROMPT)
            while "10.0.2.15" not in session.command_line("ifconfig"):
                pass
            said = session.command_line(f"transfer 10.0.2.2 {here} 4000000")
            check("checksums equal" in said, said)
            session.command_line("transfer serve 5000")
            check("checksums equal" in transfer(to_dom0, 2000000), "from this machine to dom0")
            check("is reset" not in session.output, "the adapter was reset:\n" + session.tail())
        server.kill()


def adapter_that_fails(name, device, model, failed, works):
    """This machine moves data to a guest of ours and back; meanwhile something is done to the adapter, and what was under way must come to its
    end with equal checksums."""
    to_guest, = free_ports(1)
    modules = [(DOM0, ""), (INITRD, ""), (OUR_GUEST, "")]
    with Qmp() as monitor:
        extra = user_network({to_guest: ("10.0.2.16", 5000)}, device) + monitor.arguments
        with network(name, [' "domain=our,kernel=2,mem=64M"'], modules=modules, extra=extra, lifetime=400) as session:
            def link_goes():
                monitor.command("set_link", name="net0", up=False)
                monitor.command("set_link", name="net0", up=True)

            def registers_go():
                monitor.pull_out(model)
                session.expect(failed)
                session.expect(works)

            session.expect(PROMPT.rstrip("$"))
            while "10.0.2.15" not in session.command_line("ifconfig"):
                pass
            session.send("xl network-attach our\r")
            session.expect(r"\(our\) net: serving port 5000")
            for disturb in (link_goes, registers_go) * 2:
                command = [TRANSFER, "127.0.0.1", str(to_guest), "10000000"]
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent) as client:
                    disturb()
                    said = client.communicate(timeout=200)[0]
                check("checksums equal" in said, f"{disturb.__name__}: the client says: {said}\n" + session.tail())


@test
def network_adapter_fails():
    """What: a virtio adapter whose link goes and comes, and whose registers are gone. Why: dom0 must notice, reset it and use it again, and connections of
    its domains must outlive it. Method: QEMU's monitor, while this machine moves data to a guest and back. Expected: a line for each failure;
    equal checksums."""
    adapter_that_fails("network_adapter_fails", "virtio-net-pci,disable-legacy=on", (0x1AF4, 0x1041),
                       r"eth0: the virtio device is switched off: it does not (answer|know) any more",
                       r"eth0: the virtio device works again")  # fmt: skip


@test
def network_e1000e_fails():
    """What, why, method, expected: as network_adapter_fails, with Intel's adapter."""
    adapter_that_fails("network_e1000e_fails", "e1000e", (0x8086, 0x10D3), r"eth0: the adapter .*; it is reset", r"eth0: the adapter works again")


@test
def network_linux_to_linux():
    """What: two unmodified Linux domains talk over dom0's switch: ping, data both ways with equal checksums, iperf3. Why: the
    backend with the frontend that everybody has: scatter-gather, segmentation and checksum offload, hot plug. Method: domains that
    boot beside dom0, network-attach. Expected: equal checksums; segments larger than a frame, so that they were not cut on the way;
    detach removes the interface."""
    domains = [linux("a", "addr=10.0.0.1/24 serve=1 end=stay"),
               linux("b", "addr=10.0.0.2/24 ping=10.0.0.1 transfer=10.0.0.1:5000:8000000 iperf=10.0.0.1 end=stay")]  # fmt: skip
    with network("network_linux_to_linux", domains) as session:
        session.expect(PROMPT.rstrip("$"))
        attach(session, 1)
        attach(session, 2)
        session.expect(r"\(b\) 3 packets transmitted, 3 packets received")
        session.expect(r"\(b\) transfer: 8000000 bytes each way, checksums equal")
        session.expect(r"\(b\) iperf3: .*receiver")
        session.expect(r"\(b\) net: done")
        session.send("\r")
        session.expect(PROMPT)
        shown = session.command_line("brctl show")
        packets, size = re.search(r"vif2\.0 +\S+ +(\d+) +(\d+)", shown).groups()
        check(int(size) / int(packets) > 3000, "segments were cut:\n" + shown)
        session.command_line("xl network-detach 2 0")
        until_gone(session, "vif2.0")


@test
def network_our_guest():
    """What: a guest of ours (netfront under lwIP) exchanges data with Linux, with dom0, and after its interface was taken away and given
    back. Why: our frontend with our backend, and dom0's own stack on the switch. Method: pvguest/guests/net and a Linux domain
    beside dom0. Expected: equal checksums everywhere; dom0's ping is answered before and after."""
    words = "IP=10.0.0.2/24 transfer 10.0.0.1 5000 4000000 transfer 10.0.0.3 5000 4000000 echo 10.0.0.3 5000 50"
    domains = [linux("lin", "addr=10.0.0.1/24 serve=1 end=stay"), f' "domain=our,kernel=4,mem=64M,cmdline={words}"']
    with network("network_our_guest", domains, modules=MODULES + [(OUR_GUEST, "")]) as session:
        session.expect(PROMPT.rstrip("$"))
        session.command_line("ifconfig en1 10.0.0.3/24")
        session.command_line("transfer serve 5000")
        attach(session, 1)
        attach(session, 2)
        for _ in range(2):
            session.expect(r"\(our\) transfer: 4000000 bytes each way, checksums equal")
        session.expect(r"\(our\) transfer: 50 requests and responses")
        session.expect(r"\(our\) net: serving")
        session.send("\r")
        session.expect(PROMPT)
        for _ in range(2):
            answer = session.command_line("ping -c 3 10.0.0.2")
            check(re.search(r"3 sent, [23] answered", answer), "dom0 cannot reach the guest:\n" + answer)
            session.command_line("xl network-detach 2 0")
            attach(session, 2)


def link_local(domid):
    """The IPv6 address that follows from the MAC address which attach() gives."""
    return f"fe80::216:3eff:fe00:{domid:x}"


@test
def network_ipv6():
    """What: Linux and a guest of ours exchange data over IPv6, each as the client. Why: neighbour discovery by multicast over the switch,
    IPv6's checksums and segments in front and back ends. Method: link-local addresses, no IPv4 address in Linux. Expected: equal checksums."""
    words = f"IP=10.0.0.2/24 transfer {link_local(1)}%en1 5000 1000000"
    domains = [linux("lin", f"serve=1 transfer6={link_local(2)}%eth0,5000,1000000 tries=200 end=stay"),
               f' "domain=our,kernel=4,mem=64M,cmdline={words}"']  # fmt: skip
    with network("network_ipv6", domains, modules=MODULES + [(OUR_GUEST, "")], lifetime=900) as session:
        session.expect(PROMPT.rstrip("$"))
        attach(session, 1)
        attach(session, 2)
        start = session.position
        for name, done in (("lin", r"\(lin\) net: done"), ("our", r"\(our\) net: serving")):
            session.position = start
            session.expect(rf"\({name}\) transfer: 1000000 bytes each way, checksums equal")
            session.expect(done)


@test
def network_many_queues():
    """What: Linux with as many queues as vCPUs exchanges data with dom0 by many connections. Why: each queue has rings and event channels of its
    own, and the back end chooses one for each connection. Method: 4 vCPUs, 12 connections at once. Expected: 4 queues, several in use;
    equal checksums on all connections; no port is left when the interface is taken away."""
    words = "addr=10.0.0.1/24 transfer=10.0.0.3:5000:200000 streams=12 queues=1 end=stay"
    with network("network_many_queues", [linux("lin", words, 192, 4)], lifetime=900) as session:
        session.expect(PROMPT.rstrip("$"))
        session.command_line("ifconfig en1 10.0.0.3/24")
        session.command_line("transfer serve 5000")
        attach(session, 1)
        queues, busy = session.expect(r"\(lin\) net: queues (\d+), busy (\d+)").groups()
        check(queues == "4" and int(busy) > 1, f"{queues} queues, {busy} in use")
        equal = session.output.count("transfer: 200000 bytes each way, checksums equal")
        check(equal == 12, f"{equal} of 12 connections are right:\n" + session.tail(20))
        session.expect(r"\(lin\) net: done")
        session.send("\r")
        session.expect(PROMPT)
        session.command_line("xl network-detach 1 0")
        until_gone(session, "vif1.0")


def port_counters(session, port):
    """What `brctl show` says of a port: packets, bytes and dropped ones of what it sent into the switch, and of what it got."""
    while True:
        found = re.search(rf"^ +{re.escape(port)} +\S+((?: +\d+){{6}})$", session.command_line("brctl show"), re.M)
        if found:
            return [int(word) for word in found[1].split()]


def ping_in_one_frame(session, address, port):
    """8,000 bytes and the answer: one frame each way, not six fragments."""
    before = port_counters(session, port)
    said = session.command_line(f"ping -c 1 -s 8000 {address}")
    after = port_counters(session, port)
    frames = [(after[n] - before[n], after[n + 1] - before[n + 1]) for n in (0, 3)]
    return "1 answered" in said and all(size // packets > 2000 for packets, size in frames)


@test
def network_jumbo_frames():
    """What: a vif's mtu=: frames of up to 9,014 bytes go between dom0, Linux and a guest of ours, and a vif without it gets none of them. Why: the switch, both ends
    of the rings and lwIP have limits of their own. Method: pings of 8,000 bytes, TCP both ways. Expected: each ping is one frame each way,
    equal checksums; nothing is heard of a ping to the vif of 1,500 bytes, and its port counts it as dropped; a nonsensical mtu is refused."""
    words = "IP=10.0.0.2/24 transfer 10.0.0.1 5000 2000000"
    domains = [linux("lin", "mtu=9000 addr=10.0.0.1/24 serve=1 end=stay"), f' "domain=our,kernel=4,mem=64M,cmdline={words}"',
               ' "domain=low,kernel=4,mem=64M,cmdline=IP=10.0.0.4/24"']  # fmt: skip
    with network("network_jumbo_frames", domains, modules=MODULES + [(OUR_GUEST, "")], lifetime=300) as session:
        session.expect(PROMPT.rstrip("$"))
        session.command_line("ifconfig en1 10.0.0.3/24")
        session.command_line("ifconfig en1 mtu 9000")
        said = session.command_line("xl network-attach 1 mtu=60")
        check("vif: mtu: '60' is not valid" in said, said)
        attach(session, 1, "mtu=9000")
        attach(session, 2, "mtu=9000")
        attach(session, 3)
        session.expect(r"\(our\) transfer: 2000000 bytes each way, checksums equal")
        session.send("\r")
        session.expect(PROMPT)
        for address, port in (("10.0.0.1", "vif1.0"), ("10.0.0.2", "vif2.0")):
            while not answers(session, address):
                pass
            for _ in range(5):
                good = ping_in_one_frame(session, address, port)
                if good:
                    break
            check(good, f"{address}: no ping in one frame:\n" + session.tail(30))
        while not answers(session, "10.0.0.4"):
            pass
        before = port_counters(session, "vif3.0")
        check("0 answered" in session.command_line("ping -c 1 -s 8000 10.0.0.4"), "a frame came through that is too long")
        check(port_counters(session, "vif3.0")[5] > before[5], "no frame is counted as dropped:\n" + session.tail())


def delivered(session, port):
    """Packets that came to a port from the switch: those that the domain got, and those that were dropped."""
    counters = port_counters(session, port)
    return counters[3] - counters[5], counters[5]


@test
def network_multicast():
    """What: groups of IPv4 and IPv6 have their members' packets and no others, by "feature-multicast-control". Why: without it each domain is woken by what
    any other sends to a group; with it a neighbour must still be found by IPv6. Method: Linux sends to two groups all the time; one guest of ours
    is a member of one and then of the other, another one of none. Expected: the member gets 200 packets of each group; 1,000 further packets
    come to neither guest's ring, and are counted as dropped; both answer a ping by IPv6 from Linux."""
    groups = ("239.1.2.3", "ff02::1:2345")
    words = f"IP=10.0.0.2/24 group {groups[0]} 6000 200 group {groups[1]} 6000 200"
    pings = f"ping={link_local(2)}%eth0 ping2={link_local(3)}%eth0"
    domains = [linux("lin", f"addr=10.0.0.1/24 groups={','.join(groups)} {pings} end=stay"), f' "domain=in,kernel=4,mem=64M,cmdline={words}"',
               ' "domain=out,kernel=4,mem=64M,cmdline=IP=10.0.0.3/24"']  # fmt: skip
    with network("network_multicast", domains, modules=MODULES + [(OUR_GUEST, "")], lifetime=300) as session:
        session.expect(PROMPT.rstrip("$"))
        start = session.position
        for domid in (3, 2, 1):
            attach(session, domid)
        for pattern in (r"\(in\) net: 200 datagrams to 239.1.2.3", r"\(in\) net: 200 datagrams to ff02::1:2345", r"\(in\) net: serving", r"\(out\) net: serving",
                        r"\(lin\) 3 packets transmitted, [1-3] packets received(?:.*\n)*?.*\(lin\) 3 packets transmitted, [1-3] packets received"):  # fmt: skip
            session.position = start
            session.expect(pattern)
        session.send("\r")
        session.expect(PROMPT)
        before = {port: delivered(session, port) for port in ("vif2.0", "vif3.0")}
        sent = port_counters(session, "vif1.0")[0]
        while port_counters(session, "vif1.0")[0] < sent + 1000:
            pass
        for port, (came, dropped) in before.items():
            now = delivered(session, port)
            check(now[0] - came < 50 and now[1] - dropped > 900, f"{port}: {before[port]} before, {now} now")


def replace_vif(session, words):
    session.command_line("xl network-detach 1 0")
    until_gone(session, "vif1.0")
    attach(session, 1, words)


def answers(session, address):
    return "1 answered" in session.command_line(f"ping -c 1 {address}")


@test
def network_limits():
    """What: a vif's rate and addresses hold for what the guest sends. Method: a guest of ours with rate=8Mb/s sends 2 MB to dom0, which pings it;
    then its vif says that another address is its own. Expected: at least a second and a half for the data; no answer while the
    address is another's, answers again when it is right."""
    words = "IP=10.0.0.2/24 transfer 10.0.0.3 5000 2000000"
    modules = [(DOM0, ""), (INITRD, ""), (OUR_GUEST, "")]
    with network("network_limits", [f' "domain=our,kernel=2,mem=64M,cmdline={words}"'], modules=modules, lifetime=300) as session:
        session.expect(PROMPT.rstrip("$"))
        session.command_line("ifconfig en1 10.0.0.3/24")
        session.command_line("transfer serve 5000")
        attach(session, 1, "rate=8Mb/s")
        milliseconds = int(session.expect(r"\(our\) transfer: 2000000 bytes each way, checksums equal, (\d+) ms out")[1])
        check(milliseconds > 1500, f"2 MB at 1 MB/s took {milliseconds} ms")
        session.expect(r"\(our\) net: serving")
        session.send("\r")
        session.expect(PROMPT)
        replace_vif(session, "ip=10.0.0.9")
        while not re.search(r"vif1\.0 +\S+ +\d+ +\d+ +[1-9]", session.command_line("brctl show")):
            check(not answers(session, "10.0.0.2"), "an address that is not its own is heard")
        replace_vif(session, "ip='10.0.0.9 10.0.0.2'")
        while not answers(session, "10.0.0.2"):
            pass


@test
def network_spoofed_address():
    """What: a domain is heard with its own Ethernet address only. Why: else it could take what is meant for others. Method: Linux pings dom0, then with another address
    in its interface, then with its own again. Expected: answers, none, and answers; the switch has counted what it dropped and learnt nothing."""
    words = "addr=10.0.0.1/24 ping=10.0.0.3 spoof=00:16:3e:00:00:99 end=stay"
    with network("network_spoofed_address", [linux("lin", words)], lifetime=300) as session:
        session.expect(PROMPT.rstrip("$"))
        session.command_line("ifconfig en1 10.0.0.3/24")
        attach(session, 1)
        session.expect(r"\(lin\) 3 packets transmitted, 3 packets received")
        session.expect(r"\(lin\) net: as 00:16:3e:00:00:99: 3 packets transmitted, 0 packets received")
        session.expect(r"\(lin\) net: as 00:16:3e:00:00:01: 10 packets transmitted, ([1-9]|10) packets received")
        session.expect(r"\(lin\) net: done")
        session.send("\r")
        session.expect(PROMPT)
        check(port_counters(session, "vif1.0")[2] >= 3, "too few were dropped:\n" + session.tail())
        check("00:16:3e:00:00:99" not in session.command_line("brctl showmacs"), "the address was learnt")


@test
def network_hostile_guest():
    """What: a frontend with impossible rings, wrong keys and a replaced kernel harms only itself. Why: dom0 serves all domains.
    Method: pvguest/guests/netbad. Expected: each time the device is closed with an error node and a line, the next frontend is
    taken; dom0 answers, and has as much memory free after a second such guest as after the first."""
    guests = "".join(f' "domain=bad{n},kernel=2,mem=16M"' for n in range(2))
    modules = [(DOM0, ""), (INITRD, ""), (os.path.join(BUILD, "pvguest", "netbad.elf"), "")]
    free = []
    with network("network_hostile_guest", [guests], modules=modules) as session:
        session.expect(PROMPT.rstrip("$"))
        for domid in (1, 2):
            attach(session, domid)
            session.expect(r"\(bad\d\) Test result: (\w+)")
            check("FAILURE" not in session.output, session.tail(30))
            session.send("\r")
            session.expect(PROMPT)
            session.command_line(f"xl destroy {domid}")
            until_gone(session, "vif")
            until_none_is_dying(session)
            free.append(int(re.search(r"^dom0 +\d+ +\d+ +(\d+)", session.command_line("mem"), re.M)[1]))
        check("closed: impossible request index" in session.output, "no line about the rings")
    check(free[1] >= free[0] - 64, f"dom0 has {free[0]} KiB free after the first, {free[1]} KiB after the second")


def until_gone(session, port):
    """The backend sees in its own time that a device was removed."""
    for _ in range(100):
        if port not in session.command_line("brctl show"):
            return
    check(False, f"the port {port} is still there:\n" + session.tail())


def many_guests(session, number):
    """Domains of ours on one switch, which all get an address; each answers dom0, and data goes to and from each."""
    session.expect(PROMPT)
    for n in range(number):
        session.command_line(f"xl create -q kernel=/guest/net name=n{n} memory=8 'vif=[\"bridge=natbr0\"]'")
    for n in range(number):
        address = f"192.168.77.{10 + n}"
        for _ in range(60):
            said = session.command_line(f"ping -c 1 {address}")
            if "1 answered" in said:
                break
        check("1 answered" in said, f"{address} does not answer:\n" + said)
        said = session.command_line(f"transfer {address} 5000 200000")
        check("checksums equal" in said, said)
    for n in range(number):
        session.command_line(f"xl destroy n{n}")
    until_gone(session, "vif")


def guests_machine(name, memory, lifetime):
    modules = [(DOM0, ""), (dom0_files(name, {"guest/net": OUR_GUEST}), "")]
    return boot(name, lifetime=lifetime, memory=memory, append=CONSOLE + " dom0_mem=256M", modules=modules)


@test
def network_many_guests():
    """What: 64 domains on one switch (`make many-guests N=200` does it with more). Why: addresses for all, one worker for all rings. Method:
    xl create with a vif on dom0's inside switch; ping and data to each; destroy. Expected: all answer, no port is left."""
    with guests_machine("network_many_guests", "1G", 150) as session:
        many_guests(session, 64)


if __name__ == "__main__":
    with guests_machine("many_guests", "2G", 1200) as run:
        many_guests(run, int(sys.argv[1]))
        print(f"{sys.argv[1]} guests on one switch: all answered, data was right, nothing is left")
