"""What a worker knows about a directory: configuration, agents, commands, skills, instructions, permission rules."""
