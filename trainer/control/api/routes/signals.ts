import { setImmediate as loopTurn } from 'node:timers/promises';
import type * as z from 'zod';
import { openSignalTables, type SignalFilter, type SignalTables } from '../../history/signal_tables.ts';
import { readThinned } from '../../history/thinned_signals.ts';
import { bodyText, type SignalRow } from '../../history/signal_row.ts';
import type { Store } from '../../../store/store.ts';
import type { Api, ApiContext } from '../context.ts';
import { signalRoutes, type signalSchema } from '../../schema/signals.ts';

const TEXTS_AT_ONCE = 500;

type ShownSignal = z.infer<typeof signalSchema>;

/** `GET /api/signals`, `GET /api/signals/history`. */
export function addSignalRoutes(api: Api, { settings, store, signals }: ApiContext): void {
  const tables = new WeakMap<Store, Promise<SignalTables>>();
  async function openTables(): Promise<SignalTables> {
    const opened = await store();
    const known = tables.get(opened) ?? openSignalTables(opened, settings.signals);
    tables.set(opened, known);
    return known;
  }
  const { market } = settings.minutehand;

  api.route({
    ...signalRoutes['GET /api/signals'],
    async handler({ query: { subject, from, to, action, limit } }, reply) {
      const isWanted = ({ pair_id }: { readonly pair_id: string }): boolean =>
        subject === undefined || pair_id === subject;
      const kept = signals.last.size === 0 ? (await (await openTables()).live(market)).map(signalOf) : [];
      const latest: ShownSignal[] = [...signals.last.values(), ...kept]
        .filter(isWanted)
        .map((signal) => ({ ...signal }));
      const isHistory = [subject, from, to, action].some((value) => value !== undefined);
      if (!isHistory) return { latest, history: [] };
      const filter: SignalFilter = {
        market,
        ...(subject === undefined ? {} : { pairIds: [subject] }),
        ...(action === undefined ? {} : { action }),
        ...periodOf(from, to),
      };
      const history = await textOf(await (await openTables()).newest(filter, limit));
      reply.serializer(() => `{"latest":${JSON.stringify(latest)},"history":[${history}]}`);
      return { latest, history: [] };
    },
  });

  api.route({
    ...signalRoutes['GET /api/signals/history'],
    async handler({ query: { subject, from, to, points } }, reply) {
      const filter = { market, pairId: subject, ...periodOf(from, to) };
      const found = await readThinned(await store(), await openTables(), filter, points);
      const { rows, total, isThinned, reasons, novelties } = found;
      const rest = { total, is_thinned: isThinned, reasons: [...reasons], novelties: [...novelties] };
      const signals = await textOf(rows);
      reply.serializer(() => `{"signals":[${signals}],${JSON.stringify(rest).slice(1)}`);
      return { ...rest, signals: [] };
    },
  });
}

function periodOf(from: string | undefined, to: string | undefined): Pick<SignalFilter, 'fromMs' | 'toMs'> {
  return {
    ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
    ...(to === undefined ? {} : { toMs: Date.parse(to) }),
  };
}

/** A signal of the history, with the stored fields of its envelope. */
export function signalOf(row: SignalRow): ShownSignal {
  return JSON.parse(signalText(row)) as ShownSignal;
}

function signalText(row: SignalRow): string {
  const { market, boot_id, seq, generated_at_ms } = row;
  return `${bodyText(row)},${JSON.stringify({ market, boot_id, seq, generated_at_ms }).slice(1)}`;
}

/**
 * JSON of signals as stored, separated by commas, with other work in between: to parse and to validate 10,000 of them
 * blocked other requests for half a second.
 */
export async function textOf(rows: readonly SignalRow[]): Promise<string> {
  const parts: string[] = [];
  for (let first = 0; first < rows.length; first += TEXTS_AT_ONCE) {
    parts.push(
      rows
        .slice(first, first + TEXTS_AT_ONCE)
        .map(signalText)
        .join(),
    );
    await loopTurn();
  }
  return parts.join();
}
