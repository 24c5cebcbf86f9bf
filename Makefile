# Sandgate: `make run` starts it, `make test` proves it. Each installs what is missing first.
#   make            build the gateway and the web assets
#   make SAN=1      the same with AddressSanitizer and UBSan, into build/asan
#   make TSAN=1     with ThreadSanitizer, into build/tsan
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

UNIT     := $(sort $(wildcard tests/unit/*_test.c))
UNIT_BIN := $(UNIT:tests/unit/%.c=$(B)/unit/%)

.PHONY: all gateway web unit deps
all: gateway web
gateway: $(B)/sandgate
web:
	@web/build.sh build/web

$(B)/sandgate: $(MAIN) $(OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS_HARDEN) -o $@ $^ $(LDLIBS)

$(B)/obj/%.o: gateway/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

unit: $(UNIT_BIN)
$(B)/unit/%: tests/unit/%.c tests/unit/check.h $(OBJ)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -o $@ $< $(OBJ) $(LDLIBS)

-include $(OBJ:.o=.d) $(MAIN:.o=.d)

# The hooks are embedded by .incbin, which no compiler reports as a dependency.
$(B)/obj/core/shell_channel.o: gateway/core/shell_hooks.bash
