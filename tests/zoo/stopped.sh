# Stops itself, so that it handles no signal at all.
setsid sh -c "kill -STOP \$\$; sleep $1" &
setsid sleep "$1" &
echo ready
sleep "$1"
