import type { SignalBody } from '../../shared/signal/signal.ts';

const SIGNALS_TOTAL = 'minutehand_signals_total';
const HELP = 'Signals published.';
const SERIES_PER_PIECE = 250;

type Counted = Pick<SignalBody, 'pair_id' | 'action' | 'reason' | 'mode'>;

interface Series extends Omit<Counted, 'pair_id'> {
  /** Its line up to the value. */
  readonly head: string;
  count: number;
}

/** Signals by pair, action, reason and mode. */
export interface SignalCounter {
  add(signal: Counted): void;
  /** The lines of the exposition format in pieces, for a reader who lets bars pass in between. */
  pieces(): Generator<string>;
}

/**
 * The one metric with thousands of series: a thousand pairs have some six each. prom-client makes a key of the four labels at
 * each count, and renders them in one go of 12 ms, which a bar would wait for. Here a pair keeps its few series with their
 * text, and rendering can stop between pieces.
 */
export function createSignalCounter(): SignalCounter {
  const byPair = new Map<string, Series[]>();

  function seriesOf({ pair_id, action, reason, mode }: Counted): Series {
    let ofPair = byPair.get(pair_id);
    if (ofPair === undefined) byPair.set(pair_id, (ofPair = []));
    for (const series of ofPair) {
      if (series.reason === reason && series.mode === mode && series.action === action) return series;
    }
    // Ids are [A-Z0-9._] and the others are codes: nothing to escape.
    const head = `${SIGNALS_TOTAL}{pair_id="${pair_id}",action="${action}",reason="${reason}",mode="${mode}"} `;
    const series: Series = { action, reason, mode, head, count: 0 };
    ofPair.push(series);
    return series;
  }

  return {
    add: (signal) => void seriesOf(signal).count++,
    *pieces() {
      let lines = [`# HELP ${SIGNALS_TOTAL} ${HELP}`, `# TYPE ${SIGNALS_TOTAL} counter`];
      for (const ofPair of byPair.values()) {
        for (const { head, count } of ofPair) lines.push(`${head}${count}`);
        if (lines.length < SERIES_PER_PIECE) continue;
        yield joined(lines);
        lines = [];
      }
      if (lines.length > 0) yield joined(lines);
    },
  };
}

/** One flat text. Texts that were put together with `+` are copied into one when all is done: 1 ms in one go. */
function joined(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
