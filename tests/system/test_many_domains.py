# SPDX-License-Identifier: MIT
"""Many small domains at once. `make many-domains N=1000` does with a machine of 4 GiB what the test does with 100 of them."""

import os
import re
import sys

from driver import BUILD, CONSOLE, DOM0, PROMPT, boot, check, dom0_files, free_kib, power_off, test

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")


def dom0_free_kib(session):
    return int(re.search(r"^dom0 +\d+ +\d+ +(\d+)", session.command_line("mem"), re.M)[1])


def silent(session, line):
    output = session.command_line(line)
    check(output.count("\n") == 1, f"`{line}` prints:\n{output}")


def create_all(session, number):
    for n in range(number):
        silent(session, f"xl create -q kernel=/guest/answer name=d{n} memory=2")


def destroy_all(session, number):
    for n in range(number):
        silent(session, f"xl destroy d{n}")


def ask_all(session, number):
    """Each answers at its console and in xenstore."""
    for n in range(number):
        session.send(f"xl console d{n}\rare you there, d{n}?\r")
        session.expect(rf"^ready\nanswer: are you there, d{n}\?$")
        session.send("\x1d")
        session.expect(PROMPT)
        domid = re.search(r"^(\d+)$", session.command_line(f"xl domid d{n}"), re.M)[1]
        silent(session, f"xenstore-write /local/domain/{domid}/data/question d{n}")
        while not re.search(rf"^d{n}$", session.command_line(f"xenstore-read /local/domain/{domid}/data/answer"), re.M):
            pass


def tables(number):
    """KiB of the two tables that find 512 domids each: they are made when a domid is first used, and stay."""
    return 8 * (2 * number // 512 - number // 512)


def many_domains(session, number, report=lambda text: None):
    session.expect(PROMPT)
    dom0_before = dom0_free_kib(session)
    create_all(session, number)
    ask_all(session, number)
    dom0_share = (dom0_before - dom0_free_kib(session)) / number  # its heap keeps what it has, so the first time counts
    destroy_all(session, number)
    before = free_kib(session)  # what is made on first use is there now
    create_all(session, number)
    ask_all(session, number)
    share = (before - free_kib(session)) / number - 2048
    report(f"{number} domains: {share:.1f} KiB each of the hypervisor's memory, {dom0_share:.1f} of dom0's")
    listed = session.command_line("xl list")
    check(len(re.findall(r"^d\d+ +\d+ +2 +1 ", listed, re.M)) == number, "not all domains are listed:\n" + listed)
    destroy_all(session, number)
    expected = before - tables(number)
    after = free_kib(session)
    check(after == expected, f"the machine's free memory should be {expected} KiB again and is {after} KiB")
    report(f"{number} domains answered, were destroyed, and left nothing")


def machine(name, memory_size, dom0_memory, lifetime):
    modules = [(DOM0, ""), (dom0_files(name, {"guest/answer": ANSWER}), "")]
    return boot(name, lifetime=lifetime, memory=memory_size, append=f"{CONSOLE} dom0_mem={dom0_memory}", modules=modules)


@test
def many_domains_at_once():
    """What: 100 domains of 2 MiB. Why: density. Method: make them all, talk to each at its console and through xenstore, end them all,
    after a first such round. Expected: answers; the machine's free memory as before."""
    with machine("many_domains_at_once", "512M", "96M", 120) as session:
        many_domains(session, 100)
        power_off(session)


if __name__ == "__main__":
    with machine("many_domains", "4G", "256M", 3600) as run:
        many_domains(run, int(sys.argv[1]), print)
        power_off(run)
