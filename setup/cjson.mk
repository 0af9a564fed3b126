# SPDX-License-Identifier: MIT
#
# cJSON from Debian's source package, for guests: one source file.

CJSON_ORIG   := $(SRC)/cjson_1.7.15.orig.tar.gz
CJSON_SHA256 := 5308fd4bd90cef7aa060558514de6a1a4a0819974a26e6ed13973c5f624c24b2
CJSON_DIR    := $(B)/cjson
CJSON_LIB    := $(CJSON_DIR)/libcjson.a

# What a source that includes <cJSON.h> is compiled with.
CJSON_CPPFLAGS := -isystem $(CJSON_DIR)/cJSON-1.7.15

$(CJSON_DIR)/.unpacked: setup/cjson.mk | $(SETUP)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)$(QUIET) 'fetch the source of cJSON' $(B)/log/cjson-fetch.log $(FETCH) $(SRC) source --download-only cjson
	$(Q)$(call check_sha256,$(CJSON_SHA256),$(CJSON_ORIG))
	$(Q)tar -C $(@D) -xf $(CJSON_ORIG)
	$(Q)touch $@

$(CJSON_LIB): $(CJSON_DIR)/.unpacked $(NEWLIB_LIBC)
	$(call step,AR,$@)
	$(Q)$(CC) $(FREE_FLAGS) $(NEWLIB_CFLAGS) -w -O2 -ffunction-sections -fdata-sections \
	    -c $(CJSON_DIR)/cJSON-1.7.15/cJSON.c -o $(CJSON_DIR)/cJSON.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(CJSON_DIR)/cJSON.o
