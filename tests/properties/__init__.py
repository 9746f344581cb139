"""What must hold whatever happens: a state machine over run and journal, fault points, lanes and races."""
