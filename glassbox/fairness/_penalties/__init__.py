"""Tables that change under a dependence penalty."""
