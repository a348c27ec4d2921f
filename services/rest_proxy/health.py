"""Exits 0 when the proxy reports that it reaches its broker, else 1 with the reason."""

import sys

from contract.health import check

if __name__ == "__main__":
    sys.exit(check("REST proxy", lambda settings: settings.rest_proxy_listen))
