"""What `mitmdump -s` and `mitmweb -s` load in a checkout: outgate, which lies beside it. There is no logic here."""

from outgate.script import addons

__all__ = ["addons"]
