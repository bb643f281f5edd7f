import { appendFileSync, readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { MinutehandError } from '../errors.ts';
import { replaceLines } from '../line_file.ts';
import { maskSecretsIn } from '../secrets.ts';
import type { Settings } from './policy.ts';

/** Values by part (`core`, `retrain` …) and key. */
export type ConfigValues = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * The values of a configuration without the addresses of transports, which do not affect signals, and without secrets.
 */
export function configValues({ core, retrain, signals, minutehand }: Settings): ConfigValues {
  const { transports: _transports, ...rest } = minutehand;
  return maskSecretsIn({ core: { ...core }, retrain: { ...retrain }, signals: { ...signals }, minutehand: rest });
}

/** User of a program, and the reason of its configuration. */
export interface ConfigAuthor {
  /** user@machine */
  readonly changed_by: string;
  /** `trainer`, or `daemon` and its shard. */
  readonly program: string;
  /** MINUTEHAND_CHANGE_REASON; null when it is not set. */
  readonly reason: string | null;
}

export function configAuthor(program: string, env: NodeJS.ProcessEnv): ConfigAuthor {
  return { changed_by: `${userName(env)}@${hostname()}`, program, reason: env['MINUTEHAND_CHANGE_REASON'] || null };
}

/** Behind sudo: who has called it. A user id without a name is shown as it is. */
function userName(env: NodeJS.ProcessEnv): string {
  const caller = env['SUDO_USER'];
  if (caller !== undefined && caller !== '') return caller;
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** A start of a daemon with another configuration than before; one line of `config_<shard>.jsonl`. */
export interface ConfigStart extends ConfigAuthor {
  readonly at_ms: number;
  readonly policy_hash: string;
  readonly values: ConfigValues;
}

/** A file with as many lines keeps the newer half: some ten kilobytes each. */
export const MAX_CONFIG_STARTS = 200;

/** The lines of a file. */
export interface ConfigStarts {
  /** Number of older lines that are no longer in it. */
  readonly dropped: number;
  /** Oldest first. */
  readonly starts: readonly ConfigStart[];
}

/**
 * Appends the configuration that a daemon starts with to its file when it, or its hash, is another than that of the
 * last line. The trainer copies what it finds there into `audit.config_changes`.
 * @throws what the file system throws
 */
export function noteConfigStart(path: string, start: ConfigStart): void {
  const { dropped, starts } = readConfigStarts(path);
  const last = starts.at(-1);
  const known = JSON.stringify([last?.policy_hash, last?.values]);
  if (known === JSON.stringify([start.policy_hash, start.values])) return;
  if (starts.length < MAX_CONFIG_STARTS) {
    // The line before may have been cut off.
    appendFileSync(path, `\n${JSON.stringify(start)}\n`, { mode: 0o600 });
    return;
  }
  const kept = [...starts.slice(-MAX_CONFIG_STARTS / 2), start];
  const lines = [{ dropped: dropped + starts.length + 1 - kept.length }, ...kept];
  replaceLines(
    path,
    lines.map((line) => JSON.stringify(line)),
  );
}

/** Such a file; no lines when it is not there. A line that was cut off is left out. */
export function readConfigStarts(path: string): ConfigStarts {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { dropped: 0, starts: [] };
    throw new MinutehandError('HOME_UNUSABLE', { seen: `${path}: ${(cause as Error).message}`, cause });
  }
  let dropped = 0;
  const starts: ConfigStart[] = [];
  for (const line of text.split('\n')) {
    const parsed = parseLine(line);
    if (parsed === null) continue;
    if ('dropped' in parsed) dropped = parsed.dropped;
    else starts.push(parsed);
  }
  return { dropped, starts };
}

function parseLine(line: string): ConfigStart | { readonly dropped: number } | null {
  try {
    return JSON.parse(line) as ConfigStart | { readonly dropped: number };
  } catch {
    return null;
  }
}
