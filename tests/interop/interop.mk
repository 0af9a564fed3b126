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

.PHONY: interop
interop: $(STRESS_INITRAMFS) $(LINUX_CLOUD) $(LINUX_DOM0) $(DEBS)/grub-xen-host/.unpacked ## what the tests with third-party guests need
