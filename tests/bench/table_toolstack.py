# SPDX-License-Identifier: MIT
"""A domain's making and end by `xl`, in instructions of the whole machine (-icount), with few and many other domains.

The peer is `xl` of Debian's Xen 4.17 with a Linux dom0, for the same guest images, without other domains."""

import os
import re

from driver import BUILD, CONSOLE, DOM0, HV, PROMPT, Machine, Session, dom0_files
from xen_oracle import oracle

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")
HELLO = os.path.join(BUILD, "pvguest", "hello.elf")
PRESENT = [int(word) for word in os.environ.get("DOMAINS", "0 100 1000").split()]
MEMORY = 4  # MiB of the guest that is measured
ICOUNT = ["-icount", "shift=0,sleep=off"]
LIFETIME = 1800


def ticks(session, line):
    """Instructions that a command of dom0 takes, by the time stamp counter."""
    return int(re.search(r"^real .*?(\d+) ticks", session.command_line("time " + line), re.M)[1])


def measure(session):
    """The second time, when nothing is done for the first time any more."""
    create = f"xl create -q kernel=/guest/answer name=probe memory={MEMORY}"
    for _ in range(2):
        built = ticks(session, create + " -p")
        session.command_line("xl destroy probe")
        created = ticks(session, create)
        destroyed = ticks(session, "xl destroy probe")
        whole = ticks(session, f"xl create -c -q kernel=/guest/hello name=probe memory={MEMORY}")
    return [built, created, destroyed, whole]


def free_memory(session):
    """KiB that are free in the machine, and in dom0."""
    return [int(kib) for kib in re.findall(r"^(?:machine|dom0) +\d+ +\d+ +(\d+)", session.command_line("mem"), re.M)]


def ours():
    """{domains present: figures}, and KiB of hypervisor and dom0 for each domain besides its own 2 MiB."""
    archive = dom0_files("bench_toolstack", {"guest/answer": ANSWER, "guest/hello": HELLO})
    machine = Machine(kernel=HV, append=CONSOLE + " dom0_mem=256M", modules=[(DOM0, ""), (archive, "")],
                      memory="4G", extra=ICOUNT)  # fmt: skip
    figures, present = {}, 0
    with Session(machine, "bench_toolstack", LIFETIME) as session:
        session.expect(PROMPT)
        before = free_memory(session)
        for number in PRESENT:
            for present in range(present, number):
                session.command_line(f"xl create -q kernel=/guest/answer name=d{present} memory=2")
            present = number
            after = free_memory(session)
            figures[number] = measure(session)
    each = sum(before) - sum(after)
    return figures, round(each / present - 2048, 1) if present else None


def peer():
    """The same with real Xen and a Linux dom0."""
    config = f'name="probe"; type="pv"; kernel="/guest/answer"; memory={MEMORY}'
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
            xen.run("xl destroy probe")
            created = run(lambda: xen.run("xl create -q /tmp/guest.cfg"))
            destroyed = run(lambda: xen.run("xl destroy probe"))
            xen.write("/tmp/guest.cfg", config.replace("answer", "hello"))
            whole = run(lambda: (xen.run("xl create -q /tmp/guest.cfg"), xen.guest_end("probe")))
    return [built, created, destroyed, whole]


def rows():
    figures, each = ours()
    theirs = peer()
    names = ["xl create -p: the domain is built", "xl create: it runs", "xl destroy",
             "xl create -c of a guest that prints a line: it has ended and is gone"]  # fmt: skip
    table = [
        (f"{name}; {number} others", "instructions", figures[number][i], theirs[i])
        for i, name in enumerate(names)
        for number in PRESENT
    ]
    return table + [("hypervisor and dom0 for each domain, besides its own memory", "KiB", each, 84 + 106)]
