#!/bin/sh
# Command line of the installed services, for root: uses their configuration and data, and runs as their user.
[ "$1" = service ] && exec /usr/bin/node /opt/minutehand/dist/cli/minutehand.js "$@"
exec systemd-run --quiet --collect --wait --pipe --uid=minutehand --gid=minutehand \
  --working-directory=/var/lib/minutehand --property=UMask=0027 \
  --property=EnvironmentFile=-/etc/minutehand/minutehand.env \
  --setenv=MINUTEHAND_CONFIG=/etc/minutehand \
  --setenv=MINUTEHAND_HOME=/var/lib/minutehand \
  --setenv=MINUTEHAND_LOG=/var/log/minutehand \
  -- /usr/bin/node /opt/minutehand/dist/cli/minutehand.js "$@"
