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
  STOP_VERSIONS,
  stopText,
  type ResumedNote,
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
  /** From now on the file cannot be read: nothing may be entered. Called once until `onReadAgain`. */
  onUnread(error: ErrorReport): void;
  onReadAgain(): void;
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
    const stopsBefore = new Map((halts.stops ?? []).map((stop) => [stopText(stop), stop]));
    const stopsAfter = new Set((read.stops ?? []).map(stopText));
    const halted = halts.halts;
    halts = read;
    log.info({ halts: read.halts }, 'halts');
    standing = standingAfter(standing, read);
    // What merely disappeared from the file stands on.
    const stands = (pairId: string, version: string): boolean =>
      standing.halts.some((halt) => halt.pair_id === pairId && halt.version === version);
    for (const halt of read.halts) if (!before.has(textOf(halt))) print(`Halted: ${textOf(halt)}.`);
    for (const halt of halted)
      if (!after.has(textOf(halt)) && !stands(halt.pair_id, halt.version)) print(`No longer halted: ${textOf(halt)}.`);
    for (const text of stopsAfter) if (!stopsBefore.has(text)) print(`Stopped: ${text}.`);
    for (const [text, stop] of stopsBefore)
      if (!stopsAfter.has(text) && !stands(stop.pair_id, STOP_VERSIONS[stop.kind])) print(`Resumed: ${text}.`);
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
      const seen = refused.map(noteText).join('; ');
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
    onUnread(cause) {
      const { seen } = cause as MinutehandError;
      options.onUnread(
        describeError(new MinutehandError('STOPS_UNREAD', { ...(seen !== undefined && { seen }), cause })),
      );
    },
    onReadAgain() {
      log.info('halts can be read again');
      print('The stops can be read again: entries return.');
      options.onReadAgain();
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

function noteText({ pair_id, version, at }: ResumedNote): string {
  const who = pair_id === ALL_PAIRS ? 'all subjects' : pair_id;
  return isStopVersion(version) ? `stops of ${who}, ${at}` : `${who} under models ${version}, ${at}`;
}

function textOf({ pair_id, reason, seen, limit, version, since }: Halt): string {
  const who = pair_id === ALL_PAIRS ? 'all pairs' : pair_id;
  return `${who} under models ${version}, ${reason} ${seen}, limit ${limit}, since ${since}`;
}
