import { expect, it } from 'vitest';
import { MinutehandError } from '../../shared/errors.ts';
import type { Connection } from '../serve/websocket_route.ts';
import type { Intake } from './intake.ts';
import { barsWebSocket } from './websocket.ts';

/** An intake that throws what a message names, else reports its length; the journal stores when told. */
function openRoute() {
  const stores: (() => void)[] = [];
  const defects: unknown[] = [];
  const sent: unknown[] = [];
  const intake = ((text: string) => {
    if (text === 'stopping') throw new MinutehandError('STOPPING');
    if (text === 'defect') throw new Error('defect');
    return { accepted: text.length };
  }) as unknown as Intake;
  const settled = (): Promise<boolean> => new Promise((resolve) => stores.push(() => resolve(true)));
  const route = barsWebSocket(intake, settled, (error) => defects.push(error));
  const connection = {
    query: new URLSearchParams(),
    send: (text: string) => sent.push(JSON.parse(text)),
  } as unknown as Connection;
  return {
    defects,
    sent,
    receive: (text: string) => route.onMessage(connection, text),
    async store() {
      for (const store of stores.splice(0)) store();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

it('an error is sent after the reports of earlier messages', async () => {
  const { receive, store, sent, defects } = openRoute();
  for (const text of ['1', 'stopping', '22']) receive(text);
  expect(sent).toEqual([]);
  await store();
  const stopping = { error: expect.objectContaining({ code: 'STOPPING' }) as unknown };
  expect(sent).toEqual([{ accepted: 1, stored: true }, stopping, { accepted: 2, stored: true }]);
  expect(defects).toEqual([]);
});

it('a defect is reported, and answered in its turn', async () => {
  const { receive, store, sent, defects } = openRoute();
  for (const text of ['1', 'defect']) receive(text);
  await store();
  expect(sent).toEqual([{ accepted: 1, stored: true }, { error: expect.anything() as unknown }]);
  expect(defects).toEqual([new Error('defect')]);
});
