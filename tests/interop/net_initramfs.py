#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: net_initramfs.py MODULES TRANSFER MULTICAST OUTPUT: a Linux user space for network tests: busybox, the modules that xen-netfront
needs out of the kernel's folder MODULES, iperf3, and the transfer and multicast programs.

The kernel's command line says what it does with eth0: `mtu=BYTES`, `addr=A/LEN` or `dhcp=1`, and then in this order `serve=1` (transfer on port
5000, iperf3), `groups=GROUP,GROUP...` (sends to them on port 6000 for ever), `ping=HOST`, `ping2=HOST`, `transfer=ADDRESS:PORT:BYTES` (`streams=N` of them at once), `rr=ADDRESS:PORT:rr:ROUNDS`, `iperf=HOST` (for `seconds=N`, 2) and
`transfer6=ADDRESS,PORT,BYTES` (all with `tries=N`, as their peer may not be up yet); `queues=1` counts the interface's queues and those that
had more than a few interrupts; `spoof=MAC` pings with another Ethernet address, and again with its own; `disk=1` writes a file to the ext4 file system on xvda and reads it back;
`end=poweroff`, `end=reboot` or `end=shell` as in stress_initramfs.py, `end=stay` sleeps."""

import glob
import gzip
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "bench"))
from initramfs import S_IFCHR, S_IFDIR, S_IFREG, entry  # noqa: E402

INIT = b"""#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
$bb --install -s /bin
export PATH=/bin
tries=30 seconds=2
for word in $(cat /proc/cmdline); do
    case $word in
    addr=*|mtu=*|spoof=*|dhcp=*|serve=*|groups=*|ping=*|ping2=*|transfer=*|rr=*|iperf=*|seconds=*|streams=*|transfer6=*|queues=*|disk=*|tries=*|end=*|mode=*) eval "${word%%=*}='${word#*=}'" ;;
    esac
done
while read module; do insmod $module; done < /modules.list
until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done
ip link set lo up
[ -z "$mtu" ] || ip link set eth0 mtu $mtu
ip link set eth0 up
[ -z "$addr" ] || ip addr add $addr dev eth0
[ -z "$dhcp" ] || udhcpc -i eth0 -s /dhcp.sh -q -f -t 20 -T 1 | grep -v 'sending'
echo "net: $(hostname) $(cat /sys/class/net/eth0/address) $(ip -4 -o addr show dev eth0 | sed 's/.*inet //; s/ .*//')"
if [ -n "$serve" ]; then
    transfer serve 5000 &
    iperf3 -s -D
    echo "net: serving"
fi
for group in $(echo $groups | tr , ' '); do
    multicast $group 6000 eth0 &
done
again() {
    n=0
    until "$@"; do
        n=$((n + 1))
        [ $n -lt $tries ] || { echo "net: FAILED: $*"; return; }
        sleep 1
    done
}
[ -z "$ping" ] || again ping -c 3 $ping
[ -z "$ping2" ] || again ping -c 3 $ping2
i=1
while [ $i -lt ${streams:-1} ]; do
    again transfer $(echo $transfer | tr : ' ') &
    pids="$pids $!"
    i=$((i + 1))
done
[ -z "$transfer" ] || again transfer $(echo $transfer | tr : ' ')
[ -z "$pids" ] || wait $pids
[ -z "$rr" ] || again transfer $(echo $rr | tr : ' ')
[ -z "$iperf" ] || again sh -c "iperf3 -c $iperf -t $seconds | grep -E 'sender|receiver' | sed 's/^/iperf3: /' | grep ."
[ -z "$transfer6" ] || again transfer $(echo $transfer6 | tr , ' ')
[ -z "$queues" ] || awk '/vif0-q[0-9]+-rx/ { n = 0; for (i = 2; i < NF; i++) if ($i ~ /^[0-9]+$/) n += $i; all++; busy += n > 5 }
    END { print "net: queues " all + 0 ", busy " busy + 0 }' /proc/interrupts
as_address() {
    ip link set eth0 down
    ip link set eth0 address $1
    ip link set eth0 up
    echo "net: as $(cat /sys/class/net/eth0/address): $(ping -c ${2:-3} -W 1 $ping | grep received)"
}
if [ -n "$spoof" ]; then
    own=$(cat /sys/class/net/eth0/address)
    as_address $spoof
    as_address $own 10
fi
if [ -n "$disk" ]; then
    while read module; do insmod $module; done < /disk.list
    until [ -b /dev/xvda ]; do sleep 0.1; done
    mount -t ext4 /dev/xvda /mnt && dd if=/dev/urandom of=/mnt/file bs=64k count=32 2>/dev/null
    before=$(md5sum < /mnt/file)
    umount /mnt && mount -t ext4 /dev/xvda /mnt
    [ "$before" != "$(md5sum < /mnt/file)" ] || echo "net: the disk has what was written"
    umount /mnt
fi
echo "net: done"
case $end in
shell)
    export PS1='guest# '
    exec setsid cttyhack sh ;;
reboot) reboot -f ;;
stay) while :; do sleep 1000; done ;;
*) poweroff -f ;;
esac
"""

DHCP = b"""#!/bin/sh
case $1 in
bound|renew)
    ip addr flush dev $interface
    ip addr add $ip/$mask dev $interface
    [ -z "$router" ] || ip route add default via $router
    : > /etc/resolv.conf
    for server in $dns; do echo "nameserver $server" >> /etc/resolv.conf; done ;;
esac
"""


def modules(folder, wanted):
    """The files of those modules and of what they need, in the order in which they are loaded; built-in ones are left out."""
    version = glob.glob(os.path.join(folder, "*"))[0]
    needs, order = {}, []
    with open(os.path.join(version, "modules.dep"), encoding="ascii") as file:
        for line in file:
            name, rest = line.split(":")
            needs[name] = rest.split()
    for name in wanted:
        for path in needs:
            if os.path.basename(path) == name + ".ko":
                order += [need for need in reversed(needs[path]) if need not in order] + [path]
    return [os.path.join(version, path) for path in order]


def libraries(program):
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+\.so\S*)", listed)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    folder, transfer, multicast, output = sys.argv[1:]
    iperf = shutil.which("iperf3")
    files = {"bin/busybox": shutil.which("busybox"), "bin/transfer": transfer, "bin/multicast": multicast, "bin/iperf3": iperf}
    files.update({path.lstrip("/"): os.path.realpath(path) for path in libraries(iperf)})
    folders = {"dev", "proc", "sys", "tmp", "etc", "mnt", "modules"}
    for name in files:
        while os.path.dirname(name):
            name = os.path.dirname(name)
            folders.add(name)
    archive = b"".join(entry(name, S_IFDIR | 0o755) for name in sorted(folders))
    archive += entry("dev/console", S_IFCHR | 0o600, device=(5, 1))
    lists = {"modules.list": modules(folder, ["af_packet", "xen-netfront"]),
             "disk.list": modules(folder, ["xen-blkfront", "crc32c_generic", "ext4"])}  # fmt: skip
    files.update({"modules/" + os.path.basename(path): path for loaded in lists.values() for path in loaded})
    for name, path in files.items():
        archive += entry(name, S_IFREG | 0o755, read(path))
    for name, loaded in lists.items():
        archive += entry(name, S_IFREG | 0o644, "".join(f"/modules/{os.path.basename(path)}\n" for path in loaded).encode())
    archive += entry("dhcp.sh", S_IFREG | 0o755, DHCP)
    archive += entry("init", S_IFREG | 0o755, INIT) + entry("TRAILER!!!", 0)
    with gzip.GzipFile(output, "wb", mtime=0, compresslevel=1) as file:
        file.write(archive)


if __name__ == "__main__":
    main()
