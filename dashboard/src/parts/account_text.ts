import { codeText } from '../text/text.ts';

/** `paper · simulated_paper`: the kind of an account in the reader's language, and whose it is. */
export function accountText(kind: string, accountId: string): string {
  const program = accountId.startsWith(`${kind}/`) ? accountId.slice(kind.length + 1) : accountId;
  return `${codeText('fill.account', kind)} · ${program}`;
}
