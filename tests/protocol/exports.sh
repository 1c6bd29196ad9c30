#!/bin/sh
# Fails where the shared library exports a name without its prefix: it would meet
# those of the program that links it.
set -eu
others=$(nm -D --defined-only "$1" | awk '$2 != "A" && $3 !~ /^heard_/ { print $3 }')
if [ -n "$others" ]; then
	echo "exported without the prefix heard_:" "$others"
	exit 1
fi
