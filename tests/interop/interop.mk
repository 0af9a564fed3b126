# SPDX-License-Identifier: MIT
#
# What third-party guests are tried with: Debian's kernels, and a user space that stresses them.

INTEROP_DIR       := $(B)/interop
STRESS_INITRAMFS  := $(INTEROP_DIR)/stress.cpio.gz
LINUX_CLOUD       := $(DEBS)/vmlinuz-cloud

$(INTEROP_DIR)/%: tests/interop/%.c | $(SETUP_TEST)
	$(call step,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -Wextra -Werror -static -pthread $< -o $@

$(STRESS_INITRAMFS): tests/interop/stress_initramfs.py tests/bench/initramfs.py $(INTEROP_DIR)/stress $(INTEROP_DIR)/micro | $(SETUP_TEST)
	$(call step,GEN,$@)
	$(Q)python3 $< $(INTEROP_DIR)/stress $(INTEROP_DIR)/micro $@

# Linux with `xl` as the control domain of real Xen: what our toolstack and our guests are compared with.
XEN_DOM0_INITRAMFS := $(INTEROP_DIR)/xen-dom0.cpio.gz
XEN_DOM0_DEBS := bash libc6 libext2fs2 libgcc-s1 liblzma5 libncurses6 libtinfo6 libuuid1 libxencall1 libxendevicemodel1 libxenevtchn1 \
                 libxenforeignmemory1 libxengnttab1 libxenhypfs1 libxenmisc4.17 libxenstore4 libxentoolcore1 libxentoollog1 libyajl2 \
                 libzstd1 xen-utils-4.17 xen-utils-common xenstore-utils zlib1g

$(XEN_DOM0_INITRAMFS): tests/interop/xen_dom0_initramfs.py tests/bench/initramfs.py $(INTEROP_DIR)/ticks \
                       $(DEBS)/linux-image-amd64/.unpacked $(XEN_DOM0_DEBS:%=$(DEBS)/%/.unpacked)
	$(call step,GEN,$@)
	$(Q)python3 $< $@ $(INTEROP_DIR)/ticks $(DEBS)/linux-image-amd64/lib/modules/* $(XEN_DOM0_DEBS:%=$(DEBS)/%)

# For the network: with the modules of the cloud kernel, which is the faster one to boot.
NET_INITRAMFS := $(INTEROP_DIR)/net.cpio.gz
$(NET_INITRAMFS): tests/interop/net_initramfs.py tests/bench/initramfs.py $(INTEROP_DIR)/transfer $(INTEROP_DIR)/multicast $(LINUX_CLOUD) | $(SETUP_TEST)
	$(call step,GEN,$@)
	$(Q)python3 $< $(DEBS)/linux-image-cloud-amd64/lib/modules $(INTEROP_DIR)/transfer $(INTEROP_DIR)/multicast $@

# Linux as a guest with virtual disks and networks.
GUEST_INITRAMFS := $(INTEROP_DIR)/guest.cpio.gz
GUEST_DEBS := e2fsprogs libblkid1 libc6 libcom-err2 libext2fs2 libuuid1 util-linux zlib1g

$(GUEST_INITRAMFS): tests/interop/guest_initramfs.py tests/interop/xen_dom0_initramfs.py tests/bench/initramfs.py $(FIO) \
                    $(DEBS)/linux-image-cloud-amd64/.unpacked $(DEBS)/linux-image-amd64/.unpacked $(GUEST_DEBS:%=$(DEBS)/%/.unpacked)
	$(call step,GEN,$@)
	$(Q)python3 $< $@ $(FIO) $(DEBS)/linux-image-cloud-amd64/lib/modules/* $(DEBS)/linux-image-amd64/lib/modules/* -- $(GUEST_DEBS:%=$(DEBS)/%)

# Kernels of ours that start, map, wait and end as those of other projects do: STYLE_FLAGS and the sources of each.
STYLES_DIR := $(INTEROP_DIR)/styles
STYLES     := minios unikraft solo5 xtf-pv64 xtf-hvm64 xtf-hvm32
STYLE_IMAGES := $(STYLES:%=$(STYLES_DIR)/%.elf)

STYLE_FLAGS = -O2 -ffreestanding -nostdlib -static -no-pie -fno-pie -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
    -fcf-protection=none -fno-asynchronous-unwind-tables -nostdinc -isystem $(GCC_INCLUDE) -I$(B)/include $(XEN_CPPFLAGS) $(WARN_FLAGS) \
    -Wl,--build-id=none,--no-warn-rwx-segments -Wl,-z,noexecstack

# $(1): the image; $(2): the base name of its sources; $(3): what tells it from the others that are made of them.
define style_rule
$(STYLES_DIR)/$(1).elf: $(addprefix tests/interop/styles/,$(2).c $(2)_entry.S $(2).lds style.h) tests/interop/interop.mk | $(XEN_HEADERS) $(SETUP)
	$$(call step,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(STYLE_FLAGS) -DSTYLE='"$(1)"' $(3) $$(filter %.c %.S,$$^) -Wl,-T,$$(filter %.lds,$$^) -o $$@
endef

$(eval $(call style_rule,minios,minios))
$(eval $(call style_rule,unikraft,minios,-DUNIKRAFT))
$(eval $(call style_rule,solo5,solo5))
$(eval $(call style_rule,xtf-pv64,xtf,-DPV64))
$(eval $(call style_rule,xtf-hvm64,xtf,-DHVM64))
$(eval $(call style_rule,xtf-hvm32,xtf,-DHVM32 -m32))

.PHONY: styles
styles: $(STYLE_IMAGES) ## kernels in the style of Mini-OS, Unikraft, Solo5 and XTF, which tests run

# The symbols of the cloud kernel, from the debug package of the very same version, for `make linux-core` only.
VMLINUX_CLOUD := $(DEBS)/vmlinux-cloud
VMLINUX_DEB   := $(DEBS)/vmlinux-cloud.deb
$(VMLINUX_CLOUD): $(LINUX_CLOUD)
	$(Q)rm -rf $(VMLINUX_DEB) && mkdir -p $(VMLINUX_DEB)
	$(Q)$(QUIET) 'fetch the symbols of linux-image-cloud-amd64 (283 MB)' $(B)/log/deb-vmlinux-cloud.log setup/apt.sh $(VMLINUX_DEB) \
	    download $$(basename $(DEBS)/linux-image-cloud-amd64/boot/vmlinuz-* | sed 's/vmlinuz/linux-image/')-dbg
	$(Q)dpkg-deb --fsys-tarfile $(VMLINUX_DEB)/*.deb | tar x -C $(VMLINUX_DEB) ./usr/lib/debug/boot
	$(Q)mv $(VMLINUX_DEB)/usr/lib/debug/boot/vmlinux-* $@ && touch $@ && rm -r $(VMLINUX_DEB)

.PHONY: linux-core
linux-core: hv dom0 interop $(VMLINUX_CLOUD) | $(SETUP_TEST) ## cores of Debian's cloud kernel in gdb with its symbols (fetches 283 MB): backtraces of all vCPUs
	$(Q)PYTHONPATH=tests/system python3 tests/system/test_dump_core.py $(VMLINUX_CLOUD)

.PHONY: interop
interop: $(STYLE_IMAGES) $(STRESS_INITRAMFS) $(GUEST_INITRAMFS) $(NET_INITRAMFS) $(XEN_DOM0_INITRAMFS) $(LINUX_CLOUD) $(LINUX_DOM0) $(DEBS)/grub-xen-host/.unpacked ## what the tests with third-party guests need

# A later kernel for virtual machines, and Debian's installer, for `make more-guests` only.
BACKPORTS        := bookworm-backports
LINUX_BACKPORTS  := $(DEBS)/vmlinuz-backports
DEBIAN_INSTALLER := $(DEBS)/debian-installer-12-netboot-amd64

$(LINUX_BACKPORTS): setup/apt.sh | $(SETUP_TEST)
	$(Q)rm -rf $@.deb && mkdir -p $@.deb && SUITE=$(BACKPORTS) setup/apt.sh $@.deb --version > /dev/null
	$(Q)SUITE=$(BACKPORTS) $(QUIET) 'fetch linux-image-cloud-amd64 of backports (34 MB)' $(B)/log/deb-linux-backports.log setup/apt.sh $@.deb \
	    download $$(APT_CONFIG=$(B)/apt-$(BACKPORTS)/apt.conf apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
	$(Q)dpkg-deb --fsys-tarfile $@.deb/*.deb | tar x -C $@.deb ./boot && mv $@.deb/boot/vmlinuz-* $@ && touch $@ && rm -r $@.deb

.PHONY: more-guests
more-guests: hv dom0 $(STRESS_INITRAMFS) $(LINUX_BACKPORTS) $(DEBIAN_INSTALLER)/.unpacked | $(SETUP_TEST) ## Linux of Debian's backports and Debian's installer, PV and PVH (fetches 170 MB)
	$(Q)PYTHONPATH=tests/system python3 tests/interop/more_guests.py $(LINUX_BACKPORTS) $(DEBIAN_INSTALLER)

PART ?=

.PHONY: real-size
real-size: hv dom0 pvguest-guests interop | $(SETUP_TEST) ## networks and disks of Linux at full size, all or PART=disk: 100 MB over TCP, iperf3, 64 guests, a disk of 1 GiB
	$(Q)PYTHONPATH=tests/system python3 tests/interop/real_size.py $(PART)
