"""nginx in front of the gateway: TLS, and the gateway below a path of its own, as people publish sandboxes."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from pathlib import Path

from ports import free_port
from waiting import allow, eventually

CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr notice;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location {prefix}/ {{
            proxy_pass {target}/;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_read_timeout 300s;
            proxy_set_header Host 127.0.0.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-Prefix {prefix};
        }}
    }}
}}
"""


class Certificate:
    """A self-signed certificate for this machine's loopback address."""

    def __init__(self, folder: Path) -> None:
        self.path, self.key = folder / "certificate.pem", folder / "key.pem"
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split()
        names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        files = ["-keyout", str(self.key), "-out", str(self.path)]
        subprocess.run([*command, *names, *files], check=True, capture_output=True)

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.path))


class FrontDoor:
    """One nginx. `url` is the gateway as the outside knows it."""

    def __init__(self, target: str, certificate: Certificate, folder: Path, prefix: str = "/box/7") -> None:
        self._port = free_port()
        self.url = f"https://127.0.0.1:{self._port}{prefix}"
        self._config, self._log = folder / "nginx.conf", folder / "nginx.log"
        self._config.write_text(
            CONFIG.format(
                folder=folder,
                port=self._port,
                certificate=certificate.path,
                key=certificate.key,
                target=target,
                prefix=prefix,
            )
        )

    def __enter__(self) -> "FrontDoor":
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([program, "-c", str(self._config), "-e", "stderr"], stderr=log)
        eventually(self._answers, "nginx listens")
        return self

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(allow(10))
