"""Checks that the template is deployed and that its REST API reaches its streams (hop 3).

Exits with 0, or with 1 and one line on stderr. Standard library only: the check runs each second
while LocalStack starts.
"""

import json
import sys
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from contract import names
from contract.settings import Settings
from contract.wire import API_KEY

TIMEOUT = 5


def problem(settings: Settings) -> str | None:
    """Return why LocalStack is unhealthy, or None if it is healthy."""
    base = f"http://127.0.0.1:{settings.gateway_listen[1]}"
    try:
        scripts = _get(f"{base}/_localstack/init/ready")
        failed = [script["name"] for script in scripts["scripts"] if script["state"] == "ERROR"]
        if failed:
            return f"{', '.join(failed)} failed: see LocalStack's log"
        if not scripts["completed"]:
            return "template.yaml is being deployed"
        api = f"{base}/_aws/execute-api/{names.rest_api_id(settings.user_id)}/{settings.stage_name}"
        streams = _get(f"{api}/streams", settings.gateway_api_key)["StreamNames"]
    except HTTPError as error:
        return f"{error.url} answers {error.code} {error.reason}: {error.read(500).decode()}"
    except (OSError, HTTPException) as error:
        return f"LocalStack does not answer on {base}: {error}"
    missing = sorted(set(settings.streams).difference(streams))
    return f"no stream {', '.join(missing)}" if missing else None


def _get(url: str, key: str = "") -> Any:
    request = Request(url, headers={API_KEY: key} if key else {})
    with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT) as response:
        return json.load(response)


if __name__ == "__main__":
    reason = problem(Settings.from_environ())
    if reason:
        sys.exit(f"localstack: {reason}")
