# SPDX-License-Identifier: MIT
#
# The HTTP parser of Node.js 12 and before, from Debian's source package, for dom0 and for tests on the host: one
# source file.

HTTP_PARSER_ORIG   := $(SRC)/http-parser_2.9.4.orig.tar.gz
HTTP_PARSER_SHA256 := 467b9e30fd0979ee301065e70f637d525c28193449e1b13fbcb1b1fab3ad224f
HTTP_PARSER_DIR    := $(B)/http-parser
HTTP_PARSER_LIB    := $(HTTP_PARSER_DIR)/libhttp-parser.a

# What a source that includes <http_parser.h> is compiled with.
HTTP_PARSER_CPPFLAGS := -isystem $(HTTP_PARSER_DIR)/http-parser-2.9.4
HTTP_PARSER_SOURCE   := $(HTTP_PARSER_DIR)/http-parser-2.9.4/http_parser.c

$(HTTP_PARSER_SOURCE): $(HTTP_PARSER_DIR)/.unpacked

$(HTTP_PARSER_DIR)/.unpacked: setup/http-parser.mk | $(SETUP)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)$(QUIET) 'fetch the source of http_parser' $(B)/log/http-parser-fetch.log $(FETCH) $(SRC) source --download-only http-parser
	$(Q)$(call check_sha256,$(HTTP_PARSER_SHA256),$(HTTP_PARSER_ORIG))
	$(Q)tar -C $(@D) -xf $(HTTP_PARSER_ORIG)
	$(Q)touch $@

$(HTTP_PARSER_LIB): $(HTTP_PARSER_DIR)/.unpacked $(NEWLIB_LIBC)
	$(call step,AR,$@)
	$(Q)$(CC) $(FREE_FLAGS) $(NEWLIB_CFLAGS) -w -O2 -ffunction-sections -fdata-sections \
	    -c $(HTTP_PARSER_SOURCE) -o $(HTTP_PARSER_DIR)/http_parser.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(HTTP_PARSER_DIR)/http_parser.o
