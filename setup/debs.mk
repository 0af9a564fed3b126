# SPDX-License-Identifier: MIT
#
# Debian packages that are unpacked under build/debs/NAME instead of being installed: installing them would change
# the machine's boot menu.

DEBS := $(B)/debs

# linux-image-amd64 is an empty package that depends on the kernel of the day.
$(DEBS)/linux-image-amd64/.unpacked: setup/debs.mk setup/deb.sh setup/modules.py setup/modules.txt | $(SETUP)
	$(Q)$(QUIET) 'fetch linux-image-amd64 (70 MB)' $(B)/log/deb-linux.log setup/deb.sh $(@D) --kernel linux-image-amd64

$(DEBS)/linux-image-cloud-amd64/.unpacked: setup/debs.mk setup/deb.sh setup/modules.py setup/modules.txt | $(SETUP)
	$(Q)$(QUIET) 'fetch linux-image-cloud-amd64 (27 MB)' $(B)/log/deb-linux-cloud.log setup/deb.sh $(@D) --kernel linux-image-cloud-amd64

$(DEBS)/%/.unpacked: setup/debs.mk setup/deb.sh | $(SETUP)
	$(Q)$(QUIET) 'fetch $*' $(B)/log/deb-$*.log setup/deb.sh $(@D) $*

# Real Xen, as QEMU's -kernel takes it, and the Linux kernel that is its dom0.
XEN_REAL   := $(DEBS)/xen-4.17
LINUX_DOM0 := $(DEBS)/vmlinuz

$(XEN_REAL): $(DEBS)/xen-hypervisor-4.17-amd64/.unpacked
	$(Q)gunzip -c $(<D)/boot/xen-4.17-amd64.gz > $@

$(LINUX_DOM0): $(DEBS)/linux-image-amd64/.unpacked
	$(Q)cp $(<D)/boot/vmlinuz-* $@

# The same kernel for virtual machines: without dom0 support, packed by LZ4.
$(DEBS)/vmlinuz-cloud: $(DEBS)/linux-image-cloud-amd64/.unpacked
	$(Q)cp $(<D)/boot/vmlinuz-* $@
