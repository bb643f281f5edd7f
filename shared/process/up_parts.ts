import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { renameFile } from '../durable_file.ts';
import type { HomePaths } from '../home.ts';
import { isTaken } from './process_state.ts';

const partSchema = z.object({
  /** `daemon`, `daemon b`, `trainer`, `paper`. */
  name: z.string(),
  /** Name of the folder of a paper account; null for another part. */
  account: z.string().nullable(),
  /** How it ended, until it is ready again; null while it runs or starts for the first time. */
  ended: z.string().nullable(),
  /** Of its first end since it was ready, ISO 8601. */
  since: z.string().nullable(),
});

/** A process that `minutehand up` keeps running. */
export type UpPart = z.infer<typeof partSchema>;

/** Reports what an `up` keeps running to other processes. A home that cannot be written reports nothing. */
export function tellParts(paths: HomePaths, parts: readonly UpPart[]): void {
  const path = paths.address('up');
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify(parts)}\n`, { mode: 0o600 });
    renameFile(temporary, path);
  } catch {
    rmSync(temporary, { force: true });
  }
}

/** What the `up` of this home keeps running; none where none runs. */
export function upParts(paths: HomePaths): readonly UpPart[] {
  if (isTaken(paths.lock('up')) === false) return [];
  try {
    return z.array(partSchema).parse(JSON.parse(readFileSync(paths.address('up'), 'utf8')));
  } catch {
    return [];
  }
}
