import { ERRORS } from '../../shared/errors.ts';

/** docs/ERRORS.md: the table of codes. */
export function renderErrorsDoc(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, message, next }]) => `| \`${code}\` | ${status} | ${message} | ${next} |`,
  );
  return `# Error codes

Generated from \`shared/errors.ts\` by \`minutehand docs\`. Do not edit. The same codes stand in API answers, CLI messages, logs and
\`minutehand_bars_total{outcome}\`.

| code | HTTP status | what is wrong | what to do |
|---|---|---|---|
${rows.join('\n')}
`;
}
