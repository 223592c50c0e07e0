# Left running on purpose, as people do.
nohup sleep "$1" >/dev/null 2>&1 &
echo ready
sleep "$1"
