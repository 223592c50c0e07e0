# Ends at once and leaves somebody who keeps its output open.
setsid sleep "$1" &
echo ready
