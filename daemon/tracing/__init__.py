"""What happens in sessions, as traces for OpenTelemetry: session, turn, model and tool call. Off unless configured."""
