import { mkdtemp, rm } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { VERDICTS, type Finding } from '../../../shared/bar_file/verdict/finding.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { makePrivateFolder } from '../../../shared/private_files.ts';
import { InTurn } from '../../../shared/in_turn.ts';
import { jsonOrNull } from '../../../shared/json_or_null.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { originEnv } from '../../jobs/records/job_origin.ts';
import type { PriceKind } from '../../../shared/core/cost/fill_cost.ts';
import { startCommand, type CommandProcess } from '../schedule/command_process.ts';

/** How a file is read; null: as it shows. */
export interface FileReading {
  /** Where the name and the content do not tell it. */
  readonly symbol: string | null;
  /** Clock of the stamps, such as `+02:00/US`; null: inferred. */
  readonly timezone: string | null;
  /** Clock of stamps that claim to be UTC, such as epoch seconds; null: UTC. */
  readonly epochTimezone: string | null;
  /** As the options of `bars import` of the same names; null: as the file shows. */
  readonly decimal: 'point' | 'comma' | null;
  readonly dateOrder: 'dmy' | 'mdy' | 'ymd' | null;
  readonly stamp: 'open' | 'close' | null;
  readonly spread: 'points' | 'price' | null;
}

export interface PreviewedFile extends FileReading {
  /** Of the file, without a folder: symbol and timeframe may be inferred from it. */
  readonly name: string;
  /** Writes the file; called once there is a place for it. */
  write(path: string): Promise<void>;
}

/** A file that is to be imported. */
export interface ImportedFile extends PreviewedFile {
  readonly price: PriceKind | null;
  /** Bars of other numbers take the place of stored ones. */
  readonly isReplacing: boolean;
  /** Who imports it; null: nothing is stored. */
  readonly by: string | null;
}

/** The options of `bars import` that say how a file is read. */
function optionsOf({ symbol, timezone, epochTimezone, decimal, dateOrder, stamp, spread }: FileReading): string[] {
  const given = { symbol, timezone, 'epoch-timezone': epochTimezone, decimal, 'date-order': dateOrder, stamp, spread };
  return Object.entries(given).flatMap(([name, value]) => (value === null ? [] : [`--${name}=${value}`]));
}

const finding = z.object({
  code: z.custom<Finding['code']>((code) => code !== 'OK' && VERDICTS.some((known) => known === code)),
  by: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.number()])),
});

/** What is read of the answer of `bars import --dry-run --json`. */
const answerSchema = z.union([
  z.object({ error: z.object({ code: z.string(), message: z.string(), next: z.string() }) }),
  z.object({
    symbols: z.array(
      z.object({
        symbol: z.string(),
        verdict: z.object({ verdict: z.enum(VERDICTS), findings: z.array(finding) }),
        imported: z.boolean(),
        read: z.number(),
        added: z.number(),
        duplicates: z.number(),
        conflicts: z.number(),
        replaced: z.number().default(0),
        rejected_count: z.number(),
        rejected: z.array(z.object({ line: z.number(), code: z.string(), seen: z.string() })),
        sources: z
          .array(
            z.object({
              layout: z.string(),
              symbol_by: z.string(),
              timeframe: z.string(),
              timeframe_by: z.string().nullable(),
              timezone: z.string().nullable(),
              checked: z.boolean(),
              price_range: z.tuple([z.number(), z.number()]).nullable(),
              read_by: z.array(z.string()),
            }),
          )
          .min(1),
      }),
    ),
    near_symbols: z.record(z.string(), z.array(z.string())),
    import_number: z.number().nullable().default(null),
    models: z.array(z.string()).default([]),
    series: z.array(
      z.object({
        symbol: z.string(),
        name: z.string(),
        read: z.number(),
        added: z.number(),
        rejected_count: z.number(),
      }),
    ),
  }),
]);

export type ImportPreview = z.infer<typeof answerSchema>;

/** Files that are received, wait or are read. Each is on the disk. */
export const MOST_FILES = 4;
const PREVIEW_LIMIT_MS = 120_000;
/** Of an import, which stores years of bars. */
const IMPORT_LIMIT_MS = 600_000;
const MAX_ANSWER = 4_000_000;

/** An error names the file of the person, not the temporary copy of it. */
function named(answer: ImportPreview, path: string, name: string): ImportPreview {
  if (!('error' in answer)) return answer;
  const { code, message, next } = answer.error;
  return { error: { code, message: message.replaceAll(path, name), next: next.replaceAll(path, name) } };
}

/**
 * Imports of files of a person into the live market, to which files of bars belong, and previews of such: runs
 * `bars import`, of a preview with `--dry-run`, on a copy of the file, in one child process at a time. The copy is
 * removed at every end.
 */
export class FileImports {
  readonly #command: readonly string[];
  readonly #folder: string;
  readonly #previewLimitMs: number;
  readonly #turns = new InTurn({
    most: MOST_FILES,
    what: 'previews and imports',
    full: (seen) => new MinutehandError('JOBS_TOO_MANY', { seen }),
  });
  #running: CommandProcess | null = null;
  #isStopped = false;

  /**
   * @param command program and first arguments of the command line
   * @param folder of the copies, of which this is the only user
   */
  constructor(command: readonly string[], folder: string, previewLimitMs = PREVIEW_LIMIT_MS) {
    this.#command = command;
    this.#folder = folder;
    this.#previewLimitMs = previewLimitMs;
    rmSync(folder, { recursive: true, force: true });
  }

  /**
   * @param left aborted when nobody waits for the answer: the preview ends then
   * @throws MinutehandError JOBS_TOO_MANY; NAME_UNSAFE; PREVIEW_TIMEOUT; INTERNAL where the command has no answer; the
   * error of `write`; the reason of `left`
   */
  preview(file: PreviewedFile, left: AbortSignal): Promise<ImportPreview> {
    return this.#withCopy(file, left, (path) => ['bars', 'import', path, '--dry-run'], null);
  }

  /**
   * Imports a file into the live market, or says what that would do.
   * @param left as of `preview`; an import that has begun goes on
   * @throws MinutehandError IMPORT_TIMEOUT; as `preview`
   */
  import(file: ImportedFile, left: AbortSignal): Promise<ImportPreview> {
    const { price, isReplacing, by } = file;
    const commandOf = (path: string): readonly string[] => [
      ...['bars', isReplacing ? 'replace' : 'import', path],
      ...(price === null ? [] : [`--price=${price}`]),
      ...(by === null ? ['--dry-run'] : []),
    ];
    return this.#withCopy(file, left, commandOf, by);
  }

  /** Ends the one that runs, and begins none that waits. */
  stop(): void {
    this.#isStopped = true;
    this.#running?.stop();
  }

  async #withCopy(
    file: PreviewedFile,
    left: AbortSignal,
    commandOf: (path: string) => readonly string[],
    by: string | null,
  ): Promise<ImportPreview> {
    const { name } = file;
    pathInside(this.#folder, name);
    const place = this.#turns.enter();
    let folder: string | null = null;
    try {
      makePrivateFolder(this.#folder);
      folder = await mkdtemp(join(this.#folder, 'file-'));
      const path = pathInside(folder, name);
      await file.write(path);
      const command = [...commandOf(path), '--json', ...optionsOf(file)];
      return named(await place.run(() => this.#ask(command, by, left), left), path, name);
    } finally {
      if (folder !== null) await rm(folder, { recursive: true, force: true });
      place.leave();
    }
  }

  /** @param by who changes the store; null: nobody does */
  async #ask(args: readonly string[], by: string | null, left: AbortSignal): Promise<ImportPreview> {
    if (this.#isStopped) throw new MinutehandError('INTERNAL', { seen: 'the trainer ends' });
    const limitMs = by === null ? this.#previewLimitMs : IMPORT_LIMIT_MS;
    const command = startCommand({
      command: [...this.#command, ...args],
      env: originEnv({ requested_by: by ?? 'trainer', reader_pid: process.pid }),
      maxAnswer: MAX_ANSWER,
      // A person waits for a second of work, as at a terminal.
      yields: false,
      onProgress: () => undefined,
    });
    this.#running = command;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      command.stop();
    }, limitMs);
    const onLeft = (): void => command.stop();
    if (by === null) left.addEventListener('abort', onLeft, { once: true });
    try {
      const { answer, code, lastLine } = await command.ended;
      const read = answerSchema.safeParse(jsonOrNull(answer));
      if (read.success && !isLate) return read.data;
      if (isLate) {
        const timeout = by === null ? 'PREVIEW_TIMEOUT' : 'IMPORT_TIMEOUT';
        throw new MinutehandError(timeout, { seen: `it was ended after ${limitMs / 1000} s` });
      }
      if (by === null) left.throwIfAborted();
      const what = by === null ? 'preview' : 'import';
      throw new MinutehandError('INTERNAL', { seen: `the ${what} ended with ${code ?? 'a signal'}: ${lastLine}` });
    } finally {
      clearTimeout(timer);
      left.removeEventListener('abort', onLeft);
      this.#running = null;
    }
  }
}
