import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstOwnTicket } from '../shared/fill/fill.ts';
import { checksum } from '../shared/signal/encode.ts';
import { compileProgram, compilerNote, hasCompiler } from './test/compile.ts';
import { startProgram, type LineProgram } from './test/program.ts';

const hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');
const text = (bytes: string): string => Buffer.from(bytes, 'hex').toString('utf8');

describe.skipIf(!hasCompiler())(`the parts of the expert advisor, compiled by g++${compilerNote()}`, () => {
  let program: LineProgram;
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-ea-'));
    program = startProgram(compileProgram('logic'), [folder]);
  }, 120_000);
  afterAll(async () => {
    await program.end();
    rmSync(folder, { recursive: true, force: true });
  });

  it('compute the checksum of zlib', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (value) => {
        expect(await program.ask(`crc ${hex(value)}`)).toBe(checksum(Buffer.from(hex(value), 'hex')));
      }),
      { numRuns: 100 },
    );
  });

  it('read objects as JSON.parse does, and refuse what it refuses', async () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.integer(),
    );
    const nested = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(fc.string(), leaf, { maxKeys: 3 }));
    const damage = fc.option(
      fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom('', ',', '"', '}', '0', ':', 'e', '\\', '['),
      ),
      { nil: null },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ minLength: 1 }), nested, { maxKeys: 6 }),
        damage,
        async (object, harm) => {
          let source = JSON.stringify(object);
          if (harm !== null) {
            const at = Math.floor(harm[0] * source.length);
            source = source.slice(0, at) + harm[1] + source.slice(at + 1);
          }
          // A zero ends a string there, and half of a surrogate pair has no UTF-8.
          fc.pre(!source.includes('\\u0000') && !/\\ud[89a-f]/i.test(source) && text(hex(source)) === source);
          let wanted = 'bad';
          try {
            const parsed: unknown = JSON.parse(source);
            if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
              // A duplicate key is two entries for the reader; the last one counts in both.
              fc.pre(
                new Set(Object.keys(parsed)).size === (source.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? []).length ||
                  Object.values(parsed).some((one) => typeof one === 'object'),
              );
              wanted = 'object';
              const answer = await program.ask(`json ${hex(source)}`);
              const found =
                answer === ''
                  ? []
                  : answer
                      .split(' ')
                      .map((part) => /^(.*)=(\d):(.*)$/.exec(part)!.slice(1) as [string, string, string]);
              // JSON.parse keeps the last of several equal keys, and damage may make different keys equal.
              for (const [key, kind, value] of new Map(found.map((each) => [each[0], each])).values()) {
                const meant = (parsed as Record<string, unknown>)[text(key)];
                const printed = { 1: text(value), 2: Number(text(value)), 3: text(value) === 'true', 4: null }[kind];
                if (kind === '5') expect(JSON.parse(text(value))).toEqual(meant);
                else expect(printed).toEqual(meant);
              }
              expect(found.length).toBeGreaterThanOrEqual(Object.keys(parsed).length);
              return;
            }
          } catch (error) {
            if (!(error instanceof SyntaxError)) throw error;
          }
          expect(await program.ask(`json ${hex(source)}`), source).toBe(wanted);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('read RESP2 in pieces of any size', async () => {
    const bulk = fc.option(fc.string({ unit: fc.constantFrom('a', 'é', '\r', '\n', '$', '*', '1'), maxLength: 12 }), {
      nil: null,
    });
    const bulkText = (value: string | null): string =>
      value === null ? '$-1\r\n' : `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
    const reply = fc.oneof(
      fc.constantFrom('OK', 'PONG').map((value) => ({ wire: `+${value}\r\n`, printed: `+:${hex(value)}` })),
      fc.constantFrom('ERR no', 'NOAUTH').map((value) => ({ wire: `-${value}\r\n`, printed: `-:${hex(value)}` })),
      fc.integer().map((value) => ({ wire: `:${value}\r\n`, printed: `::${hex(String(value))}` })),
      bulk.map((value) => ({ wire: bulkText(value), printed: `$:${value === null ? 'null' : hex(value)}` })),
      fc.array(bulk, { maxLength: 4 }).map((items) => ({
        wire: `*${items.length}\r\n${items.map(bulkText).join('')}`,
        printed: `*:${items.map((item) => (item === null ? 'null' : hex(item))).join('|')}`,
      })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(reply, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(200), { maxLength: 8 }),
        async (replies, cuts) => {
          const wire = Buffer.from(replies.map((one) => one.wire).join(''), 'utf8');
          const places = [...new Set([0, ...cuts.map((cut) => cut % wire.length), wire.length])].sort((a, b) => a - b);
          const pieces = places.slice(1).map((end, index) => wire.subarray(places[index], end).toString('hex'));
          expect(await program.ask(`resp ${pieces.join()}`)).toBe(
            `${replies.map((one) => one.printed).join(' ')} more`,
          );
          const half = wire.subarray(0, wire.length - 1).toString('hex');
          expect(await program.ask(`resp ${half}`)).toBe(
            [...replies.slice(0, -1).map((one) => one.printed), 'more'].join(' '),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    ['a larger bulk than a megabyte', '$1048577\r\n'],
    ['more items than a thousand', '*1025\r\n'],
    ['a length that is none', '$1a\r\n'],
    ['a bulk without its end', '$1\r\nab\r\n'],
    ['another protocol', 'HTTP/1.1 200 OK\r\n'],
    ['arrays in arrays without end', '*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n'],
    ['a line without end', `+${'x'.repeat(5000)}`],
  ])('refuse in RESP2: %s', async (_, wire) => {
    expect(await program.ask(`resp ${hex(wire)}`)).toMatch(/broken$/);
  });

  it('write commands of RESP2 with lengths in bytes', async () => {
    const made = await program.ask(`command ${[hex('AUTH'), hex('pässwört'), hex('x')].join()}`);
    expect(text(made)).toBe('*3\r\n$4\r\nAUTH\r\n$10\r\npässwört\r\n$1\r\nx\r\n');
  });

  it('size the legs by the formula: money / (1 + |beta|) over value of a lot, |beta| times as much of B, in steps, within all limits', async () => {
    const spec = fc.record({
      contract: fc.constantFrom(1, 100, 5000, 100_000),
      rate: fc.constantFrom(1, 0.0066, 1.27),
      price: fc.integer({ min: 50, max: 500_000 }).map((cents) => cents / 100),
      min: fc.constantFrom(0.01, 0.1),
      max: fc.constantFrom(0.5, 50),
      step: fc.constantFrom(0.01, 0.1),
    });
    let traded = 0;
    await fc.assert(
      fc.asyncProperty(
        spec,
        spec,
        fc.constantFrom(1_000, 50_000, 2_000_000),
        fc.integer({ min: 0, max: 1000 }).map((part) => part / 1000),
        fc.integer({ min: -3000, max: 3000 }).map((part) => part / 1000),
        async (a, b, equity, scale, beta) => {
          const cap = 5;
          const words = [a, b].map(
            (one) => `${one.contract} ${one.rate} ${one.price} ${one.min} ${one.max} ${one.step}`,
          );
          const answer = await program.ask(`size ${equity} 2 ${scale} ${beta} ${cap} 0.2 ${words.join(' ')}`);
          const [lotsA, lotsB, refusal] = answer.split(' ') as [string, string, string | undefined];
          const worth = (one: typeof a): number => one.contract * one.rate * one.price;
          if (refusal) return void expect([Number(lotsA), Number(lotsB)]).toEqual([0, 0]);
          traded++;
          const money = (equity * 2 * scale) / (1 + Math.abs(beta));
          for (const [lots, one] of [
            [Number(lotsA), a],
            [Number(lotsB), b],
          ] as const) {
            expect(lots).toBeGreaterThanOrEqual(one.min);
            expect(lots).toBeLessThanOrEqual(Math.min(cap, one.max) + 1e-9);
            expect(Math.abs(lots / one.step - Math.round(lots / one.step))).toBeLessThan(1e-6);
          }
          expect(Number(lotsA) * worth(a)).toBeLessThanOrEqual(money * (1 + 1e-9) + 1e-5 * worth(a));
          const hedge = (Number(lotsB) * worth(b)) / (Number(lotsA) * worth(a) * Math.abs(beta));
          expect(Math.abs(hedge - 1)).toBeLessThan(0.2001);
          // One more step of A would not have been allowed.
          const limits = [
            money / worth(a),
            cap,
            a.max,
            (Math.min(cap, b.max) * worth(b)) / (Math.abs(beta) * worth(a)),
          ];
          expect(Number(lotsA) + a.step).toBeGreaterThan(Math.min(...limits) - 1e-6);
        },
      ),
      { numRuns: 400 },
    );
    expect(traded).toBeGreaterThan(10);
  });

  it('size nothing when a number is missing', async () => {
    const spec = '100 1 4000 0.01 50 0.01';
    expect(await program.ask(`size 10000 0.5 1 1 5 0.2 100 0 4000 0.01 50 0.01 ${spec}`)).toContain('SIZE_UNKNOWN');
    expect(await program.ask(`size 2000000 0.5 1 1 5 0.2 ${spec} ${spec}`)).toBe('1.25 1.25 ');
    expect(await program.ask(`size 1009000 0.5 1 0.009 5 0.2 ${spec} ${spec}`)).toBe('1.25 0.01 ');
    expect(await program.ask(`size 1006000 0.5 1 0.006 5 0.2 ${spec} ${spec}`)).toContain('SIZE_HEDGE_ERROR');
    expect(await program.ask(`size 100 0.5 1 1 5 0.2 ${spec} ${spec}`)).toContain('SIZE_BELOW_MINIMUM A');
  });

  it('size a gross notional of equity · risk · scale at every beta that a policy can allow', async () => {
    const spec = '1 1 1 0.000001 1000000000 0.000001';
    for (const beta of [0.05, -0.05, 0.3, 1, -1, 3, -3, 20, 1000]) {
      const [lotsA, lotsB] = (await program.ask(`size 10000 0.5 0.8 ${beta} 1000000000 0.2 ${spec} ${spec}`))
        .split(' ')
        .map(Number) as [number, number];
      expect([beta, (lotsA + lotsB) / 4000]).toEqual([beta, expect.closeTo(1, 5)]);
      expect([beta, lotsB / lotsA]).toEqual([beta, expect.closeTo(Math.abs(beta), 3)]);
    }
  });

  it.each([
    ['0', '1', '1', 'SIZE_BETA'],
    ['1e308', '1', '1', 'SIZE_BETA'],
    ['-1e308', '1', '1', 'SIZE_BETA'],
    ['1000.1', '1', '1', 'SIZE_BETA'],
    ['1', '1e308', '1', 'SIZE_'],
    ['1', '1e-308', '1', 'SIZE_'],
    ['1', '1', '0', 'SIZE_UNKNOWN'],
    ['1', '1', '1e308', 'SIZE_UNKNOWN'],
  ])('size nothing for beta %s, price %s, scale %s', async (beta, price, scale, refusal) => {
    const answer = await program.ask(
      `size 10000 5 ${scale} ${beta} 1000 0.2 100 1 ${price} 0.01 50 0.01 100 1 1 0.01 50 0.01`,
    );
    const [lotsA, lotsB, why] = answer.split(' ') as [string, string, string];
    expect([lotsA, lotsB]).toEqual(['0', '0']);
    expect(why).toContain(refusal);
  });

  it('number their own orders as the reference does', async () => {
    for (const identity of ['', 'Broker-Demo 1001 C:\\Terminal', 'größer', 'x'.repeat(200)])
      expect(await program.ask(`ticket ${hex(identity)}`)).toBe(String(firstOwnTicket(identity)));
  });

  it('know UTC to one timer interval after the first second, and are never ahead', async () => {
    const steps = fc.array(fc.integer({ min: 10, max: 300 }), { minLength: 40, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(fc.nat(999), steps, async (phase, intervals) => {
        let at = 0;
        const moments = [0, ...intervals.map((interval) => (at += interval))];
        const utc = moments.map((ms) => 1_795_163_160_000 + phase + ms);
        const printed = (
          await program.ask(`clock ${utc.map((ms, index) => `${ms}:${77_000 + moments[index]!}`).join()}`)
        )
          .split(',')
          .map(Number);
        printed.forEach((now, index) => {
          expect(now).toBeLessThanOrEqual(utc[index]!);
          expect(utc[index]! - now).toBeLessThanOrEqual(moments[index]! < 1300 ? 1000 : Math.max(...intervals));
        });
      }),
      { numRuns: 50 },
    );
  });

  it('follow a clock that is set back, or forward, within a second', async () => {
    for (const jump of [-7000, -400, 400, 7000]) {
      const moments = Array.from({ length: 60 }, (_, index) => index * 100);
      const utc = moments.map((ms, index) => 1_795_163_160_250 + ms + (index < 30 ? 0 : jump));
      const printed = (await program.ask(`clock ${utc.map((ms, index) => `${ms}:${moments[index]!}`).join()}`))
        .split(',')
        .map(Number);
      for (let index = 42; index < 60; index++)
        expect(Math.abs(printed[index]! - utc[index]!)).toBeLessThanOrEqual(100);
    }
  });

  it.each([
    // A server on New York's clock + 7: the day of the change is a Sunday.
    [0, 7200, '2026-03-06T22:00:00Z', 7200],
    [0, 7200, '2026-03-08T06:59:00Z', 7200],
    [0, 7200, '2026-03-08T07:00:00Z', 10800],
    [0, 7200, '2026-10-31T12:00:00Z', 10800],
    [0, 7200, '2026-11-01T05:59:00Z', 10800],
    [0, 7200, '2026-11-01T06:00:00Z', 7200],
    [1, 7200, '2026-03-28T12:00:00Z', 7200],
    [1, 7200, '2026-03-29T01:00:00Z', 10800],
    [1, 7200, '2026-10-25T00:59:00Z', 10800],
    [1, 7200, '2026-10-25T01:00:00Z', 7200],
    [2, 0, '2026-07-01T00:00:00Z', 0],
  ])('know the server clock (rule %i, %i s in winter) of %s', async (rule, winter, iso, offset) => {
    const utc = Date.parse(iso) / 1000;
    expect(await program.ask(`server ${rule} ${winter} ${utc}`)).toBe(String(utc + offset));
  });

  it('convert server time back to UTC, at every hour of two years', async () => {
    const lost: number[] = [];
    for (let utc = Date.UTC(2025, 0, 1) / 1000; utc < Date.UTC(2027, 0, 1) / 1000; utc += 3600 * 7) {
      const rule = utc % 2;
      const server = await program.ask(`server ${rule} 7200 ${utc}`);
      if ((await program.ask(`utc ${rule} 7200 ${server}`)) !== String(utc)) lost.push(utc);
    }
    expect(lost).toEqual([]);
  });

  it.each([
    [1.5, 5, '1.5'],
    [100, 2, '100'],
    [0.00001, 5, '0.00001'],
    [-0.0000001, 5, '0'],
    [4100.123456, 2, '4100.12'],
  ])('write %d with at most %i decimals as %s', async (value, digits, written) => {
    expect(await program.ask(`number ${value} ${digits}`)).toBe(written);
  });

  it('recognize a truncated file as damaged, wherever it ends', async () => {
    const content = hex('{"a":1}\n{"b":"ü"}\n');
    expect(await program.ask(`sealed ${content} 0`)).toBe('1 same');
    for (const cut of [1, 5, 21, 22, 30]) expect(await program.ask(`sealed ${content} ${cut}`)).toBe('-1 other');
  });

  it.each([
    ['XAUUSD', '-', '.m', 'XAUUSD.m'],
    ['XAUUSD', 'SPXUSD=US500,XAUUSD=GOLD', '.m', 'GOLD'],
    ['EURUSD', 'SPXUSD=US500,XAUUSD=GOLD', '-', 'EURUSD'],
  ])('name %s with the list %s and the suffix %s: %s', async (symbol, list, suffix, name) => {
    expect(await program.ask(`broker ${symbol} ${list} ${suffix}`)).toBe(name);
  });
});
