import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHeartbeat } from './heartbeat.ts';

const EVERY_MS = 40;
let server: Server;
let address: string;
let status: number;
let beats: number;
let printed: string[];
let isWell: boolean;
let end: () => void;
beforeEach(async () => {
  status = 200;
  beats = 0;
  printed = [];
  isWell = true;
  end = () => undefined;
  server = createServer((_, response) => {
    beats++;
    response.writeHead(status).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret`;
});
afterEach(() => {
  end();
  server.closeAllConnections();
  server.close();
});

/** Starts a heartbeat. @returns the lines of its log */
const start = (url: string | undefined): readonly string[] => {
  const lines: string[] = [];
  end = startHeartbeat({
    address: url,
    log: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
    isWell: () => isWell,
    print: (line) => void printed.push(line),
    everyMs: EVERY_MS,
  });
  return lines;
};

describe('the heartbeat', () => {
  it('is sent again and again while all is well, and not while anything is wrong', async () => {
    start(address);
    await expect.poll(() => beats).toBeGreaterThan(2);
    isWell = false;
    // One may be in progress, on a busy machine for long.
    let before = -1;
    await expect.poll(() => [before, (before = beats)], { interval: 10 * EVERY_MS }).toSatisfy(([a, b]) => a === b);
    isWell = true;
    await expect.poll(() => beats).toBeGreaterThan(before);
  });

  it('that is not taken is logged once, without its address', async () => {
    status = 500;
    const lines = start(address);
    await expect.poll(() => beats).toBeGreaterThan(3);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('status 500');
    expect(lines[0]).not.toContain('secret');
  });

  it('needs an address, of which a wrong one is reported', async () => {
    start(undefined);
    expect(printed).toEqual([]);
    start('ftp://example.org');
    expect(printed).toEqual(['MINUTEHAND_HEARTBEAT_URL is not an http:// or https:// URL: no heartbeat is sent.']);
    await sleep(3 * EVERY_MS);
    expect(beats).toBe(0);
  });
});
