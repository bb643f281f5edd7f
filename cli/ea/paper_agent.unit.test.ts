import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decisionOf, paperTrades, type TraceLine } from '../../mt5/test/reference.ts';
import type { EpochMs } from '../../shared/bar.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { fillKey, parseFill, type Fill } from '../../shared/fill/fill.ts';
import { parsePair } from '../../shared/pair.ts';
import type { FileSystem } from '../../shared/ports.ts';
import { createRng } from '../../shared/rng.ts';
import type { Verdict } from '../../shared/signal/consumer.ts';
import { bodyOf, enterBody, exitBody, idOf, inPositionBody, textOf } from '../../shared/signal/signal.fixture.ts';
import { createPaperAgent, type PaperAgent } from './paper_agent.ts';
import { followFiles } from './signal_files.ts';

const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_USDCHF', 'AUDUSD_NZDUSD', 'GBPUSD_USDCHF'];
const T0 = Date.UTC(2026, 10, 20, 8);
const RULES = { equity: 10_000, risk: 0.5, spreadBps: 1, slippageBps: 0.2, maxOpenPairs: 3, maxHedgeError: 0.2 };
const COSTS = { spread_bps: RULES.spreadBps, slippage_bps: RULES.slippageBps, commission_bps: 0 };

/** Thousands of files are replaced here: in memory where there is such a place. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let folder: string;
let nowMs: number;
beforeEach(() => {
  folder = mkdtempSync(join(MEMORY, 'minutehand-paper-'));
  nowMs = T0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function agentOf(files: FileSystem = MACHINE_FILES, commission_bps = 0): PaperAgent {
  mkdirSync(folder, { recursive: true });
  return createPaperAgent({
    folder,
    pairs: PAIRS.map(parsePair),
    market: 'live',
    rules: {
      ...RULES,
      costs: Object.fromEntries(
        PAIRS.flatMap((id) => id.split('_')).map((symbol) => [symbol, { ...COSTS, commission_bps }]),
      ),
      currency: 'USD',
    },
    maxClockSkewMs: 2000,
    clock: { nowMs: () => nowMs as EpochMs, monotonicUs: () => nowMs * 1000 },
    files,
    killFile: join(folder, '..', 'no-such-file'),
    onFill: () => undefined,
  });
}

const fillsOf = (): Fill[] => {
  const path = join(folder, 'result.json');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(parseFill);
};

interface Received {
  readonly text: string;
  readonly atMs: number;
}

/** Signals of a daemon with these pairs in some hours, as a careless transport delivers them: doubled, late, lost. */
function someDay(seed: number, minutes: number): Received[] {
  const rng = createRng(seed);
  const received: Received[] = [];
  const open = new Map<string, { id: string; target: 1 | -1 }>();
  const prices = new Map(
    PAIRS.map((id) => [id, [1 + 100 * rng.uniform(), 1 + 10 * rng.uniform()] as [number, number]]),
  );
  for (let minute = 1; minute <= minutes; minute++) {
    for (const [index, pair_id] of PAIRS.entries()) {
      const [a, b] = prices.get(pair_id)!.map((price) => price * (1 + 0.001 * rng.normal())) as [number, number];
      prices.set(pair_id, [a, b]);
      const id = idOf(minute * 16 + index);
      const z_score = rng.uniform() < 0.5 ? 2.5 : -2.5;
      const common = {
        pair_id,
        price_a: a,
        price_b: b,
        beta: rng.normal() || 1,
        position_scale: rng.uniform(),
        signal_id: id,
        z_score,
      };
      const held = open.get(pair_id);
      let body = bodyOf({ ...common, z_score: 0.5 });
      if (held === undefined && rng.uniform() < 0.2) {
        body = enterBody(id, common);
        open.set(pair_id, { id, target: body.target as 1 | -1 });
      } else if (held !== undefined) {
        const ends = rng.uniform() < 0.15;
        body = ends ? exitBody(held.id, 'Z_EXIT', common) : inPositionBody(held.id, { ...common, target: held.target });
        if (ends) open.delete(pair_id);
      }
      const generated_at_ms = T0 + minute * 60_000 + index;
      const text = textOf(body, { boot_id: '20261120T080000000Z', seq: minute, generated_at_ms });
      const chance = rng.uniform();
      if (chance < 0.05) continue;
      const atMs = generated_at_ms + (chance < 0.08 ? 200_000 : rng.integer(3000));
      received.push({ text, atMs });
      if (chance > 0.95) received.push({ text, atMs: atMs + 100 });
    }
  }
  return received.sort((x, y) => x.atMs - y.atMs);
}

const words = (verdict: Verdict): string =>
  verdict.verdict === 'refuse'
    ? `refuse ${verdict.code}`
    : verdict.orders
        .map(({ order }) => order)
        .filter((order) => order !== 'hold')
        .join(' ');

describe('the paper trading consumer', () => {
  it.each([1, 2, 3])(
    'writes the fills that follow from the signals, equal to the reference of the expert advisor (seed %i)',
    (seed) => {
      const agent = agentOf();
      const trace: TraceLine[] = someDay(seed, 150).map(({ text, atMs }) => {
        nowMs = atMs;
        return { now_ms: atMs, text, verdict: words(agent.receive(text)) };
      });
      const wanted = paperTrades(trace, RULES);
      const found = fillsOf();
      expect(found.filter(({ kind }) => kind === 'open').length).toBeGreaterThan(20);
      expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(['open', 'close', 'refused']));
      expect(found.map(decisionOf)).toEqual(wanted.map(decisionOf));
      for (const [index, fill] of found.entries())
        for (const field of ['requested_price', 'filled_price', 'pnl'] as const)
          expect(fill[field] ?? 0).toBeCloseTo(wanted[index]![field] ?? 0, 9);
    },
  );

  it('killed at any write: each order is executed whole or not at all, and reported once', () => {
    const day = someDay(4, 20);
    const uninterrupted = countedFiles(Infinity);
    const agent = agentOf(uninterrupted.files);
    for (const { text, atMs } of day) {
      nowMs = atMs;
      agent.receive(text);
    }
    const whole = fillsOf();
    expect(whole.length).toBeGreaterThan(12);
    const writes = uninterrupted.done();
    expect(writes).toBeGreaterThan(100);
    for (let at = 1; at <= writes; at += 5) {
      rmSync(folder, { recursive: true });
      nowMs = T0;
      const { files } = countedFiles(at);
      let life = agentOf(files);
      for (const { text, atMs } of day) {
        nowMs = atMs;
        try {
          life.receive(text);
        } catch {
          // The process has ended; the next one reads the same text again, as from a file.
          life = agentOf();
          life.receive(text);
        }
      }
      const fills = fillsOf();
      // At worst the entry in progress is lost.
      const lost = whole.filter((fill) => !fills.some((other) => other.position_id === fill.position_id));
      expect(new Set(lost.map(({ position_id }) => position_id)).size).toBeLessThanOrEqual(1);
      expect(new Set(fills.map(fillKey)).size).toBe(fills.length);
      const legs = new Map<string, string>();
      for (const { kind, position_id, leg } of fills.filter(({ kind }) => kind !== 'refused'))
        legs.set(kind + position_id, (legs.get(kind + position_id) ?? '') + leg);
      for (const both of legs.values()) expect(both).toBe('AB');
    }
  });

  it('rewrites a line that a kill truncated', () => {
    const agent = agentOf();
    agent.receive(textOf(enterBody(idOf(1)), { boot_id: 'b', seq: 1, generated_at_ms: T0 }));
    const state = join(folder, 'state_live_XAUUSD_XAGUSD.json');
    const path = join(folder, 'result.json');
    const lines = readFileSync(path, 'utf8');
    // As it was between the state and the whole of result.json.
    writeFileSync(
      state,
      JSON.stringify({ ...(JSON.parse(readFileSync(state, 'utf8')) as object), outbox: lines.trim().split('\n') }),
    );
    writeFileSync(path, lines.slice(0, -100));
    agentOf();
    expect(readFileSync(path, 'utf8')).toBe(lines);
    expect(JSON.parse(readFileSync(state, 'utf8'))).toMatchObject({ outbox: [] });
  });

  it('keeps its positions over a restart, and never opens the same one again', () => {
    const signal = textOf(enterBody(idOf(1)), { boot_id: 'a', seq: 1, generated_at_ms: T0 });
    agentOf().receive(signal);
    expect(fillsOf()).toHaveLength(2);
    const again = agentOf();
    expect(again.receive(signal)).toMatchObject({ code: 'REPEATED' });
    // After a crash the daemon may send the same under a new boot.
    again.receive(textOf(enterBody(idOf(1)), { boot_id: 'b', seq: 1, generated_at_ms: T0 }));
    expect(fillsOf()).toHaveLength(2);
    again.receive(
      textOf(exitBody(idOf(1), 'STOP', { signal_id: idOf(2) }), { boot_id: 'b', seq: 2, generated_at_ms: T0 }),
    );
    expect(fillsOf().map(({ kind, leg, reason }) => [kind, leg, reason])).toEqual([
      ['open', 'A', 'ENTRY'],
      ['open', 'B', 'ENTRY'],
      ['close', 'A', 'STOP'],
      ['close', 'B', 'STOP'],
    ]);
  });

  it('keeps the highest fence over a restart', () => {
    const common = { boot_id: '20261120T080000000Z', generated_at_ms: nowMs };
    const ofFence = (fence: number, seq: number): string => textOf(bodyOf(), { ...common, seq, fence });
    expect(agentOf().receive(ofFence(7, 1)).verdict).toBe('accept');
    expect(agentOf().receive(ofFence(6, 2))).toMatchObject({ verdict: 'refuse', code: 'LOWER_FENCE' });
    expect(agentOf().receive(ofFence(7, 2)).verdict).toBe('accept');
  });

  it('closes by its own maximum age when no more signals arrive, and only then', () => {
    const agent = agentOf();
    agent.receive(textOf(enterBody(idOf(1), { max_age_bars: 10 }), { boot_id: 'a', seq: 1, generated_at_ms: T0 }));
    nowMs = T0 + 12 * 60_000;
    agent.tick();
    expect(fillsOf()).toHaveLength(2);
    nowMs += 1;
    agent.tick();
    const closes = fillsOf().slice(2);
    expect(closes).toHaveLength(2);
    for (const fill of closes)
      expect(fill).toMatchObject({ kind: 'close', reason: 'OWN_MAX_AGE', signal_id: idOf(1), signal_ms: 0 });
    agent.tick();
    expect(fillsOf()).toHaveLength(4);
  });

  it('writes no ticket of another program that receives the same signal in the same millisecond', () => {
    const root = folder;
    const keys = ['one', 'two'].flatMap((name) => {
      folder = join(root, name);
      const agent = agentOf();
      agent.receive(textOf(enterBody(idOf(1)), { boot_id: 'a', seq: 1, generated_at_ms: T0 }));
      agent.receive(textOf(exitBody(idOf(1)), { boot_id: 'a', seq: 2, generated_at_ms: T0 }));
      return fillsOf().map(fillKey);
    });
    folder = root;
    expect(keys).toHaveLength(8);
    expect(new Set(keys).size).toBe(8);
  });

  it('enters nothing and closes all while a KILL file is there', () => {
    const agent = agentOf();
    agent.receive(textOf(enterBody(idOf(1)), { boot_id: 'a', seq: 1, generated_at_ms: T0 }));
    writeFileSync(join(folder, 'KILL'), '');
    agent.tick();
    expect(
      fillsOf()
        .slice(2)
        .map(({ kind, reason }) => [kind, reason]),
    ).toEqual([
      ['close', 'KILL'],
      ['close', 'KILL'],
    ]);
    agent.receive(textOf(enterBody(idOf(2)), { boot_id: 'a', seq: 2, generated_at_ms: T0 }));
    expect(fillsOf().at(-1)).toMatchObject({ kind: 'refused', error: 'KILL', position_id: idOf(2) });
  });

  it('deducts the commission of both sides from the result of a close', () => {
    const agent = agentOf(MACHINE_FILES, 5);
    agent.receive(textOf(enterBody(idOf(1)), { boot_id: 'a', seq: 1, generated_at_ms: T0 }));
    agent.receive(
      textOf(exitBody(idOf(1), 'STOP', { signal_id: idOf(2) }), { boot_id: 'a', seq: 2, generated_at_ms: T0 }),
    );
    const [open, , close] = fillsOf() as [Fill, Fill, Fill];
    const bought = close.filled_price!;
    const sold = open.filled_price!;
    const commission = (bought + sold) * open.lots * 5e-4;
    expect(close.pnl).toBeCloseTo((sold - bought) * open.lots - commission, 9);
    expect(agent.equity()).toBeCloseTo(10_000 + fillsOf().reduce((sum, { pnl }) => sum + (pnl ?? 0), 0), 9);
  });

  it('refuses to start with a damaged state, or one of numbers that no account has: its positions are unknown', () => {
    const path = join(folder, 'state_live_XAUUSD_XAGUSD.json');
    const isRefused = expect.objectContaining({ code: 'EA_STATE' }) as Error;
    agentOf().receive(textOf(enterBody(idOf(1)), { boot_id: 'a', seq: 1, generated_at_ms: T0 }));
    const whole = readFileSync(path, 'utf8');
    for (const [name, value] of [
      ['lots', '1e308'],
      ['price', '1e300'],
      ['realised', '-1e308'],
      ['maxAgeBars', '-1'],
      ['barMs', '0'],
      ['openedMs', '1e300'],
    ]) {
      writeFileSync(path, whole.replace(new RegExp(`"${name}":[^,}]+`), `"${name}":${value}`));
      expect(() => agentOf(), name).toThrow(isRefused);
    }
    writeFileSync(path, whole);
    expect(() => agentOf()).not.toThrow();
    writeFileSync(path, '{"market":"live"');
    expect(() => agentOf()).toThrow(isRefused);
  });

  it('carries a gross notional of equity · risk · scale at every beta', () => {
    const agent = agentOf();
    const entered = { max_age_bars: 10, position_scale: 0.6, price_a: 0.05, price_b: 0.03 };
    for (const [index, beta] of [0.05, -0.05, 1, -1, 3, 20, -20, 500].entries()) {
      const id = idOf(index + 1);
      const equity = agent.equity();
      const envelope = { boot_id: 'a', generated_at_ms: T0 };
      agent.receive(textOf(enterBody(id, { ...entered, beta }), { ...envelope, seq: 2 * index + 1 }));
      const [a, b] = fillsOf().slice(-2) as [Fill, Fill];
      const gross = (a.lots * 0.05 + b.lots * 0.03) / (equity * RULES.risk * 0.6);
      expect([beta, gross]).toEqual([beta, expect.closeTo(1, 3)]);
      expect([beta, (b.lots * 0.03) / (a.lots * 0.05)]).toEqual([beta, expect.closeTo(Math.abs(beta), 2)]);
      agent.receive(
        textOf(exitBody(id, 'STOP', { price_a: 0.05, price_b: 0.03 }), { ...envelope, seq: 2 * index + 2 }),
      );
    }
  });

  it.each([
    ['beta 1e308', { beta: 1e308 }, 'SIZE_BETA'],
    ['beta -1e308', { beta: -1e308 }, 'SIZE_BETA'],
    ['beta 0', { beta: 0 }, 'SIZE_BETA'],
    ['beta 5e-324', { beta: 5e-324 }, 'SIZE_'],
    ['a price of 1e308', { price_a: 1e308 }, 'PRICE_RANGE'],
    ['a price of 5e-324', { price_b: 5e-324 }, 'PRICE_RANGE'],
    ['prices that no lots can be counted for', { price_a: 1e-12, price_b: 1e-12, position_scale: 1 }, 'SIZE_ABOVE'],
    ['a scale of 0', { position_scale: 0 }, 'SIZE_'],
    ['a scale of 5e-324', { position_scale: 5e-324 }, 'SIZE_'],
  ])('refuses an entry with %s, and goes on with the next pair, now and after a restart', (_, change, refusal) => {
    const agent = agentOf();
    const envelope = { boot_id: 'a', generated_at_ms: T0 };
    agent.receive(textOf(enterBody(idOf(1), change), { ...envelope, seq: 1 }));
    expect(fillsOf()).toMatchObject([{ kind: 'refused', error: expect.stringContaining(refusal) as string }]);
    expect(agent.equity()).toBe(RULES.equity);
    agent.receive(textOf(enterBody(idOf(2), { pair_id: 'EURUSD_USDCHF' }), { ...envelope, seq: 2 }));
    expect(fillsOf().slice(1)).toMatchObject([{ kind: 'open' }, { kind: 'open' }]);
    expect(agentOf().equity()).toBe(agent.equity());
  });

  it('refuses the signal of another pair than that of its folder or channel, and of one that it does not follow', () => {
    const agent = agentOf();
    const text = textOf(enterBody(idOf(1)), { boot_id: 'a', seq: 1, generated_at_ms: T0 });
    expect(words(agent.receive(text, 'EURUSD_USDCHF'))).toBe('refuse PAIR');
    expect(agent.views().find(({ pairId }) => pairId === 'EURUSD_USDCHF')!.refusal).toBe('PAIR');
    const unknown = enterBody(idOf(2), { pair_id: 'NZDUSD_USDCAD' });
    expect(words(agent.receive(textOf(unknown, { boot_id: 'a', seq: 1, generated_at_ms: T0 })))).toBe('refuse PAIR');
    const simulated = textOf(enterBody(idOf(1)), { boot_id: 'a', seq: 1, generated_at_ms: T0, market: 'simulated' });
    expect(words(agent.receive(simulated, 'XAUUSD_XAGUSD'))).toBe('refuse MARKET');
    expect(fillsOf()).toEqual([]);
    expect(words(agent.receive(text, 'XAUUSD_XAGUSD'))).toBe('open');
  });

  it('learns from each file which pair it is of', async () => {
    for (const pairId of PAIRS.slice(0, 2)) {
      mkdirSync(join(folder, pairId), { recursive: true });
      writeFileSync(join(folder, pairId, 'signal.json'), 'text');
    }
    const heard: unknown[] = [];
    const source = followFiles(MACHINE_FILES, folder, PAIRS.slice(0, 2), (...received) => heard.push(received));
    await expect.poll(() => heard).toEqual(PAIRS.slice(0, 2).map((pairId) => ['text', pairId]));
    await source.stop();
  });

  it('keeps the last usable prices of an open position', () => {
    const agent = agentOf();
    const envelope = { boot_id: 'a', generated_at_ms: T0 };
    agent.receive(textOf(enterBody(idOf(1)), { ...envelope, seq: 1 }));
    const before = agent.equity();
    for (const [index, price_a] of [1e308, 5e-324].entries()) {
      agent.receive(textOf(inPositionBody(idOf(1), { price_a }), { ...envelope, seq: index + 2 }));
      expect(agent.equity()).toBe(before);
    }
    agent.receive(textOf(exitBody(idOf(1), 'STOP', { price_b: 1e300 }), { ...envelope, seq: 4 }));
    expect(fillsOf().slice(2)).toMatchObject([{ kind: 'close' }, { kind: 'close' }]);
    expect(agentOf().equity()).toBe(agent.equity());
    expect(Number.isFinite(agent.equity())).toBe(true);
  });

  it('trades nothing that it cannot save', () => {
    const files = {
      ...MACHINE_FILES,
      write: () => {
        throw new Error('ENOSPC');
      },
    };
    const agent = agentOf(files);
    expect(() => agent.receive(textOf(enterBody(idOf(1)), { boot_id: 'a', seq: 1, generated_at_ms: T0 }))).toThrow(
      expect.objectContaining({ code: 'OUTPUT_UNWRITABLE' }) as Error,
    );
    expect(fillsOf()).toEqual([]);
  });
});

/** A disk whose process is killed at its n-th write, rename or sync, before it or in the middle. */
function countedFiles(deadly: number): { files: FileSystem; done: () => number } {
  let count = 0;
  const step = (half: () => void): void => {
    if (++count !== deadly) return;
    half();
    throw new Error('killed');
  };
  const files: FileSystem = {
    ...MACHINE_FILES,
    write(path, data) {
      step(() => MACHINE_FILES.write(path, data.slice(0, data.length / 2)));
      MACHINE_FILES.write(path, data);
    },
    rename(from, to) {
      step(() => undefined);
      MACHINE_FILES.rename(from, to);
    },
    sync() {
      step(() => undefined);
    },
  };
  return { files, done: () => count };
}
