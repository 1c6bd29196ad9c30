#!/bin/sh
# Run by `hear --exec` for each command of lights.grammar. Replace mosquitto_pub with whatever
# switches your lights.
set -eu

switch() {
	mosquitto_pub -h localhost -t "home/$1/light" -m "$HEARD_SLOT_STATE"
}

case $HEARD_RULE in
light) switch "$(printf %s "$HEARD_SLOT_ROOM" | tr ' ' -)" ;;
all) for room in kitchen bath-room bed-room hall; do switch "$room"; done ;;
esac
