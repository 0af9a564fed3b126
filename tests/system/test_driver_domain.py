# SPDX-License-Identifier: MIT
"""A backend outside dom0: kit/samples/driver serves disks to other domains."""

import hashlib
import os
import re
import tempfile

from driver import BUILD, PROMPT, check, power_off, test
from test_disk import DISK, Disks, enter, guest, leave, machine, run
from test_files import host

DRIVER = os.path.join(BUILD, "samples", "driver", "driver.elf")
IMAGE = "guest.img"
IMAGE_SIZE = 4 << 20


def make_disk(path):
    """An ext4 file system with an image file in it."""
    with tempfile.TemporaryDirectory() as tree:
        with open(os.path.join(tree, IMAGE), "wb") as file:
            file.write(b"\xff" * IMAGE_SIZE)  # not zeros, which would become a hole
        host("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, path)


def start_driver(session, kind):
    """xl create returns before the domain has come up; its first frontend would be given up after ten seconds."""
    run(session, f"xl create -q name=drv type={kind} kernel=/guest/driver memory=64 extra='RAM=2 DISK=xvda' \"disk=['phy:vda,xvda,w']\"")
    session.send("xl console drv\r")
    session.expect(r"^driver: ready\n")
    leave(session)


def create(session, line):
    """xl create waits for a backend for ten seconds, and on a machine with other work to do that may be too short for another domain's."""
    for _ in range(20):
        output = session.command_line(line)
        if "Connection timed out" not in output:
            break
    check(output.split(line, 1)[1].strip() == "dom0#", output)


def create_own(session, name, what):
    """Our frontend, on the driver domain's `ram`."""
    create(session, f"xl create -q name={name} kernel=/guest/disk memory=24 extra='{what}' \"disk=['backend=drv, vdev=xvda, target=ram']\"")


def wait_for(session, line, pattern):
    """Gives the command again until its output matches; returns the match."""
    for _ in range(2000):
        found = re.search(pattern, session.command_line(line), re.M)
        if found:
            return found
    check(False, f"`{line}` never says {pattern}:\n" + session.tail())


def domid(session, name):
    return re.search(rf"^(\d+)\n", session.command_line(f"xl domid {name}"), re.M)[1]


def data_in_image(disk, folder):
    """The MD5 sum of the file `data` in the file system in the image in the disk's file system."""
    image, data = os.path.join(folder, "image"), os.path.join(folder, "data")
    host("debugfs", "-R", f"dump {IMAGE} {image}", disk)
    host("e2fsck", "-fn", image)
    host("debugfs", "-R", f"dump data {data}", image)
    with open(data, "rb") as file:
        return hashlib.md5(file.read()).hexdigest()


def check_linux(session):
    """Linux fills the image with a file system that has a file `data`; returns its MD5 sum."""
    create(session, "xl create -q name=lin kernel=/guest/linux ramdisk=/guest/initrd memory=192 extra='console=hvc0 quiet' "
                    f"\"disk=['backend=drv, vdev=xvda, access=w, target={IMAGE}']\"")  # fmt: skip
    enter(session)
    guest(session, "/sbin/mke2fs -q -t ext4 -O ^has_journal /dev/xvda && mount -t ext4 /dev/xvda /mnt", timeout=300)
    guest(session, "dd if=/dev/urandom of=/mnt/data bs=1M count=1 2>/dev/null", timeout=300)
    digest = re.search(r"^([0-9a-f]{32}) ", guest(session, "md5sum /mnt/data", timeout=300), re.M)[1]
    guest(session, "umount /mnt", timeout=300)
    leave(session)
    return digest


def check_own(session, driver):
    """Our frontends, one after the other: the first is killed with requests under way, the second stays."""
    for name, size in (("own", 4096), ("next", 65536)):
        create_own(session, name, f"verify:{size}:4:10 forever:8192:8")
        session.send(f"xl console {name}\r")
        for moved in (size, 8192):
            session.expect(rf"disk: randread bytes {moved} .* 0 failed, 0 different", 300)
        leave(session)
        listed = session.command_line(f"xl block-list {name}")
        check(re.search(rf"^51712 +{driver} .*/local/domain/{driver}/backend/vbd/\d+/51712 +ram$", listed, re.M), listed)
        refused = session.command_line(f"xl block-attach {name} backend=drv,vdev=xvdb,target=ram")
        check("the backend says: 16 cannot open 'ram'" in refused, refused)
        check("backend=none: there is no such domain" in session.command_line(f"xl block-attach {name} backend=none,vdev=xvdb,target=ram"), "no reason")
        if name == "own":
            run(session, "xl destroy own")


def serve(kind, with_linux):
    """All of it on one machine; returns what Linux has written, and what is on the disk."""
    with Disks(64) as disks, tempfile.TemporaryDirectory() as folder:
        make_disk(disks.path(0))
        with machine("driver_domain_" + kind, disks, {"guest/driver": DRIVER}, lifetime=600, cpus=2) as session:
            session.expect(PROMPT)
            start_driver(session, kind)
            driver = domid(session, "drv")
            digest = check_linux(session) if with_linux else None
            check_own(session, driver)
            session.command_line("xl shutdown drv")
            if with_linux:
                linux = domid(session, "lin")
                wait_for(session, f"xenstore-read /local/domain/{linux}/device/vbd/51712/state", r"^6\n")
            wait_for(session, "xl list", r"\A(?!(.*\n)*drv )")
            if with_linux:
                run(session, "xl block-detach lin xvda")
            power_off(session)
        check(not with_linux or data_in_image(disks.path(0), folder) == digest, "the image has other data")


@test
def driver_domain():
    """What: a guest serves a RAM disk and an image on its own disk to Linux and to our frontend, and ends while it does. Why: a backend need not be in dom0:
    the toolstack writes both ends for another domain, and the backend is the same code. Method: mke2fs and 1 MB of random data by Linux on the image; checked
    load by our guest on the RAM disk, which is killed and followed by another; `xl shutdown` of the backend. Expected: nothing differs; a second writer and
    an unknown domain are refused with the reason; Linux has closed; on the host the image in the disk has the data."""
    serve("pv", True)


@test
def driver_domain_pvh():
    """What, expected: as driver_domain, without Linux. Why: a PVH guest maps grants into frames. Method: the backend is one."""
    serve("pvh", False)
