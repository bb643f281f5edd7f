import { expect, it } from 'vitest';
import { allSettled, Undo } from './undo.ts';

it('what was started is released in reverse order, once, and the first failure is thrown at the end', async () => {
  const released: string[] = [];
  const undo = new Undo(() => void released.push('lock'));
  undo.push(() => {
    throw new Error('socket');
  });
  undo.push(async () => {
    await Promise.resolve();
    released.push('file');
    throw new Error('file');
  });
  await expect(undo.unwind()).rejects.toThrow('file');
  expect(released).toEqual(['file', 'lock']);
  await undo.unwind();
  expect(released).toEqual(['file', 'lock']);
});

it('all work has ended before its first failure is thrown', async () => {
  let isDone = false;
  const slow = new Promise<void>((resolve) =>
    setImmediate(() => {
      isDone = true;
      resolve();
    }),
  );
  await expect(
    allSettled([Promise.reject(new Error('first')), slow, Promise.reject(new Error('second'))]),
  ).rejects.toThrow('first');
  expect(isDone).toBe(true);
  await allSettled([slow, Promise.resolve()]);
});
