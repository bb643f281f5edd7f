import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REASONS } from '../shared/strategies/pair_reversion/reasons.ts';
import { packageRoot } from '../shared/root.ts';
import { createConsumer, type Consumer, type Verdict } from '../shared/signal/consumer.ts';
import { checksum, encodeBody } from '../shared/signal/encode.ts';
import { bodyOf, enterBody, exitBody, idOf, inPositionBody, textOf } from '../shared/signal/signal.fixture.ts';
import { BODY_FIELDS, ENVELOPE_FIELDS, MARKETS, MODES, type SignalBody } from '../shared/signal/signal.ts';
import type { ConsumerVector } from '../test/vectors/consumer_vectors.ts';
import { compileProgram, compilerNote, hasCompiler } from './test/compile.ts';
import { startProgram, type LineProgram } from './test/program.ts';

const NOW_MS = Date.UTC(2026, 10, 20, 8, 26);
const hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');

/** The verdict of the reference in the program's output format. */
function words(verdict: Verdict): string {
  if (verdict.verdict === 'refuse') return `refuse ${verdict.code}`;
  const orders = verdict.orders.map((order) => {
    if (order.order === 'close') return `close ${order.positionId}`;
    if (order.order !== 'open') return order.order;
    const [a, b] = order.legs;
    const entry = `${a.side}_${a.symbol}, ${b.side}_${b.symbol}`;
    return `open ${order.positionId} ${entry} ${b.weight} ${order.scale} ${order.maxAgeBars}`;
  });
  return ['accept', verdict.missed, ...orders].join(' ');
}

/** C++ and JavaScript write large and exact numbers differently. */
const plain = (answer: string): string =>
  answer.replace(/(?<= )-?\d[\d.]*(?:e[+-]?\d+)?(?= |$)/g, (number) =>
    number.length === 32 ? number : Number(number).toPrecision(12),
  );

describe.skipIf(!hasCompiler())(`the consumer of the expert advisor, compiled by g++${compilerNote()}`, () => {
  let program: LineProgram;
  beforeAll(() => {
    program = startProgram(compileProgram('consumer'));
  }, 120_000);
  afterAll(() => program.end());

  const vectors = (
    JSON.parse(readFileSync(join(packageRoot(), 'test', 'vectors', 'consumer.json'), 'utf8')) as ConsumerVector[]
  ).filter(({ instruments }) => instruments !== true);

  it.each(vectors.map((vector) => [vector.name, vector] as const))(
    'holds the conformance vector: %s',
    async (_, vector) => {
      await program.ask(`begin ${vector.markets.join(',')} ${vector.max_clock_skew_ms}`);
      for (const step of vector.steps) {
        if ('restart' in step) expect(await program.ask('restart')).toBe('ok');
        else if ('closed' in step) await program.ask(`closed ${step.closed}`);
        else {
          const answer = await program.ask(`take ${step.now_ms} ${hex(step.text)} ${step.from ?? ''}`);
          if ('refuse' in step.expect) expect(answer).toBe(`refuse ${step.expect.refuse}`);
          else {
            const found = answer.match(/(?:close|open) [0-9a-f]{32}|hold|halt/g);
            expect(found, answer).toEqual(step.expect.orders);
          }
          if (step.legs === undefined) continue;
          const [a, b] = step.legs as [
            { side: string; symbol: string },
            { side: string; symbol: string; weight: number },
          ];
          expect(answer).toContain(`${a.side}_${a.symbol}, ${b.side}_${b.symbol} ${b.weight} 0.5 60`);
        }
      }
    },
  );

  it.each([
    ['five minutes behind the daemon', -300_000, 'refuse FUTURE'],
    ['five minutes ahead of it', 300_000, 'refuse STALE'],
    ['the same as its', 0, `accept 0 open ${idOf(1)}`],
  ])('does with a clock that is %s what it must', async (_, afterMs, answer) => {
    await program.ask('begin live 2000');
    const text = textOf(enterBody(idOf(1)), { boot_id: 'B', seq: 1, generated_at_ms: NOW_MS });
    expect(await program.ask(`take ${NOW_MS + afterMs} ${hex(text)}`)).toContain(answer);
  });

  it('gives the same output as the reference consumer on random sequences', async () => {
    let printed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 40 }), async (steps) => {
        await program.ask('begin live,simulated 2000');
        const options = { markets: ['live', 'simulated'] as const, maxClockSkewMs: 2000 };
        let reference: Consumer = createConsumer(options);
        let nowMs = NOW_MS;
        for (const step of steps) {
          if (step.kind === 'restart') {
            await program.ask('restart');
            reference = createConsumer({ ...options, state: JSON.parse(JSON.stringify(reference.state())) as never });
          } else if (step.kind === 'closed') {
            await program.ask(`closed ${idOf(step.id)}`);
            reference.closed(idOf(step.id));
          } else if (step.kind === 'time') nowMs += step.ms;
          else {
            const text = spoil(textFor(step, nowMs), step.spoil);
            expect(await program.ask(`take ${nowMs} ${hex(text)}`), text).toBe(words(reference.take(text, nowMs)));
            printed++;
          }
        }
      }),
      { numRuns: 150 },
    );
    expect(printed).toBeGreaterThan(1000);
  });

  it('refuses fields that are changed one by one, under a valid checksum, as the reference does', async () => {
    const covered = textOf(enterBody(idOf(1)), { boot_id: 'B', seq: 1, generated_at_ms: NOW_MS }).replace(
      /,"crc32":.*/,
      '',
    );
    const values = [
      'null',
      '""',
      '"x"',
      '0',
      '-1',
      '1',
      '2',
      '0.5',
      '1.5',
      '-0',
      '1e3',
      '1e999',
      'true',
      '[]',
      '{"a":[1,"}"]}',
      '1.',
      '01',
      '"\\u0041"',
      '"a\\"b"',
      '9007199254740992',
    ];
    let refused = 0;
    for (const field of [...BODY_FIELDS, ...ENVELOPE_FIELDS]) {
      if (field === 'crc32') continue;
      for (const value of values) {
        const changed = covered.replace(new RegExp(`"${field}":("[^"]*"|[^,]*)`), `"${field}":${value}`);
        const text = `${changed},"crc32":"${checksum(changed)}"}`;
        await program.ask('begin live 2000');
        const wanted = words(createConsumer({ markets: ['live'], maxClockSkewMs: 2000 }).take(text, NOW_MS));
        expect(plain(await program.ask(`take ${NOW_MS} ${hex(text)}`)), text).toBe(plain(wanted));
        if (wanted.startsWith('refuse')) refused++;
      }
    }
    expect(refused).toBeGreaterThan(400);
  });

  it('knows the same reasons, modes, markets and fields as the daemon', () => {
    const source = readFileSync(join(packageRoot(), 'mt5', 'Include', 'Minutehand', 'Signal.mqh'), 'utf8');
    const listed = (name: string): string[] => new RegExp(`#define ${name} "(.*)"`).exec(source)![1]!.split(',');
    expect(new Set(listed('MH_REASONS'))).toEqual(new Set(Object.keys(REASONS)));
    expect(listed('MH_SIGNAL_FIELDS')).toEqual([...BODY_FIELDS, ...ENVELOPE_FIELDS]);
    expect(source).toContain(`"${MODES.join(',')}"`);
    expect(source).toContain(`"${MARKETS.join(',')}"`);
  });
});

const STEP = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('signal' as const),
      what: fc.constantFrom('enter', 'enter', 'hold', 'in', 'exit', 'halt', 'warm' as const),
      pairId: fc.constantFrom('XAUUSD_XAGUSD', 'EURUSD_USDCHF'),
      id: fc.integer({ min: 1, max: 4 }),
      beta: fc.constantFrom(0.8, -1.5, 0.123456789012),
      boot: fc.constantFrom('20261120T080000000Z', '20261120T080000001Z', '20261121T000000000Z'),
      seq: fc.integer({ min: 1, max: 8 }),
      agoMs: fc.constantFrom(0, 0, 0, 1_000, 150_000, 150_001, -2_000, -2_001),
      market: fc.constantFrom('live', 'live', 'simulated', 'replay' as const),
      spoil: fc.constantFrom('', '', '', '', '', 'cut', 'digit', 'newline', 'mode', 'pair'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('closed' as const), id: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 60_000, 150_000, -3_000) }),
  },
);
type SignalStep = Extract<typeof STEP extends fc.Arbitrary<infer Step> ? Step : never, { kind: 'signal' }>;

function textFor(step: SignalStep, nowMs: number): string {
  const base: Partial<SignalBody> = { pair_id: step.pairId, beta: step.beta };
  const id = idOf(step.id);
  const unknown = { z_score: null, return_prob: null, beta: null, price_a: null } as const;
  const bodies = {
    enter: () => enterBody(id, base),
    hold: () => bodyOf(base),
    in: () => inPositionBody(id, base),
    exit: () => exitBody(id, 'STOP', base),
    halt: () => bodyOf({ ...base, mode: 'HALT', reason: 'NO_MODEL' }),
    warm: () => bodyOf({ ...base, ...unknown, mode: 'WARMUP', reason: 'WARMUP' }),
  };
  return textOf(bodies[step.what](), {
    boot_id: step.boot,
    seq: step.seq,
    generated_at_ms: nowMs - step.agoMs,
    market: step.market,
  });
}

/** Damage, or a change with a valid checksum. */
function spoil(text: string, how: string): string {
  const sign = (covered: string): string => `${covered},"crc32":"${checksum(covered)}"}`;
  const covered = text.replace(/,"crc32":.*/, '');
  if (how === 'cut') return text.slice(0, text.length - 7);
  if (how === 'digit') return text.replace('"theta1":0.7', '"theta1":0.8');
  if (how === 'newline') return `\r\n ${text}\n`;
  if (how === 'mode') return sign(covered.replace(/"mode":"[A-Z]*"/, '"mode":"HALT"'));
  if (how === 'pair') return sign(covered.replace(/"pair":"[^"]*"/, '"pair":"Gold – Silber"'));
  return text;
}

it('the checksum of a body is that of its text', () => {
  expect(checksum(encodeBody(bodyOf()))).toMatch(/^[0-9a-f]{8}$/);
});
