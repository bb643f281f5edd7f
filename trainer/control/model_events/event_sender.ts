import type { MarketKind } from '../../../shared/signal/signal.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { createPasses } from '../schedule/passes.ts';
import { STORE_RETRY_MS, type StoreWork, type StoreWorkOptions } from '../schedule/store_work.ts';
import { openStore, storeUrl, type Store } from '../../store/store.ts';
import { storeOpener } from '../../store/store_opener.ts';
import { openReceivers, type OutgoingEvent, type Receiver } from './receivers.ts';

const EVERY_MS = 1000;
const SEND_MS = 10_000;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 300_000;
const AT_ONCE = 100;

interface Paced {
  readonly receiver: Receiver;
  failures: number;
  dueMs: number;
}

/**
 * Sends the events of `core.model_events` to Redis and the webhook while the trainer runs: to each receiver at least
 * once and in order. An event that is not accepted is retried indefinitely, after 1, 2, 4 … 300 s.
 */
export function startEventSender(options: StoreWorkOptions): StoreWork {
  const { settings, paths, log, print, env = process.env, clock = MACHINE_CLOCK } = options;
  const { market, transports } = settings.minutehand;
  const { receivers, problem } = openReceivers(transports.redis, env);
  if (problem !== null) {
    log.error(problem);
    print(`${problem}: no events of models are sent there.`);
  }
  const paced = receivers.map((receiver): Paced => ({ receiver, failures: 0, dueMs: 0 }));
  const opener = storeOpener(async () => ({ store: await openStore(storeUrl(env, paths), clock) }));
  const ending = new AbortController();

  async function serve(own: Paced, store: Store): Promise<void> {
    if (clock.nowMs() < own.dueMs) return;
    for (const event of await waiting(store, market, own.receiver.name)) {
      if (ending.signal.aborted) return;
      const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(SEND_MS)]);
      const failure = await own.receiver.send(event, signal);
      if (failure !== null) {
        own.failures += 1;
        own.dueMs = clock.nowMs() + Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (own.failures - 1));
        const { event_id } = event;
        if (own.failures === 1)
          log.warn({ event_id, receiver: own.receiver.name, failure }, 'an event was not accepted');
        return;
      }
      own.failures = 0;
      await markSent(store, event.event_id, own.receiver.name, clock.nowMs());
    }
  }

  const passes = createPasses({
    async work() {
      const { store } = await opener.get();
      await Promise.all(paced.map((own) => serve(own, store)));
    },
    everyMs: EVERY_MS,
    retryMs: STORE_RETRY_MS,
    onFailed: ({ code, message }) => log.error({ code, message }, 'events of models cannot be sent'),
    onRecovered: () => log.info('events of models are sent again'),
  });
  if (paced.length > 0) passes.begin();
  return {
    pass: () => passes.pass(),
    async stop() {
      ending.abort();
      await passes.stop();
      for (const { receiver } of paced) receiver.close();
      await opener.close();
    },
  };
}

/** Events that a receiver has not acknowledged, oldest first. */
async function waiting({ db }: Store, market: string, receiver: string): Promise<OutgoingEvent[]> {
  const rows = await db
    .selectFrom('core.model_events as e')
    .select(['e.event_id', 'e.kind', 'e.version', 'e.body'])
    .where('e.market', '=', market as MarketKind)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('core.model_event_deliveries as d')
            .select('d.event_id')
            .whereRef('d.event_id', '=', 'e.event_id')
            .where('d.receiver', '=', receiver),
        ),
      ),
    )
    .orderBy('e.event_id')
    .limit(AT_ONCE)
    .execute();
  return rows.map((row) => ({ ...row, event_id: Number(row.event_id) }));
}

async function markSent({ db }: Store, event_id: number, receiver: string, sent_ms: number): Promise<void> {
  await db
    .insertInto('core.model_event_deliveries')
    .values({ event_id, receiver, sent_ms })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
