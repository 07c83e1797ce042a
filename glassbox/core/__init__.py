"""What a glass box is: axes, terms, the additive model, and what can be said of it."""
