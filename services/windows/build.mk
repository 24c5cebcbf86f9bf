SERVICE_BIN += $(B)/services/windows/sandgate-windows

$(B)/services/windows/sandgate-windows: $(addprefix $(B)/obj/,services/windows/main.o \
		services/desktop/gate.o base/err.o)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS_HARDEN) -o $@ $^ -lX11
