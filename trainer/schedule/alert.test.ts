import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino, { type Logger } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinySettings } from '../../test/tiny_models.ts';
import { sendAlert, type Alert, type AlertOptions } from './alert.ts';

interface Taken {
  readonly method: string;
  readonly url: string;
  readonly type: string | undefined;
  readonly body: unknown;
}

let server: Server;
let taken: Taken[];
let lines: Record<string, unknown>[];
let log: Logger;
beforeEach(() => {
  [taken, lines] = [[], []];
  log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line) as never) });
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function listen(answer: (response: ServerResponse) => void): Promise<string> {
  const read = async (request: IncomingMessage): Promise<string> => {
    let text = '';
    for await (const part of request) text += String(part);
    return text;
  };
  server = createServer((request, response) => {
    void read(request).then((text) => {
      const { method, url, headers } = request;
      taken.push({ method: method!, url: url!, type: headers['content-type'], body: JSON.parse(text) as unknown });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T0/secret`;
}

const ALERT: Alert = { kind: 'retrain_aborted', text: 'Training run 3 was given up.', details: { run_id: 3 } };
const options = (address: string | undefined, timeoutMs = 5000): AlertOptions => ({
  settings: tinySettings(),
  env: { MINUTEHAND_ALERT_URL: address },
  log,
  timeoutMs,
});
const LINE = { level: 50, alert: 'retrain_aborted', details: { run_id: 3 }, msg: ALERT.text };

describe('an alert', () => {
  it('is a line of the log, and posted to the channel of the policy', async () => {
    const address = await listen((response) => response.end('ok'));
    expect(await sendAlert(options(address), ALERT)).toBe(true);
    expect(taken).toEqual([
      {
        method: 'POST',
        url: '/services/T0/secret',
        type: 'application/json',
        body: { channel: '#ml-ops', ...ALERT },
      },
    ]);
    expect(lines).toEqual([LINE]);
  });

  it.each([undefined, ''])('is a line of the log alone where the address is %j', async (address) => {
    expect(await sendAlert(options(address), { kind: 'kpi_halt', text: 'Halted.' })).toBe(false);
    expect(lines).toEqual([{ level: 50, alert: 'kpi_halt', details: {}, msg: 'Halted.' }]);
  });

  it.each([
    [500, undefined],
    [404, undefined],
    [302, 'http://127.0.0.1:1/'],
  ])('that is answered by %i has not arrived, and that is said without the address', async (status, location) => {
    const address = await listen((response) =>
      response.writeHead(status, location === undefined ? {} : { location }).end('no'),
    );
    expect(await sendAlert(options(address), ALERT)).toBe(false);
    expect(lines).toMatchObject([LINE, { level: 50, status, msg: 'the alert was refused' }]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('waits no longer than it may for a server that hangs, before its answer or in the middle of it', async () => {
    const address = await listen(() => undefined);
    expect(await sendAlert(options(address, 100), ALERT)).toBe(false);
    expect(lines.at(-1)).toMatchObject({ reason: 'TimeoutError', msg: 'the alert could not be sent' });
    server.closeAllConnections();
    server.close();
    // Its status is the answer; the rest is not waited for.
    const half = await listen((response) => void response.writeHead(200).write('o'));
    expect(await sendAlert(options(half, 2000), ALERT)).toBe(true);
  });

  it('to nobody, or to no address at all, fails nothing', async () => {
    expect(await sendAlert(options('http://127.0.0.1:1/secret'), ALERT)).toBe(false);
    expect(lines.at(-1)).toMatchObject({ host: '127.0.0.1:1', msg: 'the alert could not be sent' });
    for (const address of ['ftp://127.0.0.1/secret', 'secret', 'file:///etc/secret']) {
      expect(await sendAlert(options(address), ALERT)).toBe(false);
      expect(lines.at(-1)!['msg']).toContain('is no http:// or https:// address');
    }
    expect(JSON.stringify(lines)).not.toContain('secret');
  });
});
