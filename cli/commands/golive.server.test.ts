import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { announce } from '../../shared/address.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { lockHome } from '../../shared/process/home_lock.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { channelsOf } from './golive.ts';

let paths: HomePaths;
let server: Server;
/** What the trainer says of its channels. */
let told: object;
const undo: (() => void)[] = [];

beforeEach(async () => {
  paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(tmpdir(), 'minutehand-golive-')) });
  const health = {
    status: 'ok',
    active_version: null,
    direction_models: [],
    program_version: '',
    last_run: null,
    schedules: [],
    dependencies: [],
  };
  server = createServer((_request, response) => response.end(JSON.stringify({ ...health, channels: told })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('MINUTEHAND_SLACK_URL', 'https://example.com/of-this-terminal');
});
afterEach(() => {
  for (const one of undo.splice(0).reverse()) one();
  server.close();
  vi.unstubAllEnvs();
  rmSync(paths.home, { recursive: true, force: true });
});

it('the channels are those of the trainer that runs, not of the terminal in which the command is typed', async () => {
  expect(await channelsOf(tinySettings(), paths)).toEqual({ names: ['slack'], problems: [] });
  undo.push(lockHome(paths.lock('trainer')));
  const { port } = server.address() as AddressInfo;
  undo.push(announce(paths.address('trainer'), { host: '127.0.0.1', port }));
  told = { names: ['webhook'], problems: ['MINUTEHAND_DISCORD_URL is no address'] };
  expect(await channelsOf(tinySettings(), paths)).toEqual(told);
});
