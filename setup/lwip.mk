# SPDX-License-Identifier: MIT
#
# lwIP from Debian's source package, unpacked with Debian's patches in $(LWIP_SRC), its core compiled to $(LWIP_LIB).

LWIP_SRC     := $(SRC)/lwip
LWIP_LIB     := $(B)/lwip/liblwip.a
LWIP_VERSION := 2.1.3+dfsg1-2
LWIP_DSC     := $(SRC)/lwip_$(LWIP_VERSION).dsc
LWIP_ORIG_SHA256   := 0a8276d09fc4e97bbba2f953d74af2388fc2195ea156be9d7589e297a68fde24
LWIP_DEBIAN_SHA256 := c5a48413d362cc757032cdd58f528f75eb64ee781ca46ca24f010b49b0e62a90
LWIP_DSC_SHA256    := 8d8f944db8e6d542fc2d6f01559078fb1b5dda71651c67ee5fa3571ed1342c50

# What a file that uses lwIP is compiled with, besides newlib's flags.
LWIP_CPPFLAGS := -Ipvguest/lwip -Ipvguest/lwip/include -Ipvguest/include -I$(LWIP_SRC)/src/include

.PHONY: lwip
lwip: $(LWIP_LIB)

$(LWIP_SRC)/.unpacked: | $(SETUP)
	$(Q)rm -rf $(LWIP_SRC)
	$(Q)$(QUIET) 'fetch lwIP $(LWIP_VERSION)' $(B)/log/lwip-fetch.log \
	    $(FETCH) $(SRC) source --download-only lwip=$(LWIP_VERSION)
	$(Q)$(call check_sha256,$(LWIP_DSC_SHA256),$(LWIP_DSC))
	$(Q)$(call check_sha256,$(LWIP_ORIG_SHA256),$(SRC)/lwip_2.1.3+dfsg1.orig.tar.xz)
	$(Q)$(call check_sha256,$(LWIP_DEBIAN_SHA256),$(SRC)/lwip_$(LWIP_VERSION).debian.tar.xz)
	$(Q)dpkg-source --no-check -x $(LWIP_DSC) $(LWIP_SRC) > $(B)/log/lwip-unpack.log 2>&1
	$(Q)touch $@

# The list of sources is only known once they are unpacked, so a second make compiles them.
$(LWIP_LIB): $(LWIP_SRC)/.unpacked $(NEWLIB_LIBC) $(wildcard pvguest/lwip/lwipopts.h pvguest/lwip/port.h pvguest/lwip/arch/*.h)
	$(Q)$(QUIET) 'compile lwIP' $(B)/log/lwip-make.log $(MAKE) -f setup/lwip-objects.mk \
	    LIB=$@ SRC=$(LWIP_SRC)/src CC='$(CC)' CFLAGS='-O2 $(FREE_FLAGS) $(NEWLIB_CFLAGS) $(LWIP_CPPFLAGS)'
