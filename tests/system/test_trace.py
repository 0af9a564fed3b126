# SPDX-License-Identifier: MIT
"""From the trace rings to a picture: what the debug key prints is what run/trace.py makes of it."""

import json
import os
import re
import subprocess
import sys

from driver import BUILD, CONSOLE, DOM0, INITRD, PROMPT, ROOT, boot, check, power_off, test


def convert(text):
    """The events that run/trace.py makes of what the debug key printed."""
    done = subprocess.run([sys.executable, os.path.join(ROOT, "run", "trace.py")], input=text, capture_output=True, text=True,
                          check=False, timeout=60)  # fmt: skip
    check(done.returncode == 0, f"run/trace.py: {done.stderr}")
    return json.loads(done.stdout)["traceEvents"]


@test
def trace_of_two_domains():
    """What: the trace rings, printed by a debug key, become a trace of slices for each CPU. Why: it is how one sees who ran when.
    Method: a guest that prints and ends beside dom0 on two CPUs, rings of 16 pages, 80 lines typed, `xl debug-keys T`, run/trace.py. Expected: slices
    of both domains that do not overlap on a CPU, wake-ups, the guest's creation and end; records from before the small ring's 128."""
    modules = [(DOM0, ""), (INITRD, ""), (os.path.join(BUILD, "pvguest", "hello.elf"), "")]
    append = CONSOLE + " tbuf_size=16 domain=g,kernel=2,mem=16M"
    with boot("trace_of_two_domains", append=append, modules=modules, cpus=2) as session:
        session.expect(PROMPT)
        for _ in range(80):  # dom0 sleeps before each
            session.command_line("echo x")
        text = session.command_line("xl debug-keys T")
        power_off(session)
    events = convert(text)
    slices = [event for event in events if event["ph"] == "X"]
    check({"d0v0", "d1v0"} <= {event["name"] for event in slices}, f"who ran: { {event['name'] for event in slices} }")
    for cpu in {event["tid"] for event in slices}:
        own = sorted((event["ts"], event["dur"]) for event in slices if event["tid"] == cpu)
        check(all(a[0] + a[1] <= b[0] + 0.001 for a, b in zip(own, own[1:])), f"slices overlap on CPU{cpu}")
    marks = {event["name"] for event in events if event["ph"] == "i"}
    check({"wake d0v0", "d1 created", "d1 shut down"} <= marks, f"marks: {sorted(marks)}")
    check(len(events) > 128, f"only {len(events)} events: the larger rings were not used")


@test
def trace_of_a_hardware_guest():
    """What: the exits of a hardware guest in the trace. Why: it is how one sees what leaves it so often. Method: a PVH guest that prints and
    ends, `xl debug-keys T`, run/trace.py. Expected: a counter from 0 to what its vCPU did, CPUID and hypercalls among it; none for dom0."""
    modules = [(DOM0, ""), (INITRD, ""), (os.path.join(BUILD, "pvguest", "hello.elf"), "")]
    with boot("trace_of_a_hardware_guest", append=CONSOLE + " domain=g,kernel=2,type=pvh,mem=16M", modules=modules) as session:
        session.expect(PROMPT)
        while not re.search(r"^\S+ +1 .*---s--", session.command_line("xl list"), re.M):
            pass
        events = convert(session.command_line("xl debug-keys T"))
        power_off(session)
    counters = [event for event in events if event["ph"] == "C"]
    check({event["name"] for event in counters} == {"exits d1v0"}, f"counters: {counters}")
    first, last = (event["args"] for event in sorted(counters, key=lambda event: event["ts"]))
    check(set(first.values()) == {0} and first.keys() == last.keys(), f"the counter begins with {first}")
    check(last["cpuid"] > 0 and last["hypercall"] > 0, f"exits: {last}")


@test
def trace_of_nothing():
    """What: run/trace.py says what is missing in a log without records. Expected: a sentence, status 1."""
    done = subprocess.run([sys.executable, os.path.join(ROOT, "run", "trace.py")], input="no records\n", capture_output=True,
                          text=True, check=False, timeout=60)  # fmt: skip
    check(done.returncode == 1 and "debug-keys T" in done.stderr, f"{done.returncode}: {done.stderr}")
