"""How coefficients are found without networks."""
