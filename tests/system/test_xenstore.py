# SPDX-License-Identifier: MIT
"""xenstored in dom0: its commands, on Ryokan and on real Xen, and its clients in other domains."""

import os
import re

from driver import BUILD, CONSOLE, DOM0, INITRD, PROMPT, TCG_CPU, XEN, boot, check, power_off, test

GRUB = os.path.join(BUILD, "debs", "grub-xen-host", "usr", "lib", "grub-xen", "grub-x86_64-xen.bin")
SWITCH = "\x01\x01\x01"


def answers(session, line, *patterns):
    """Types a line; each pattern must be in what it prints."""
    output = session.command_line(line)
    for pattern in patterns:
        check(re.search(pattern, output, re.M), f"`{line}` does not print /{pattern}/:\n{output}")
    return output


def check_commands(session):
    """Every command once, and what it says of wrong input."""
    answers(session, "xenstore-read /local/domain/0/name", r"^Domain-0$")
    answers(session, "xenstore-list /", r"^tool$", r"^local$", r"^vm$")
    session.command_line("xenstore-write /t/a/b one /t/a/c 'two\\n'")
    answers(session, "xenstore-read -p /t/a/b /t/a/c", r"^/t/a/b: one$", r"^/t/a/c: two\\n$")
    answers(session, "xenstore-ls /t", r'^a = ""$', r'^ b = "one"$', r'^ c = "two\\n"$')
    answers(session, "xenstore-ls -f -p /t", r'^/t/a/b = "one" +\(n0\)$')
    answers(session, "xenstore-list -p /t/a", r"^/t/a/b$", r"^/t/a/c$")
    session.command_line("xenstore-chmod -r /t n0 r5 b6")
    answers(session, "xenstore-ls -p /t", r'^ b = "one" +\(n0,r5,b6\)$')
    answers(session, "xenstore-watch -n 1 /t", r"^/t$")
    session.command_line("xenstore-rm -t /t/a/b /t/a/c")
    answers(session, "xenstore-read /t", r"^xenstore-read: /t: No such file or directory$")
    answers(session, "xenstore-write /t", r"a path and a value are missing", r"^usage: xenstore-write ")
    answers(session, "xenstore-write /t//x 1", r"^xenstore-write: /t//x: Invalid argument$")
    answers(session, "xenstore-chmod /tool z0", r"'z0' is no permission")


@test
def xenstore_commands():
    """What: dom0's xenstore commands. Why: users of Xen type them. Method: each once, with its options, then wrong input. Expected:
    what Xen's print."""
    with boot("xenstore_commands", lifetime=90) as session:
        session.expect(PROMPT)
        check_commands(session)
        power_off(session)


@test
def xenstore_commands_on_real_xen():
    """What: the same dom0 on Debian's Xen. Why: nothing in xenstored may need Ryokan. Method, expected: as before."""
    options = {"kernel": XEN, "cpu": TCG_CPU, "append": CONSOLE + " dom0_mem=256M,max:256M",
               "modules": [(DOM0, ""), (INITRD, "")]}  # fmt: skip
    with boot("xenstore_commands_on_real_xen", lifetime=120, **options) as session:
        session.expect(PROMPT)
        check_commands(session)


@test
def xenstore_grub():
    """What: Debian's GRUB for Xen, unmodified, as a domain built at boot. Why: it waits for xenstored before anything else, and
    polls the ring in its own way. Method: wait for its banner, switch the input to it and type a command. Expected: the prompt
    `grub>` and the command's answer; the domain's nodes in dom0; after its end there are none."""
    modules = [(DOM0, ""), (INITRD, ""), (GRUB, "")]
    append = CONSOLE + " dom0_mem=64M domain=grub,kernel=2,mem=64M"
    with boot("xenstore_grub", lifetime=120, append=append, modules=modules) as session:
        session.expect(r"\(grub\) .*GNU GRUB +version")
        session.send(SWITCH)
        session.expect(r"\*\*\* Input goes to grub, domain 1")
        session.send("echo answer-of-grub\r")
        session.expect(r"\(grub\) .*grub> ")
        session.expect(r"answer-of-grub")
        session.send(SWITCH + SWITCH)
        session.expect(r"\*\*\* Input goes to dom0")
        session.send("\r")
        session.expect(PROMPT)
        answers(session, "xenstore-ls /local/domain/1", r'^name = "grub"$', r'^ target = "65536"$', r'^domid = "1"$')
        answers(session, "xl list", r"^grub +1 +64 +1")
        answers(session, "xl destroy grub")
        check("grub" not in session.command_line("xl list"), "the destroyed domain is still listed")
        answers(session, "xenstore-list /local/domain/1", r"No such file")
        power_off(session)


@test
def xenstore_from_another_domain():
    """What: libxenstore's functions over a domain's own ring. Why: a kernel on this library has no other way to its devices. Method:
    dom0's image as an ordinary domain too, which is then a client; it writes, reads, watches, and tries what it may not. Expected:
    dom0 sees what it wrote; refusals where Xen's store refuses."""
    modules = [(DOM0, ""), (INITRD, "")] * 2
    append = CONSOLE + " dom0_mem=64M domain=guest,kernel=2,ramdisk=3,mem=64M"
    with boot("xenstore_from_another_domain", lifetime=120, append=append, modules=modules) as session:
        session.expect(r"\(guest\) Welcome")
        session.send(SWITCH)
        session.expect(r"\*\*\* Input goes to guest, domain 1")
        session.send("\r")
        session.expect(r"\(guest\) dom0# $")
        for line, pattern in [
            ("xenstore-read name", r"^\(RYO\) \(guest\) guest$"),
            ("xenstore-write data/x hello", r""),
            ("xenstore-watch -n 1 data/x", r"^\(RYO\) \(guest\) data/x$"),
            ("xenstore-write /local/domain/0/data/x 1", r"Permission denied"),
            ("xenstore-list /", r"Permission denied"),
        ]:
            session.send(line + "\r")
            session.expect(pattern)
        session.send(SWITCH + SWITCH)
        session.expect(r"\*\*\* Input goes to dom0")
        session.send("\r")
        session.expect(PROMPT)
        answers(session, "xenstore-read /local/domain/1/data/x", r"^hello$")
        answers(session, "xenstore-ls -p /local/domain/1/data", r'^x = "hello" +\(n1\)$')
        power_off(session)
