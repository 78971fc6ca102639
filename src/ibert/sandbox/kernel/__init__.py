"""What the operating system does to confine a process; every wall is for good, and inherited."""
