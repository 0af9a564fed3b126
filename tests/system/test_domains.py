# SPDX-License-Identifier: MIT
"""Domains that dom0 makes: `xl create` and what follows it, with our guests and with Debian's kernels."""

import gzip
import os
import re
import shutil
import subprocess
import time

from driver import BUILD, CONSOLE, DOM0, LOGS, PROMPT, ROOT, SVM_ACCEL, TCG_CPU, XEN, boot, check, dom0_files, free_kib, power_off, test

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")
DISK = os.path.join(BUILD, "pvguest", "disk.elf")
HELLO = os.path.join(BUILD, "pvguest", "hello.elf")
CLOUD = os.path.join(BUILD, "debs", "vmlinuz-cloud")  # LZ4
STANDARD = os.path.join(BUILD, "debs", "vmlinuz")  # xz
GRUB = os.path.join(BUILD, "debs", "grub-xen-host", "usr", "lib", "grub-xen", "grub-x86_64-xen.bin")
GRUB_PVH = os.path.join(os.path.dirname(GRUB), "grub-i386-xen_pvh.bin")
STRESS = os.path.join(BUILD, "interop", "stress.cpio.gz")
LEAVE = "\x1d"

CONFIG = """# a comment
name = "cfg"; kernel = '/guest/answer'
memory = 0x10   # MiB
vcpus = 2
extra = "one two"
on_crash = 'preserve'
vif = [ ]
"""


def machine(name, files, lifetime=180, **options):
    """A session with dom0, which has these files, at the prompt."""
    config = os.path.join(LOGS, name + ".cfg")
    os.makedirs(LOGS, exist_ok=True)
    with open(config, "w", encoding="ascii") as file:
        file.write(CONFIG)
    archive = dom0_files(name, {"guest/answer": ANSWER, "guest/cfg": config, **files})
    options.setdefault("append", CONSOLE)
    return boot(name, lifetime=lifetime, modules=[(DOM0, ""), (archive, "")], **options)


def on_xen():
    return {"kernel": XEN, "cpu": TCG_CPU, "append": CONSOLE + " dom0_mem=256M,max:256M noreboot"}


def nodes(session):
    """All of xenstore, without the watches' and clients' own traces."""
    return session.command_line("xenstore-ls -f").split("xenstore-ls -f", 1)[1]


def until(session, line, accept, seconds=120):
    """Repeats a command until its output is accepted: what it shows is done by other threads."""
    end = time.monotonic() + seconds
    while True:
        output = session.command_line(line)
        if accept(output):
            return output
        check(time.monotonic() < end, f"`{line}` still shows after {seconds} s:\n{output}")


def shown(session, line, pattern):
    return until(session, line, lambda output: re.search(pattern, output, re.M))


def gone(session, name):
    until(session, "xl list", lambda output: not re.search(rf"^{name} ", output, re.M))


REFUSED = [
    ("xl create name=bad", "there is no kernel"),
    ("xl create kernel=/guest/answer", "there is no name"),
    ("xl create name=bad kernel=/nowhere", "'/nowhere' cannot be read: No such file"),
    ("xl create name=bad kernel=/guest", "cannot be read: Is a directory"),
    ("xl create name=bad kernel=/README", "not an ELF file"),
    ("xl create name=bad kernel=/guest/answer ramdisk=/nowhere", "the RAM disk '/nowhere' cannot be read"),
    ("xl create name=bad kernel=/guest/answer ramdisk=/guest/answer memory=1", "too small: kernel, initrd and tables need"),
    ("xl create name=bad kernel=/guest/answer memory=100000", "the machine has only"),
    ("xl create name=bad kernel=/guest/answer vcpus=500", "the hypervisor makes no domain: Invalid argument"),
    ("xl create name=bad kernel=/guest/answer cpus=77", "names none of the machine's CPUs"),
    ("xl create name=bad kernel=/guest/answer cpus=x", "cpus is 'x'"),
    ("xl create name=bad kernel=/guest/answer memory=16 maxmem=8", "maxmem is 8 and has to be between 16"),
    ("xl create name=bad kernel=/guest/answer type=vm", "has to be one of pv, pvh, hvm"),
    ("xl create name=bad kernel=/guest/answer on_crash=explode", "on_crash is 'explode'"),
    ("xl create name=bad kernel=/guest/answer uuid=12", "32 hexadecimal digits"),
    ("xl create name=ok kernel=/guest/answer", "there is a domain 'ok' already"),
    ("xl create name=bad kernel=/guest/answer \"vif=['bogus=1']\"", "vif: there is no key 'bogus'"),
    ("xl create name=bad kernel=/guest/answer \"disk=['phy:vdz,xvda,w']\"", "vdz"),
    ("xl create /guest/nothing", "/guest/nothing: No such file"),
    ("xl create /guest/cfg memory='sixteen'", "memory is 'sixteen' and has to be a number"),
    ("xl create /guest/cfg /guest/cfg", "is a second file"),
]


@test
def xl_create_refuses():
    """What: configurations that cannot become a domain. Why: an error in the middle must leave nothing behind, and say what is wrong. Method:
    21 commands that fail at different steps, beside a domain that runs. Expected: each says why; afterwards memory, domains
    and xenstore are as before."""
    with machine("xl_create_refuses", {}) as session:
        session.expect(PROMPT)
        session.command_line("xl create name=ok kernel=/guest/answer memory=16")
        session.send("xl console ok\r")
        session.expect(r"^ready$")  # from here on it takes no more of the hypervisor's memory
        session.send(LEAVE)
        session.expect(PROMPT)
        for words in "\"disk=['phy:vdz,xvda,w']\"", "":
            session.command_line("xl create -q name=warm kernel=/guest/answer memory=16 " + words)
        session.command_line("xl destroy warm")
        gone(session, "warm")
        memory, store = free_kib(session), nodes(session)
        for line, why in REFUSED:
            output = session.command_line(line)
            check(why in output.split("\n", 1)[1], f"`{line}` does not say '{why}':\n{output}")
        listed = session.command_line("xl list")
        check(len(re.findall(r"^\S+ +\d+ ", listed, re.M)) == 2, "there is one domain besides dom0:\n" + listed)
        check(nodes(session) == store, "xenstore is not as before")
        after = free_kib(session)
        check(after == memory, f"{after} KiB are free, {memory} KiB before")
        power_off(session)


def check_life(session):
    session.expect(PROMPT)
    output = session.command_line("xl create /guest/cfg bogus=1 memory=12")
    check("warning: 'bogus' is not known" in output, "an unknown key is not reported:\n" + output)
    check(re.search(r"^cfg +1 +12 +[12] ", session.command_line("xl list"), re.M), "the command line counts more")
    session.send("xl console cfg\r")
    session.expect(r"^answer: one\nanswer: two$")
    session.send(LEAVE)
    session.expect(PROMPT)
    described = session.command_line("xl list -l cfg")
    for text in '"name":\t"cfg"', '"max_vcpus":\t2', '"target_memkb":\t12288', '"on_crash":\t"preserve"':
        check(text in described, f"{text} is not in the description:\n{described}")
    session.command_line("xl rename cfg other")
    check(session.command_line("xl domid other").endswith("1\ndom0# "), "domid")
    check(session.command_line("xl domname 1").endswith("other\ndom0# "), "domname")
    uuid = re.search(r"[0-9a-f-]{36}", session.command_line("xenstore-read /local/domain/1/vm"))[0]
    session.command_line("xl reboot other")
    shown(session, "xl list", r"^other +2 +12 +2 ")
    check(uuid in session.command_line("xenstore-read /local/domain/2/vm"), "a reboot keeps the UUID")
    session.command_line("xl config-update other kernel=/guest/answer memory=20 name=x on_poweroff=restart")
    session.command_line("xl reboot -w other")
    shown(session, "xl list", r"^other +3 +20 +1 ")
    session.command_line("xl shutdown -w other")
    shown(session, "xl list", r"^other +4 +20 +1 ")
    session.command_line("xl destroy other")


def check_ends(session):
    """Each way to end, and what the configuration says of it."""
    create = "xl create -q kernel=/guest/answer memory=8 "
    session.command_line(create + "name=kept extra=abort on_crash=preserve")
    shown(session, "xl list kept", r"^kept .* (---s-c|----c-|---sc-)")
    session.command_line(create + "name=hung extra=watchdog on_watchdog=preserve")
    session.expect("its watchdog timer ran out\n")
    session.send("\r")
    session.expect(PROMPT)
    shown(session, "xl list -v hung", r"^hung .* -[b-]-s-- .* 4 ")
    session.command_line(create + "name=again on_crash=rename-restart")
    session.send("xl console again\r")
    session.expect(r"ready$")
    session.send("abort\r" + LEAVE)
    session.expect(PROMPT)
    shown(session, "xl list", r"^again .*\n(.*\n)*again-0 |^again-0 .*\n(.*\n)*again ")
    for name in re.findall(r"^(again\S*|kept|hung) ", session.command_line("xl list"), re.M):
        session.command_line("xl destroy " + name)
    session.command_line(create + "name=brief extra=quit")
    gone(session, "brief")
    session.command_line(create + "-p name=still")
    check(re.search(r"^still .* --p---", session.command_line("xl list still"), re.M), "-p leaves it paused")
    session.command_line("xl unpause still")
    session.command_line("xl shutdown -a -w")
    gone(session, "still")


def destroyed(session, name):
    """Destroys the domain of that name if there is one: it may restart just then, under another number."""
    until(session, f"xl destroy {name}", lambda output: not re.search(r"^xl: ", output, re.M))
    gone(session, name)


def latest_domid(session, name):
    found = re.search(rf"^{name} +(\d+) ", session.command_line("xl list"), re.M)
    return int(found[1]) if found else 0


def check_deaths(session, kind):
    """A domain that ends, or is ended, while something is being done with it."""
    create = f"xl create -q type={kind} kernel=/guest/answer memory=8 "
    for how in "quit", "abort", "reboot":  # before or after its creator has let go of it
        for option in "", "-c ", "-F ":
            session.command_line(create + option + f"name=brief on_reboot=destroy extra={how}")
            gone(session, "brief")
    session.command_line(create + "name=loop extra=reboot")
    first = latest_domid(session, "loop")
    until(session, "xl list", lambda _: latest_domid(session, "loop") > first + 5)
    destroyed(session, "loop")
    session.command_line(create + "name=crashing on_crash=restart extra=abort")  # waits for its time to restart
    shown(session, "xl list crashing", r"^crashing .* (---s-c|----c-|---sc-)")
    destroyed(session, "crashing")
    for verb in "shutdown", "reboot":  # asked, and gone before it answers
        session.command_line(create + "name=asked")
        session.command_line(f"xl {verb} asked")
        destroyed(session, "asked")
    session.command_line(create + "-p name=paused")
    session.command_line("xl shutdown paused")
    session.command_line("xl mem-set paused 4")
    session.command_line("xl vcpu-set paused 1")
    destroyed(session, "paused")


def check_all_back(session, body):
    """Memory and xenstore are as before. The hypervisor makes its tables of memory when that is first used."""
    session.expect(PROMPT)
    session.command_line("xl create -q name=warm kernel=/guest/answer memory=600")
    session.command_line("xl destroy warm")
    gone(session, "warm")
    memory, store = free_kib(session), nodes(session)
    body(session)
    check(nodes(session) == store, "xenstore is not as before:\n" + nodes(session))
    after = free_kib(session)
    check(after == memory, f"{after} KiB are free, {memory} KiB before")


@test
def xl_life():
    """What: a domain's life by `xl`: create from a file, list, console, rename, reboot, config-update, shutdown, destroy. Why: users' habits.
    Method: the guest `answer`. Expected: each shows its effect; a reboot keeps name, UUID and configuration."""
    with machine("xl_life", {}, cpus=2) as session:
        check_life(session)
        power_off(session)


@test
def xl_acts_on_ends():
    """What: on_poweroff, on_crash, xl create -p, shutdown -a. Why: a domain that ends is seen to. Method: guests that crash and power off
    with different settings. Expected: kept, restarted under a new name, removed; at the end nothing is left of any."""
    with machine("xl_acts_on_ends", {}) as session:
        check_all_back(session, check_ends)
        power_off(session)


@test
def xl_domains_that_die():
    """What: domains that end at once, again and again, or are destroyed while they restart, wait to restart, shut down, or have not run yet. Why: nothing may
    be left of any, and nobody wait for what does not come. Method: PV and PVH, twice, as some is made on first use. Expected: memory and xenstore as before."""
    with machine("xl_domains_that_die", {}, cpus=2, accel=SVM_ACCEL) as session:
        session.expect(PROMPT)
        session.send("\r")
        for kind in "pv", "pvh":
            check_all_back(session, lambda session, kind=kind: check_deaths(session, kind))
            session.send("\r")
        session.expect(PROMPT)
        power_off(session)


@test
def xl_on_real_xen():
    """What: dom0's `xl` on Debian's Xen 4.17. Why: it uses Xen's own interfaces and nothing else. Method: the same image and commands as
    on Ryokan, and Debian's cloud kernel to its shell. Expected: the same."""
    with machine("xl_on_real_xen", {"guest/linux": CLOUD, "guest/initrd": STRESS}, lifetime=120, **on_xen()) as session:
        session.expect(PROMPT)
        check_life_on_xen(session)


def check_life_on_xen(session):
    session.command_line("xl create -q kernel=/guest/answer name=a memory=16 on_poweroff=restart")
    session.send("xl console a\r")
    session.expect(r"^ready$")
    session.send("typed\r")
    session.expect(r"^answer: typed$")
    session.send(LEAVE)
    session.expect(PROMPT)
    session.command_line("xl shutdown a")
    shown(session, "xl list", r"^a +2 ")
    session.command_line("xl destroy a")
    session.send("xl create -c kernel=/guest/linux ramdisk=/guest/initrd name=linux memory=128 "
                 "extra='console=hvc0 quiet end=shell'\r")  # fmt: skip
    session.expect(r"guest# ")
    session.send("poweroff -f\r")
    session.expect(r"^xl: domain 3 has ended$")
    session.expect(PROMPT)
    gone(session, "linux")


def linux(session, name, kernel, vcpus, memory=192, kind="pv"):
    session.command_line(f"xl create -q type={kind} kernel=/guest/{kernel} ramdisk=/guest/initrd name={name} memory={memory} vcpus={vcpus} "
                         "extra='console=hvc0 quiet end=shell'")  # fmt: skip


def shell(session, name, line, answer):
    """A line at the shell of a Linux domain."""
    session.send(f"xl console {name}\r")
    session.expect(r"guest# ")
    session.send(line + "\r")
    session.expect(answer)
    session.send(LEAVE)
    session.expect(PROMPT)


def check_kernels(session):
    linux(session, "cloud", "cloud", 4)
    shell(session, "cloud", "nproc", r"^4$")
    number = int(session.command_line("xl domid cloud").split("\n")[1])
    session.command_line("xl reboot -w cloud")
    shown(session, "xl list", rf"^cloud +{number + 1} ")
    shell(session, "cloud", "nproc", r"^4$")
    session.command_line("xl shutdown -w cloud")
    gone(session, "cloud")
    linux(session, "standard", "standard", 1, memory=256)
    shell(session, "standard", "uname -r", r"-amd64$")
    session.command_line("xl destroy standard")
    session.command_line("xl create -q kernel=/guest/grub name=grub memory=64")
    session.send("xl console grub\r")
    session.expect(r"grub> ")
    session.send(LEAVE)
    session.expect(PROMPT)
    session.command_line("xl destroy grub")


@test
def xl_starts_stock_kernels():
    """What: Debian's cloud kernel (LZ4, 4 vCPUs), its standard kernel (xz) and GRUB's PV image, made by `xl create`. Why: guests that nobody
    here wrote. Method: a command at each one's shell; reboot, shutdown, destroy. Expected: prompts and answers; nothing is left of them."""
    files = {"guest/cloud": CLOUD, "guest/standard": STANDARD, "guest/grub": GRUB, "guest/initrd": STRESS}
    with machine("xl_starts_stock_kernels", files, lifetime=360, cpus=2) as session:
        check_all_back(session, check_kernels)
        power_off(session)


def check_pvh(session):
    linux(session, "cloud", "cloud", 4, kind="pvh")
    shell(session, "cloud", "nproc", r"^4$")
    number = int(session.command_line("xl domid cloud").split("\n")[1])
    session.command_line("xl reboot -w cloud")
    shown(session, "xl list", rf"^cloud +{number + 1} ")
    shell(session, "cloud", "nproc", r"^4$")
    session.command_line("xl shutdown -w cloud")
    gone(session, "cloud")
    linux(session, "standard", "standard", 1, memory=256, kind="pvh")
    shell(session, "standard", "uname -r", r"-amd64$")
    session.command_line("xl destroy standard")
    session.command_line("xl create -q type=pvh kernel=/guest/grub name=grub memory=64")
    session.send("xl console grub\r")
    session.expect(r"grub> ")
    session.send(LEAVE)
    session.expect(PROMPT)
    session.command_line("xl destroy grub")


def bzimage(packed, unpacked_size):
    """The smallest file that bzImage's header makes one (boot protocol 2.08): a setup sector, then the payload."""
    header = bytearray(1024)
    header[0x1F1] = 1
    header[0x202:0x208] = b"HdrS\x08\x02"
    header[0x24C:0x250] = (len(packed) + 4).to_bytes(4, "little")
    return bytes(header) + packed + unpacked_size.to_bytes(4, "little")


PACKERS = {
    "gzip": ["gzip", "-c"],
    "xz": ["xz", "-c", "--check=crc32", "--x86", "--lzma2"],
    "lz4": ["lz4", "-l", "-c", "-q"],
    "zstd": ["zstd", "-c", "-q"],
}


@test
def xl_unpacks_kernels():
    """What: kernels in bzImages packed by gzip, xz, LZ4 and zstd, and an ELF file packed by gzip. Why: distributions use them all. Method: a
    guest of ours, packed by the host's programs; then half of each payload. Expected: each prints its line; a sentence for
    each damaged one, and no domain."""
    os.makedirs(LOGS, exist_ok=True)
    with open(HELLO, "rb") as file:
        elf = file.read()
    files, damaged = {}, {}
    for name, command in PACKERS.items():
        packed = subprocess.run(command, input=elf, capture_output=True, check=True, timeout=60).stdout
        files[name] = bzimage(packed, len(elf))
        damaged[name] = bzimage(packed[:len(packed) // 2], len(elf))
    files["elf.gz"] = gzip.compress(elf)
    inside = {}
    for kind, contents in (("good", files), ("bad", damaged)):
        for name, data in contents.items():
            inside[f"guest/{kind}-{name}"] = os.path.join(LOGS, f"kernel-{kind}-{name}")
            with open(inside[f"guest/{kind}-{name}"], "wb") as file:
                file.write(data)
    with machine("xl_unpacks_kernels", inside, memory="2G") as session:
        session.expect(PROMPT)
        for name in files:
            output = session.command_line(f"xl create -q -c name=k kernel=/guest/good-{name} memory=16 extra=from-{name}")
            check(f"argument 1: from-{name}" in output, f"{name}: {output}")
            gone(session, "k")
        for name in damaged:
            output = session.command_line(f"xl create -q name=k kernel=/guest/bad-{name} memory=16")
            check("cannot be used: its" in output and "payload is" in output, f"damaged {name}: {output}")
        gone(session, "k")
        power_off(session)


@test
def xl_starts_stock_kernels_as_pvh():
    """What: the same kernels and GRUB's 32-bit PVH image, with type=pvh. Why: dom0's builder of hardware guests, their consoles and xenstore.
    Method, expected: as xl_starts_stock_kernels."""
    files = {"guest/cloud": CLOUD, "guest/standard": STANDARD, "guest/grub": GRUB_PVH, "guest/initrd": STRESS}
    with machine("xl_starts_stock_kernels_as_pvh", files, lifetime=480, cpus=3, accel=SVM_ACCEL) as session:
        check_all_back(session, check_pvh)
        power_off(session)


@test
def xl_pvh_on_real_xen():
    """What: dom0's builder makes a PVH domain on Debian's Xen 4.17. Why: it uses Xen's own interfaces: parameters, register records, memory map.
    Method: the cloud kernel to its shell; without RDTSCP, whose exit QEMU's TCG reports wrongly. Expected: the shell's answer."""
    files = {"guest/cloud": CLOUD, "guest/initrd": STRESS}
    with machine("xl_pvh_on_real_xen", files, lifetime=180, **{**on_xen(), "cpu": TCG_CPU + ",-rdtscp"}) as session:
        session.expect(PROMPT)
        linux(session, "cloud", "cloud", 2, kind="pvh")
        shell(session, "cloud", "nproc", r"^2$")
        session.command_line("xl destroy cloud")
        gone(session, "cloud")


def ask(session, name, line, answer):
    """A line at the console of `answer`; what it says to it."""
    session.send(f"xl console {name}\r")
    session.expect(r"ready$")
    session.send(line + "\r")
    match = session.expect(answer)
    session.send(LEAVE)
    session.expect(PROMPT)
    return match


def check_zombie(session):
    session.command_line("xl create -q kernel=/guest/answer name=owner memory=8")
    session.command_line("xl create -q kernel=/guest/answer name=user memory=8")
    number = {name: re.search(rf"^{name} +(\d+) ", session.command_line("xl list"), re.M)[1] for name in ("owner", "user")}
    ref = ask(session, "owner", f"share {number['user']}", r"shared: reference (\d+)")[1]
    ask(session, "user", f"map {number['owner']} {ref}", r"mapped: 0")
    session.command_line("xl destroy owner")
    check(re.search(rf"^\(null\) +{number['owner']} .*d +\d", session.command_line("xl list"), re.M),
          "the domain is dying as long as its page is mapped:\n" + session.command_line("xl list"))  # fmt: skip
    ask(session, "user", "unmap", r"unmapped")
    gone(session, r"\(null\)")
    session.command_line("xl destroy user")


@test
def xl_destroy_of_a_mapped_domain():
    """What: a domain is destroyed while another still maps a page of it. Why: the page must stay until then, and not longer. Method: `answer`
    shares a page, another maps it, the first is destroyed, the second unmaps. Expected: the first is listed as dying (d)
    until the page is unmapped; then nothing is left."""
    with machine("xl_destroy_of_a_mapped_domain", {}) as session:
        check_all_back(session, check_zombie)
        power_off(session)


# What shells and make would take for themselves, and how a guest of our library takes it apart.
HARD_LINE = r"""a 'b c' $HOME `id` $(id) "d\"e" f\\g #h "it's" -i ;j"""
HARD_WORDS = [f"argument {number}: {word}\n" for number, word in
              enumerate(["a", "b c", "$HOME", "`id`", "$(id)", 'd"e', "f\\g", "#h", "it's", "-i", ";j"], 1)]  # fmt: skip


def make_run(name, *variables):
    """`make run` from a folder of its own; its status and output."""
    done = subprocess.run(["make", "-C", ROOT, "run", *variables], cwd=LOGS, timeout=300, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "PWD": LOGS})  # fmt: skip
    output = done.stdout.decode("latin-1").replace("\r", "")
    with open(os.path.join(LOGS, name + ".log"), "a", encoding="latin-1") as file:
        file.write(output)
    return done.returncode, output


@test
def make_run_guest():
    """What: `make run GUEST=` and GUEST_CFG=. Why: the loop of whoever writes a guest. Method: a guest that powers off, one that crashes, a
    configuration with paths relative to itself, one with a disk, files that are no kernels. Expected: the guest's output; exit status 0
    only for the ones that end well."""
    os.makedirs(os.path.join(LOGS, "guest"), exist_ok=True)
    shutil.copy(HELLO, os.path.join(LOGS, "guest", "it's a $kernel, #1.elf"))
    status, output = make_run("make_run_guest", "GUEST=guest/it's a $kernel, #1.elf", f"GUEST_ARGS={HARD_LINE}")
    check(status == 0 and all(line in output for line in HARD_WORDS), f"hello: status {status}\n{output[-800:]}")
    with open(os.path.join(LOGS, "guest", "my image"), "wb") as file:
        file.truncate(1 << 20)
    with open(os.path.join(LOGS, "guest", "a disk.cfg"), "w", encoding="ascii") as file:
        file.write(f'memory = 32; kernel = "{DISK}"\ndisk = [ "file:my image,xvda,w",\n  ]\n')
    status, output = make_run("make_run_guest", "GUEST_CFG=guest/a disk.cfg")
    check(status == 0 and "disk: xvda, 2048 sectors" in output, f"disk: status {status}\n{output[-800:]}")
    with open(os.path.join(LOGS, "guest", "my.cfg"), "w", encoding="ascii") as file:
        file.write(f'memory = 8\nkernel = "{os.path.relpath(ANSWER, os.path.join(LOGS, "guest"))}"\nextra = "hi quit"\n')
    status, output = make_run("make_run_guest", "GUEST_CFG=guest/my.cfg")
    check(status == 0 and "answer: hi" in output, f"configuration: status {status}\n{output[-800:]}")
    status, output = make_run("make_run_guest", f"GUEST={ANSWER}", "GUEST_ARGS=abort")
    check(status != 0 and "has ended: crash" in output, f"crash: status {status}\n{output[-800:]}")
    status, output = make_run("make_run_guest", "GUEST=/bin/true")
    check(status != 0 and "not a Xen kernel" in output, f"no kernel: status {status}\n{output[-800:]}")
    status, output = make_run("make_run_guest", "GUEST=nothing")
    check(status != 0 and "there is no such file" in output, f"no file: status {status}\n{output[-800:]}")
