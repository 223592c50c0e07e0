# A child that does nothing special.
sleep "$1" &
echo ready
wait
