#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the hypervisor's trace records into a trace for ui.perfetto.dev or chrome://tracing.

usage: trace.py [LOG] > trace.json

LOG (or standard input) is what the console printed after `xl debug-keys T`: other lines are passed over. Each CPU is a track,
with what ran on it as slices; wake-ups are arrows from the CPU that woke to where the vCPU ran next, and the rest are marks. Each
vCPU of a hardware guest has a counter of its exits by reason, which begins at 0."""

import json
import re
import sys

HEADER = re.compile(r"Newest trace records \(TSC: (\d+) kHz\):")
RECORD = re.compile(r"cpu(\d+) tsc (\d+) ([a-z ]+) (0x[0-9a-f]+|0) (0x[0-9a-f]+|0)\s*$")
EXITS = re.compile(r"exits of (d\d+v\d+):((?: \w+ \d+)*)\s*$")
IDLE_DOMAIN = 0x7FFF
LIFE = {1: "created", 2: "crashed", 3: "destroyed", 4: "shut down"}


def vcpu_name(number):
    domain, vcpu = number >> 16, number & 0xFFFF
    return "idle" if domain == IDLE_DOMAIN else f"d{domain}v{vcpu}"


def read(lines):
    """(kHz, records, exits) of the last dump in the log; a record is (tsc, cpu, event, a, b), exits are {vCPU: {reason: count}}."""
    khz, records, exits = 0, [], {}
    for line in lines:
        header = HEADER.search(line)
        if header:
            khz, records, exits = int(header[1]), [], {}
        match = RECORD.search(line)
        if match and khz:
            records.append((int(match[2]), int(match[1]), match[3], int(match[4], 16), int(match[5], 16)))
        counts = EXITS.search(line)
        if counts and khz:
            exits[counts[1]] = {reason: int(count) for reason, count in re.findall(r"(\w+) (\d+)", counts[2])}
    return khz, sorted(records), exits


class Trace:
    """Events in the JSON trace format, in microseconds from the first record on."""

    def __init__(self, khz, start):
        self.khz, self.start = khz, start
        self.events, self.running, self.woken = [], {}, {}

    def time(self, tsc):
        return (tsc - self.start) * 1000 / self.khz

    def add(self, phase, name, tsc, cpu, **more):
        self.events.append({"ph": phase, "name": name, "ts": self.time(tsc), "pid": 0, "tid": cpu, **more})

    def switch(self, tsc, cpu, before, after):
        name, since = self.running.get(cpu, (before, self.start))
        if vcpu_name(name) != "idle":
            self.add("X", vcpu_name(name), since, cpu, dur=self.time(tsc) - self.time(since))
        self.running[cpu] = (after, tsc)
        wake = self.woken.pop(after, None)
        if wake:
            self.add("s", "wake", wake[0], wake[1], cat="wake", id=len(self.events))
            self.add("f", "wake", tsc, cpu, cat="wake", id=self.events[-1]["id"], bp="e")

    def record(self, tsc, cpu, event, a, b):
        if event == "switch":
            self.switch(tsc, cpu, a, b)
        elif event == "wake":
            self.woken[a] = (tsc, cpu)
            self.add("i", f"wake {vcpu_name(a)}", tsc, cpu, s="t")
        elif event == "domain":
            self.add("i", f"d{a} {LIFE.get(b, b)}", tsc, cpu, s="g")
        else:
            self.add("i", event, tsc, cpu, s="t", args={"a": hex(a), "b": hex(b)})


def convert(lines):
    khz, records, exits = read(lines)
    if not records:
        sys.exit("trace.py: no trace records; print them with `xl debug-keys T`, and log what the console says")
    trace = Trace(khz, records[0][0])
    for record in records:
        trace.record(*record)
    for cpu, (vcpu, since) in trace.running.items():
        if vcpu_name(vcpu) != "idle":
            trace.add("X", vcpu_name(vcpu), since, cpu, dur=trace.time(records[-1][0]) - trace.time(since))
    for vcpu, counts in exits.items():
        trace.add("C", f"exits {vcpu}", trace.start, 0, args=dict.fromkeys(counts, 0))
        trace.add("C", f"exits {vcpu}", records[-1][0], 0, args=counts)
    for cpu in {record[1] for record in records}:
        trace.add("M", "thread_name", 0, cpu, args={"name": f"CPU{cpu}"})
    return {"traceEvents": trace.events, "displayTimeUnit": "ns"}


def main():
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    if len(sys.argv) == 2:
        with open(sys.argv[1], encoding="latin-1") as file:
            trace = convert(file)
    else:
        trace = convert(sys.stdin)
    json.dump(trace, sys.stdout)
    print()


if __name__ == "__main__":
    main()
