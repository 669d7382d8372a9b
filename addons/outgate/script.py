"""What mitmdump and mitmweb load as their script: the take-over, and what it makes of them. There is no logic here."""

from __future__ import annotations

from outgate.embedded import Embedded
from outgate.playback import Playback
from outgate.proxy.takeover import TakeOver

addons = [TakeOver(Embedded, Playback)]
