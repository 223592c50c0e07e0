"""A project's MCP servers: started or reached by its worker, shared by its sessions.

Only ``sdk`` and what it lists import the SDK, which is large: a project without servers never loads it."""
