#!/bin/sh
# Command line of the installed services, for root: uses their configuration and data, and runs as their user.
[ "$1" = service ] && exec /usr/bin/node /opt/minutehand/dist/cli/minutehand.js "$@"
# Who has become root: audit and the rule of two persons name him, not the user of the services.
person=${SUDO_USER:-$(logname 2>/dev/null || id -un)}
exec systemd-run --quiet --collect --wait --pipe --uid=minutehand --gid=minutehand \
  --working-directory=/var/lib/minutehand --property=UMask=0027 \
  --property=EnvironmentFile=-/etc/minutehand/minutehand.env \
  --setenv=MINUTEHAND_CONFIG=/etc/minutehand \
  --setenv=MINUTEHAND_HOME=/var/lib/minutehand \
  --setenv=MINUTEHAND_LOG=/var/log/minutehand \
  --setenv=MINUTEHAND_ACTOR="$person" \
  -- /usr/bin/node /opt/minutehand/dist/cli/minutehand.js "$@"
