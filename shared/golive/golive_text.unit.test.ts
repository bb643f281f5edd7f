import { expect, it } from 'vitest';
import { goLiveText } from './golive_text.ts';
import { GO_LIVE_CODES } from './golive_words.ts';

/** Every value that any outcome has. */
const VALUES = {
  seen: 'S',
  fix: 'F',
  shards: 'main',
  symbols: 2,
  why: 'SHIFTED',
  symbol: 'EURUSD',
  hours: '17:00',
  judged: 1,
  pair: 'EURUSD_GBPUSD',
  pairs: 1,
  percent: 40,
  needed: 20_160,
  subjects: 3,
  versions: 'v1',
  version: 'v1',
  subject: 'BTCUSDT@1h',
  gates: 'ai1 auc',
  count: 1,
  names: 'EURUSD',
  problem: 'P',
  channels: 'slack',
  days: 30,
  day: '2026-11-28',
  until: '2026-11-29 13:30',
  places: 'mine',
  warning: 'W',
  folder: 'F',
  minutes: 1,
  positions: 1,
  market: 'live',
  needed_positions: 20,
  needed_days: 20,
  code: 'MODEL_MARKET',
  message: 'M',
  next: 'Call `minutehand models promote`.',
};
/** Codes, commands, names and numbers alone. */
const SAME = ['reported', 'channel_problem', 'models_active', 'consumer_some', 'folders_wrong'];

it('every outcome has both texts in both languages, with all its values, and Japanese is Japanese', () => {
  for (const code of GO_LIVE_CODES) {
    const [en, ja] = [goLiveText(code, VALUES, 'en'), goLiveText(code, VALUES, 'ja')];
    for (const text of [en, ja]) expect(`${text.seen} ${text.fix}`, code).not.toMatch(/undefined|NaN|\[object/);
    expect([code, ja.seen === en.seen, ja.fix === '']).toEqual([code, SAME.includes(code), en.fix === '']);
    // What a person types or opens is the same in both.
    const typed = (text: string): string[] => (text.match(/`[^`]+`|docs\/\S+\.md|[A-Z]+_[A-Z_]+/g) ?? []).sort();
    expect([code, typed(ja.fix)]).toEqual([code, typed(en.fix)]);
  }
});

it('one is in the singular', () => {
  expect(goLiveText('sessions_together', { pairs: 1 }, 'en').seen).toBe('the legs of 1 pair trade at the same times');
  expect(goLiveText('history_long', { needed: 9, symbols: 1 }, 'en').seen).toContain('each of 1 symbol');
});
