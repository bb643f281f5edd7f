import { changedFigures } from '../../../shared/policy/differences.ts';
import { maskSecretsIn } from '../../../shared/secrets.ts';
import type { Changes } from './config_proposal.ts';

/**
 * Texts about a change for commits and pull requests. Reason and names come from outside: they must not be able to add
 * a trailer such as `Approved-by:`, notify a person (`@name`), close an issue (`fixes #1`), run a command of the host
 * (`/approve`) or move a terminal's cursor.
 */

const SUBJECT_LENGTH = 100;
/** Breaks `@name`, `#1` and `!1` without a visible difference. */
const ZERO_WIDTH_SPACE = '\u200b';
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// oxlint-disable-next-line no-control-regex
const LINE_BREAKS = /\r\n?|[\u000b\u000c\u0085\u2028\u2029]/g;

export interface DescribedChange {
  readonly id: number;
  readonly changes: Changes;
  readonly before: Changes;
  readonly reason: string;
  readonly by: string;
}

/** Message of a proposed change's commit, and the text of its pull request. */
export function proposalMessage(change: DescribedChange): string {
  const { id, changes, before, reason, by } = maskSecretsIn(change);
  const textOf = (value: unknown): string => inert(JSON.stringify(value) ?? 'nothing');
  const lines = changedFigures({ changes, before }).map(
    (one) => `${inert(one.key)}: ${textOf(one.before)} -> ${textOf(one.after)}`,
  );
  const parts = [
    subject(reason),
    ...quoted(reason),
    lines.join('\n'),
    trailers({ Change: String(id), 'Proposed-by': by }),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Message of the commit that merges an approved change. */
export function mergeMessage(
  change: Pick<DescribedChange, 'id' | 'reason' | 'by'> & { readonly approver: string },
): string {
  const { id, reason, by, approver } = maskSecretsIn(change);
  const parts = [changeTitle(id, reason), ...quoted(reason), trailers({ 'Proposed-by': by, 'Approved-by': approver })];
  return `${parts.join('\n\n')}\n`;
}

/** `Change 7: wider stop` */
export function changeTitle(id: number, reason: string): string {
  return `Change ${id}: ${subject(maskSecretsIn(reason))}`;
}

function subject(reason: string): string {
  const first = oneLine(linesOf(reason).find((line) => line.trim() !== '') ?? 'no reason');
  return first.length <= SUBJECT_LENGTH ? first : `${first.slice(0, SUBJECT_LENGTH)}…`;
}

/** A reason of several lines, or of a long one, as a quotation: no line of it begins with what hosts act on. */
function quoted(reason: string): string[] {
  const lines = linesOf(reason);
  if (lines.length === 1 && reason.length <= SUBJECT_LENGTH) return [];
  return [lines.map((line) => `> ${inert(line)}`.trimEnd()).join('\n')];
}

function trailers(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${oneLine(value)}`)
    .join('\n');
}

function linesOf(text: string): string[] {
  return text.replace(LINE_BREAKS, '\n').trim().split('\n');
}

function oneLine(text: string): string {
  return inert(linesOf(text).join(' ')).trim();
}

function inert(text: string): string {
  return text
    .replace(CONTROLS, '\ufffd')
    .replace(/([@#!])(?=[\w[])/g, `$1${ZERO_WIDTH_SPACE}`)
    .replace(/^([/~])/, `${ZERO_WIDTH_SPACE}$1`);
}
