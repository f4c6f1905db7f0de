"""The one door to every model: `ask`, the store that remembers, the ceilings, and the backends behind it."""
