# Sandgate: `make run` starts it, `make test` proves it. Each installs what is missing first.
#   make            build the gateway and the web assets
#   make SAN=1      the same with AddressSanitizer and UBSan, into build/asan
#   make TSAN=1     with ThreadSanitizer, into build/tsan
#   make FAULT=1    as SAN=1, and every call it makes can be told to fail (tests/fault), into build/fault
CC     ?= gcc
PKGS   := libmicrohttpd libwebsockets libcjson sqlite3 libuv libcrypto
B      := build

VERSION := 0.1.0
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
           -Wpointer-arith -Wvla -Wformat=2
HARDEN  := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
OPT     := -O2 -g
LDFLAGS_HARDEN := -pie -Wl,-z,relro,-z,now

ifdef SAN
  B := build/asan
  OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
  HARDEN := -fPIE
endif
ifdef TSAN
  B := build/tsan
  OPT := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
  HARDEN := -fPIE
endif
ifdef FAULT
  B := build/fault
  OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
  HARDEN := -fPIE
  SHIM := $(B)/obj/shim.o
  comma := ,
  WRAPPED := $(shell sed -nE 's/^(CALL[0-9]|BYTES[0-9]|ANY1).([a-z0-9_]+),.*/\2/p' tests/fault/shim.c) openat asprintf
  WRAP := $(addprefix -Wl$(comma)--wrap=,$(WRAPPED))
endif
ifdef WERROR
  WARN += -Werror
endif

CPPFLAGS := -D_GNU_SOURCE -DSANDGATE_VERSION='"$(VERSION)"' -Igateway -include base/banned.h \
            $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CFLAGS   := -std=c11 $(OPT) $(WARN) $(HARDEN)
LDLIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread -lm

SRC  := $(sort $(wildcard gateway/*/*.c))
OBJ  := $(SRC:gateway/%.c=$(B)/obj/%.o)
MAIN := $(B)/obj/main.o

UNIT_DIR := tests/unit
ifdef FAULT
  UNIT_DIR := tests/fault
endif
UNIT     := $(sort $(wildcard $(UNIT_DIR)/*_test.c))
UNIT_BIN := $(UNIT:$(UNIT_DIR)/%.c=$(B)/unit/%)

# What `make run` hands to the gateway, e.g. make run RUN_ARGS='--listen 127.0.0.1:9000'
RUN_ARGS ?=

JOBS := $(shell nproc)

.PHONY: all gateway services services-installed web unit deps test-deps bench-deps run test torture lint bench fuzz soak soak-client fuzzed image image-test clean

all: gateway web services

gateway: $(B)/sandgate

web:
	@web/build.sh build/web

# ---- for people ----

# Packages first, then a make of its own: pkg-config must find what was just installed.
run: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@exec build/sandgate $(RUN_ARGS)

# The whole suite under AddressSanitizer and UBSan, and what depends on the clock on the shipped
# build too.
test: test-deps
	@$(MAKE) --no-print-directory -j$(JOBS) all unit soak-client
	@$(MAKE) --no-print-directory -j$(JOBS) SAN=1 gateway services unit
	@$(MAKE) --no-print-directory -j$(JOBS) FAULT=1 gateway services unit
	@$(MAKE) --no-print-directory -j$(JOBS) TSAN=1 gateway services unit
	@tests/run.sh all

# What `make test` does a little of: kill -9 of the gateway and of what runs below it, KILLS times; of
# each of the six real services and of a kernel, REAL_KILLS times, which makes 210; and the failure of
# every single call of every operation.
KILLS ?= 200
REAL_KILLS ?= 30
torture: test-deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@$(MAKE) --no-print-directory -j$(JOBS) SAN=1 gateway services
	@$(MAKE) --no-print-directory -j$(JOBS) FAULT=1 gateway services unit
	@SANDGATE_KILLS=$(KILLS) SANDGATE_REAL_KILLS=$(REAL_KILLS) SANDGATE_FAULT_STEPS=0 PYTEST_ARGS='-rP --timeout=3600' tests/run.sh kills fault

lint: test-deps
	@tests/lint/lint.sh

bench: bench-deps
	@$(MAKE) --no-print-directory all
	@tests/bench/run.sh

# FUZZ_SECONDS of CPU per target, two targets at a time
FUZZ_SECONDS ?= 600
fuzz: test-deps
	@tests/fuzz/run.sh $(FUZZ_SECONDS)

# Five minutes of 2,000 connections, ten of 64 execs, 10,000 sessions; tests/soak/soak.c has the settings.
soak: test-deps
	@$(MAKE) --no-print-directory -j$(JOBS) all soak-client
	@build/soak-client build/sandgate

image:
	docker build -t sandgate .

image-test:
	@tests/image.sh

deps:
	@image/provision.sh build runtime desktop

test-deps:
	@image/provision.sh build runtime desktop test

bench-deps:
	@image/provision.sh build runtime desktop test bench

clean:
	rm -rf build web/node_modules

# ---- how things are built ----

$(B)/sandgate: $(MAIN) $(OBJ) $(SHIM)
	$(CC) $(CFLAGS) $(LDFLAGS_HARDEN) $(WRAP) -o $@ $^ $(LDLIBS)

$(B)/obj/%.o: gateway/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

unit: $(UNIT_BIN)
$(B)/unit/%: $(UNIT_DIR)/%.c tests/unit/check.h $(OBJ) $(SHIM)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) $(WRAP) -o $@ $< $(filter %.o,$^) $(LDLIBS)

# Not sanitised: it runs between vfork and exec, and must leave by a jump.
$(B)/obj/shim.o: tests/fault/shim.c tests/fault/shim.h
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=c11 -O2 -g -fPIE $(WARN) -c -o $@ $<

soak-client: $(B)/soak-client
$(B)/soak-client: $(wildcard tests/soak/*.[ch])
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS_HARDEN) -o $@ $(filter %.c,$^) -lcjson -lsqlite3 -lcrypto -lpthread

# The hooks are embedded by .incbin, which no compiler reports as a dependency.
$(B)/obj/core/shell_channel.o: gateway/core/shell_hooks.bash

# A service is a folder: what it holds besides sources is copied; a build.mk beside its sources adds
# its programs to SERVICE_BIN, built from BASE_OBJ and $(B)/obj/services/*.
BASE_OBJ     := $(filter $(B)/obj/base/%,$(OBJ))
SERVICE_FILE := $(filter-out %.c %.h %.mk,$(wildcard services/*/*))
SERVICE_BIN  :=
include $(wildcard services/*/build.mk)

services: $(SERVICE_FILE:services/%=$(B)/services/%) $(SERVICE_BIN) services-installed

# What the fuzz targets test, sanitised: tests/fuzz/build.sh says how.
fuzzed: $(B)/libfuzzed.a
$(B)/libfuzzed.a: $(OBJ) $(addprefix $(B)/obj/services/desktop/,control_request.o keynames.o rfb.o rfb_clipboard.o xwd.o)
	@rm -f $@
	@ar rcs $@ $^

# What a service cannot build it installs: services/NAME/install DEST makes DEST/installed, and does
# nothing when that is there already. The other builds have a link to the one.
services-installed: $(SERVICE_FILE:services/%=$(B)/services/%)
	@for install in $(wildcard services/*/install); do \
		name=$$(basename $$(dirname $$install)); \
		$$install build/services/$$name || exit 1; \
		[ $(B) = build ] || ln -sfn $(CURDIR)/build/services/$$name/installed $(B)/services/$$name/installed; \
	done

$(B)/services/%: services/%
	@mkdir -p $(@D)
	cp -a $< $@

$(B)/obj/services/%.o: services/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(SERVICE_CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(B)/obj/services/*/*.d) $(OBJ:.o=.d) $(MAIN:.o=.d)
