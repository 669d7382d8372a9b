"""What `mitmdump -s` and `mitmweb -s` load: it hands their process to outgate. There is no logic here."""

from outgate.embedded import Embedded
from outgate.proxy.takeover import TakeOver

addons = [TakeOver(Embedded)]
