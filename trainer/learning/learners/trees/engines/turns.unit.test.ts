import { expect, it } from 'vitest';
import { createTurns } from './engines.ts';

it('runs work of equal keys together, of other keys in turn, and queues do not wait for each other', async () => {
  const turns = createTurns();
  const log: string[] = [];
  const finish = new Map<string, () => void>();
  const take = (queue: string, key: number, name: string): Promise<string> =>
    turns.take(queue, key, async () => {
      log.push(name);
      await new Promise<void>((resolve) => finish.set(name, resolve));
      return name;
    });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const results = [take('q', 1, 'a'), take('q', 1, 'b'), take('q', 2, 'c'), take('q', 1, 'd'), take('other', 2, 'e')];
  await settled();
  expect(log).toEqual(['a', 'b', 'e']);
  finish.get('a')!();
  await settled();
  expect(log).toEqual(['a', 'b', 'e']);
  finish.get('b')!();
  await settled();
  expect(log).toEqual(['a', 'b', 'e', 'c']);
  finish.get('c')!();
  await settled();
  expect(log).toEqual(['a', 'b', 'e', 'c', 'd']);
  finish.get('d')!();
  finish.get('e')!();
  expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd', 'e']);
});

it('continues after work that failed', async () => {
  const turns = createTurns();
  await expect(turns.take('q', 1, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await turns.take('q', 2, () => Promise.resolve('next'))).toBe('next');
});
