# SPDX-License-Identifier: MIT
"""xl's commands that change running domains."""

import itertools
import os
import re

from driver import BUILD, CONSOLE, DOM0, PROMPT, SVM_ACCEL, TCG_CPU, XEN, boot, check, dom0_files, free_kib, power_off, test

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")
CLOUD = os.path.join(BUILD, "debs", "vmlinuz-cloud")
STRESS = os.path.join(BUILD, "interop", "stress.cpio.gz")
LEAVE = "\x1d"


def answers(session, line, *patterns):
    """Types a line; each pattern must be in what it prints."""
    output = session.command_line(line)
    for pattern in patterns:
        check(re.search(pattern, output, re.M), f"`{line}` does not print /{pattern}/:\n{output}")


def silent(session, *lines):
    """Types lines, each of which has nothing to say."""
    for line in lines:
        output = session.command_line(line).split("\n")[1:-1]
        check(not output, f"`{line}` prints {output}")


def check_vcpus(session):
    silent(session, "xl vcpu-pin vm 0 1 -", "xl vcpu-pin vm 1 - 0-1,^0")
    answers(session, "xl vcpu-list vm", r"^vm +1 +0 .*  1 / all$", r"^vm +1 +1 .*  all / 1$")
    silent(session, "xl vcpu-pin vm all all all")
    answers(session, "xl vcpu-list vm", r"^vm +1 +0 .*  all / all$", r"^vm +1 +1 .*  all / all$")
    answers(session, "xl vcpu-pin vm 0 7", r"names none of the machine's CPUs")
    answers(session, "xl vcpu-pin vm 9 all", r"cannot pin the vCPU")
    silent(session, "xl vcpu-set vm 1")
    answers(session, "xenstore-ls /local/domain/1/cpu", r'^0 = ""\n availability = "online"\n1 = ""\n availability = "offline"$')
    answers(session, "xl vcpu-set vm 3", r"^You are overcommmitting! You have 2 physical CPUs and want 3 vCPUs!")
    answers(session, "xl vcpu-set -i vm 3", r"it has 2 vCPUs")


def check_shares(session):
    answers(session, "xl sched-credit2", r"^Cpupool Pool-0: ratelimit=\d+us$", r"^Name {32}ID Weight  Cap$",
            r"^Domain-0 {29}0 +256 +0$", r"^vm {35}1 +256 +0$")  # fmt: skip
    silent(session, "xl sched-credit2 -d vm -w 512", "xl sched-credit2 -d vm -c 50")
    answers(session, "xl sched-credit2 -d vm", r"^vm {35}1 +512 +50$")
    answers(session, "xl sched-credit", r"the scheduler is credit2 here")
    answers(session, "xl sched-credit2 -w 5", r"^Must specify a domain\.$")


def check_memory(session):
    answers(session, "xl mem-set vm 100", r"102400 KiB are more than its maximum of 8192 KiB")
    answers(session, "xl mem-set vm lots", r"^invalid memory size: lots$")
    silent(session, "xl mem-set vm 7m")
    answers(session, "xenstore-read /local/domain/1/memory/target", r"^7168$")
    answers(session, "xl mem-max vm 6", r"6144 KiB are less than the 7168 KiB")
    silent(session, "xl mem-max vm 8192k", "xl mem-set vm 8")


def check_forms(session):
    """What else Xen's manual names: long options, a dry run, how long a domain has run."""
    answers(session, "xl create --quiet --dryrun kernel=/guest/answer name=dry memory=9", r'^\t\t"name":\t"dry"$', r'^\t\t"max_memkb":\t9216,$')
    answers(session, "xl list --long vm", r'^\t\t\t\t"name":\t"vm"')
    answers(session, "xl list --wide", r"^list: there is no option '--wide'$", r"^usage: xl list ")
    answers(session, "xl list -Zcn vm", r"State\tTime\(s\)   Security Label         Cpupool NODE Affinity$", r"^vm .* {16}-          Pool-0 all$")
    answers(session, "xl list -v --cpupool vm", r"Security Label         Cpupool$", r"^vm .* {16}-          Pool-0$")
    answers(session, "xl create -V kernel=/guest/answer name=s", r"^create: -V: no domain has a screen; -c shows its console$")
    answers(session, "xl create -d -q -F kernel=/guest/answer name=short memory=8 extra=quit", r'^\t\t"name":\t"short"', r"^Domain \d+ has ended: poweroff$")
    silent(session, "xl create -q -e kernel=/guest/answer name=kept memory=8 extra=quit")
    until(session, "xl list kept", r"^kept .* ---s-- ")
    silent(session, "xl destroy kept")
    session.send("xl create -q -F -p kernel=/guest/answer name=left memory=8\r\x03")
    session.expect(PROMPT)
    answers(session, "xl list left", r"^left .* --p--- ")
    silent(session, "xl destroy left")
    answers(session, "xl sched-credit2 --domain=vm", r"^vm {35}1 ")
    silent(session, "xl vcpu-pin --force vm all all all", "xl vcpu-set --ignore-host vm 2")
    answers(session, "xl uptime vm", r"^vm {31} +1  \d+:\d\d:\d\d$")
    answers(session, "xl create name=b kernel=/guest/answer memory=x", r"^xl: command line: memory is 'x' and has to be a number$")
    answers(session, "xl destroy -f nobody", r"^nobody is an invalid domain identifier")


def check_verbs(session, kind, counts_exits):
    session.expect(PROMPT)
    silent(session, f"xl create -q type={kind} kernel=/guest/answer name=vm memory=8 vcpus=2")
    check_vcpus(session)
    check_shares(session)
    check_memory(session)
    check_forms(session)
    if kind == "pvh":
        answers(session, "xl info virt_caps", r"^pv hvm hap gnttab-v1")
    silent(session, "xl sysrq vm t")
    answers(session, "xenstore-read /local/domain/1/control/sysrq", r"^t$")
    answers(session, "xl trigger vm knock", r'^Invalid trigger "knock"$')
    answers(session, "xl trigger vm nmi 9", r"cannot send the trigger")
    answers(session, "xl top -b -i 1", r"^ {6}NAME  STATE   CPU\(sec\) CPU\(%\)", r"^        vm [-dsbcpr]{6} +\d+ +0\.0 +[78]\d{3} ")
    exits = re.findall(r"^    exits:  .*$", session.command_line("xl top --exits -b -d 1 -i 2"), re.M)
    check(bool(exits) == counts_exits, f"exits: {exits}")
    if counts_exits:
        check(len(exits) == 2 and all(re.search(r"  cpuid [1-9]\d*", line) for line in exits), f"exits: {exits}")
        check("/s)" not in exits[0] and re.search(r"  cpuid \d+ \(\d+/s\)", exits[1]), f"exits a second: {exits}")
    session.send("xl top -d 60\r")
    session.expect(r"2 domains: \d running, ")
    session.expect(r"q leaves")
    session.send("q")
    session.expect(PROMPT)
    answers(session, "xl create -h", r"^usage: xl create .*\n.*\n  -c ")
    for verb in "vcpu-pin", "vcpu-set", "sched-credit2", "mem-set", "mem-max", "sysrq", "trigger":
        answers(session, f"xl {verb}" if verb != "sched-credit2" else "xl sched-credit2 -z", rf"^usage: xl {verb} ")
        answers(session, f"help xl {verb}", rf"^usage: xl {verb} ")


def run_verbs(name, kind, **options):
    options.setdefault("append", CONSOLE + " dom0_mem=96M")
    modules = [(DOM0, ""), (dom0_files(name, {"guest/answer": ANSWER}), "")]
    with boot(name, lifetime=300, cpus=2, accel=SVM_ACCEL, modules=modules, **options) as session:
        check_verbs(session, kind, kind == "pvh" and options.get("kernel") != XEN)
        if options.get("kernel") != XEN:  # which halts the machine then
            power_off(session)


@test
def xl_verbs():
    """What: xl's commands on vCPUs, shares, memory limits, keys and triggers. Why: a Xen user types them. Method: each on a domain, then
    with wrong input. Expected: what Xen's xl prints, and the effect in lists and in xenstore."""
    run_verbs("xl_verbs", "pv")


@test
def xl_verbs_of_pvh():
    """What: the same on a hardware guest. Why: to a user it is a domain as any other. Method, expected: as before."""
    run_verbs("xl_verbs_of_pvh", "pvh")


ON_XEN = {"kernel": XEN, "append": CONSOLE + " dom0_mem=256M,max:256M"}


@test
def xl_verbs_on_real_xen():
    """What: the same on Debian's Xen. Why: nothing in it may need Ryokan. Method, expected: as before."""
    run_verbs("xl_verbs_on_real_xen", "pv", cpu=TCG_CPU, **ON_XEN)


@test
def xl_verbs_of_pvh_on_real_xen():
    """What: a hardware guest there, without RDTSCP, whose exit QEMU's TCG reports wrongly. Why, method, expected: as before."""
    run_verbs("xl_verbs_of_pvh_on_real_xen", "pvh", cpu=TCG_CPU + ",-rdtscp", **ON_XEN)


def until(session, line, pattern):
    """Repeats a command until its output matches: a domain does what it is asked for in its own time."""
    for _ in range(5000):
        output = session.command_line(line)
        if re.search(pattern, output, re.M):
            return
    check(False, f"`{line}` never shows /{pattern}/:\n{output}")


@test
def balloon_of_our_guests():
    """What: mem-set down and up. Why: memory goes where it is needed. Method: a guest of our library is told to have 8, 64, less than it
    can live with, and 64 MiB again; then it is destroyed. Expected: the domain's and the machine's memory follow, to the page;
    it answers all the time; nothing is lost in the end. The same for a hardware guest."""
    modules = [(DOM0, ""), (dom0_files("balloon_of_our_guests", {"guest/answer": ANSWER}), "")]
    with boot("balloon_of_our_guests", append=CONSOLE + " dom0_mem=96M", modules=modules) as session:
        session.expect(PROMPT)
        silent(session, "xl create -q kernel=/guest/answer name=first memory=64", "xl destroy first")
        before = free_kib(session)  # what is made on first use is there now
        silent(session, "xl create -q kernel=/guest/answer name=vm memory=64")
        session.send("xl console vm\r")
        session.expect(r"^ready$")  # from here on it takes no more of the hypervisor's memory
        session.send(LEAVE)
        session.expect(PROMPT)
        with_all = free_kib(session)
        for mib in 8, 64, 8, 64:
            silent(session, f"xl mem-set vm {mib}")
            until(session, "xl list vm", rf"^vm +2 +{mib} ")
            wanted = with_all + (64 - mib) * 1024
            until(session, "mem", rf"^machine +\d+ +\d+ +{wanted}$")
        silent(session, "xl mem-set vm 1")
        until(session, "xl list vm", r"^vm +2 +[1-3] ")
        session.send("xl console vm\rstill there\r")
        session.expect(r"^answer: still there$")
        session.send(LEAVE)
        session.expect(PROMPT)
        silent(session, "xl mem-set vm 64")
        until(session, "xl list vm", r"^vm +2 +64 ")
        silent(session, "xl destroy vm")
        until(session, "mem", rf"^machine +\d+ +\d+ +{before}$")
        silent(session, "xl create -q type=pvh kernel=/guest/answer name=hw memory=64")
        for mib in 8, 64:
            silent(session, f"xl mem-set hw {mib}")
            until(session, "xl list hw", rf"^hw +3 +{mib} ")
        silent(session, "xl destroy hw")
        until(session, "mem", rf"^machine +\d+ +\d+ +{before}$")
        power_off(session)


def ask_guest(session, name, line, pattern):
    """A line at the console of a guest of ours."""
    session.send(f"xl console {name}\r{line}\r")
    session.expect(pattern)
    session.send(LEAVE)
    session.expect(PROMPT)


def grow_and_end(session, kind):
    silent(session, f"xl create -q type={kind} kernel=/guest/answer name=vm memory=16 maxmem=100")
    for mib in 21, 60, 30, 100:
        silent(session, f"xl mem-set vm {mib}")
        until(session, "xl list vm", rf"^vm +\d+ +{mib} ")
        ask_guest(session, "vm", f"fill {mib - 8}", rf"^filled: {mib - 8} MiB, 0 pages wrong$")
    answers(session, "xl mem-set vm 101", r"are more than its maximum of 102400 KiB")
    silent(session, "xl destroy vm")
    until(session, "xl list", r"^Name.*\nDomain-0 .*\n(?!.*  )")


@test
def memory_beyond_the_start():
    """What: mem-set up to maxmem, above what a guest of our library began with, PV and PVH. Why: memory is often given later. Method: from 16
    to 21, 60, 30 and 100 MiB; the guest fills what it has each time. Expected: `xl list` follows, each page is its own, more than
    maxmem is refused, the machine's memory is back in the end."""
    modules = [(DOM0, ""), (dom0_files("memory_beyond_the_start", {"guest/answer": ANSWER}), "")]
    with boot("memory_beyond_the_start", append=CONSOLE + " dom0_mem=96M", modules=modules, accel=SVM_ACCEL, memory="768M", lifetime=200) as session:
        session.expect(PROMPT)
        for kind in "pv", "pvh":
            grow_and_end(session, kind)  # makes what is made on first use
            before = free_kib(session)
            grow_and_end(session, kind)
            check(free_kib(session) == before, f"{before} KiB were free before, and are not now: {free_kib(session)}")
        power_off(session)


def online(session, number):
    """Waits until so many of the four vCPUs are up, the first ones."""
    up, down = r"^vm +\d+ +%d +\d+ +[r-][b-]- .*\n", r"^vm +\d+ +%d +- +--p .*\n"
    until(session, "xl vcpu-list vm", "".join(up % n if n < number else down % n for n in range(4)).replace("\n^", "\n"))
    until(session, "xl list vm", rf"^vm +\d+ +16 +{number} ")


def check_vcpu_set(session, kind):
    silent(session, f"xl create -q type={kind} kernel=/guest/answer name=vm memory=16 vcpus=2 maxvcpus=4")
    online(session, 2)
    for number in 3, 1, 4:
        silent(session, f"xl vcpu-set -i vm {number}")
        online(session, number)
    ask_guest(session, "vm", "count 2", r"^vCPU 2: 0$")
    ask_guest(session, "vm", "count 2", r"^vCPU 2: -16$")  # EBUSY: it counts until it is to go
    silent(session, "xl vcpu-set vm 2")
    online(session, 2)
    ask_guest(session, "vm", "count 2", r"^vCPU 2: -11$")  # EAGAIN
    for _ in range(10):
        silent(session, "xl vcpu-set -i vm 4", "xl vcpu-set vm 1")
    silent(session, "xl vcpu-set -i vm 3")
    online(session, 3)
    for n in 1, 2:
        ask_guest(session, "vm", f"count {n}", rf"^vCPU {n}: 0$")
    silent(session, "xl destroy vm")


@test
def vcpus_of_our_guests():
    """What: vcpu-set on guests of our library, PV and PVH. Why: a Xen user expects `xl vcpu-list` to follow. Method: up and down, with a vCPU that works, and
    to and fro without waiting. Expected: vCPUs come and go, the working one when it has ended, and none is lost in between."""
    modules = [(DOM0, ""), (dom0_files("vcpus_of_our_guests", {"guest/answer": ANSWER}), "")]
    with boot("vcpus_of_our_guests", append=CONSOLE + " dom0_mem=96M", modules=modules, cpus=2, accel=SVM_ACCEL, lifetime=200) as session:
        session.expect(PROMPT)
        for kind in "pv", "pvh":
            check_vcpu_set(session, kind)
        power_off(session)


@test
def vcpus_of_our_guests_on_real_xen():
    """What: the same on Debian's Xen. Why: the library is a plain Xen guest. Method, expected: as before, PV."""
    modules = [(DOM0, ""), (dom0_files("vcpus_of_our_guests_on_real_xen", {"guest/answer": ANSWER}), "")]
    with boot("vcpus_of_our_guests_on_real_xen", modules=modules, cpus=2, cpu=TCG_CPU, accel=SVM_ACCEL, lifetime=300, **ON_XEN) as session:
        session.expect(PROMPT)
        check_vcpu_set(session, "pv")


@test
def boot_domain_adopted():
    """What: config-update on domains that the hypervisor made. Why: so they can restart. Method: one that asks for a reboot before, one that does so
    afterwards, one that powers off. Expected: the first stays shut down until then; both come again with name and UUID, and again; the third is gone."""
    modules = [(DOM0, ""), (dom0_files("boot_domain_adopted", {"guest/answer": ANSWER}), ""), (ANSWER, "")]
    append = CONSOLE + " dom0_mem=96M" + "".join(f" domain={name},kernel=2,mem=16M" for name in ("first", "second", "third"))
    with boot("boot_domain_adopted", append=append, modules=modules) as session:
        session.expect(PROMPT)
        uuid = {name: session.command_line(f"xenstore-read /local/domain/{n}/vm").split()[-2] for n, name in ((1, "first"), (2, "second"))}
        session.command_line("xl reboot first")
        until(session, "xl list first", r"^first +1 .* ---s-- ")
        for name in "first", "second", "third":
            silent(session, f"xl config-update {name} name={name} kernel=/guest/answer memory=16")
        answers(session, "xl config-update 0 name=x kernel=/guest/answer memory=16", r"domain 0 is this one$")
        until(session, "xl list first", r"^first +4 +16 ")
        session.command_line("xl reboot second")
        until(session, "xl list second", r"^second +5 +16 ")
        session.command_line("xl reboot second")
        until(session, "xl list second", r"^second +6 +16 ")
        for name, domid in ("first", 4), ("second", 6):
            answers(session, f"xenstore-read /local/domain/{domid}/vm", re.escape(uuid[name]))
            ask_guest(session, name, "here again", r"^answer: here again$")
        session.command_line("xl shutdown third")
        until(session, "xl list third", r"^third is an invalid domain identifier")
        power_off(session)


answer_numbers = itertools.count(1)


def ask_linux(session, line, pattern):
    """A line at the shell of the Linux domain until its answer matches. Attaching shows what came before too, so each answer has a number."""
    session.send("xl console lin\r")
    session.expect(r"guest# ")
    for _ in range(100):
        number, start = next(answer_numbers), session.position
        session.send(f"{line}; echo end-$(({number}))\r")
        session.expect(rf"^end-{number}$")
        if re.search(pattern, session.output[start:session.position], re.M):
            break
    else:
        check(False, f"`{line}` never answers /{pattern}/")
    session.send(LEAVE)
    session.expect(PROMPT)


def console_shows(session, pattern):
    """Waits until the domain has printed it. Nothing may be typed there while its kernel prints."""
    session.send("xl console lin\r")
    session.expect(pattern)
    session.send(LEAVE)
    session.expect(PROMPT)


def check_linux_follows(name, kind):
    modules = [(DOM0, ""), (dom0_files(name, {"guest/linux": CLOUD, "guest/initrd": STRESS}), "")]
    with boot(name, lifetime=400, cpus=2, accel=SVM_ACCEL, append=CONSOLE + " dom0_mem=192M", modules=modules) as session:
        session.expect(PROMPT)
        session.command_line(f"xl create -q type={kind} kernel=/guest/linux ramdisk=/guest/initrd name=lin memory=256 vcpus=2 "
                             "extra='console=hvc0 quiet end=shell'")  # fmt: skip
        ask_linux(session, "cat /sys/devices/system/cpu/online", r"^0-1$")
        silent(session, "xl mem-set lin 150", "xl vcpu-set lin 1")
        until(session, "xl list lin", r"^lin +1 +150 +1 ")
        ask_linux(session, "cat /sys/devices/system/cpu/online", r"^0$")
        ask_linux(session, "grep MemTotal /proc/meminfo", r"^MemTotal: +1[01234]\d{4} kB$|^MemTotal: +15\d{4} kB$")
        silent(session, "xl vcpu-set lin 2", "xl mem-set lin 256")
        until(session, "xl list lin", r"^lin +1 +256 ")
        ask_linux(session, "echo 1 > /sys/devices/system/cpu/cpu1/online", "")  # elsewhere udev does that
        until(session, "xl list lin", r"^lin +1 +256 +2 ")
        ask_linux(session, "cat /sys/devices/system/cpu/online", r"^0-1$")
        silent(session, "xl sysrq lin h")
        console_shows(session, r"sysrq: HELP .*\n")
        silent(session, "xl trigger lin nmi")
        console_shows(session, r"Dazed and confused, but trying to continue\n")
        silent(session, "xl pause lin")
        check(re.search(r"^lin .* [r-][b-]p---", session.command_line("xl list lin"), re.M), "it is not paused")
        silent(session, "xl unpause lin", "xl rename lin inn")
        session.command_line("xl rename inn lin")
        silent(session, "xl destroy lin")
        power_off(session)


@test
def linux_follows_xl():
    """What: Linux under mem-set, vcpu-set, sysrq and trigger. Why: its balloon, CPU hot-plug and SysRq are driven by these nodes and no other.
    Method: Debian's cloud kernel; down and up. Expected: xl's lists and Linux itself show what was asked for."""
    check_linux_follows("linux_follows_xl", "pv")


@test
def pvh_linux_follows_xl():
    """What: the same as PVH. Why: its balloon and its CPUs are others. Method, expected: as before."""
    check_linux_follows("pvh_linux_follows_xl", "pvh")
