# One image, two stages: compile, then only what runs. `docker build -t sandgate .`
# Behind a proxy the builder's own build arguments (http_proxy, …) suffice; nothing here knows any network.

FROM debian:12-slim AS build
WORKDIR /src
COPY image/provision.sh image/
RUN image/provision.sh build && rm -rf /var/lib/apt/lists/*
# Debian's npm drags in some 380 packages; the registry's own is one folder, and that one goes into the image.
RUN npm install --global --prefix /opt/npm --no-audit --no-fund npm@10.9.9
COPY . .
RUN make -j"$(nproc)" all

FROM debian:12-slim
COPY image/provision.sh /usr/local/share/sandgate/
RUN /usr/local/share/sandgate/provision.sh runtime desktop computer \
    && rm -rf /var/lib/apt/lists/* /var/cache/ldconfig/* /var/log/apt /var/log/*.log
COPY --from=build /opt/npm/lib/node_modules/npm /usr/local/lib/node_modules/npm
COPY image/user.sh /usr/local/share/sandgate/
# SUDO=no builds an image whose user cannot become root.
ARG SUDO=yes
RUN /usr/local/share/sandgate/user.sh "$SUDO"
COPY --from=build /src/build/sandgate /usr/local/bin/sandgate
COPY --from=build /src/build/services /usr/local/lib/sandgate/services
# Built where PyPI does not answer: then Debian's notebook stands in for JupyterLab.
RUN [ -d /usr/local/lib/sandgate/services/jupyter/installed ] \
    || { /usr/local/share/sandgate/provision.sh jupyter && rm -rf /var/lib/apt/lists/*; }
COPY --from=build /src/build/web /usr/local/share/sandgate/web
RUN ln -s ../lib/sandgate/services/code/code-server /usr/local/bin/code-server

USER gem
WORKDIR /home/gem
ENV LANG=C.UTF-8 \
    PATH=/home/gem/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    WORKSPACE=/home/gem
EXPOSE 8080
# The probe is curl (see image/user.sh); it holds no key, and a refusal for want of one is a sign of life too.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/share/sandgate/probe", "--silent", "--show-error", "--output", "/dev/null", \
        "http://127.0.0.1:8080/healthz"]
# Further arguments of `docker run` are added to these.
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/sandgate", "--listen", "0.0.0.0:8080", "--home", "/home/gem"]
