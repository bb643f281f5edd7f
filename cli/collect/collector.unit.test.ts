import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MinutehandError } from '../../shared/errors.ts';
import { Collector } from './collector.ts';
import type { CollectorOptions } from './collector_options.ts';
import type { DaemonReport } from './daemon_client.ts';
import type { Exchange } from './exchange.ts';
import { ExchangeRest } from './exchange_rest.ts';
import { Outbox, type Outgoing } from './outbox.ts';

const REPORT: DaemonReport = { boot_id: 'b', accepted: 1, duplicates: 0, rejected: [], stored: true };
const SETTLEMENT_MS = Math.floor(Date.now() / 3_600_000) * 3_600_000;

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-collector-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Running {
  readonly printed: string[];
  readonly sent: Outgoing[];
  readonly outbox: Outbox;
  end(): Promise<void>;
}

function start(
  exchange: Partial<Exchange>,
  answer: (count: number) => Partial<DaemonReport> = () => ({}),
  symbols: readonly string[] = ['A'],
): Running {
  const ending = new AbortController();
  const [printed, sent]: [string[], Outgoing[]] = [[], []];
  const outbox = new Outbox(join(folder, 'outbox.json'));
  let release = (): void => undefined;
  const waiting = new Promise<never>((_, reject) => {
    release = () => reject(new MinutehandError('COLLECT_EXCHANGE', { seen: 'closed' }));
  });
  waiting.catch(() => undefined);
  let posts = 0;
  const running = new Collector({
    exchange: {
      load: () => Promise.resolve(),
      timeMs: () => Promise.resolve(Date.now()),
      candles: () => Promise.resolve([]),
      funding: () => Promise.resolve([{ eventMs: SETTLEMENT_MS, value: 0.0001 }]),
      openInterest: () => Promise.resolve([]),
      liquidations: () => waiting,
      book: () => waiting,
      isStreaming: true,
      close: () => Promise.resolve(release()),
      ...exchange,
    },
    daemon: {
      // Nothing is missing.
      lastBars: () => Promise.resolve(new Map(symbols.map((symbol) => [symbol, Date.now()] as const))),
      bars: () => Promise.resolve(REPORT),
      series(observations) {
        sent.push(...observations);
        return Promise.resolve({ ...REPORT, ...answer(++posts) });
      },
    },
    symbols,
    outbox,
    historyMinutes: 2,
    liquidationBarMs: 3_600_000,
    pollMs: 20,
    ending: ending.signal,
    nowMs: () => Date.now(),
    print: (line) => void printed.push(line),
  } satisfies CollectorOptions).run();
  const end = async (): Promise<void> => {
    ending.abort();
    await running;
  };
  return { printed, sent, outbox, end };
}

describe('a collector', () => {
  it('resends a value until the daemon has stored it', async () => {
    const { sent, outbox, end } = start({}, (count) => ({ stored: count > 1 }));
    await expect.poll(() => [sent.length, outbox.outgoing.length]).toEqual([2, 0]);
    await end();
    expect(sent[0]).toEqual({ symbol: 'A', series: 'funding_rate', event_time: SETTLEMENT_MS, value: 0.0001 });
    expect(sent[1]).toEqual(sent[0]);
  });

  it('reports a wrong clock, each fault once until it is over, and refusals of the daemon with their code', async () => {
    let asked = 0;
    const refused = { index: 0, code: 'BAR_UNKNOWN_SYMBOL', message: 'No pair.', next: 'Add it.' };
    const { printed, end } = start(
      {
        timeMs: () => Promise.resolve(Date.now() + 5000),
        openInterest: () =>
          ++asked <= 2 ? Promise.reject(new MinutehandError('COLLECT_EXCHANGE', { seen: '429' })) : Promise.resolve([]),
      },
      () => ({ rejected: [refused] }),
    );
    await expect.poll(() => printed.some((line) => line === 'open interest: works again.')).toBe(true);
    await expect.poll(() => printed.some((line) => line.startsWith('refused '))).toBe(true);
    await end();
    expect(printed.filter((line) => line.startsWith('open interest: COLLECT_EXCHANGE'))).toHaveLength(1);
    expect(printed.filter((line) => /^clock: COLLECT_CLOCK: .*[45]\d{3} ms ahead/.test(line))).toHaveLength(1);
    expect(printed).toContain('refused BAR_UNKNOWN_SYMBOL: BAR_UNKNOWN_SYMBOL: No pair. Add it.');
  });

  it('ends although it waits for messages, and although the exchange never answered', async () => {
    await start({}).end();
    const failing = start({ load: () => Promise.reject(new MinutehandError('COLLECT_EXCHANGE')) });
    await expect.poll(() => failing.printed.length).toBe(1);
    await failing.end();
    expect(failing.printed[0]).toMatch(/^exchange: COLLECT_EXCHANGE/);
  });

  it('goes on with other symbols where the exchange blocks one, and says so once', async () => {
    let asked = 0;
    const { sent, printed, end } = start(
      {
        funding(symbol) {
          asked++;
          if (symbol === 'A')
            throw new ExchangeRest('A: 451', { untilMs: Date.now() + 600_000, next: 'Blocked.', isOfAsked: true });
          return Promise.resolve([{ eventMs: SETTLEMENT_MS, value: 0.0001 }]);
        },
      },
      () => ({}),
      ['A', 'B'],
    );
    await expect.poll(() => asked > 5 && sent.length > 0, { timeout: 20_000 }).toBe(true);
    await end();
    expect(sent.map(({ symbol }) => symbol)).toContain('B');
    expect(printed.filter((line) => line.includes('451'))).toEqual([
      expect.stringMatching(/^funding_rate of blocked symbols: COLLECT_EXCHANGE: .*A: 451.* Blocked\.$/),
    ]);
  });

  it('asks an exchange that wants to be left alone no earlier than at the time it names', async () => {
    const asked: number[] = [];
    const untilMs = Date.now() + 400;
    const { sent, printed, end } = start({
      funding() {
        asked.push(Date.now());
        if (Date.now() < untilMs) throw new ExchangeRest('418', { untilMs, next: 'Wait.', isOfAsked: false });
        return Promise.resolve([{ eventMs: SETTLEMENT_MS, value: 0.0001 }]);
      },
    });
    await expect.poll(() => sent.length).toBeGreaterThan(0);
    await end();
    expect(asked.filter((ms) => ms < untilMs)).toHaveLength(1);
    expect(printed.join('\n')).toMatch(/funding: COLLECT_EXCHANGE: .*418.* Wait\.\nfunding: works again/);
  });
});
