# SPDX-License-Identifier: MIT
#
# What the machine must have, and what is fetched from Debian and built under build/: newlib and lwIP (pinned by
# version and SHA-256), and for the comparison with real Xen: its hypervisor, a Linux kernel and GRUB's Xen images
# (resolved by package name, because they move with security updates).

QUIET := setup/quiet.sh
FETCH := setup/apt.sh

# Which packages the machine needs for building and running, and for testing besides.
$(SETUP): setup/packages.txt setup/packages.sh
	$(Q)mkdir -p $(@D) && setup/packages.sh run
	$(Q)touch $@

SETUP_TEST := $(B)/.setup-test
$(SETUP_TEST): setup/packages.txt setup/packages.sh | $(SETUP)
	$(Q)setup/packages.sh test
	$(Q)touch $@

# `$(call check_sha256,SUM,FILE)` stops the build on a file that is not the expected one.
check_sha256 = echo '$(1)  $(2)' | sha256sum --check --status || { echo '$(2): wrong SHA-256' >&2; rm -f $(2); exit 1; }

SRC := $(B)/src

include setup/newlib.mk setup/lwip.mk setup/ext2fs.mk setup/decompress.mk setup/lua.mk setup/sqlite.mk setup/cjson.mk \
        setup/http-parser.mk setup/mbedtls.mk setup/debs.mk setup/fio.mk

.PHONY: setup
setup: $(SETUP) $(SETUP_TEST) newlib lwip ## install what is missing; fetch and build newlib and lwIP

# For editors and analysers: what make would run, turned into the usual format.
.PHONY: compile_commands.json
compile_commands.json: | $(SETUP) ## for editors: how each file is compiled
	$(call step,GEN,$@)
	$(Q)$(MAKE) --no-print-directory --dry-run --always-make --keep-going hv dom0 guests unit 2>/dev/null | \
	    python3 setup/compile_commands.py > $@.new; mv $@.new $@
