# Ignores every polite signal, in both halves.
trap '' TERM INT HUP
setsid sh -c "trap '' TERM INT HUP; sleep $1; sleep $1" &
echo ready
sleep "$1"
sleep "$1"
