"""Who calls what, as a picture: SVG, a page, a graph for graphviz, data.

Knows edges that were counted. Where they come from is the command's; nothing here reads or writes.
"""
