"""Open Service Mesh and osm-edge, as one front-end."""
