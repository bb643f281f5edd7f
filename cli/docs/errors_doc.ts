import { ERRORS } from '../../shared/errors.ts';
import { table } from './table.ts';

/** docs/reference/ERRORS.md: the table of codes. */
export function renderErrorsDoc(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, message, next }]) => [
    `\`${code}\``,
    String(status),
    message,
    next,
  ]);
  return `# Error codes

Generated from \`shared/errors.ts\` by \`npm run docs\`. Do not edit. API answers, CLI messages, logs and
\`minutehand_bars_total{outcome}\` use the same codes.

${table(['code', 'HTTP status', 'what is wrong', 'what to do'], rows)}
`;
}
