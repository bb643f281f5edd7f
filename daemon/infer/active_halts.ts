import type { Logger } from 'pino';
import {
  ALL_PAIRS,
  lostHalts,
  NO_HALTS,
  standingAfter,
  standingText,
  trustedHalts,
  type Halt,
  type Halts,
  isStopVersion,
  stopText,
  type Standing,
  type Stop,
  type StandingHalt,
} from '../../shared/bundle/halts.ts';
import { describeError, MinutehandError, type ErrorReport } from '../../shared/errors.ts';
import { trustedKeys } from '../../shared/bundle/signature.ts';
import { watchHalts, type HaltWatchOptions } from './halt_watch.ts';

export interface ActiveHaltsOptions extends Pick<HaltWatchOptions, 'modelsFolder' | 'files' | 'scheduler' | 'pollMs'> {
  /** Whether only a trusted key lifts halts: where pointers are signed. */
  mustBeSigned?(): boolean;
  /** Active halts when the journal ended. */
  readonly standing: Standing;
  activeVersion(): string | null;
  apply(standing: Standing): void;
  readonly log: Logger;
  print(line: string): void;
}

export interface ActiveHalts {
  /** Looks at `halts.json` now. */
  check(): void;
  stop(): void;
  /** Of `halts.json`, under the active version. */
  halts(): readonly Halt[];
  /** Of `halts.json`: by a person. */
  stops(): readonly Stop[];
  /** Why `halts.json` cannot be followed to the letter; null when it can. */
  refused(): ErrorReport | null;
}

/** Follows `halts.json`. A halt that merely disappears from it stays active until a person resumes the pair. */
export function followHalts(options: ActiveHaltsOptions): ActiveHalts {
  const { log, print } = options;
  let halts: Halts = NO_HALTS;
  let { standing } = options;
  let unreadable: ErrorReport | null = null;
  let unsigned: ErrorReport | null = null;
  let lost: readonly StandingHalt[] = [];

  const warn = (refusal: ErrorReport): void => {
    log.error(refusal, 'halts refused');
    print(`${refusal.code}: ${refusal.message} ${refusal.next}`);
  };
  const lostRefusal = (missing: readonly StandingHalt[]): ErrorReport =>
    describeError(new MinutehandError('HALTS_LOST', { seen: standingText({ halts: missing, resumed: [] }) }));
  const textOfLost = (): string => standingText({ halts: lost, resumed: [] });

  function onHalts(given: Halts): void {
    const read = trustedPart(given);
    const before = new Set(halts.halts.map(textOf));
    const after = new Set(read.halts.map(textOf));
    for (const halt of read.halts) if (!before.has(textOf(halt))) print(`Halted: ${textOf(halt)}.`);
    for (const halt of halts.halts) if (!after.has(textOf(halt))) print(`No longer halted: ${textOf(halt)}.`);
    const stopsBefore = new Set((halts.stops ?? []).map(stopText));
    const stopsAfter = new Set((read.stops ?? []).map(stopText));
    for (const text of stopsAfter) if (!stopsBefore.has(text)) print(`Stopped: ${text}.`);
    for (const text of stopsBefore) if (!stopsAfter.has(text)) print(`Resumed: ${text}.`);
    halts = read;
    log.info({ halts: read.halts }, 'halts');
    standing = standingAfter(standing, read);
    options.apply(standing);
    const warnedOf = textOfLost();
    lost = lostHalts(standing.halts, read);
    if (lost.length > 0 && textOfLost() !== warnedOf) warn(lostRefusal(lost));
  }

  /** null: no signature is needed. What cannot be read trusts nobody. */
  function requiredKeys(): ReturnType<typeof trustedKeys> {
    try {
      return options.mustBeSigned?.() === true ? trustedKeys() : null;
    } catch (error) {
      log.error(describeError(error), 'keys of halts cannot be read');
      return [];
    }
  }

  /** Without the notes that nobody trusted has signed: what they would lift stays. */
  function trustedPart(given: Halts): Halts {
    unsigned = null;
    const trusted = requiredKeys();
    if (trusted === null) return given;
    const { halts: accepted, refused } = trustedHalts(given, trusted);
    if (refused.length > 0) {
      const seen = standingText({ halts: [], resumed: refused });
      unsigned = describeError(new MinutehandError('HALTS_SIGNATURE', { seen }));
      warn(unsigned);
    }
    return accepted;
  }

  const watch = watchHalts({
    ...options,
    onHalts,
    onRefused(error) {
      unreadable = describeError(error);
      warn(unreadable);
    },
    onWithdrawn() {
      unreadable = null;
    },
  });
  return {
    check: () => watch.check(),
    stop: () => watch.stop(),
    stops: () => halts.stops ?? [],
    halts: () => halts.halts.filter(({ version }) => version === options.activeVersion()),
    refused() {
      // A halt of another version can be lifted only when that version is active again.
      const missing = lost.filter(({ version }) => version === options.activeVersion() || isStopVersion(version));
      return unreadable ?? unsigned ?? (missing.length === 0 ? null : lostRefusal(missing));
    },
  };
}

function textOf({ pair_id, reason, seen, limit, version, since }: Halt): string {
  const who = pair_id === ALL_PAIRS ? 'all pairs' : pair_id;
  return `${who} under models ${version}, ${reason} ${seen}, limit ${limit}, since ${since}`;
}
