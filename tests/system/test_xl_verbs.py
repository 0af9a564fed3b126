# SPDX-License-Identifier: MIT
"""xl's commands that change running domains."""

import os
import re

from driver import BUILD, CONSOLE, DOM0, PROMPT, TCG_CPU, XEN, boot, check, dom0_files, power_off, test

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")


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


def check_verbs(session):
    session.expect(PROMPT)
    silent(session, "xl create -q kernel=/guest/answer name=vm memory=8 vcpus=2")
    check_vcpus(session)
    check_shares(session)
    check_memory(session)
    silent(session, "xl sysrq vm t")
    answers(session, "xenstore-read /local/domain/1/control/sysrq", r"^t$")
    answers(session, "xl trigger vm knock", r'^Invalid trigger "knock"$')
    answers(session, "xl trigger vm nmi 9", r"cannot send the trigger")
    for verb in "vcpu-pin", "vcpu-set", "sched-credit2", "mem-set", "mem-max", "sysrq", "trigger":
        answers(session, f"xl {verb}" if verb != "sched-credit2" else "xl sched-credit2 -z", rf"^usage: xl {verb} ")
        answers(session, f"help xl {verb}", rf"^usage: xl {verb} ")


@test
def xl_verbs():
    """What: xl's commands on vCPUs, shares, memory limits, keys and triggers. Why: a Xen user types them. Method: each on a domain, then
    with wrong input. Expected: what Xen's xl prints, and the effect in lists and in xenstore."""
    modules = [(DOM0, ""), (dom0_files("xl_verbs", {"guest/answer": ANSWER}), "")]
    with boot("xl_verbs", cpus=2, append=CONSOLE + " dom0_mem=96M", modules=modules) as session:
        check_verbs(session)
        power_off(session)


@test
def xl_verbs_on_real_xen():
    """What: the same on Debian's Xen. Why: nothing in it may need Ryokan. Method, expected: as before."""
    options = {"kernel": XEN, "cpu": TCG_CPU, "append": CONSOLE + " dom0_mem=256M,max:256M"}
    modules = [(DOM0, ""), (dom0_files("xl_verbs_on_real_xen", {"guest/answer": ANSWER}), "")]
    with boot("xl_verbs_on_real_xen", lifetime=120, cpus=2, modules=modules, **options) as session:
        check_verbs(session)
