# SPDX-License-Identifier: MIT
"""Guests that are too large to be fetched for `make test`: a later Linux, to the end of the stress program, and Debian's installer, to its
first question; each as PV and as PVH, made by xl.

usage: more_guests.py KERNEL FOLDER    a vmlinuz of Debian's backports, the unpacked package debian-installer-12-netboot-amd64"""

import os
import sys

from driver import BUILD, CONSOLE, DOM0, PROMPT, SVM_ACCEL, Failure, boot, dom0_files

STRESS = os.path.join(BUILD, "interop", "stress.cpio.gz")
INSTALLER = "usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"


def run(name, kind, kernel, ramdisk, words, *patterns):
    """Makes the guest with its console on the terminal, and waits for the patterns."""
    files = dom0_files("more_guests", {"guest/kernel": kernel, "guest/ramdisk": ramdisk})
    with boot(f"more_guests_{name}_{kind}", lifetime=240, memory="2G", cpus=2, accel=SVM_ACCEL, append=f"{CONSOLE} dom0_mem=768M",
              modules=[(DOM0, ""), (files, "")]) as session:  # fmt: skip
        session.expect(PROMPT)
        session.send(f"xl create -c -q name={name} type={kind} kernel=/guest/kernel ramdisk=/guest/ramdisk memory=1000 extra='console=hvc0 quiet {words}'\r")
        for pattern in patterns:
            session.expect(pattern)
    print(f"ok   {name} as {kind}", flush=True)


def main():
    kernel, installer = sys.argv[1], os.path.join(sys.argv[2], INSTALLER)
    failed = 0
    for kind in "pv", "pvh":
        for guest in (
            ("linux", kind, kernel, STRESS, "stress=8 end=poweroff", r"guest: 1 CPUs, 6\.\d+", r"stress: ok", r"^dom0# "),
            ("installer", kind, installer + "/linux", installer + "/initrd.gz", "DEBIAN_FRONTEND=text", r"Select a language", r"Language:|Prompt:"),
        ):
            try:
                run(*guest)
            except Failure as failure:
                failed += 1
                print(f"FAIL {guest[0]} as {kind}: {failure}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
