"""``help`` of the modules of ``dbutils``, from their docstrings."""

import inspect


class Helped:
    """A module whose ``help`` prints its calls."""

    def help(self, name: str = "") -> None:
        """Print what the calls do, or one of them."""
        for found in [name] if name else [item for item in dir(self) if not item.startswith("_")]:
            if callable(call := getattr(self, found)) and call.__doc__:
                print(f"{found}{inspect.signature(call)}: {call.__doc__.partition(chr(10))[0]}")
