"""Documents in, decisions out. Pure: no sockets, no clocks of its own, no mitmproxy, nothing imported from above."""
