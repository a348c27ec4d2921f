"""Requests of web pages and of clients, for each service that checks Host and Origin."""

from contract.hosts import SERVICES

PAGE = "https://evil.example"
ALLOWED = ".dev.example"
"""The value of ALLOWED_HOSTS in these tests."""

Headers = dict[str, str]


def refused(port: int) -> list[Headers]:
    """Headers of requests that no service on ``port`` accepts with a method that changes."""
    here = f"127.0.0.1:{port}"
    return [
        *({"Host": host} for host in FOREIGN_HOSTS),
        *(
            {"Host": here, "Origin": origin}
            for origin in (
                PAGE,
                "null",
                "",
                f"http://127.0.0.1:{port + 1}",
                f"http://localhost:{port}",
                f"http://{here}.evil.example",
                "http://127.0.0.1",
                "https://dev.example.evil.example",
            )
        ),
        {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"},
        {"Host": here, "Sec-Fetch-Site": "cross-site"},
    ]


FOREIGN_HOSTS = ("evil.example", "127.0.0.1.evil.example", "localhost.evil", "", "a b", "[::1", "x")
"""Names that may be those of a web page; a GET with them is refused as well."""


def accepted(port: int) -> list[Headers]:
    """Headers of requests that a service on ``port`` accepts."""
    here = f"127.0.0.1:{port}"
    return [
        {"Host": here},
        {"Host": "127.0.0.1", "Origin": "http://127.0.0.1"},
        *({"Host": f"{name}:{port}"} for name in ("LOCALHOST", "a.localhost", "[::1]", "10.0.0.7")),
        *({"Host": f"{name}:1"} for name in SERVICES),
        *({"Host": name} for name in ("dev.example", "a.b.dev.example", "dev.example.")),
        {"Host": here, "Origin": f"http://{here}"},
        {"Host": here, "Origin": "https://8082.dev.example"},
        {"Host": "8082.dev.example", "Origin": "https://8082.dev.example"},
        {"Host": here, "Sec-Fetch-Site": "same-origin"},
        {"Host": here, "Sec-Fetch-Site": "none"},
    ]
