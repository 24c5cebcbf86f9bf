# The launcher: becomes Chromium. Of the gateway it links the base and the proxy settings.
BROWSER_OBJ := $(filter-out %/main.o,$(patsubst services/%.c,$(B)/obj/services/%.o,$(wildcard services/browser/*.c)))
BROWSER_USE := $(BASE_OBJ) $(B)/obj/core/proxy_pac.o $(B)/obj/core/browser_settings.o

SERVICE_BIN += $(B)/services/browser/sandgate-browser

$(B)/services/browser/sandgate-browser: $(B)/obj/services/browser/main.o $(BROWSER_OBJ) $(BROWSER_USE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS_HARDEN) -o $@ $^ $(shell pkg-config --libs libcjson) -lm

$(B)/unit/browser_launcher_test: $(BROWSER_OBJ)
