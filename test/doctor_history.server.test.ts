import { afterAll, describe, expect, it } from 'vitest';
import { homePaths } from '../shared/home.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace } from './cli_process.ts';
import { tinyBars, tinySettings } from './tiny_models.ts';

const START_MS = 60_000;

describe('history in doctor', { timeout: START_MS }, () => {
  const place = createWorkplace({ minutehand: { market: 'live' } });
  afterAll(() => place.remove());

  it('is not enough where bars of 2019 and one of today are all there is', async () => {
    const settings = tinySettings({ minutehand: { market: 'live' } });
    const enough = settings.minutehand.train.min_bars;
    const columns = tinyBars(settings, enough);
    const store = await openStore(homePaths({ MINUTEHAND_HOME: place.home }).trainer);
    const ends = new Map<string, number>();
    for (const [symbol, own] of columns) {
      const isOld = symbol === 'EURUSD';
      const today = Math.floor(Date.now() / 60_000) * 60 - 60 * own.length;
      const from = isOld ? Date.UTC(2019, 6, 1) / 1000 : today;
      const time = own.time.map((_, i) => (isOld && i === own.length - 1 ? today : from + 60 * i));
      ends.set(symbol, time.at(-2)!);
      await store.bars.put('live', { ...own, time });
    }
    await store.close();
    const { findings } = JSON.parse((await place.run(['doctor', '--json'])).stdout) as {
      findings: { what: string; verdict: string; detail: string }[];
    };
    const [history] = findings.filter(({ what }) => what === 'history');
    const end = new Date(ends.get('EURUSD')! * 1000).toISOString().slice(0, 16);
    expect(history).toMatchObject({
      verdict: 'warning',
      detail: expect.stringContaining(
        `than the ${enough} that training needs: EURUSD 1 (bars up to ${end}Z are before a gap of more than five days);`,
      ) as string,
    });
  });
});
