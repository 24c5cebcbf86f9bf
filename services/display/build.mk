SERVICE_BIN += $(B)/services/display/sandgate-display

$(B)/services/display/sandgate-display: $(addprefix $(B)/obj/,services/display/main.o \
		$(addprefix services/desktop/,gate.o resize.o xserver.o) base/bytes.o base/err.o)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS_HARDEN) -o $@ $^ -lXrandr -lXdamage -lXfixes -lXtst -lX11
