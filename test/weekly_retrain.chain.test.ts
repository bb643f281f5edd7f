import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 300_000 });

const SCRIPT = join(packageRoot(), 'bin', 'weekly_retrain.mjs');

let place: Workplace;
let data: string;
let server: Server;
let messages: string[];
let status: number;
let url: string;
beforeAll(async () => {
  place = createWorkplace();
  data = await place.writeBars('bars', tinyBars(place.settings));
  messages = [];
  status = 200;
  server = createServer((request, response) => {
    void text(request).then((body) => {
      messages.push(body);
      response.writeHead(status).end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await place.remove();
});

interface Retrained {
  readonly code: number | null;
  readonly output: string;
  readonly folder: string;
  readonly report: string | null;
}

async function retrain(name: string, environment: Readonly<Record<string, string>>): Promise<Retrained> {
  const folder = join(place.folder, name);
  const child = spawn(process.execPath, [SCRIPT], {
    cwd: packageRoot(),
    env: {
      ...process.env,
      MINUTEHAND_HOME: place.home,
      MINUTEHAND_CONFIG: place.config,
      MINUTEHAND_MARKET: 'live',
      RETRAIN_FOLDER: folder,
      RETRAIN_OPTIONS: '--trials 0',
      ...environment,
    },
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const outputs = await Promise.all([text(child.stdout), text(child.stderr)]);
  const path = join(folder, 'report.md');
  const report = existsSync(path) ? readFileSync(path, 'utf8') : null;
  return { code: await ended, output: outputs.join(''), folder, report };
}

describe('npm run retrain:weekly', () => {
  it('packs no bundle that fails gates, names them in its report, reports them, and signs with a key given as text', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const { code, output, folder, report } = await retrain('refused', {
      RETRAIN_DATA: data,
      RETRAIN_SIGNING_KEY: key,
      RETRAIN_SIGNED: 'true',
      MINUTEHAND_SLACK_URL: url,
    });
    expect(code, output).toBe(1);
    expect(report).toMatch(/^# Weekly retraining: refused: \d+ gates failed\n/);
    expect(report).toMatch(/^- version \S+, signed$/m);
    expect(report).toMatch(/^- edge after costs: /m);
    expect(report).toMatch(/^- failed: ai[123]\.\w+, /m);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain('Models rejected');
    const files = readdirSync(folder);
    expect(files.sort()).toEqual(['models', 'plan.json', 'report.md', 'result.json']);
    const { version } = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as { version: string };
    expect(readdirSync(join(folder, 'models', version))).toContain('manifest.sig');
    // The text of the key is in nothing that it wrote or printed.
    expect(output + report).not.toContain(key.split('\n')[1]!);
  });

  it('learns nothing without bars, without the key that it must have, and from bars that are too few', async () => {
    const none = await retrain('none', { RETRAIN_DATA: join(place.folder, 'nowhere') });
    expect(none).toMatchObject({ code: 1, report: null });
    expect(none.output).toContain('RETRAIN_DATA: there is no folder');
    const unsigned = await retrain('unsigned', { RETRAIN_DATA: data, RETRAIN_SIGNED: 'true' });
    expect(unsigned).toMatchObject({ code: 1, report: null });
    expect(unsigned.output).toContain('RETRAIN_SIGNED is true and there is no key');
    const few = await retrain('few', { RETRAIN_DATA: data, RETRAIN_OPTIONS: '--trials 0 --holdout-from 2001-01-01' });
    expect(few.code).toBe(1);
    expect(few.report).toMatch(/^# Weekly retraining: refused before learning\n\n- DATA_TOO_SHORT: /);
    expect(readdirSync(few.folder).sort()).toEqual(['plan.json', 'report.md']);
  });
});

describe('train --notify', () => {
  const train = (args: readonly string[], env: NodeJS.ProcessEnv) =>
    place.run(['train', '--data', data, '--trials', '0', '--out', join(place.folder, 'notified'), ...args], { env });

  it('is refused before the training where no channel has an address, and where nothing is trained', async () => {
    expect((await train(['--notify'], {})).stderr).toContain('CHANNELS_MISSING');
    const env = { MINUTEHAND_SLACK_URL: url };
    for (const other of ['--dry-run', '--print-job'])
      expect(await train(['--notify', other], env)).toMatchObject({ code: 2 });
    expect(existsSync(join(place.folder, 'notified'))).toBe(false);
  });

  it('reports a training that failed', async () => {
    messages = [];
    const { code } = await train(['--notify', '--holdout-from', '2001-01-01'], { MINUTEHAND_SLACK_URL: url });
    expect(code).toBe(1);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain('Training run failed');
  });

  it('ends with 3 where a channel does not take the result', async () => {
    status = 400;
    const { code, stderr } = await train(['--notify'], { MINUTEHAND_SLACK_URL: url });
    status = 200;
    expect(code).toBe(3);
    expect(stderr).toContain('The result was not reported by slack');
  });
});
