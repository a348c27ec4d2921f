"""The kernel gateway: Jupyter's API of kernels, for JupyterLab and other clients.

    GET /api/kernelspecs, GET and POST /api/kernels, GET and DELETE /api/kernels/<id>,
    POST /api/kernels/<id>/interrupt and /restart, and the web socket /api/kernels/<id>/channels

Every request needs the token of this service, as ``Authorization: token T``, ``Bearer T`` or
``?token=T``. No cookie counts, and a page of another origin is refused, whatever it asks for.
"""

import hmac
import secrets
from pathlib import Path
from typing import Any

from jupyter_server.auth import AllowAllAuthorizer, IdentityProvider, User
from jupyter_server.services.kernels import handlers as kernels
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from jupyter_server.services.kernelspecs import handlers as kernelspecs
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler

from contract.hosts import Hosts
from services.databricks.api.views import USER
from services.databricks.context import ServiceContext
from services.databricks.engine.kernels import Kernels


class TokenIdentity(IdentityProvider):
    """Knows whoever has the token."""

    def __init__(self, token: str) -> None:
        super().__init__(token=token)

    def get_user(self, handler: RequestHandler) -> User | None:
        """The user, if the request has the token."""
        given = (self.get_token(handler) or "").strip()
        return User(USER) if hmac.compare_digest(given.encode(), self.token.encode()) else None

    def should_check_origin(self, handler: RequestHandler) -> bool:
        """Leave it to the application, which knows ALLOWED_HOSTS."""
        return False


class StartHandler(kernels.MainKernelHandler):
    """``/api/kernels``: ``path`` is that of a notebook or a folder in the workspace.

    A gateway client of Jupyter sends the folder of its notebook as a variable instead, which means
    the same where both see the same files.
    """

    def get_json_body(self) -> dict[str, Any]:
        """The body, with a path."""
        body: dict[str, Any] = super().get_json_body() or {}
        kernels: Any = self.kernel_manager
        folder = body.get("env", {}).get("KERNEL_WORKING_DIR", "")
        path = body.get("path") or kernels.service.workspace.path_of(folder) or "/"
        name = body.get("name") or kernels.default_kernel_name
        return {"name": name, "path": path}


class ChannelsHandler(KernelWebsocketHandler):
    """The web socket of a kernel."""

    def write_error(self, status_code: int, **_: Any) -> None:
        """Respond with the status alone, where Jupyter has a page."""
        self.finish()


class RefusalHandler(RequestHandler):
    """Responds to a request of another site, whatever its method."""

    def initialize(self, reason: str) -> None:
        """Take the reason."""
        self._why = reason

    def prepare(self) -> None:
        """Respond before the method is looked at."""
        self.set_status(403)
        self.finish({"message": self._why})


class HostCheckedApplication(Application):
    """An application that checks the Host and the Origin of each request first."""

    def __init__(self, handlers: list[Any], hosts: Hosts, **settings: Any) -> None:
        self._hosts = hosts
        super().__init__(handlers, **settings)

    def find_handler(self, request: HTTPServerRequest, **options: Any) -> Any:
        """The handler of a request."""
        names = ("Host", "Origin", "Sec-Fetch-Site")
        reason = self._hosts.refusal(True, *(request.headers.get(name) for name in names))
        if reason:
            return self.get_handler_delegate(request, RefusalHandler, {"reason": reason})
        return super().find_handler(request, **options)


HANDLERS = (*kernels.default_handlers, *kernelspecs.default_handlers)
OWN = {kernels.MainKernelHandler: StartHandler, KernelWebsocketHandler: ChannelsHandler}


class Gateway:
    """The server of the API."""

    def __init__(self, context: ServiceContext, root: Path, hosts: Hosts) -> None:
        self._address = context.settings.kernel_gateway_listen
        self._kernels = Kernels(context, root)
        identity = TokenIdentity(context.settings.databricks_token)
        self._server = HTTPServer(
            HostCheckedApplication(
                [(path, OWN.get(handler, handler)) for path, handler in HANDLERS],
                hosts,
                kernel_manager=self._kernels,
                kernel_spec_manager=self._kernels.kernel_spec_manager,
                kernel_websocket_connection_class=ZMQChannelsWebsocketConnection,
                identity_provider=identity,
                authorizer=AllowAllAuthorizer(identity_provider=identity),
                cookie_secret=secrets.token_bytes(),
                # The token is no cookie, so another site's page can't send it.
                disable_check_xsrf=True,
                allow_remote_access=True,
                log_function=lambda _: None,
            )
        )

    async def start(self) -> None:
        """Listen, once no kernel of an earlier process of the service is left."""
        await self._kernels.recover()
        host, port = self._address
        self._server.listen(port, host)

    async def close(self) -> None:
        """End all kernels, and accept no more requests."""
        self._server.stop()
        await self._kernels.close()
        await self._server.close_all_connections()
