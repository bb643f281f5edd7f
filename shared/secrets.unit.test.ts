import { afterEach, describe, expect, it, vi } from 'vitest';
import { MinutehandError } from './errors.ts';
import { OVERRIDES, PLACES } from './policy/environment.ts';
import {
  ADDRESS_VARIABLES,
  hasSecret,
  maskSecrets,
  maskSecretsIn,
  rememberSecrets,
  SECRET_VARIABLES,
} from './secrets.ts';

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
    '-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----',
  ])('leaves %j', (text) => expect(maskSecrets(text)).toBe(text));

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
