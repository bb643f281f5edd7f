import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { enterBody, textOf } from '../shared/signal/signal.fixture.ts';
import { skipNote } from './skip_note.ts';
import type { ConsumerVector } from './vectors/consumer_vectors.ts';

const ROOT = packageRoot();
const hasPython = spawnSync('python3', ['--version']).status === 0;
// In CI, skipping would hide a gap, so the test runs and fails.
const isSkipped = !hasPython && !process.env['CI'];
const vectors = (
  JSON.parse(readFileSync(join(ROOT, 'test', 'vectors', 'consumer.json'), 'utf8')) as ConsumerVector[]
).filter(({ instruments }) => instruments !== true);

type Position = readonly [symbol: string, side: string, lots: number, id: string];
interface Seen {
  readonly open: readonly Position[];
  readonly held: readonly string[];
  readonly requests: number;
  readonly plans: number;
}

function drive(task: unknown): unknown {
  const args = ['-B', join(ROOT, 'test', 'fake_mt5', 'drive.py'), join(ROOT, 'examples')];
  return JSON.parse(execFileSync('python3', args, { input: JSON.stringify(task), encoding: 'utf8' }));
}

/** The texts of an ENTER of XAUUSD_XAGUSD and of the EXIT that follows. */
const [enter, , exit] = vectors[0]!.steps.map((step) => ('text' in step ? step : { text: '', now_ms: 0 }));
const ENTER = { text: enter!.text, now_ms: enter!.now_ms };
const EXIT = { text: exit!.text, now_ms: exit!.now_ms };
const answers = (...list: string[]): unknown => ({ broker: { answers: list } });
const BOTH = ['XAUUSD SELL', 'XAGUSD BUY'];

/** Steps, with the open positions and the number of requests at their end. */
const SCENARIOS: readonly (readonly [
  name: string,
  steps: readonly unknown[],
  open: readonly string[],
  requests: number,
  options?: unknown,
])[] = [
  ['opens both legs and closes both', [ENTER, EXIT, { wait: 20 }], [], 4],
  ['keeps both legs while they are wanted', [ENTER, { wait: 60 }], BOTH, 2],
  ['sends nothing more when the first leg is refused', [answers('reject'), ENTER, { wait: 20 }], [], 1],
  ['closes the first leg when the second is refused', [answers('done', 'reject'), ENTER, { wait: 20 }], [], 3],
  ['closes a first leg whose answer was lost', [answers('lost'), ENTER, { wait: 20 }], [], 2],
  ['closes both legs when the answer of the second was lost', [answers('done', 'lost'), ENTER, { wait: 20 }], [], 4],
  ['follows a half-filled first leg with half of the second', [answers('partial'), ENTER, { wait: 20 }], BOTH, 2],
  ['closes a pair whose second leg was half filled', [answers('done', 'partial'), ENTER, { wait: 20 }], [], 4],
  [
    'closes again what was not closed',
    [answers('done', 'done', 'reject', 'none', 'partial'), ENTER, EXIT, { wait: 30 }],
    [],
    7,
  ],
  ['closes a leg that is alone', [ENTER, { wait: 20 }, { lost: 0 }, { wait: 20 }], [], 3],
  ['closes after max_age_bars', [ENTER, { wait: 3_590 }, { wait: 30 }], [], 4],
  ['closes after a restart', [ENTER, { restart: true }, EXIT, { wait: 20 }], [], 4],
  [
    'closes by ticket what has lost its comment',
    [{ broker: { drops_comments: true } }, ENTER, { restart: true }, EXIT, { wait: 20 }],
    [],
    4,
  ],
  ['decides nothing while positions are unknown', [ENTER, { broker: { is_silent: true } }, { wait: 60 }], BOTH, 2],
  [
    'closes what it could not close while positions were unknown',
    [ENTER, { broker: { is_silent: true } }, EXIT, { broker: { is_silent: false } }, { wait: 20 }],
    [],
    4,
  ],
  [
    'decides nothing without a connection',
    [ENTER, { broker: { terminal: { connected: false } } }, { lost: 0 }, EXIT, { wait: 60 }],
    ['XAGUSD BUY'],
    2,
  ],
  ['does not enter before the log-in', [{ broker: { account: { equity: 0 } } }, ENTER, { wait: 20 }], [], 0],
  ['does not enter on a netting account', [{ broker: { account: { margin_mode: 0 } } }, ENTER, { wait: 20 }], [], 0],
  ['does not enter on a real account without --real', [{ broker: { account: { trade_mode: 2 } } }, ENTER], [], 0],
  [
    'enters on a real account with --real',
    [{ broker: { account: { trade_mode: 2 } } }, ENTER],
    BOTH,
    2,
    { real: true },
  ],
  ['sends nothing without --trade', [ENTER, EXIT], [], 0, { trade: false }],
  ['does not enter a symbol that the broker has not', [ENTER], [], 0, { symbols: { XAGUSD: 'NOSILVER' } }],
  ['does not enter below the least volume', [ENTER], [], 0, { risk: 0.0001 }],
];

describe.skipIf(isSkipped)(`examples/mt5_python.py${skipNote(isSkipped, 'python3 not found')}`, () => {
  it('passes every conformance vector, with two open legs per held position and no others', () => {
    const lives = drive({ vectors }) as readonly (readonly [string[], Position[], string[]])[][];
    expect(lives).toHaveLength(vectors.length);
    for (const [index, vector] of vectors.entries()) {
      const steps = vector.steps.filter((step) => 'text' in step);
      for (const [at, step] of steps.entries()) {
        const [orders, open, held] = lives[index]![at]!;
        const where = `${vector.name}, step ${at}`;
        const expected =
          'refuse' in step.expect
            ? [`refused ${step.expect.refuse}`]
            : step.expect.orders.filter((order) => order !== 'hold');
        expect(
          orders.map((order) =>
            order.startsWith('HALT') ? 'halt' : order.replace(/^[A-Z]+/, (word) => word.toLowerCase()),
          ),
          where,
        ).toEqual(expected);
        expect(open.map(([, , , id]) => id).sort(), where).toEqual(
          held.flatMap((id) => [id.slice(8), id.slice(8)]).sort(),
        );
        if (step.legs === undefined) continue;
        const sides = open.slice(-2).map(([symbol, side]) => `${side} ${symbol}`);
        expect(sides, where).toEqual(step.legs.map(({ side, symbol }) => `${side} ${symbol}`));
      }
    }
  });

  const results = isSkipped
    ? []
    : (drive({
        scenarios: SCENARIOS.map(([, steps, , , options]) => ({ steps, options: { ...(options ?? {}) } })),
      }) as Seen[][]);
  it.each(
    SCENARIOS.map(([name, , open, requests], index) => ({ name, open, requests, seen: results[index]!.at(-1)! })),
  )('$name', ({ open, requests, seen }) => {
    expect(seen.open.map(([symbol, side]) => `${symbol} ${side}`)).toEqual(open);
    expect(seen.requests).toBe(requests);
  });

  it('opens a gross notional of equity · risk · scale at every beta, and nothing at an absurd one', () => {
    const base = JSON.parse(ENTER.text) as Signal;
    const betas = [0.05, -0.05, 1, -1, 3, 20, 1000, 0, 1e308, -1e308, 5e-324];
    const scenarios = betas.map((beta) => {
      const body = enterBody(base.position_id, { beta, position_scale: 0.8 });
      const text = textOf(body, { boot_id: 'a', seq: 1, generated_at_ms: ENTER.now_ms });
      // A lot of the fake terminal is worth 100,010, and 100 lots are its limit: 40 lots fit at every beta.
      return {
        steps: [{ broker: { account: { equity: 1e7 } } }, { text, now_ms: ENTER.now_ms }],
        options: { risk: 0.5, max_lots: 99 },
      };
    });
    const found = (drive({ scenarios }) as Seen[][]).map((seen) => seen.at(-1)!.open.map(([, , lots]) => lots));
    betas.forEach((beta, index) => {
      const [lotsA, lotsB] = found[index]!;
      const hedge = Math.abs(beta);
      if (!(hedge > 0.01 && hedge <= 1000)) return void expect([beta, found[index]]).toEqual([beta, []]);
      // Rounding leg A down by up to one of its steps takes leg B with it.
      const step = (0.01 * (1 + hedge) + 0.01) / 40;
      const gross = ((lotsA! + lotsB!) * 100_010) / 4e6;
      expect([beta, gross <= 1 + 1.1 * step && gross >= 1 - 1.1 * step]).toEqual([beta, true]);
    });
  });

  it('keeps the proportion of the legs when one is filled in part', () => {
    const of = (name: string): readonly Position[] =>
      results[SCENARIOS.findIndex(([one]) => one === name)]!.at(-1)!.open;
    const whole = of('keeps both legs while they are wanted');
    const half = of('follows a half-filled first leg with half of the second');
    for (const leg of [0, 1]) expect(half[leg]![2] / whole[leg]![2]).toBeCloseTo(0.5, 1);
  });
});
