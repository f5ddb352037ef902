"""What operators and their tools are told."""
