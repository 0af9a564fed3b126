# SPDX-License-Identifier: MIT
"""The sample guests of kit/samples, each doing what it is there for."""

import os

from driver import BUILD, CONSOLE, DOM0, HV, INITRD, TCG_CPU, XEN, boot, check, test


def sample(name):
    return os.path.join(BUILD, "samples", name, name + ".elf")


def alone(test_name, image, args="", hypervisor="ryokan", archive=None, memory=64, **options):
    """A Session with the image as the initial domain."""
    machine = {"kernel": HV} if hypervisor == "ryokan" else {"kernel": XEN, "cpu": TCG_CPU}
    modules = [(image, args)] + ([(archive, "")] if archive else [])
    append = f"{CONSOLE} dom0_mem={memory}M,max:{memory}M guest_loglvl=all noreboot"
    return boot(f"{test_name}_{hypervisor}", modules=modules, append=append, **machine, **options)


@test
def sample_bare():
    """What: a guest without any library speaks and ends. Why: it is what somebody who ports a kernel reads first, so it must be right: notes,
    entry, hypercall page, console ring. Method: as the initial domain on Ryokan and on real Xen, and beside dom0.
    Expected: its lines with its command line, memory and the version; beside dom0 it has ended (`xl list` shows s)."""
    for hypervisor in ("ryokan", "xen"):
        with alone("sample_bare", sample("bare"), "x y", hypervisor) as session:
            session.expect(r"speaks Xen 4\.17; this domain has 64 MiB\.\n.*Command line: x y\n")
    modules = [(DOM0, ""), (INITRD, ""), (sample("bare"), "")]
    with boot("sample_bare_domu", append=CONSOLE + " domain=bare,kernel=2,mem=16M,cmdline=one", modules=modules) as session:
        session.expect(r"\(bare\) Command line: one\n")
        session.position = 0
        session.expect("dom0# ")
        check(" ---s--" in session.command_line("xl list bare"), "the guest has not ended:\n" + session.tail())


def archive(name):
    return os.path.join(BUILD, "samples", name, name + ".tar")


@test
def sample_lua():
    """What: Debian's Lua passes its script, and its prompt can be used. Why: it is an ordinary program that was not written for this. Method: on
    Ryokan and on real Xen with the script and an environment; then without, lines typed at the prompt, one corrected by Backspace and one taken
    back by Ctrl-U. Expected: `all checks passed`; the right answers; os.exit(3) is a crash that says 3."""
    for hypervisor in ("ryokan", "xen"):
        with alone("sample_lua", sample("lua"), "COLOUR=green /check.lua", hypervisor, archive("lua"), lifetime=120) as session:
            session.expect("lua: all checks passed")
    with alone("sample_lua_prompt", sample("lua"), lifetime=120) as session:
        session.expect("^> ")
        session.send("nonsense\x15print(6 * 9\x7f7)\r")
        session.expect("^42\n> ")
        session.send("os.exit(3)\r")
        session.expect("main returned 3")


@test
def sample_sqlite():
    """What: Debian's SQLite passes its script. Why: it uses what few other programs do: fsync, record locks, random access, time.
    Method: on Ryokan and on real Xen, a database in memory's file system. Expected: every check is ok, the integrity check too."""
    for hypervisor in ("ryokan", "xen"):
        with alone("sample_sqlite", sample("sqlite"), "-init /check.sql /tmp/test.db .quit", hypervisor, archive("sqlite"), lifetime=120) as session:
            session.expect("sqlite: all checks passed")
            check("wrong" not in session.output and "vacuum ok\nok\n" in session.output, "a check failed:\n" + session.tail(20))
