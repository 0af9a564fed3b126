# SPDX-License-Identifier: MIT
#
# Mbed TLS from Debian's source package, for guests: what a server of TLS 1.2 needs, by dom0_tools/api/mbedtls_config.h.

MBEDTLS_ORIG   := $(SRC)/mbedtls_2.28.3.orig.tar.gz
MBEDTLS_SHA256 := 3b4953aa55a681e084d31892d9904cc5328d6b4958ea57b90ae4b4f94ae69a8d
MBEDTLS_DIR    := $(B)/mbedtls
MBEDTLS_SRC    := $(MBEDTLS_DIR)/Mbed-TLS-mbedtls-8f97ca5
MBEDTLS_LIB    := $(MBEDTLS_DIR)/libmbedtls.a
MBEDTLS_CONFIG := dom0_tools/api/mbedtls_config.h

# What a source that includes <mbedtls/...> is compiled with.
MBEDTLS_CPPFLAGS := -I. -isystem $(MBEDTLS_SRC)/include -DMBEDTLS_CONFIG_FILE='"$(MBEDTLS_CONFIG)"'

$(MBEDTLS_DIR)/.unpacked: setup/mbedtls.mk | $(SETUP)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)$(QUIET) 'fetch the source of Mbed TLS' $(B)/log/mbedtls-fetch.log $(FETCH) $(SRC) source --download-only mbedtls
	$(Q)$(call check_sha256,$(MBEDTLS_SHA256),$(MBEDTLS_ORIG))
	$(Q)tar -C $(@D) -xf $(MBEDTLS_ORIG)
	$(Q)touch $@

# Files whose subject the configuration leaves out are empty then.
$(MBEDTLS_LIB): $(MBEDTLS_DIR)/.unpacked $(MBEDTLS_CONFIG) $(NEWLIB_LIBC)
	$(call step,AR,$@)
	$(Q)rm -rf $(MBEDTLS_DIR)/obj $@ && mkdir -p $(MBEDTLS_DIR)/obj
	$(Q)for file in $(MBEDTLS_SRC)/library/*.c; do \
	    $(CC) $(FREE_FLAGS) $(NEWLIB_CFLAGS) $(MBEDTLS_CPPFLAGS) -w -O2 -ffunction-sections -fdata-sections \
	        -c $$file -o $(MBEDTLS_DIR)/obj/$$(basename $$file .c).o || exit 1; \
	done
	$(Q)$(AR) rcs $@ $(MBEDTLS_DIR)/obj/*.o
