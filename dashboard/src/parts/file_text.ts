/** Characters of a file that are looked at before its import. */
const MOST = 8_000_000;

/** The first whole lines of a text: a line that is cut would be shown as a malformed bar. */
export function firstLines(text: string, most = MOST): string {
  if (text.length <= most) return text;
  const end = text.lastIndexOf('\n', most - 1);
  return end === -1 ? text.slice(0, most) : text.slice(0, end + 1);
}

/** Whether it is the content of a compressed or another binary file. */
export function looksDamaged(text: string): boolean {
  return text.includes('\0');
}
