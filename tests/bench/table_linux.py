# SPDX-License-Identifier: MIT
"""Linux on Ryokan and on Debian's Xen 4.17, in instructions (-icount): from the kernel's first clock reading to its init, and what its system calls,
faults and processes cost (tests/interop/micro.c). First Debian's standard kernel as the control domain, then its cloud kernel as another domain, which
`xl` makes on Xen. At last what a user waits for: `xl create` of the latter, its boot to init, which powers off, until it is gone.

Of `boot_to_init` nearly all are Linux's own: 2.82e9 of the cloud kernel's 2.88e9, of which 1.34e9 go through 512 GiB of possible p2m entries and 0.87e9
check RSA signatures. Ryokan adds 0.06e9. Linux also runs fewer instructions here because CPUID does not promise fast `rep stosb` on QEMU's TCG, where it
would clear pages byte by byte."""

import os
import re
import sys

from driver import BUILD, CONSOLE, DOM0, HV, INITRD, PROMPT, ROOT, XEN, boot, dom0_files

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import LINUX_CLOUD, oracle  # noqa: E402

KERNEL = os.path.join(BUILD, "debs", "vmlinuz")
INITRAMFS = os.path.join(BUILD, "interop", "stress.cpio.gz")
WORDS = "console=hvc0 micro=1 end=poweroff"
LAST = r"MICRO fork_exec_wait \d+\n"
ICOUNT = ["-icount", "shift=0,sleep=off"]


def figures(prefix, output):
    """What the guest says, by name, in instructions."""
    seconds = re.search(r"\[ +(\d+\.\d+)\] Run /init", output)[1]
    found = {f"{prefix}_boot_to_init": round(float(seconds) * 1e9)}
    for what, ticks in re.findall(r"MICRO (\w+) (\d+)", output):
        found[f"{prefix}_{what}"] = int(ticks)
    return found


def run(name, append, kernel, modules):
    with boot(name, lifetime=600, extra=ICOUNT, kernel=kernel, append=append, modules=modules, cpu="max,-smap", memory="1G") as session:
        session.expect(LAST)
        return session.output


def dom0(name, kernel, append):
    return figures("dom0", run("bench_linux_" + name, append, kernel, [(KERNEL, WORDS), (INITRAMFS, "")]))


def domu_on_ryokan():
    domain = f'domain="lin,kernel=2,ramdisk=3,mem=256M,cmdline={WORDS}"'
    modules = [(DOM0, ""), (INITRD, ""), (LINUX_CLOUD, ""), (INITRAMFS, "")]
    return figures("domu", run("bench_linux_domu", f"{CONSOLE} dom0_mem=64M {domain}", HV, modules))


FILES = {"guest/vmlinuz": LINUX_CLOUD, "guest/initrd": os.path.join(BUILD, "bench", "initramfs.gz")}
LIFE = "domu_create_boot_to_init_and_end"


def life_on_ryokan(kind):
    """kind: the type in xl.cfg."""
    archive = dom0_files(f"bench_life_{kind}", FILES)
    with boot(f"bench_life_{kind}", lifetime=600, extra=ICOUNT, kernel=HV, append=CONSOLE + " dom0_mem=256M", modules=[(DOM0, ""), (archive, "")],
              cpu="max,-smap", memory="2G") as session:  # fmt: skip
        session.expect(PROMPT)
        command = f"time xl create -c -q name=lin type={kind} memory=256 kernel=/guest/vmlinuz ramdisk=/guest/initrd"
        output = session.command_line(f"{command} 'extra=\"console=hvc0\"'")
        return {LIFE: int(re.search(r"^real .*?(\d+) ticks", output, re.M)[1])}


def life_on_xen(kind):
    """The same there. A PVH guest gets no XSAVE, by which it harms Xen's dom0 on TCG (docs/caveats.md)."""
    words = 'cpuid="host,xsave=0"; ' if kind == "pvh" else ""
    with oracle(f"bench_life_{kind}_xen", FILES, lifetime=600, instructions=True) as xen:
        start = xen.ticks()
        xen.create(f'name="lin"; type="{kind}"; memory=256; {words}tsc_mode="native"; kernel="/guest/vmlinuz"; ramdisk="/guest/initrd"; extra="console=hvc0"')
        xen.guest_end("lin")
        return {LIFE: xen.ticks() - start}


def domu_on_xen():
    files = {"guest/vmlinuz": LINUX_CLOUD, "guest/initrd": INITRAMFS}
    with oracle("bench_domu", files, lifetime=900, instructions=True) as xen:
        kernel = f'kernel="/guest/vmlinuz"; ramdisk="/guest/initrd"; extra="{WORDS}"'
        xen.create(f'name="lin"; type="pv"; memory=256; tsc_mode="native"; {kernel}')
        return figures("domu", xen.guest_end("lin"))


def rows():
    ours = dom0("ryokan", HV, CONSOLE + " dom0_mem=512M") | domu_on_ryokan() | life_on_ryokan("pv")
    peer = dom0("xen", XEN, CONSOLE + " dom0_mem=512M,max:512M") | domu_on_xen() | life_on_xen("pv")
    return [(what, "instructions", ours.get(what), value) for what, value in peer.items()]
