"""Debian 12's classic notebook, where JupyterLab could not be installed; to be used behind the gateway as server.py."""

from __future__ import annotations

import os
from typing import Any

from notebook.base.handlers import IPythonHandler
from notebook.notebookapp import NotebookApp
from tornado import web
from traitlets.config import Config

BASE = "/jupyter/"


def prefix_of(handler: web.RequestHandler) -> str:
    return handler.request.headers.get("X-Forwarded-Prefix", "").rstrip("/")


def tell_prefix() -> None:
    """Have every address that the server hands out begin with the prefix of the request it answers."""
    redirect = web.RequestHandler.redirect
    plain = web.RequestHandler.static_url

    def below(self: web.RequestHandler, url: str) -> str:
        prefix = prefix_of(self)
        return prefix + url if prefix and url.startswith(BASE) and not url.startswith(prefix + BASE) else url

    def redirect_below(self: web.RequestHandler, url: str, *args: Any, **kwargs: Any) -> None:
        redirect(self, below(self, url), *args, **kwargs)

    def static_below(self: web.RequestHandler, *args: Any, **kwargs: Any) -> str:
        return below(self, plain(self, *args, **kwargs))

    web.RequestHandler.redirect = redirect_below
    web.RequestHandler.static_url = static_below
    IPythonHandler.base_url = property(lambda self: prefix_of(self) + BASE)
    IPythonHandler.default_url = property(lambda self: prefix_of(self) + BASE + "tree")


class IdleHandler(IPythonHandler):
    """Asked by the gateway before it stops us for want of use: 204, or 409 while something is being computed."""

    def get(self) -> None:
        kernels = (self.kernel_manager.get_kernel(key) for key in self.kernel_manager.list_kernel_ids())
        busy = any(getattr(kernel, "execution_state", "") == "busy" for kernel in kernels)
        self.set_status(409 if busy else 204)


class LabHandler(IPythonHandler):
    """The addresses of JupyterLab lead to what there is instead."""

    def get(self, path: str = "") -> None:
        self.redirect(BASE + "tree" + path)


default_handlers = [("/idle", IdleHandler), ("/lab", LabHandler), ("/lab/tree(/.*)", LabHandler)]


def settings() -> Config:
    config = Config()
    server = config.NotebookApp
    if os.environ.get("SERVICE_SOCKET"):
        server.sock, server.sock_mode = os.environ["SERVICE_SOCKET"], "0600"
    else:
        server.ip, server.port, server.port_retries = "127.0.0.1", int(os.environ["SERVICE_PORT"]), 0
    server.base_url = BASE
    server.extra_services = ["__main__"]
    server.notebook_dir = os.environ["WORKSPACE"]
    server.open_browser = False
    server.allow_root = True
    server.quit_button = False
    server.token = server.password = ""
    # The gateway has looked at Host, Origin and Sec-Fetch-Site, and knows every address we are seen at.
    server.allow_remote_access = True
    server.disable_check_xsrf = True
    return config


class Server(NotebookApp):
    """The server with the settings above, whatever the user's own files say of the same."""

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        super().load_config_file(*args, **kwargs)
        self.update_config(settings())


def main() -> None:
    os.environ["JUPYTER_RUNTIME_DIR"] = os.environ["SERVICE_RUN"]
    tell_prefix()
    Server.launch_instance(argv=[])


if __name__ == "__main__":
    main()
