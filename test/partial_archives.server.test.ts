import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { homePaths } from '../shared/home.ts';
import { openJournal } from '../shared/store/journal.ts';
import { observationRow } from '../shared/store/observation.ts';
import { journalSignals, simulatedDay } from '../trainer/control/history/signals.fixture.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';

const SHARDS = { main: ['XAUUSD_XAGUSD'], two: ['EURUSD_GBPUSD'] };
const DAY = '2024-03-04';
const NEXT = '2024-03-05';

let place: Workplace;
beforeAll(() => {
  place = createWorkplace({ minutehand: { pairs: [...SHARDS.main, ...SHARDS.two], shards: SHARDS } });
});
afterAll(() => place.remove());

const journalOf = (shard: string): string => homePaths({ MINUTEHAND_HOME: place.home }).journal('live', shard);

describe('An archive of which a part cannot be made', () => {
  it('of series ends with 3 when the journal of one shard is damaged, with the values of the other', async () => {
    const into = join(place.folder, 'series');
    const journal = openJournal(journalOf('main'));
    const observation = {
      symbol: 'BTCUSDT',
      name: 'funding_rate',
      eventTime: 1_763_712_000,
      arrivalTime: 1_763_712_001,
    } as const;
    journal.append([observationRow({ ...observation, value: 1e-4 })], []);
    journal.close();
    const alone = await place.call(['series', 'archive', '--into', into]);
    expect(alone.stderr).toBe('');
    expect(alone).toMatchObject({ code: 0, stdout: 'BTCUSDT funding_rate: 1 added\n' });
    writeFileSync(journalOf('two'), 'no database'.repeat(1000));
    const part = await place.call(['series', 'archive', '--into', into, '--json']);
    expect(part.stderr).toMatch(/live_two\.db: [A-Z_]+: /);
    expect(part.code).toBe(3);
    expect(JSON.parse(part.stdout)).toMatchObject([{ symbol: 'BTCUSDT', name: 'funding_rate', added: 0 }]);
    expect(readFileSync(join(into, 'BTCUSDT.funding_rate.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(2);
    const damaged = await place.call(['series', 'archive', '--into', into, '--journal', journalOf('two')]);
    expect(damaged).toMatchObject({ code: 1, stdout: '' });
  });

  it('of signals ends with 3 when one of its days cannot be written, with the others', async () => {
    const first = createWorkplace();
    const second = createWorkplace();
    try {
      for (const { home } of [first, second])
        for (const day of [DAY, NEXT])
          journalSignals(
            homePaths({ MINUTEHAND_HOME: home }).journal('live', 'main'),
            simulatedDay(day, { pairs: SHARDS.main, minutes: 5 }),
          );
      const year = join('archive', 'signals', 'live', '2024');
      expect((await first.call(['signals', 'archive', '--day', NEXT, '--market', 'live'])).code).toBe(0);
      // A folder stands where a file of the second day belongs.
      for (const name of readdirSync(join(first.home, year)))
        mkdirSync(join(second.home, year, name), { recursive: true });
      const range = ['signals', 'archive', '--from', DAY, '--to', NEXT, '--market', 'live', '--json'];
      const part = await second.call(range);
      expect(part.stderr).toMatch(/^ARCHIVE_[A-Z]+: /m);
      expect(part.code).toBe(3);
      expect(JSON.parse(part.stdout)).toMatchObject({ written: [{ day: DAY, rows: 5 }], failures: [{}] });
      // What is left fails as a whole.
      expect((await second.call(['signals', 'archive', '--day', NEXT, '--market', 'live'])).code).toBe(1);
    } finally {
      await Promise.all([first.remove(), second.remove()]);
    }
  });
});
