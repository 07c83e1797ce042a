"""What strategies cost and bring, from figures by fold."""
