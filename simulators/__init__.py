"""Other companies' systems, acted: one module and one WSGI application each, mounted under /simulators/<name> in development and never in
production. Their clients in `integrations/` speak real HTTP to them."""
