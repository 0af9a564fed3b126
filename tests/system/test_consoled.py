# SPDX-License-Identifier: MIT
"""The consoles of domains that dom0 made: scroll-back, input, and guests that misbehave."""

import os
import re

from driver import BUILD, CONSOLE, DOM0, PROMPT, TCG_CPU, XEN, boot, check, dom0_files, free_kib, power_off, test

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")
LEAVE = "\x1d"


def machine(name, lifetime=60, **options):
    """A session with dom0, which has the guest `answer`."""
    modules = [(DOM0, ""), (dom0_files(name, {"guest/answer": ANSWER}), "")]
    options.setdefault("append", CONSOLE + " dom0_mem=96M")
    return boot(name, lifetime=lifetime, modules=modules, **options)


def create(session, name, words=""):
    session.command_line(f"xl create -q kernel=/guest/answer name={name} memory=4 extra='{words}'")


def with_domains(session, names):
    """They come and go."""
    for name in names:
        create(session, name)
    for name in names:
        session.command_line("xl destroy " + name)


def attach(session, name, first=""):
    """`first` is the beginning of what the console shows."""
    session.send(f"xl console {name}\r")
    return session.expect(rf"xl console {name}\s*\n{first}")


def leave(session):
    session.send(LEAVE)
    session.expect(PROMPT)


def ask(session, text):
    """At a console of `answer`."""
    session.send(text + "\r")
    session.expect(rf"^answer: {text}$")


def check_consoles(session):
    """Two domains: what they print before and while somebody looks, and what is typed to them."""
    session.expect(PROMPT)
    for name in "one", "two":
        create(session, name, f"first-of-{name}")
    for name in "two", "one", "two":
        attach(session, name, "ready\n")
        session.expect(rf"^answer: first-of-{name}$")
        ask(session, "typed")
        leave(session)
    attach(session, "one")
    session.send("quit\r")
    session.expect(r"^xl: domain 1 has ended$")
    session.expect(PROMPT)
    check("one" not in session.command_line("xl list"), "a domain that has ended is still listed")
    check("invalid domain" in session.command_line("xl console one"), "a console without a domain")
    check("no other" in session.command_line("xl console -n 1 two"), "a second console")
    session.command_line("xl destroy two")


@test
def console_of_created_domains():
    """What: `xl console`. Why: it is how one talks to a domain. Method: two domains print before anybody looks; attach, type, leave with
    Ctrl-], attach again; one ends while it is looked at. Expected: each time everything from the first byte on; the answers; a
    sentence at the end."""
    with machine("console_of_created_domains") as session:
        check_consoles(session)
        power_off(session)


@test
def console_of_created_domains_on_real_xen():
    """What: the same on Debian's Xen. Why: nothing in the daemon may need Ryokan. Method, expected: as before."""
    options = {"kernel": XEN, "cpu": TCG_CPU, "append": CONSOLE + " dom0_mem=256M,max:256M"}
    with machine("console_of_created_domains_on_real_xen", lifetime=120, **options) as session:
        check_consoles(session)


@test
def console_keeps_what_fits():
    """What: more output than is kept. Why: a domain cannot fill dom0's memory, and who reads must know what is missing. Method: 200,000
    bytes while nobody looks, then as many while somebody does. Expected: the number of bytes that were dropped and the last
    64 KiB; every line of the second."""
    with machine("console_keeps_what_fits") as session:
        session.expect(PROMPT)
        create(session, "much", "bytes=200000 end-of-it")
        while "answer: end-of-it" not in session.output:  # until it has printed all
            attach(session, "much")
            leave(session)
        lost = int(attach(session, "much", r"\[(\d+) bytes of earlier output were not kept\]\n")[1])
        start = session.position
        session.expect(r"^answer: end-of-it$")
        kept = len(session.output[start:session.position + 1].replace("\n", "\r\n"))
        printed = len("ready\r\n") + 200000 + len("answer: end-of-it\r\n")
        check(kept == 65536 and lost == printed - kept, f"{lost} bytes are said to be lost, {kept} were kept")
        session.send("bytes=200000\r")
        session.expect(rf"^line +{200000 // 16 - 1}$")
        lines = re.findall(r"^line +(\d+)$", session.output[start:session.position], re.M)[-(200000 // 16):]
        check(lines == [str(line) for line in range(200000 // 16)], "lines are missing for somebody who reads along")
        leave(session)
        power_off(session)


@test
def console_of_hostile_domains():
    """What: domains that print without end, send events without end, or write nonsense into their ring. Why: they may harm nobody else.
    Method: six of them; then dom0's commands, and another domain's console. Expected: all answer; the nonsense is the loss of
    the domain that wrote it; every byte of memory is back when they are destroyed."""
    with machine("console_of_hostile_domains", lifetime=90) as session:
        session.expect(PROMPT)
        names = [f"{kind}{number}" for kind in ("flood", "events", "corrupt") for number in (1, 2)]
        with_domains(session, names + ["good"])  # the tables of the memory that they have are made on first use
        before = free_kib(session)
        for name in names:
            create(session, name, name[:-1])
        create(session, "good")
        for _ in range(3):
            attach(session, "good")
            ask(session, "still-there")
            leave(session)
            check(re.search(r"^flood1 ", session.command_line("xl list"), re.M), "xl list does not show flood1")
        attach(session, "corrupt1")
        ask(session, "after-the-nonsense")
        leave(session)
        for name in names + ["good"]:
            session.command_line("xl destroy " + name)
        after = free_kib(session)
        check(after == before, f"the machine's free memory was {before} KiB and is {after} KiB")
        power_off(session)
