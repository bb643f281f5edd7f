import { FAILED_GATE } from '../../passed_gates.ts';
import { monitored, scheduled } from '../../../shared/run_trigger/run_triggers.fixture.ts';
import { FIRST_MODELS } from '../../../trainer/control/schedule/run.ts';
import type { EpochMs, OpenTime } from '../../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { listVersions } from '../../../shared/bundle/bundle.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import { appendAudit, type AuditEntry } from '../../../trainer/control/api/audit.ts';
import { createSignalCopy } from '../../../trainer/control/history/copy.ts';
import { openSignalTables } from '../../../trainer/control/history/signal_tables.ts';
import { createRegistry } from '../../../trainer/control/registry/registry.ts';
import { storeQueue, type RunQueue } from '../../../trainer/control/schedule/run_queue.ts';
import { openStore, type Store } from '../../../trainer/store/store.ts';
import { tinyBars } from '../../tiny_settings.ts';
import type { Place } from './place.ts';

const STARTED_MS = Date.parse('2024-01-09T12:00:00Z');
const MINUTES = 600;

/** A clock that is a second later at each look, so that rows of the store have an order. */
function ticking(): Clock {
  let seconds = 0;
  return {
    nowMs: () => (STARTED_MS + 1000 * seconds++) as EpochMs,
    monotonicUs: () => 0,
  };
}

/**
 * Fills the trainer's store of a home: imported, replaced, deleted and restored bars, a series, registered, rejected
 * and noted models, training runs, an audit, and the signals of the journal.
 */
export async function fillStore({ paths }: Place, settings: Settings): Promise<void> {
  const clock = ticking();
  const store = await openStore(paths.trainer, clock);
  try {
    await importBars(store, tinyBars(settings, MINUTES));
    const registry = createRegistry(store, paths.models, { clock });
    const versions = listVersions(paths.models);
    for (const version of versions) await registry.register(version);
    await registry.reject(versions[0]!, [FAILED_GATE]);
    await registry.note(versions[1]!, ['AI1', 'AI2'], 'with groups');
    await runTrainings(storeQueue(store, { market: 'simulated', owner: 'here', clock }));
    for (const entry of AUDITED) await appendAudit(store, entry, clock.nowMs());
    await createSignalCopy(store, await openSignalTables(store, settings.signals), paths).pass();
  } finally {
    await store.close();
  }
}

async function importBars(store: Store, bars: ReadonlyMap<string, BarColumns>): Promise<void> {
  const { importRuns } = store;
  const source = 'simulated.csv';
  const figures = { added: MINUTES, removed: 0, rejected: 0, verdicts: '{}' };
  for (const [symbol, columns] of bars) {
    const number = await importRuns.begin({ market: 'live', kind: 'import', source, by: 'cli' });
    await store.bars.put('live', columns, number);
    const file = { symbol, file: source, sha256: '0'.repeat(64), layout: 'standard', timezone: 'UTC' };
    await store.imports.add('live', { ...file, rows: MINUTES, rejected: 0 }, number);
    await importRuns.finish(number, figures);
  }
  const gold = bars.get('XAUUSD')!;
  const period = { from: gold.time[100]! as OpenTime, to: gold.time[200]! as OpenTime };
  const part = clipBars(gold, period.from, period.to);
  const number = await importRuns.begin({ market: 'live', kind: 'replace', source, by: 'cli' });
  const raised = { ...part, volume: part.volume.map((own) => own + 1) };
  await store.bars.replace('live', raised, number);
  const time = gold.time.filter((_, index) => index % 60 === 0);
  await store.series.put('live', 'XAUUSD', 'open_interest', { length: time.length, time, value: time.map(Math.sqrt) });
  await importRuns.finish(number, { ...figures, added: part.length, removed: part.length });
  const deleted = await importRuns.delete('live', 'GBPUSD', period, 'cli');
  await importRuns.delete('live', 'XAGUSD', period, 'cli');
  await importRuns.undo(deleted.number, 'cli');
}

async function runTrainings(queue: RunQueue): Promise<void> {
  const finished_at = new Date(STARTED_MS).toISOString();
  const first = (await queue.begin({ trigger: FIRST_MODELS }))!;
  await queue.keep({ ...first, status: 'rejected', finished_at, reasons: ['ai1 auc'] });
  const second = (await queue.begin({ trigger: scheduled('weekly'), kind: 'incremental' }))!;
  await queue.keep({ ...second, status: 'nothing_new', finished_at });
  await queue.wait({ trigger: monitored(), causes: ['psi'] });
}

const AUDITED: readonly AuditEntry[] = ['login', 'models promote', 'models resume'].map((action, index) => ({
  actor: index === 0 ? 'ops@example.com' : 'cli',
  role: 'admin',
  via: index === 0 ? 'session' : 'cli',
  action,
  target: 'XAUUSD_XAGUSD',
  before: index === 0 ? null : { halted: true },
  after: { halted: false, share: 0.1 * index },
  outcome: 'ok',
}));
