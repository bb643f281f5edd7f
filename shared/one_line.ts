// oxlint-disable-next-line no-control-regex
const BREAKS = /[\n\r\u000b\u000c\u0085\u2028\u2029]/;

/**
 * A text of a person as part of a row, such as a reason, a name or an error of another program: without line breaks,
 * which could start a forged row.
 */
export function oneLine(text: string): string {
  return text
    .split(BREAKS)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
}
