import { DEGRADATIONS } from '../../daemon/queue/degradations.ts';
import { DEPENDENCIES } from '../../shared/dependencies/table.ts';
import { table } from './table.ts';

/** docs/reference/DEGRADATIONS.md: what can be wrong while signals continue. */
export function renderDegradationsDoc(): string {
  const rows = Object.entries(DEGRADATIONS).map(([name, { means, next }]) => [`\`${name}\``, means, next]);
  const checked = Object.entries(DEPENDENCIES).map(([name, { what, check, codes, by }]) => [
    `\`${name}\``,
    what,
    check,
    codes.map((code) => `\`${code}\``).join(', '),
    by.join(', '),
  ]);
  return `# Degradations

Generated from \`daemon/queue/degradations.ts\` by \`npm run docs\`. Do not edit. A degradation shows in \`/healthz\` \`degradations\`, in mode DEGRADED of
every signal, and in \`minutehand status\`. Signals continue, and the mode recovers automatically.

${table(['degradation', 'meaning', 'what to do'], rows)}

## Dependencies

Generated from \`shared/dependencies/table.ts\`. Everything that a process needs while it runs is checked every ten seconds. A failure
shows within a minute in \`minutehand status\` (exit code 1), in \`/healthz\` \`dependencies\`, as
\`minutehand_dependency_up{dependency="…"} 0\` in \`/metrics\` and as a notification. Of a daemon it is a degradation too.

${table(['dependency', 'what', 'check', 'codes', 'checked by'], checked)}
`;
}
