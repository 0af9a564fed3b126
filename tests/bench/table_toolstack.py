# SPDX-License-Identifier: MIT
"""A domain's making and end by `xl`, in instructions of the whole machine (-icount), with few and many other domains.

The peer is `xl` of Debian's Xen 4.17 with a Linux dom0, for the same guest images, without other domains."""

import os
import re

from driver import BUILD, CONSOLE, DOM0, HV, PROMPT, Machine, Session, dom0_files
from xen_oracle import oracle

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")
HELLO = os.path.join(BUILD, "pvguest", "hello.elf")
PRESENT = [int(word) for word in os.environ.get("DOMAINS", "0 1 100 1000").split()]
MEMORY = 4  # MiB of the guest that is measured
OTHERS = 2  # MiB of the others
ICOUNT = ["-icount", "shift=0,sleep=off"]
LIFETIME = 1800
TICKS = r"^ticks: first instruction (\d+), first line (\d+)\s"
NAMES = ["xl create -p: the domain is built", "xl create, to the guest's first instruction", "xl create, to its first console line",
         "xl create: the command has ended", "xl destroy", "xl create -c of a guest that prints a line: it has ended and is gone"]  # fmt: skip


def timed(session, line):
    """Instructions that a command of dom0 takes, and the time stamp counter at its start."""
    output = session.command_line("time " + line)
    return [int(number) for number in re.search(r"^real .*?(\d+) ticks from (\d+)$", output, re.M).groups()]


def measure(session):
    """The second time, when nothing is done for the first time any more."""
    create = f"xl create -q kernel=/guest/answer name=probe memory={MEMORY} extra=ticks"
    for _ in range(2):
        built = timed(session, create + " -p")[0]
        session.command_line("xl destroy probe")
        created, start = timed(session, create)
        session.send("xl console probe\r")
        first, line = (int(number) - start for number in session.expect(TICKS).groups())
        session.send("\x1d")
        session.expect(PROMPT)
        destroyed = timed(session, "xl destroy probe")[0]
        whole = timed(session, f"xl create -c -q kernel=/guest/hello name=probe memory={MEMORY}")[0]
    return [built, first, line, created, destroyed, whole]


def free_memory(session):
    """KiB that are free in the machine, and in dom0."""
    return [int(kib) for kib in re.findall(r"^(?:machine|dom0) +\d+ +\d+ +(\d+)", session.command_line("mem"), re.M)]


def destroy_others(session, number):
    for n in range(number):
        session.command_line(f"xl destroy d{n}")
    while len(re.findall(r"^\S+ +\d+ +\d+ +\d+ ", session.command_line("xl list"), re.M)) > 1:
        pass


def per_domain(session, free):
    """KiB for each domain besides its own memory. The hypervisor's is what comes back with their ends: what memory costs when it is first used
    (its frame table) stays. dom0's heap keeps what it has: its share is what the last of them took."""
    few, many = sorted(free)[-2:]
    destroy_others(session, many)
    machine, dom0 = free[many]
    hypervisor = (free_memory(session)[0] - machine) / many - OTHERS * 1024
    return round(hypervisor + (free[few][1] - dom0) / (many - few), 1)


def ours():
    """{domains present: figures}, and KiB of hypervisor and dom0 for each domain."""
    archive = dom0_files("bench_toolstack", {"guest/answer": ANSWER, "guest/hello": HELLO})
    machine = Machine(kernel=HV, append=CONSOLE + " dom0_mem=256M", modules=[(DOM0, ""), (archive, "")],
                      memory="4G", extra=ICOUNT)  # fmt: skip
    figures, free, present = {}, {}, 0
    with Session(machine, "bench_toolstack", LIFETIME) as session:
        session.expect(PROMPT)
        for number in PRESENT:
            for present in range(present, number):
                session.command_line(f"xl create -q kernel=/guest/answer name=d{present} memory={OTHERS}")
            present = number
            figures[number] = measure(session)
            free[number] = free_memory(session)
        return figures, per_domain(session, free) if len(free) > 1 else None


def peer():
    """The same with real Xen and a Linux dom0. The guest's time stamp counter has to be the machine's."""
    config = f'name="probe"; type="pv"; kernel="/guest/answer"; memory={MEMORY}; extra="ticks"; tsc_mode="native"'
    with oracle("toolstack", files={"guest/answer": ANSWER, "guest/hello": HELLO}, instructions=True,
                lifetime=LIFETIME) as xen:  # fmt: skip

        def run(action):
            start = xen.ticks()
            action()
            return xen.ticks() - start - idle

        idle = 0
        idle = run(lambda: None)
        for _ in range(2):
            xen.write("/tmp/guest.cfg", config)
            built = run(lambda: xen.run("xl create -q -p /tmp/guest.cfg"))
            xen.run("xl destroy probe; rm -f /var/log/xen/console/guest-probe.log")
            start = int(re.search(r"^\d+$", xen.run("ticks; xl create -q /tmp/guest.cfg"), re.M)[0])
            created = xen.ticks() - start - idle // 2
            printed = xen.guest_expect("probe", TICKS)
            first, line = (int(number) - start for number in re.search(TICKS, printed, re.M).groups())
            destroyed = run(lambda: xen.run("xl destroy probe"))
            xen.write("/tmp/guest.cfg", config.replace("answer", "hello"))
            whole = run(lambda: (xen.run("xl create -q /tmp/guest.cfg"), xen.guest_end("probe")))
    return [built, first, line, created, destroyed, whole]


def rows():
    figures, each = ours()
    theirs = peer()
    table = [
        (f"{name}; {number} others", "instructions", figures[number][i], theirs[i])
        for i, name in enumerate(NAMES)
        for number in PRESENT
    ]
    return table + [("hypervisor and dom0 for each domain, besides its own memory", "KiB", each, 84 + 106)]
