import { MinutehandError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { maskSecretsIn } from '../secrets.ts';

/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  readonly code: Extract<
    ErrorCode,
    'CONFIG_UNAPPROVED' | 'FILE_DENIED' | 'CONFIG_MISSING' | 'CONFIG_SYNTAX' | 'CONFIG_UNKNOWN_KEY' | 'CONFIG_INVALID'
  >;
  /** `<file>:<line>:<column>`, `<file>`, or `environment variable <NAME>`. */
  readonly where: string;
  /** The full path of the key, e.g. `decision.z_entry`; empty when the whole file is meant. */
  readonly key: string;
  /** The value found and the expected one, e.g. `-1, expected a number above 0`. */
  readonly text: string;
}

/** `pairs[2]`, `theta_search_range.value.theta1[0]` */
export function keyText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}

const MAX_VALUE = 60;

/** A value as the user would write it, cut when it is long, without the name and password an address can hold. */
export function valueText(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = withoutUserInfo(JSON.stringify(maskSecretsIn(value)) ?? 'nothing');
  return text.length <= MAX_VALUE ? text : `${text.slice(0, MAX_VALUE)}…`;
}

/** What stands before an at sign, up to a blank, slash or quote, becomes `…`. */
function withoutUserInfo(text: string): string {
  const parts = text.split('@');
  const masked = parts.map((part, index) => {
    if (index === parts.length - 1) return part;
    const from = Math.max(...[' ', '\t', '\n', '/', '"'].map((end) => part.lastIndexOf(end))) + 1;
    return from === part.length ? part : `${part.slice(0, from)}…`;
  });
  return masked.join('@');
}

/** `config/minutehand.yaml:61:3: decision.z_entry is -1, expected a number above 0` */
export function problemText(problem: ConfigProblem): string {
  return [problem.where, ': ', problem.key, problem.key === '' ? '' : ' ', problem.text].join('');
}

/** With several problems, the error carries the code of the first of these. */
const SEVEREST_FIRST = [
  'CONFIG_UNAPPROVED',
  'FILE_DENIED',
  'CONFIG_MISSING',
  'CONFIG_SYNTAX',
  'CONFIG_UNKNOWN_KEY',
  'CONFIG_INVALID',
] as const;

/** All problems as one error, so that a configuration is corrected in one go. Needs at least one problem. */
export function problemsError(problems: readonly ConfigProblem[]): MinutehandError {
  const code = SEVEREST_FIRST.find((one) => problems.some((problem) => problem.code === one)) ?? 'CONFIG_INVALID';
  const texts = problems.map(problemText);
  const seen = texts.length === 1 ? texts[0]! : `${texts.length} problems:\n  - ${texts.join('\n  - ')}`;
  return new MinutehandError(code, { seen });
}
