"""What may happen, one module per area. Rules know tables, never a request, a form, a template or the network."""
