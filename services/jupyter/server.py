"""JupyterLab, to be used behind the gateway: it decides who may come in, and below which prefix we are seen."""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import AuthenticatedHandler, JupyterHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from jupyter_server.serverapp import ServerApp
from tornado import web
from traitlets.config import Config

BASE = "/jupyter/"
# What sun_path of a Unix socket holds, less a kernel's "/kernel-UUID-ipc-5".
SOCKET_DIR_MAX = 107 - 52


class OneUser(IdentityProvider):
    """Whoever the gateway let through is the sandbox's user: no cookie, no sign-in."""

    def get_user(self, handler: web.RequestHandler) -> User:
        name = os.environ.get("USER", "user")
        return User(username=name, name=name, display_name=name, initials=name[:2].upper())

    @property
    def auth_enabled(self) -> bool:
        return False


def prefix_of(handler: web.RequestHandler) -> str:
    """What proxies have taken off the path: "/box" when people see us at /box/jupyter/. The gateway has checked it."""
    return handler.request.headers.get("X-Forwarded-Prefix", "").rstrip("/")


def below_prefix(handler: web.RequestHandler, url: str) -> str:
    prefix = prefix_of(handler)
    return prefix + url if prefix and url.startswith(BASE) and not url.startswith(prefix + BASE) else url


def tell_prefix() -> None:
    """Have every address that the server hands out begin with the prefix of the request it answers."""
    redirect = web.RequestHandler.redirect

    def redirect_below(self: web.RequestHandler, url: str, *args: Any, **kwargs: Any) -> None:
        redirect(self, below_prefix(self, url), *args, **kwargs)

    web.RequestHandler.redirect = redirect_below
    for handler in (web.RequestHandler, ExtensionHandlerMixin):
        plain = handler.static_url

        def static_below(self: web.RequestHandler, *args: Any, plain: Any = plain, **kwargs: Any) -> str:
            return below_prefix(self, plain(self, *args, **kwargs))

        handler.static_url = static_below
    for handler in (AuthenticatedHandler, ExtensionHandlerMixin):
        handler.base_url = property(lambda self: prefix_of(self) + BASE)


def page_config(handler: web.RequestHandler, config: dict[str, Any]) -> dict[str, Any]:
    """The page's settings: addresses below the prefix, and no questions about news from elsewhere."""
    told = {
        name: below_prefix(handler, value) if name.startswith("full") and isinstance(value, str) else value
        for name, value in config.items()
    }
    disabled = told.get("disabledExtensions") or []
    told["disabledExtensions"] = [*disabled, "@jupyterlab/apputils-extension:announcements"]
    return told


def terminal_is_busy(terminal: Any) -> bool:
    """Something else than the shell has the terminal's foreground."""
    process = terminal.ptyproc
    try:
        return process.isalive() and os.tcgetpgrp(process.fd) != process.pid
    except OSError:
        return False


class IdleHandler(JupyterHandler):
    """Asked by the gateway before it stops us for want of use: 204, or 409 while something is being computed."""

    @allow_unauthenticated
    def get(self) -> None:
        kernels = (self.kernel_manager.get_kernel(key) for key in self.kernel_manager.list_kernel_ids())
        terminals = getattr(self.settings.get("terminal_manager"), "terminals", {})
        busy = any(getattr(kernel, "execution_state", "") == "busy" for kernel in kernels) or any(
            terminal_is_busy(terminal) for terminal in terminals.values()
        )
        self.set_status(409 if busy else 204)


default_handlers = [("/idle", IdleHandler)]


def settings() -> Config:
    config = Config()
    server = config.ServerApp
    socket, run = os.environ.get("SERVICE_SOCKET"), os.environ["SERVICE_RUN"]
    if socket:
        server.sock, server.sock_mode = socket, "0600"
    else:
        server.ip, server.port, server.port_retries = "127.0.0.1", int(os.environ["SERVICE_PORT"]), 0
    server.base_url = BASE
    server.extra_services = ["__main__"]
    server.jpserver_extensions = {"jupyterlab": True}
    server.default_url = BASE + "lab"
    server.root_dir = os.environ["WORKSPACE"]
    server.open_browser = False
    server.allow_root = True
    server.quit_button = False
    # The gateway has looked at Host, Origin and Sec-Fetch-Site, and knows every address we are seen at.
    server.allow_remote_access = True
    server.disable_check_xsrf = True
    server.identity_provider_class = OneUser
    config.OneUser.token = ""
    server.tornado_settings = {"page_config_hook": page_config}
    server.terminado_settings = {"shell_command": [os.environ.get("SHELL", "/bin/bash")]}
    config.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
    config.LabApp.news_url = None
    # overrides.json: dark or light as the browser wants it, until the user says otherwise.
    config.LabApp.app_settings_dir = os.environ["SERVICE_DIR"]
    # Hidden files are files.
    config.ContentsManager.allow_hidden = True
    if len(run) <= SOCKET_DIR_MAX:
        config.KernelManager.transport = "ipc"
    return config


class Server(ServerApp):
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
