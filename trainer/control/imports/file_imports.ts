import { rm, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import { VERDICTS, type Finding } from '../../../shared/bar_file/verdict/finding.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { jsonOrNull } from '../../../shared/json_or_null.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { originEnv } from '../../jobs/records/job_origin.ts';
import type { PriceKind } from '../../../shared/core/cost/fill_cost.ts';
import { startCommand, type CommandProcess } from '../schedule/command_process.ts';
import { temporaryFolderAsync } from '../../../shared/temporary_folder.ts';

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
  readonly text: string;
}

/** A file that is to be imported, as the only one of a folder. */
export interface ImportedFile extends FileReading {
  readonly folder: string;
  readonly name: string;
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

/** Previews and imports that wait or run. Each has its file in memory and on the disk. */
const MOST = 4;
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
 * `bars import`, of a preview with `--dry-run` on a temporary copy, in one child process at a time.
 */
export class FileImports {
  readonly #command: readonly string[];
  readonly #previewLimitMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #count = 0;
  #running: CommandProcess | null = null;
  #isStopped = false;

  /** @param command program and first arguments of the command line */
  constructor(command: readonly string[], previewLimitMs = PREVIEW_LIMIT_MS) {
    this.#command = command;
    this.#previewLimitMs = previewLimitMs;
  }

  /** @throws MinutehandError JOBS_TOO_MANY; NAME_UNSAFE; PREVIEW_TIMEOUT; INTERNAL where the command has no answer */
  preview(file: PreviewedFile): Promise<ImportPreview> {
    return this.#inTurn(() => this.#preview(file));
  }

  /**
   * Imports a file into the live market, or says what that would do.
   * @throws MinutehandError IMPORT_TIMEOUT; as `preview`
   */
  import(file: ImportedFile): Promise<ImportPreview> {
    return this.#inTurn(async () => {
      const { folder, name, price, isReplacing, by } = file;
      const path = pathInside(folder, name);
      const told = [
        ...optionsOf(file),
        ...(price === null ? [] : [`--price=${price}`]),
        ...(by === null ? ['--dry-run'] : []),
      ];
      const command = ['bars', isReplacing ? 'replace' : 'import', path, '--json', ...told];
      return named(await this.#ask(command, by), path, name);
    });
  }

  #inTurn(work: () => Promise<ImportPreview>): Promise<ImportPreview> {
    if (this.#count >= MOST)
      throw new MinutehandError('JOBS_TOO_MANY', { seen: `${this.#count} previews and imports` });
    this.#count++;
    const done = this.#last
      .then(() => {
        if (this.#isStopped) throw new MinutehandError('INTERNAL', { seen: 'the trainer ends' });
        return work();
      })
      .finally(() => this.#count--);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Ends the one that runs, and begins none that waits. */
  stop(): void {
    this.#isStopped = true;
    this.#running?.stop();
  }

  async #preview(file: PreviewedFile): Promise<ImportPreview> {
    const { name, text } = file;
    const folder = await temporaryFolderAsync('preview');
    try {
      const path = pathInside(folder, name);
      await writeFile(path, text, { mode: 0o600 });
      const told = optionsOf(file);
      return named(await this.#ask(['bars', 'import', path, '--dry-run', '--json', ...told], null), path, name);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** @param by who changes the store; null: nobody does */
  async #ask(args: readonly string[], by: string | null): Promise<ImportPreview> {
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
    try {
      const { answer, code, lastLine } = await command.ended;
      const read = answerSchema.safeParse(jsonOrNull(answer));
      if (read.success && !isLate) return read.data;
      if (isLate) {
        const timeout = by === null ? 'PREVIEW_TIMEOUT' : 'IMPORT_TIMEOUT';
        throw new MinutehandError(timeout, { seen: `it was ended after ${limitMs / 1000} s` });
      }
      const what = by === null ? 'preview' : 'import';
      throw new MinutehandError('INTERNAL', { seen: `the ${what} ended with ${code ?? 'a signal'}: ${lastLine}` });
    } finally {
      clearTimeout(timer);
      this.#running = null;
    }
  }
}
