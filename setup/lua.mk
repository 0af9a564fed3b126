# SPDX-License-Identifier: MIT
#
# Lua from Debian's source package, unmodified: only the upstream tarball is used, so that is what is pinned. kit/samples/lua
# builds it.

LUA_SRC    := $(SRC)/lua
LUA_ORIG   := $(SRC)/lua5.4_5.4.4.orig.tar.gz
LUA_SHA256 := 164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61

$(LUA_SRC)/.unpacked: setup/lua.mk | $(SETUP)
	$(Q)$(QUIET) 'fetch the sources of Lua' $(B)/log/lua-fetch.log $(FETCH) $(SRC) source --download-only lua5.4
	$(Q)$(call check_sha256,$(LUA_SHA256),$(LUA_ORIG))
	$(Q)rm -rf $(@D) && mkdir -p $(@D) && tar -C $(@D) --strip-components=1 -xf $(LUA_ORIG)
	$(Q)touch $@
