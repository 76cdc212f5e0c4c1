"""One module per area: load within the viewer's reach, form, rule, redirect."""
