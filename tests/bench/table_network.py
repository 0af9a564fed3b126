# SPDX-License-Identifier: MIT
"""TCP between domains, in million instructions (-icount, where 1 ms of virtual time is a million instructions): 8 MB out, 8 MB in and
1,000 requests and responses of 64 bytes. Ours is Ryokan with dom0's back ends; the peer real Xen 4.17 with Linux and its netback as
control domain. The same Linux and the same guest of ours run on both."""

import os
import re
import subprocess
import sys

from busy import API_PORT, DOM0_ARGS, Busy
from driver import BUILD, CONSOLE, DOM0, INITRD, PROMPT, ROOT, boot, die_with_parent
from test_network import free_ports, user_network

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import oracle  # noqa: E402

BYTES, ROUNDS = 8000000, 1000
KERNEL = os.path.join(BUILD, "debs", "vmlinuz-cloud")
RAMDISK = os.path.join(BUILD, "interop", "net.cpio.gz")
GUEST = os.path.join(BUILD, "pvguest", "net.elf")
TRANSFER = os.path.join(BUILD, "interop", "transfer")
ICOUNT = ["-icount", "shift=0,sleep=off"]
LINUX = f"console=hvc0 quiet addr=10.0.0.1/24 serve=1 transfer=10.0.0.3:5000:{BYTES} rr=10.0.0.3:5000:rr:{ROUNDS} end=stay"
SECOND = f"console=hvc0 quiet addr=10.0.0.4/24 transfer=10.0.0.1:5000:{BYTES} rr=10.0.0.1:5000:rr:{ROUNDS} end=stay"
OURS = f"IP=10.0.0.2/24 transfer 10.0.0.3 5000 {BYTES} echo 10.0.0.3 5000 {ROUNDS}"
NAMES = ("8 MB out", "8 MB in", "1,000 requests and responses")


SEGMENT = 1460


def backend_calls(session):
    copies, events = re.search(r"(\d+) batches of grant copies, (\d+) events", session.command_line("brctl show")).groups()
    return int(copies) + int(events)


def figures(text):
    out, back = re.search(r"checksums equal, (\d+) ms out, (\d+) ms in", text).groups()
    return [int(out), int(back), int(re.search(r"requests and responses, (\d+) ms", text)[1])]


def best(text):
    """The shortest times of several runs."""
    out, back = zip(*re.findall(r"checksums equal, (\d+) ms out, (\d+) ms in", text))
    return [min(map(int, times)) for times in (out, back, re.findall(r"requests and responses, (\d+) ms", text))]


def ryokan():
    """By guest (Linux with dom0, our guest with dom0, Linux with Linux): figures, and the hypercalls of dom0's back ends."""
    linux = "domain={0},kernel=2,ramdisk=3,mem=160M,vcpus=1,cmdline={1}"
    modules = [(DOM0, ""), (INITRD, ""), (KERNEL, ""), (RAMDISK, ""), (GUEST, "")]
    domains = [linux.format("lin", LINUX), f"domain=our,kernel=4,mem=64M,cmdline={OURS}", linux.format("two", SECOND)]
    append = CONSOLE + "".join(f' "{domain}"' for domain in domains)
    found, calls_each = [], []
    with boot("bench_network", lifetime=900, memory="2G", append=append, modules=modules, extra=ICOUNT) as session:
        session.expect(PROMPT.rstrip("$"))
        session.command_line("ifconfig en1 10.0.0.3/24")
        session.command_line("transfer serve 5000")
        for domid, done in ((1, r"\(lin\) net: done"), (2, r"\(our\) net: serving"), (3, r"\(two\) net: done")):
            start, calls = session.position, backend_calls(session)
            session.send(f"xl network-attach {domid}\r")
            session.expect(done)
            found.append(figures(session.output[start:session.position]))
            session.send("\r")
            session.expect(PROMPT)
            calls_each.append(backend_calls(session) - calls)
    return found, calls_each


def xen():
    domains = (("lin", "vmlinuz", 'ramdisk="/guest/net.gz"', 160, LINUX), ("our", "net.elf", "", 64, OURS),
               ("two", "vmlinuz", 'ramdisk="/guest/net.gz"', 160, SECOND))  # fmt: skip
    config = 'name="{0}"\ntype="pv"\nkernel="/guest/{1}"\n{2}\nmemory={3}\nextra="{4}"\nvif=["bridge=xenbr0"]\n'
    files = {"guest/net.elf": GUEST, "bin/transfer": TRANSFER, "guest/vmlinuz": KERNEL, "guest/net.gz": RAMDISK}
    files.update({f"guest/{domain[0]}.cfg": config.format(*domain).encode() for domain in domains})
    found = []
    with oracle("bench_network", files=files, lifetime=1800, instructions=True) as session:
        session.run("modprobe bridge; modprobe xen-netback; modprobe af_packet; brctl addbr xenbr0")
        session.run("ip addr add 10.0.0.3/24 dev xenbr0; ip link set xenbr0 up")
        session.run("transfer serve 5000 & sleep 0")
        for name, *_ in domains:
            session.run(f"xl create /guest/{name}.cfg")
            found.append(figures(session.guest_expect(name, "net: (done|serving port)", timeout=900)))
    return found


RUNS = 3


def measure(session, api, run):
    """What run() printed, and what all domains executed meanwhile."""
    start = session.position
    with Busy(api) as busy:
        run()
    return session.output[start:session.position], busy.total


def outside():
    """dom0 straight on its adapter, and guests of ours through the split drivers, with a server on this machine: the best of RUNS, in virtual time
    that includes waiting for it; and what all domains executed for one run, less what the attaching of an interface takes that stays idle."""
    port, api = free_ports(2)
    bulk, requests = f"transfer 10.0.2.2 {port} {BYTES}", f"transfer 10.0.2.2 {port} rr {ROUNDS}"
    modules = [(DOM0, DOM0_ARGS), (INITRD, ""), (GUEST, "")]
    domains = {"idle": "", "bulk": bulk, "requests": f"echo 10.0.2.2 {port} {ROUNDS}"}
    append = CONSOLE + "".join(f' "domain={name},kernel=2,mem=64M,cmdline={" ".join([words] * RUNS)}"' for name, words in domains.items())
    extra = user_network({api: ("10.0.2.15", API_PORT)}) + ["-icount", "shift=0,sleep=on"]

    def direct(line):
        for _ in range(RUNS):
            session.command_line(line)

    def split(name):
        session.send(f"xl network-attach {name}\r")
        session.expect(rf"\({name}\) net: serving")

    with subprocess.Popen([TRANSFER, "serve", str(port)], preexec_fn=die_with_parent) as server:
        with boot("bench_network_outside", lifetime=600, memory="1G", append=append, modules=modules, extra=extra) as session:
            session.expect(PROMPT.rstrip("$"))
            while "10.0.2.15" not in session.command_line("ifconfig"):
                pass
            alone = [measure(session, api, lambda line=line: direct(line)) for line in (bulk, requests)]
            (_, attaching), *ours = [measure(session, api, lambda name=name: split(name)) for name in domains]
        server.kill()
    times = [best("".join(text for text, _ in found)) for found in (ours, alone)]
    whats = ("8 MB out and in", NAMES[2])
    return [*[(f"our guest with the outside, {name}; peer: dom0 itself", "ms", *pair) for name, *pair in zip(NAMES, *times)],
            *[(f"the same, {what}, all domains", "M instructions", round((mine - attaching) / RUNS / 1e6, 1), round(direct / RUNS / 1e6, 1))
              for what, (_, mine), (_, direct) in zip(whats, ours, alone)]]  # fmt: skip


def rows():
    pairs = ("Linux with dom0", "our guest with dom0", "Linux with Linux")
    found, calls = ryokan()
    peers = xen()
    table = [(f"{pair}, {name}", "M instructions", ours, peer)
             for pair, mine, theirs in zip(pairs, found, peers) for name, ours, peer in zip(NAMES, mine, theirs)]  # fmt: skip
    # Both stacks, the data and its checksums are in it.
    for pair, mine, theirs, number in zip(pairs, found, peers, calls):
        segments = BYTES / SEGMENT
        table.append((f"{pair}, 1,460 bytes out", "instructions", round(mine[0] * 1e6 / segments), round(theirs[0] * 1e6 / segments)))
        table.append((f"{pair}, the back end's hypercalls", "in 1,000 packets", round(number * 1000 / (2 * segments + 2 * ROUNDS)), None))
    return table + outside()
