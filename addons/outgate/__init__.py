"""outgate: the gate through which a workload's traffic leaves.

Owns nothing but the version. Importing it loads no other module of the package, so a command pays for what it uses.
"""

__version__ = "0.1.0"
