# SPDX-License-Identifier: MIT
"""dom0's shell, xl and device commands: the same checks on Ryokan and, as the oracle, on Debian's Xen."""

import re

from driver import CONSOLE, DOM0, INITRD, PROMPT, TCG_CPU, XEN, boot, check, test

DEVICES = ["-device", "edu", "-device", "e1000e"]


def start(name, on_xen, extra=(), machine="q35", dom0_args=""):
    """A session with dom0 on the hypervisor in question."""
    options = {"cpus": 2, "extra": list(extra), "machine": machine, "modules": [(DOM0, dom0_args), (INITRD, "")]}
    if on_xen:
        options |= {"kernel": XEN, "cpu": TCG_CPU, "append": CONSOLE + " dom0_mem=256M,max:256M"}
    return boot(name, **options)


def answers(session, line, *patterns):
    """Types a line; each pattern must be in what it prints."""
    output = session.command_line(line)
    for pattern in patterns:
        check(re.search(pattern, output, re.M), f"`{line}` does not print /{pattern}/:\n{output}")
    return output


def check_commands(session):
    """Every command once, with what it must say whatever the hypervisor is."""
    answers(session, "help", r"^  xl +manage domains", r"^  lspci ")
    answers(session, "help xl list", r"^usage: xl list \[-lvZcn\]", r"^  -v ")
    answers(session, "xl list", r"^Name {40}ID   Mem VCPUs\tState\tTime\(s\)$",
            r"^Domain-0 {37}0 +\d+ +\d+ +r----- +\d+\.\d$")  # fmt: skip
    answers(session, "xl list -v Domain-0", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
    answers(session, "xl vcpu-list 0", r"^Domain-0 {29}0 +0 +\d+ +r-- +\d+\.\d  all / all$")
    answers(session, "xl info", r"^nr_cpus                : 2$", r"^xen_major              : 4$",
            r"^xen_minor              : 17$", r"^xen_caps               : xen-3.0-x86_64",
            r"^total_memory           : 10\d\d$")  # fmt: skip
    answers(session, "xl info xen_minor", r"^17$")
    answers(session, "xl info -n", r"^device topology +:$", r"^numa_info .*\n.*\n   0: .*\nxen_major ")
    answers(session, "xl uptime", r"^Domain-0 +0  0:00:\d\d$")
    answers(session, "lsevtchn", r"^ +\d+: VCPU 0: Virtual IRQ 0 \(TIMER\)$",
            r"^ +\d+: VCPU 0: Virtual IRQ 2 \(CONSOLE\)$")  # fmt: skip
    answers(session, "ls", r"^README +etc/ +usr/$")
    answers(session, "ls -l /etc", r"^-r[w-]-r--r-- +\d+ 1970-01-01 00:00 motd$")
    answers(session, "cat /README", r"^dom0 is the control domain")
    answers(session, "mem", r"^machine +\d+ +\d+ +\d+$", r"^dom0 +\d+ +\d+ +\d+$")
    answers(session, "ps", r"^shell +running")
    answers(session, "date +%Y", r"^20\d\d$")
    answers(session, "uptime", r"up  0:00:\d\d, \d+ threads$")
    answers(session, "echo 'a  b' \"c\" # d", r"^a  b c$")
    answers(session, "lspci", r"^00:00\.0 Host bridge \[0600\]: .*\[8086:29c0\]$",
            r"^00:1f\.2 SATA controller \[0106\]: ")  # fmt: skip
    answers(session, "lspci -v -s 0:1f.2", r"Region 5: Memory at [0-9a-f]{8} \(32-bit, non-prefetchable\) \[size=4K\]",
            r"Capabilities: \[80\] MSI: Count=1/1$")  # fmt: skip
    answers(session, "lspci -n -x -s 0:0.0", r"^00:00\.0 0600: 8086:29c0$", r"^00: 86 80 c0 29 ")


def check_log(session):
    """The hypervisor's log: readable, answers a debug key, and can be emptied."""
    banner = r"Ryokan \d|com1=115200"  # Xen says its command line
    answers(session, "xl dmesg", banner)
    session.command_line("xl debug-keys h")
    answers(session, "xl dmesg -c", r"'h' pressed|Debug keys")
    check(not re.search(banner, session.command_line("xl dmesg")), "the log is not empty after xl dmesg -c")


def check_errors(session):
    """Wrong input: a sentence, and the usage where the arguments are wrong."""
    answers(session, "hlep", r"^hlep: command not found. Did you mean 'help'\?$")
    answers(session, "xl lsit", r"^lsit: 'xl' command not found. Did you mean 'list'\?$")
    answers(session, "xl list nobody", r"^nobody is an invalid domain identifier")
    answers(session, "xl list -z", r"invalid option", r"^usage: xl list ")
    answers(session, "xl debug-keys", r"^usage: xl debug-keys KEYS$")
    answers(session, "xl info nothing", r"there is no key 'nothing'")
    answers(session, "cat", r"^usage: cat FILE")
    answers(session, "cat /nothing", r"^cat: /nothing: No such file")
    answers(session, "ls /nothing", r"^ls: /nothing: No such file")
    answers(session, "lspci -s 1", r"is not of the form", r"^usage: lspci")
    answers(session, "lspci -s ff:1f.7", r"there is no such device")
    answers(session, "poweroff now", r"one argument too many", r"^usage: poweroff$")
    answers(session, "echo 'open", r"^a ' is not closed$")


def check_editing(session):
    """History, editing keys and completion, as a terminal sends them."""
    session.command_line("echo first")
    session.send("\x1b[A\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[3~F\r")  # up; the f of first becomes F
    session.expect(r"^First$")
    session.expect(PROMPT)
    session.send("xl vcpu-l\t0\r")  # the word is completed, and a space follows
    session.expect(r"^Domain-0 .* / ")
    session.expect(PROMPT)
    session.send("cat /et\tmo\t\r")
    session.expect(r"^Welcome to dom0")
    session.expect(PROMPT)
    session.send("nonsense\x15echo killed\r")
    session.expect(r"^killed$")
    session.expect(PROMPT)
    session.send("poweroff\x03")
    session.expect(r"\^C$")
    session.expect(PROMPT)


def check_flood(session, lines=200):
    """Lines that come faster than they are run: none may be lost, cut or doubled."""
    texts = [f"line-{i}-{'x' * (i % 50)}" for i in range(lines)]
    session.send("".join(f"echo {text}\r" for text in texts))
    for text in texts:
        match = session.expect(r"^(line-\d+-x*)\n")
        check(match[1] == text, f"{text} came out as {match[1]}")
    session.expect(PROMPT)


def whole_shell(name, on_xen):
    """All of the above in one boot."""
    with start(name, on_xen) as session:
        session.expect(PROMPT)
        # Xen itself drops serial input that comes faster than dom0 fetches it.
        parts = (check_commands, check_log, check_errors, check_editing) + (() if on_xen else (check_flood,))
        for part in parts:
            part(session)


@test
def shell():
    """What: every command of dom0's shell, its errors, editing, completion, and a flood of lines.
    Method: type at the prompt on Ryokan. Expected: what each command promises."""
    whole_shell("shell", on_xen=False)


@test
def real_xen_shell():
    """What, method, expected: as `shell`, with the same dom0 image on Debian's Xen 4.17 and without the flood."""
    whole_shell("real_xen_shell", on_xen=True)


def device_interrupts(name, on_xen, machine="q35", times=3):
    """pcitest, repeatedly: an interrupt that is released must be there again."""
    with start(name, on_xen, DEVICES, machine, "DRIVERS=0") as session:
        session.expect(PROMPT)
        for _ in range(times):
            output = session.command_line("pcitest")
            check("7 passed, 0 failed, 0 skipped" in output, "pcitest says:\n" + output)


@test
def device_memory_and_interrupts():
    """What: dom0 drives devices: MMIO under permission checks, a GSI, MSI and MSI-X as event channels.
    Method: pcitest with QEMU's edu and e1000e, three times. Expected: all its checks pass each time."""
    device_interrupts("device_memory_and_interrupts", on_xen=False)


@test
def device_memory_and_interrupts_pc():
    """What, method, expected: as device_memory_and_interrupts on the i440FX machine, whose lines are routed otherwise."""
    device_interrupts("device_memory_and_interrupts_pc", on_xen=False, machine="pc")


@test
def real_xen_device_memory_and_interrupts():
    """What, method, expected: as device_memory_and_interrupts on Debian's Xen 4.17."""
    device_interrupts("real_xen_device_memory_and_interrupts", on_xen=True)


def dom0_crash(name, on_xen):
    """dom0 faults; its report must name the fault, and the hypervisor must see the crash."""
    with start(name, on_xen) as session:
        session.expect(PROMPT)
        session.send("crash\r")
        session.expect(r"page fault.*error code 0x2")
        session.expect(r"^rip [0-9a-f]{16} rsp [0-9a-f]{16}")
        session.expect(r"^cr2 0000000000000000")
        session.expect(r"^backtrace:\n +0x[0-9a-f]+ \w+\+.*\n +0x[0-9a-f]+ \w+\+")
        session.expect(r"(?i)crashed")


@test
def dom0_crash_report():
    """What: a dom0 that faults. Why: without a report nobody could mend it. Method: `crash` writes to address 0.
    Expected: dom0 prints fault, registers and backtrace; the hypervisor says that dom0 crashed."""
    dom0_crash("dom0_crash_report", on_xen=False)


@test
def real_xen_dom0_crash_report():
    """What, method, expected: as dom0_crash_report on Debian's Xen 4.17."""
    dom0_crash("real_xen_dom0_crash_report", on_xen=True)
