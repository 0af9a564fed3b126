# SPDX-License-Identifier: MIT
"""Hostile domains that do all they can at once: what they leave behind, and that the rest of the machine goes on.

    tests/system/test_hostile.py [pv|pvh] [FIRST SEED] [SEEDS] [CALLS]     longer than the suite's run, on the debug build"""

import os
import re
import sys
import time

from driver import BUILD, CONSOLE, DOM0, PROMPT, SVM_ACCEL, Failure, boot, check, dom0_files, free_kib, power_off, test

DEBUG_HV = os.path.join(BUILD, "hv-debug", "ryokan")
SUITES = {"pv": "suite.elf", "pvh": "suite-pvh.elf"}
# A domain may stop its own vCPUs for ever by a call; it is destroyed as it is then.
LOOKS = 300
SHUT_DOWN = "---s"
# However it ends, which a random call may say.
STAYS = " ".join(f"on_{end}=preserve" for end in ("poweroff", "reboot", "crash", "watchdog"))


def run_pair(session, kind, seed, calls):
    """Two domains that grant to each other, map and copy; how many came to the end of their calls."""
    ended = 0
    for number in (0, 1):
        answer = session.command_line(f"xl create -q name=h{number} type={kind} kernel=/guest/suite memory=24 vcpus=4 {STAYS} "
                                      f"extra='tests=hostile_races seed={2 * seed + number} rounds={calls}'")  # fmt: skip
        check("xl:" not in answer, answer)
    for number in (0, 1):
        for _ in range(LOOKS):
            state = re.search(r"^\S+ +\d+ +\d+ +\d+ +(\S{6}) ", session.command_line(f"xl list h{number}"), re.M)[1]
            if re.match(SHUT_DOWN, state):
                break
            time.sleep(0.2)
        ended += state.endswith("s--")
    for number in (0, 1):
        session.command_line(f"xl destroy h{number}")
    return ended


def attack(name, kind, seeds, calls, **options):
    """Pairs of domains, one after the other; each gives all memory back. The number of domains that came to the end of their calls."""
    archive = dom0_files(name, {"guest/suite": os.path.join(BUILD, "guests", SUITES[kind])})
    ended, free = 0, None
    with boot(name, kernel=DEBUG_HV, append=f"{CONSOLE} loglvl=info guest_loglvl=none dom0_mem=96M noreboot", cpus=2, memory="512M",
              modules=[(DOM0, ""), (archive, "")], **options) as session:  # fmt: skip
        session.expect(PROMPT)
        for seed in seeds:
            ended += run_pair(session, kind, seed, calls)
            now = free_kib(session)
            check(free is None or now == free, f"seed {seed}: {now} KiB are free, before it {free} KiB")
            free = now
        power_off(session)
    return ended


@test
def hostile_pv_domains():
    """What: two unprivileged PV domains call everything from several vCPUs, while another changes the arguments, tables and grants meet in the same
    frames, and each grants to the other. Why: each call must be safe against what happens beside it. Method: the guest-side test hostile_races with fixed seeds,
    on the debug build; each pair is destroyed. Expected: dom0 goes on, no assertion, and the same memory is free after each pair."""
    check(attack("hostile_pv_domains", "pv", range(1, 4), 3000, lifetime=420) > 0, "no domain came to the end of its calls")


@test
def hostile_pvh_domains():
    """What, why, method, expected: as hostile_pv_domains, with hardware guests."""
    check(attack("hostile_pvh_domains", "pvh", range(1, 4), 2000, lifetime=420, accel=SVM_ACCEL) > 0, "no domain came to the end of its calls")


def main(kind="pv", first="1", seeds="1000", calls="20000"):
    options = {"accel": SVM_ACCEL} if kind == "pvh" else {}
    try:
        ended = attack(f"hostile_{kind}_{first}", kind, range(int(first), int(first) + int(seeds)), calls, lifetime=100000, **options)
        print(f"{seeds} pairs of domains, {ended} to the end of their calls")
    except Failure as failure:
        print(failure)
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
