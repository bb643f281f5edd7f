import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parseDocument } from 'yaml';
import { OVERRIDES, PLACES } from '../shared/policy/environment.ts';
import { allowed, jsonSchema, propertiesOf, schemaAt, type JsonSchema } from '../shared/policy/json_schema.ts';
import { inspectSettings } from '../shared/policy/policy.ts';
import { CONFIG_FILES, type ConfigPart } from '../shared/policy/schema.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';

/*
 * A secret of its own in every setting and environment variable that takes an address or a key, found from the schemas:
 * a new one is planted without a change here. Then all outputs are searched.
 */

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const mark = (name: string): string => `planted-${name.replaceAll(/\W/g, '-')}`;

/** Forms of an address in which a value can hold a secret, in the order of preference. */
const FORMS: readonly ((secret: string) => string)[] = [
  (secret) => `redis://ann:${secret}@127.0.0.1:1/0`,
  (secret) => `postgres://ann:${secret}@127.0.0.1:1/d?sslpassword=${secret}-of-query`,
  (secret) => `https://ann:${secret}@127.0.0.1:1/x?token=${secret}-of-query`,
  (secret) => `http://ann:${secret}@127.0.0.1:1/x?token=${secret}-of-query`,
  (secret) => `ann:${secret}@127.0.0.1`,
];

/** Paths in a file of all settings that are texts, also within lists. */
function textPaths(part: ConfigPart): (string | number)[][] {
  const walk = (schema: JsonSchema, path: (string | number)[]): (string | number)[][] => {
    const own = Object.entries(propertiesOf(schema));
    if (own.length > 0) return own.flatMap(([name, inner]) => walk(inner, [...path, name]));
    const kinds = [schema, ...(schema.anyOf ?? [])] as (JsonSchema & { readonly type?: unknown })[];
    return kinds.some((kind) => kind.type === 'string') ? [path] : [];
  };
  return walk(jsonSchema(part), []).filter((path) => !['label_ja', 'description'].includes(String(path.at(-1))));
}

interface Planted {
  readonly part: ConfigPart;
  readonly path: readonly (string | number)[];
  readonly value: string;
}

/** Every setting that takes one of the forms. */
function plantable(config: string): Planted[] {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-plant-'));
  const texts = Object.fromEntries(
    Object.values(CONFIG_FILES).map((name) => [name, readFileSync(join(config, name), 'utf8')]),
  );
  try {
    return (Object.keys(CONFIG_FILES) as ConfigPart[]).flatMap((part) =>
      textPaths(part).flatMap((path): Planted[] => {
        for (const form of FORMS) {
          const value = form(mark(`${part}.${path.join('.')}`));
          const document = parseDocument(texts[CONFIG_FILES[part]]!);
          if (!document.hasIn(path)) return [];
          document.setIn(path, value);
          const changed = { ...texts, [CONFIG_FILES[part]]: document.toString() };
          for (const [name, text] of Object.entries(changed)) writeFileSync(join(folder, name), text);
          if (inspectSettings({ configDir: folder, env: {} }).settings !== null) return [{ part, path, value }];
        }
        return [];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let place: Workplace;
let planted: Planted[];
const env: Record<string, string> = {};
beforeAll(() => {
  place = createWorkplace({
    minutehand: { simulated: { bar_interval_ms: 200, history_bars: 200 } },
    // The bot is used: by `alerts test`, and by the trainer, which reads commands.
    retrain: { notification_telegram_chats: [1], telegram_command_chats: [1] },
  });
  planted = plantable(place.config);
  for (const { part, path, value } of planted) {
    const file = join(place.config, CONFIG_FILES[part]);
    const document = parseDocument(readFileSync(file, 'utf8'));
    document.setIn(path, value);
    writeFileSync(file, document.toString());
  }
  const places = [...PLACES, ...OVERRIDES].map(({ variable }) => variable);
  for (const name of places) {
    // The store and the files of keys are used by what follows; a token is planted below.
    if (!/URL|KEY|TOKEN|SECRET|PASS/.test(name) || /DATABASE|SIGNING|TRUSTED/.test(name)) continue;
    const secret = mark(name);
    const scheme = /REDIS|LEASE/.test(name) ? 'redis' : /SMTP/.test(name) ? 'smtp' : 'http';
    env[name] = name.endsWith('_URL') ? `${scheme}://ann:${secret}@127.0.0.1:1/${secret}` : secret;
    if (scheme === 'redis') env[name] = `redis://ann:${secret}@127.0.0.1:1/0`;
  }
});
afterAll(() => place.remove());

/** Texts of all files below a folder, by their path in it. */
function filesBelow(folder: string): [string, string][] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name): [string, string][] => {
    const path = join(folder, name);
    return statSync(path).isFile() ? [[relative(folder, path), readFileSync(path, 'latin1')]] : [];
  });
}

function expectNoSecret(where: string, text: string): void {
  const found = [...new Set(text.match(/planted-[\w-]+/g))];
  expect(found, where).toEqual([]);
}

it('finds the settings that hold addresses', () => {
  const keys = planted.map(({ part, path }) => `${part}.${path.join('.')}`);
  expect(keys).toEqual(expect.arrayContaining(['minutehand.transports.redis.url', 'minutehand.lease.url']));
  expect(Object.keys(env)).toEqual(
    expect.arrayContaining(['MINUTEHAND_SMTP_URL', 'MINUTEHAND_WEBHOOK_SECRET', 'MINUTEHAND_TELEGRAM_TOKEN']),
  );
  expect(allowed(schemaAt(jsonSchema('minutehand'), ['lease', 'url'])!)).not.toBe('');
});

it('no command shows, and no file keeps, a secret of the files or the environment', async () => {
  const change = 'core.min_expected_net_bps=0.5';
  const secretChange = `minutehand.transports.redis.url=redis://:${mark('proposed')}@127.0.0.1:1`;
  const commands = [
    ['config', 'show'],
    ['config', 'check'],
    ['doctor'],
    ['policy', 'propose', change, '--reason', `because of redis://:${mark('reason')}@h`],
    ['policy', 'propose', secretChange, '--reason', 'new password'],
    ['policy', 'list'],
    ['policy', 'show', '1'],
    ['policy', 'approve', '1'],
    ['status'],
    ['alerts', 'test'],
    ['audit', 'list'],
    ['config', 'nothing', `--password=${mark('argument')}`],
  ].flatMap((args) => [args, [...args, '--json']]);
  for (const variables of [{}, env]) {
    const finished = await place.runEach(
      commands,
      commands.map(() => variables),
    );
    for (const [index, { stdout, stderr }] of finished.entries())
      expectNoSecret(`${commands[index]!.join(' ')} with ${Object.keys(variables).length} variables`, stdout + stderr);
  }
  mkdirSync(place.home, { recursive: true });
  for (const [name, text] of filesBelow(place.home))
    // The approved configuration itself, from which the programs start.
    if (!/^policy\/[\da-f]{40,}\//.test(name)) expectNoSecret(name, text);
});

it('neither do the daemon, the trainer and its API', async () => {
  const up = place.start(['up', '--json'], { ...env, MINUTEHAND_LEASE_URL: '' });
  const ready = await eventually(
    () => `the ready line of up: ${up.stderr()}`,
    () => up.stdout(),
  );
  const { daemons, trainer } = JSON.parse(ready) as { daemons: { port: number }[]; trainer: { port: number } };
  const created = await place.run(['token', 'create', '--role', 'approver', '--name', 'ann', '--json']);
  const { token } = JSON.parse(created.stdout) as { token: string };
  const api = `http://127.0.0.1:${trainer.port}`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const document = (await (await fetch(`${api}/api/openapi.json`, { headers })).json()) as { paths: object };
  const paths = Object.entries(document.paths as Record<string, Record<string, unknown>>)
    .filter(([path, operations]) => operations['get'] !== undefined && !path.includes('{') && path !== '/api/events')
    .map(([path]) => path);
  expect(paths).toEqual(expect.arrayContaining(['/api/ml/config', '/api/changes', '/api/policy', '/api/status']));
  const changes = { 'minutehand.transports.redis.url': `redis://:${mark('by-http')}@127.0.0.1:1` };
  const body = JSON.stringify({ changes, reason: `from redis://:${mark('reason-by-http')}@h` });
  const refused = await fetch(`${api}/api/ml/config`, { method: 'PUT', headers, body });
  expect(refused.status).toBe(422);
  expectNoSecret('PUT /api/ml/config', await refused.text());
  for (const path of paths) expectNoSecret(path, await (await fetch(`${api}${path}`, { headers })).text());
  for (const { port } of daemons)
    for (const path of ['/health', '/healthz', '/metrics', '/status'])
      expectNoSecret(path, await (await fetch(`http://127.0.0.1:${port}${path}`)).text());
  for (const path of ['/healthz', '/metrics', '/runs', '/models', '/monitor'])
    expectNoSecret(path, await (await fetch(`${api}${path}`)).text());
  up.kill('SIGTERM');
  await up.ended;
  expectNoSecret('output of up', up.stdout() + up.stderr());
  for (const [name, text] of filesBelow(place.home))
    if (!/^policy\/[\da-f]{40,}\//.test(name)) expectNoSecret(name, text);
});
