import { EVENTS } from '../../trainer/store/schema/events.ts';
import { table } from './table.ts';

/** docs/reference/NOTIFICATIONS.md: the list of events. */
export function renderNotificationsDoc(): string {
  const rows = Object.entries(EVENTS).map(([name, { severity, title, command }]) => [
    `\`${name}\``,
    severity,
    title,
    command === '' ? '' : `\`${command}\``,
  ]);
  return `# Notifications

Generated from \`trainer/store/schema/events.ts\` by \`npm run docs\`. Do not edit.

${table(['event', 'severity', 'meaning', 'do'], rows)}
`;
}
