import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MinutehandError } from './errors.ts';
import { OVERRIDES, PLACES } from './policy/environment.ts';
import {
  ADDRESS_VARIABLES,
  hasSecret,
  maskSecrets,
  maskSecretsIn,
  NETWORK_SETTINGS,
  outsideEnvironment,
  rememberSecrets,
  SECRET_VARIABLES,
  withoutPrivateKeys,
  withoutSecretVariables,
} from './secrets.ts';
import { packageRoot } from './root.ts';

const S = 'Tr0ub4dor-x';
afterEach(() => vi.unstubAllEnvs());

describe('maskSecrets', () => {
  it.each([
    [`redis://:${S}@host:6379/0`, 'redis://***@host:6379/0'],
    [`at rediss://ann:${S}@host/1 refused`, 'at rediss://***@host/1 refused'],
    [`redis://u:p@${S}@host`, 'redis://***@host'],
    [`redis://u:p/${S}/x@host`, 'redis://***@host'],
    [`unix://u:${S}@/run/redis.sock?db=1`, 'unix://***@/run/redis.sock?db=1'],
    [`a list redis://a:${S}@h,redis://b:${S}@i`, 'a list redis://***@h,redis://***@i'],
    [`smtp://user:${S}@mail:587`, 'smtp://***@mail:587'],
    [`https://host/x?password=${S}&a=1`, 'https://host/x?password=***&a=1'],
    [`postgres://host/d?sslpassword=${S}`, 'postgres://host/d?sslpassword=***'],
    [`https://host/x?pass%77ord=${S}`, 'https://host/x?pass%77ord=***'],
    [`https://host/x?a=1;access_token=${S}#top`, 'https://host/x?a=1;access_token=***#top'],
    [`/login?code=${S}`, '/login?code=***'],
    [`host=db password=${S} dbname=x`, 'host=db password=*** dbname=x'],
    [`ann:${S}@host:5432`, '***@host:5432'],
    [`authorization: Bearer ${S}`, 'authorization: Bearer ***'],
    [`token mh_0a1b2c3d_${'x'.repeat(43)} of ann`, 'token *** of ann'],
    [`ghp_${'a'.repeat(36)} and glpat-${'b'.repeat(20)}`, '*** and ***'],
    [`https://hooks.slack.com/services/T0/B0/${S}`, 'https://hooks.slack.com/***'],
    [`https://discord.com/api/webhooks/1/${S}?wait=1`, 'https://discord.com/api/webhooks/***?wait=1'],
    [`key: -----BEGIN PRIVATE KEY-----\n${S}\n-----END PRIVATE KEY----- end`, 'key: *** end'],
    [`the password: ${S}, and token: ${S}`, 'the password: ***, and token: ***'],
    [`{"api_key": "${S}", 'lease.password':'${S}'}`, `{"api_key": "***", 'lease.password':'***'}`],
    [`{"url":"redis://:${S}@h","b":1}`, '{"url":"redis://***@h","b":1}'],
  ])('%j', (text, masked) => {
    expect(maskSecrets(text)).toBe(masked);
    expect(maskSecrets(masked)).toBe(masked);
  });

  it.each([
    'git@github.com:owner/name.git',
    'ann@host',
    'redis://127.0.0.1:6379',
    'unix:///run/redis/redis.sock?db=1',
    'core.theta1_initial=0.7',
    'key=abc, code=ENOENT',
    'a wrong token: expired; passed: 1234567, token_id: 1242a1b85726',
    '2026-11-21T12:00:00Z XAUUSD_XAGUSD@5m',
    'kpi_halt:XAUUSD_XAGUSD@5m is open, (core:BTCUSDT@1h).',
    '-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----',
  ])('leaves %j', (text) => expect(maskSecrets(text)).toBe(text));

  it.each([['ann:s3cret-word@host,XAUUSD_XAGUSD@5m', '***@5m']])(
    'hides a password beside what it leaves: %j',
    (text, masked) => expect(maskSecrets(text)).toBe(masked),
  );

  it('hides what environment variables hold, wherever it stands', () => {
    vi.stubEnv('MINUTEHAND_WEBHOOK_SECRET', S);
    vi.stubEnv('MINUTEHAND_REDIS_URL', 'redis://:p%40ss-of-redis@host');
    expect(maskSecrets(`signed by ${S}`)).toBe('signed by ***');
    expect(maskSecrets('WRONGPASS p@ss-of-redis')).toBe('WRONGPASS ***');
    expect(new MinutehandError('INTERNAL', { seen: 'AUTH p@ss-of-redis' }).message).not.toContain('p@ss');
  });

  it('hides the passwords of the configuration in use', () => {
    rememberSecrets({ lease: { url: 'postgres://u:of-the-lease@h/d?sslpassword=of-the-key' } });
    expect(maskSecrets('FATAL of-the-lease of-the-key')).toBe('FATAL *** ***');
  });

  it('takes long texts that would make a backtracking search hang', () => {
    for (const piece of [
      '@',
      ':',
      'a=',
      '?a',
      '://',
      '://@',
      'mh_',
      '-----BEGIN ',
      'bearer ',
      'password',
      '%',
      '"@:',
      'token: ',
      'a.',
      'a:',
    ])
      expect(maskSecrets(piece.repeat(200_000)).length).toBeGreaterThan(0);
  });
});

describe('maskSecretsIn', () => {
  it('masks texts, keys and addresses whose password has spaces and quotes', () => {
    expect(
      maskSecretsIn({ a: [`redis://u:a b"${S}@h`, 1, null], password: S, deep: { url: `smtp://u:${S}@m` } }),
    ).toEqual({
      a: ['redis://***@h', 1, null],
      password: '***',
      deep: { url: 'smtp://***@m' },
    });
    expect(maskSecretsIn('postgres://[broken')).toBe('postgres://***');
    // A change of a setting that does not exist, as the audit has it.
    expect(maskSecretsIn({ 'lease.password': S, 'core.api_key': S, token_id: 'x', passes: 'y' })).toEqual({
      'lease.password': '***',
      'core.api_key': '***',
      token_id: 'x',
      passes: 'y',
    });
  });

  it('shows nothing of what is nested beyond its depth', () => {
    let value: unknown = `redis://:${S}@h`;
    for (let i = 0; i < 500; i++) value = [value];
    expect(JSON.stringify(maskSecretsIn(value))).not.toContain(S);
  });

  it('finds secrets', () => {
    expect(hasSecret({ url: 'redis://host' })).toBe(false);
    expect(hasSecret({ url: 'redis://:p@host' })).toBe(true);
  });
});

it('every environment variable that can hold a secret is known here', () => {
  const files = ['MINUTEHAND_SIGNING_KEY', 'MINUTEHAND_TRUSTED_KEYS', 'MINUTEHAND_SFTP_KEY'];
  const names = [...PLACES, ...OVERRIDES].map(({ variable }) => variable);
  const secret = names.filter(
    (name) => /URL|KEY|TOKEN|SECRET|PASS|REPOSITORY|_API/.test(name) && !files.includes(name),
  );
  expect([...SECRET_VARIABLES, ...ADDRESS_VARIABLES]).toEqual(expect.arrayContaining(secret));
});

describe('environments of other processes', () => {
  const SETTINGS = { PATH: '/bin', HTTPS_PROXY: `http://u:${S}@proxy`, PIP_INDEX_URL: `https://u:${S}@pypi/simple` };
  const OWN = { MINUTEHAND_HOME: '/srv', MINUTEHAND_LIGHTGBM_LIBRARY: '/lib/l.so' };
  const KEYS = { MINUTEHAND_SIGNING_KEY: '/etc/key.pem', MINUTEHAND_SFTP_KEY: '/etc/ssh.pem' };
  const SECRETS = {
    MINUTEHAND_DATABASE_URL: `postgres://u:${S}@db/x`,
    MINUTEHAND_TOKEN: S,
    MINUTEHAND_SLACK_URL: `https://hooks.slack.com/services/${S}`,
    AWS_SECRET_ACCESS_KEY: S,
    GH_TOKEN: S,
  };
  const all = { ...SETTINGS, ...OWN, ...KEYS, ...SECRETS, RETRAIN_SIGNING_KEY: S };

  it('have what they need and no more', () => {
    expect(outsideEnvironment(all)).toEqual({ PATH: '/bin' });
    expect(outsideEnvironment(all, NETWORK_SETTINGS)).toEqual(SETTINGS);
    expect(withoutPrivateKeys(all)).toEqual({ ...SETTINGS, ...OWN, ...SECRETS, RETRAIN_SIGNING_KEY: S });
    expect(withoutSecretVariables(all)).toEqual({ PATH: '/bin', ...OWN });
  });

  it('are named wherever a process is started', () => {
    const starts =
      /\b(?:spawn|spawnSync|fork|execFile|execFileSync)\((?:program|command|python|'git'|process\.execPath)/g;
    const unnamed: string[] = [];
    for (const folder of ['cli', 'daemon', 'shared', 'trainer'])
      for (const path of readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })) {
        if (!path.endsWith('.ts') || /\.(?:test|fixture)\.ts$/.test(path)) continue;
        const text = readFileSync(join(packageRoot(), folder, path), 'utf8');
        if (!text.includes("from 'node:child_process'")) continue;
        for (const { index } of text.matchAll(starts)) {
          // The call, its options, and the lines before it in which they may have been put together.
          const around = text.slice(Math.max(0, index - 400), index + 700);
          if (!/\benv\b/.test(around)) unnamed.push(`${folder}/${path}: ${text.slice(index, index + 60)}`);
        }
      }
    expect(unnamed).toEqual([]);
  });
});
