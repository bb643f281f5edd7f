import type { MemoryJournal } from './memory_journal.ts';
import type { Published, Seen } from './oracle.ts';
import { isInstrument, parseSubject } from '../shared/pair.ts';
import type { Timeline } from './timeline.ts';

export interface ShadowWatchOptions {
  readonly timeline: Timeline;
  readonly journal: MemoryJournal;
  /** `boot_id`, and the versions that answer a subject in shadow, of the daemon's health; null: no daemon. */
  shadows(subject: string): { readonly bootId: string; readonly versions: readonly string[] } | null;
  onViolation(rule: string, what: string): void;
}

/**
 * Compares the journal with the shadow set in the health report: every decision made while a shadow set was loaded has
 * an answer of that set.
 */
export interface ShadowWatch {
  /** Called when a signal leaves the daemon for the first time. */
  receive(published: Published): void;
  /** Called at the end of the world. */
  check(): void;
}

/**
 * A shadow set must have answered a signal if it was loaded at the previous signal, at this one, and this long
 * afterward.
 */
const PROOF_MS = 5000;

export function createShadowWatch({ timeline, journal, shadows, onViolation }: ShadowWatchOptions): ShadowWatch {
  const standing = new Map<string, string>();
  const expected: { readonly signal: Seen; readonly version: string }[] = [];
  const textOf = (subject: string): string => {
    const now = shadows(subject);
    return now === null || now.versions.length === 0 ? '' : [now.bootId, ...now.versions].join(' ');
  };
  return {
    receive({ signal }) {
      const now = textOf(signal.pair_id);
      const before = standing.get(signal.pair_id) ?? '';
      standing.set(signal.pair_id, now);
      if (now === '' || now !== before || !isDecision(signal)) return;
      const versions = now.split(' ').slice(1);
      timeline.at(timeline.nowMs + PROOF_MS, () => {
        if (textOf(signal.pair_id) === now) expected.push(...versions.map((version) => ({ signal, version })));
      });
    },
    check() {
      const rowsOf = countBy(journal.shadows.map(({ signalId, modelVersion }) => `${signalId} ${modelVersion}`));
      const signalsOf = countBy(journal.signals.map(({ signalId }) => signalId));
      const stored = new Set(journal.signals.map(({ bootId, pairId, seq }) => `${bootId} ${pairId} ${seq}`));
      for (const { signal, version } of expected) {
        const { boot_id, pair_id, seq, signal_id } = signal;
        if (stored.has(`${boot_id} ${pair_id} ${seq}`) && !rowsOf.has(`${signal_id} ${version}`))
          onViolation('signal without its shadow', `${version} on ${pair_id} seq ${seq} of ${boot_id}`);
      }
      for (const [key, rows] of rowsOf) {
        const signals = signalsOf.get(key.split(' ')[0]!) ?? 0;
        if (rows > signals) onViolation('shadow without a signal', `${rows} rows of ${key}, ${signals} signals`);
      }
    },
  };
}

/** A minute with all legs of a warm subject: the minutes that a shadow answers. */
function isDecision(signal: Seen): boolean {
  const { pair_id, z_score, ml_up_prob, reason } = signal;
  const isScored = isInstrument(parseSubject(pair_id)) ? ml_up_prob !== null : z_score !== null;
  return isScored && reason !== 'SILENCE' && reason !== 'SHUTDOWN';
}

function countBy(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
