import type { Command } from 'commander';
import { readActive } from '../../shared/bundle/bundle.ts';
import { ALL_PAIRS, haltedPairs, readHalts, resume, type Halt } from '../../shared/bundle/halts.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { knownSubject } from '../../shared/policy/known_subject.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import type { Output } from '../output.ts';
import { whenUnlocked } from '../../shared/process/home_lock.ts';

/** Argument that means every pair. */
const ALL = 'all';

export function addModelsResume(models: Command, output: () => Output): void {
  models
    .command('resume')
    .argument('<pair>', 'such as XAUUSD_XAGUSD, or `all`')
    .description(
      'lifts the halt of a pair, or all, by a live KPI under the active version; trades up to now do not halt it again',
    )
    .action((pair: string) => resumePair(pair, output()));
}

async function resumePair(named: string, output: Output): Promise<void> {
  const { models } = homePaths();
  const settings = loadSettings();
  const isAll = named === ALL;
  const pair = isAll ? named : knownSubject(named, settings.minutehand.pairs, symbolNames(settings), 'pair');
  const version = readActive(models)?.version ?? null;
  const lifted = await whenUnlocked(() => resume(models, isAll ? ALL_PAIRS : pair, new Date()));
  const still = haltedPairs(readHalts(models).halts, version)(pair);
  if (still !== null)
    throw new MinutehandError('USAGE', {
      seen: `${pair} stays halted, for all pairs are: ${haltText(still)}`,
      next: 'Lift that with `minutehand models resume all`.',
    });
  output.written({ target: pair, before: lifted, after: { version } });
  for (const halt of lifted) output.line(`Lifted: ${haltText(halt)}`);
  output.line(
    lifted.length === 0
      ? `halts.json names no halt ${isAll ? '' : `of ${pair} `}under models ${version}; one that a daemon still has is lifted.`
      : 'A running daemon enters again from the next bar on; the figures that halted it are not counted again.',
  );
  output.result({ models, version, pair, lifted });
}

/** A halt as text for people. */
export function haltText({ pair_id, reason, seen, limit, since }: Halt): string {
  return `${pair_id === ALL_PAIRS ? 'all pairs' : pair_id}: ${reason} ${seen}, limit ${limit}, since ${since}`;
}

/**
 * Prints the halts that count under the active version.
 * @returns them; null when `halts.json` is damaged, which is only noted
 */
export function tellHalts(models: string, output: Output): Halt[] | null {
  try {
    const halts = activeHalts(models);
    for (const halt of halts) output.line(`Halted: ${haltText(halt)}`);
    return halts;
  } catch (error) {
    const { code, message, next } = describeError(error);
    output.note(`${code}: ${message} ${next}`);
    return null;
  }
}

/** The halts that count under the active version. @throws MinutehandError HALTS_FORMAT, MODEL_MANIFEST */
export function activeHalts(models: string): Halt[] {
  const version = readActive(models)?.version ?? null;
  return readHalts(models).halts.filter((halt) => halt.version === version);
}
