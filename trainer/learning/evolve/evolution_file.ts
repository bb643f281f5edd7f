import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { replaceDurably } from '../../../shared/durable_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES, isThere } from '../../../shared/files.ts';
import type { EvolutionState } from './evolution.ts';
import { SEARCH_BLOCKS, type EvolveOptions } from './judge.ts';

const FORMAT = 'minutehand.evolve/1';

/** What a search depends on: another one must not continue from its generations. */
export function searchFingerprint({
  subject,
  space,
  windows,
  bars,
  holdoutFrom,
  seed,
}: Omit<EvolveOptions, 'onGeneration' | 'searches' | 'resamples'>): string {
  const { history, costs, id } = subject;
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ id, space: space.document, windows, bars, holdoutFrom, seed, costs }));
  for (const column of [history.time, history.openA, history.openB, history.lnA, history.lnB, history.beta])
    hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  // Values of conditions also depend on the rest of the bars, and on series.
  subject.evaluate(
    space.conditions.map(({ formula }) => formula),
    (_begin, _count, outputs) => {
      for (const values of outputs) hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    },
  );
  const novelty = subject.novelty();
  if (novelty !== null) {
    const { buffer, byteOffset, byteLength } = Float64Array.from(novelty.bars);
    hash.update(`novelty_min ${novelty.min}`).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/**
 * The searches that a file keeps; none where there is no file.
 * @throws MinutehandError SEARCH_JOURNAL for a file of another search
 */
export function readSearches(path: string, fingerprint: string): Record<string, EvolutionState> {
  if (!isThere(path)) return {};
  const refuse = (seen: string): MinutehandError =>
    new MinutehandError('SEARCH_JOURNAL', { seen: `${path}: ${seen}`, expected: 'the generations of this search' });
  let kept: { readonly format?: unknown; readonly fingerprint?: unknown; readonly searches?: unknown };
  try {
    kept = JSON.parse(readFileSync(path, 'utf8')) as typeof kept;
  } catch {
    throw refuse('it is no JSON');
  }
  if (kept.format !== FORMAT || kept.fingerprint !== fingerprint)
    throw refuse('other bars, costs, seed, period, space or build');
  const searches = kept.searches as Record<string, EvolutionState>;
  const isKnown = Object.keys(searches).every((blocks) => SEARCH_BLOCKS.includes(Number(blocks)));
  if (!isKnown) throw refuse('other blocks');
  return searches;
}

/** Replaced as a whole: a kill leaves the generation before. */
export function writeSearches(path: string, fingerprint: string, searches: Record<string, EvolutionState>): void {
  replaceDurably(MACHINE_FILES, path, `${JSON.stringify({ format: FORMAT, fingerprint, searches })}\n`);
}
