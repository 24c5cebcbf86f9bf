SERVICE_CPPFLAGS += -Iservices
SERVICE_BIN += $(B)/services/desktop/sandgate-desktop

# gate.c is for the programs beside this one.
DESKTOP_SRC := $(filter-out services/desktop/gate.c,$(wildcard services/desktop/*.c))

$(B)/services/desktop/sandgate-desktop: $(DESKTOP_SRC:%.c=$(B)/obj/%.o) \
		$(addprefix $(B)/obj/base/,bytes.o err.o utf8.o)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS_HARDEN) -o $@ $^ -lvncserver -lXdamage -lXfixes -lXrandr -lXtst \
		-lX11 -ldeflate -ljpeg -lz -lpthread

$(B)/unit/desktop_test: LDLIBS += -lz
$(B)/unit/desktop_test: CPPFLAGS += -Iservices
$(B)/unit/desktop_test: $(addprefix $(B)/obj/services/desktop/,keynames.o rfb.o rfb_clipboard.o tiles.o xwd.o)
