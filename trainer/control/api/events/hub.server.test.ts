import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { EventHub } from './hub.ts';

it('writes the events of a bar to each stream at once, in order, and to a new stream none from before it', async () => {
  const hub = new EventHub();
  const open = (first: readonly (readonly [string, string])[] = []): string[] => {
    const written: string[] = [];
    const write = (text: string | Buffer): boolean => written.push(String(text)) > 0;
    const response = Object.assign(new EventEmitter(), { write, writeHead: () => response, destroy: () => response });
    hub.open(response as unknown as ServerResponse, 'a', first, () => Promise.resolve(true));
    return written;
  };
  const one = open();
  const two = open();
  hub.publish('signal', '1');
  hub.publish('signal', '2');
  expect([one.length, two.length]).toEqual([1, 1]);
  await expect.poll(() => [one, two].map(({ length }) => length)).toEqual([2, 2]);
  const event = (id: number): string => `id: ${id}\nevent: signal\ndata: ${id}\n\n`;
  expect([one[1], two[1]]).toEqual([event(1) + event(2), event(1) + event(2)]);
  hub.publish('signal', '3');
  const three = open([['signal', '4']]);
  hub.publish('signal', '5');
  await hub.beat();
  expect(one.slice(2)).toEqual([event(3), `${event(5)}: beat\n\n`]);
  expect(three).toEqual([`retry: 2000\n\n${event(4)}`, `${event(5)}: beat\n\n`]);
  hub.publish('signal', `"${'x'.repeat(70_000)}"`);
  expect(one.length).toBe(5);
  hub.close();
});
