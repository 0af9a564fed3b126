# SPDX-License-Identifier: MIT
"""Requests to xenstore that a guest gets answered in a million instructions of the whole machine (-icount): the guest, the hypervisor,
and the daemon in dom0. The same guest image, `answer`, on Ryokan with our dom0 and on Debian's Xen 4.17 with a Linux dom0 and
its xenstored."""

import os
import re

from driver import BUILD, CONSOLE, DOM0, HV, PROMPT, Machine, Session, dom0_files
from xen_oracle import oracle

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")
ROUNDS = 300
END = r"xenstore failures: (\d+)"


def figures(text):
    assert re.search(END, text)[1] == "0", text
    return {name: float(rate) for name, rate in re.findall(r"xenstore (\w+): (\d+\.\d)", text)}


def ours():
    machine = Machine(kernel=HV, append=CONSOLE + " dom0_mem=128M", extra=["-icount", "shift=0,sleep=off"],
                      modules=[(DOM0, ""), (dom0_files("bench_xenstore", {"guest/answer": ANSWER}), "")])  # fmt: skip
    with Session(machine, "bench_xenstore", 300) as session:
        session.expect(PROMPT)
        session.command_line(f"xl create -q kernel=/guest/answer name=a memory=8 extra=xenstore={ROUNDS}")
        session.send("xl console a\r")
        session.expect(END)
        return figures(session.output)


def peer():
    with oracle("bench_xenstore", files={"guest/answer": ANSWER}, lifetime=900, instructions=True) as xen:
        xen.create(f'name="a"; type="pv"; kernel="/guest/answer"; memory=8; extra="xenstore={ROUNDS}"')
        return figures(xen.guest_expect("a", END, timeout=600))


def rows():
    our, their = ours(), peer()
    return [(f"xenstore: {name}s", "1/M instructions", our[name], their.get(name)) for name in our]
