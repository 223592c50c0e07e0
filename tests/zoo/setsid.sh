# Leaves the process group and the session.
setsid sleep "$1" &
echo ready
sleep "$1"
