import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { deniedPath, describeError, knownError, MinutehandError } from '../../shared/errors.ts';
import { INSTRUMENT_ID_SOURCE, PAIR_ID_SOURCE, SUBJECT_ID } from '../../shared/pair.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { verifyAnySignal, verifySignalOf } from '../../shared/signal/verify_instrument.ts';
import { expandPatterns } from '../file_patterns.ts';
import type { Output } from '../output.ts';

export function addSignal(program: Command, output: () => Output): void {
  const signal = program
    .command('signal')
    .description('docs/reference/PROTOCOL.md explains every field and the order of checks.');
  signal
    .command('verify')
    .argument(
      '<files...>',
      'signal.json or signals.json files, or .jsonl files with one signal per line; - is standard input',
    )
    .option('--fresh', 'refuse signals whose valid_until_ms has passed by this machine’s clock')
    .description(
      'checksum, fields, order, ranges, contradictions, and whether it is of the pair of its folder or key; exit code 1 if any signal is refused',
    )
    .action((files: string[], flags: { fresh?: boolean }) => verify(files, flags.fresh === true, output()));
}

interface SignalCheck {
  readonly file: string;
  readonly line: number;
  readonly ok: boolean;
  readonly pair_id: string | null;
  readonly error: { code: string; message: string; next: string } | null;
}

function verify(files: readonly string[], fresh: boolean, output: Output): void {
  const verdicts = expandPatterns(files).flatMap((file) => verifyFile(file, fresh));
  const refused = verdicts.filter(({ ok }) => !ok);
  const shown = verdicts.length > 50 ? refused.slice(0, 50) : verdicts;
  for (const { file, line, ok, pair_id, error } of shown)
    output.line(
      ok
        ? `ok       ${pair_id!.padEnd(16)} ${file}:${line}`
        : `REFUSED  ${file}:${line}  ${error!.code}: ${error!.message}`,
    );
  output.line(`${verdicts.length - refused.length} of ${verdicts.length} signals accepted`);
  output.result({ accepted: verdicts.length - refused.length, refused });
  if (refused.length > 0) process.exitCode = 1;
}

function verifyFile(file: string, fresh: boolean): SignalCheck[] {
  const lines = read(file)
    .split('\n')
    .flatMap((text, index) => signalsOf(text.trim()).map((signal) => ({ ...signal, line: index + 1 })));
  const folder = subjectOfFolder(file);
  if (lines.length === 0)
    return [
      {
        file,
        line: 1,
        ok: false,
        pair_id: null,
        error: describeError(new MinutehandError('SIGNAL_FORMAT', { seen: 'an empty file' })),
      },
    ];
  return lines.map(({ text, key, line }) => {
    try {
      const owner = key ?? folder;
      const nowMs = fresh ? Date.now() : undefined;
      const { pair_id } = owner === null ? verifyAnySignal(text, nowMs) : verifySignalOf(owner, text, nowMs);
      return { file, line, ok: true, pair_id, error: null };
    } catch (error) {
      if (!(error instanceof MinutehandError)) throw error;
      return { file, line, ok: false, pair_id: null, error: describeError(error) };
    }
  });
}

const SIGNAL_OF_PAIR = new RegExp(`[{,]"(${PAIR_ID_SOURCE}|${INSTRUMENT_ID_SOURCE})":(\\{[^{}]*\\})`, 'g');

interface FoundSignal {
  readonly text: string;
  /** In signals.json; null elsewhere. */
  readonly key: string | null;
}

/** The signals of one line, each one's text unchanged: none, one, or those of all pairs as in signals.json. */
function signalsOf(line: string): FoundSignal[] {
  if (line === '') return [];
  const entries = [...line.matchAll(SIGNAL_OF_PAIR)];
  const isAllPairs = entries.length > 0 && `${entries.map(([text]) => text).join('')}}` === line;
  return isAllPairs ? entries.map(([, key, signal]) => ({ text: signal!, key: key! })) : [{ text: line, key: null }];
}

/**
 * Whose signals a daemon writes to this path: the subject of `<subject>/signal.json`; null for any other. `BTCUSDT`
 * could be any folder: it is a subject where it is configured.
 */
function subjectOfFolder(file: string): string | null {
  const path = resolve(file);
  const folder = basename(dirname(path));
  if (basename(path) !== 'signal.json' || !SUBJECT_ID.test(folder)) return null;
  return /[_@]/.test(folder) || configuredInstruments().includes(folder) ? folder : null;
}

/** None where the configuration is faulty: signals of other installations are verified without one. */
function configuredInstruments(): readonly string[] {
  try {
    return loadSettings().minutehand.instruments;
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    if (deniedPath(cause) !== null) throw knownError(cause)!;
    throw new MinutehandError('DATA_MISSING', {
      seen: file,
      next: 'Is the daemon running, and is this the signals folder it printed at its start?',
      cause,
    });
  }
}
