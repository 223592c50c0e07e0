# A daemon by the book, without its environment.
(setsid env -i /bin/sh -c "(exec setsid /bin/sleep $1) & exit" &)
echo ready
sleep "$1"
