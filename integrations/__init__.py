"""Everything that speaks to the outside world: one module or folder per outside system, plain dataclasses in and out."""
