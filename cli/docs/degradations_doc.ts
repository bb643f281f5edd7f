import { DEGRADATIONS } from '../../daemon/queue/degradations.ts';
import { table } from './table.ts';

/** docs/reference/DEGRADATIONS.md: what can be wrong while signals continue. */
export function renderDegradationsDoc(): string {
  const rows = Object.entries(DEGRADATIONS).map(([name, { means, next }]) => [`\`${name}\``, means, next]);
  return `# Degradations

Generated from \`daemon/queue/degradations.ts\` by \`npm run docs\`. Do not edit. A degradation shows in \`/healthz\` \`degradations\`, in mode DEGRADED of
every signal, and in \`minutehand status\`. Signals continue, and the mode recovers automatically.

${table(['degradation', 'meaning', 'what to do'], rows)}
`;
}
