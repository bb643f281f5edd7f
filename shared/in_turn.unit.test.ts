import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atMostOneWaiting, InTurn } from './in_turn.ts';

const TWO = { most: 2, what: 'works' };
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A work that ends when it is told to. */
function gate(): { readonly work: () => Promise<void>; open(): void; readonly begun: () => boolean } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isBegun = false;
  return {
    work: () => {
      isBegun = true;
      return promise;
    },
    open: resolve,
    begun: () => isBegun,
  };
}

describe('works in turn', () => {
  it('are refused beyond the bound, and one that leaves makes room at once and never begins', async () => {
    const turns = new InTurn(TWO);
    const first = gate();
    const second = gate();
    const third = gate();
    const leaving = new AbortController();
    const running = turns.run(first.work);
    const waiting = turns.run(second.work, leaving.signal);
    await expect(turns.run(third.work)).rejects.toMatchObject({
      code: 'REQUESTS_TOO_MANY',
      message: expect.stringContaining('2 works'),
    });
    leaving.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    const later = turns.run(third.work);
    first.open();
    third.open();
    await Promise.all([running, later]);
    expect([first, second, third].map(({ begun }) => begun())).toEqual([true, false, true]);
    expect(turns.count).toBe(0);
  });

  it('run one at a time, in order, whichever of them fail or are left', async () => {
    const fate = fc.constantFrom('ends' as const, 'fails' as const, 'leaves' as const);
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 12 }), async (fates) => {
        const turns = new InTurn(null);
        const log: number[] = [];
        let active = 0;
        const done = fates.map((one, i) => {
          const leaving = new AbortController();
          const work = async (): Promise<void> => {
            expect(++active).toBe(1);
            log.push(i);
            await settle();
            active--;
            if (one === 'fails') throw new Error('failed');
          };
          const outcome = turns.run(work, leaving.signal).then(
            () => 'ends',
            ({ message }: Error) => message,
          );
          // The first has begun before it can leave.
          if (one === 'leaves') leaving.abort(new Error('left'));
          return outcome;
        });
        await turns.settled();
        const said = { ends: 'ends', fails: 'failed', leaves: 'left' };
        expect(await Promise.all(done)).toEqual(
          fates.map((one, i) => (one === 'leaves' && i === 0 ? 'ends' : said[one])),
        );
        expect(log).toEqual(fates.flatMap((one, i) => (one === 'leaves' && i > 0 ? [] : [i])));
        expect(turns.count).toBe(0);
      }),
    );
  });

  it('keep a place for work that is not ready yet, which others do not wait for', async () => {
    const turns = new InTurn(TWO);
    const place = turns.enter();
    expect(await turns.run(async () => 'ready')).toBe('ready');
    turns.enter();
    await expect(turns.run(async () => 'third')).rejects.toMatchObject({
      code: 'REQUESTS_TOO_MANY',
      message: expect.stringContaining('2 works'),
    });
    expect(await place.run(async () => 'received')).toBe('received');
    place.leave();
    place.leave();
    expect(turns.count).toBe(1);
  });
});

it('a look that is asked for while one hangs waits once, and sees what changed meanwhile', async () => {
  let looks = 0;
  let state = 'before';
  const seen: string[] = [];
  const hanging = gate();
  const look = atMostOneWaiting(async () => {
    seen.push(state);
    if (++looks === 1) await hanging.work();
    if (looks === 2) throw new Error('failed');
  });
  const first = look();
  await settle();
  state = 'after';
  const asked = Array.from({ length: 1000 }, look);
  hanging.open();
  await first;
  const outcomes = await Promise.allSettled(asked);
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
  await look();
  expect(seen).toEqual(['before', 'after', 'after']);
});
