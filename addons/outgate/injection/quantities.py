"""How Kubernetes writes amounts of a resource. Owns the pattern; compares nothing."""

from __future__ import annotations

import re

QUANTITY = re.compile(r"[0-9]{1,18}(\.[0-9]{1,9})?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][0-9]{1,2})?", re.ASCII)
