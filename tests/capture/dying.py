"""The process that redacts, which is killed by some exchanges: by those whose path has `kills` in it."""

import os
import signal
import sys

from outgate.capture import process, redacting


def keyed(master, vaults, made=redacting.keyed):
    def redactors(keeping, capture):
        redact = made(master, vaults)(keeping, capture)

        def dying(exchange):
            if "kills" in exchange.id:
                os.kill(os.getpid(), signal.SIGKILL)
            return redact(exchange)

        return dying

    return redactors


if __name__ == "__main__":
    redacting.keyed = keyed
    process.main(sys.argv[1:])
