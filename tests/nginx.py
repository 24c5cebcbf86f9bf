"""nginx in front of a gateway, with TLS and at a path prefix, as people put it there."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

from ports import free_port
from waiting import allow, eventually

# Up to where a configuration says what is served.
BEGINNING = """
daemon off;
master_process off;
pid {root}/nginx.pid;
error_log {root}/error.log info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {root}/certificate.pem;
        ssl_certificate_key {root}/key.pem;
"""

CONFIGURATION = BEGINNING + """        location {prefix}/ {{
            proxy_pass http://127.0.0.1:{gateway}/;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Prefix "{prefix}";
            client_max_body_size 0;
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
"""


class Nginx:
    """`with Nginx(gateway, root, "/box/1") as front:`; front.url is what a person types. `configuration` may name
    further values, which are given as `more`."""

    configuration = CONFIGURATION

    def __init__(self, gateway, root: Path, prefix: str, **more: object) -> None:
        self.root, self.prefix = root, prefix
        self.port = free_port()
        self.host = f"localhost:{self.port}"
        self.url = f"https://{self.host}{prefix}"
        self._make_certificate()
        text = self.configuration.format(root=root, port=self.port, gateway=gateway.port, prefix=prefix, **more)
        (root / "nginx.conf").write_text(text)

    def _make_certificate(self) -> None:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            + ["-keyout", "key.pem", "-out", "certificate.pem", "-days", "2", "-subj", "/CN=localhost"]
            + ["-addext", "subjectAltName=DNS:localhost"],
            cwd=self.root,
            check=True,
            capture_output=True,
        )

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.root / "certificate.pem"))

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.root / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self) -> "Nginx":
        with (self.root / "output.log").open("wb") as log:
            command = ["nginx", "-c", str(self.root / "nginx.conf"), "-p", str(self.root)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._answers, "nginx answers")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(allow(5))
