import { describe, expect, it } from 'vitest';
import { createAccess, type AccessOptions } from './access.ts';

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly address?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function ask(changes: Partial<AccessOptions>, asked: Asked): string {
  const { method = 'POST', path = '/bars', address = '127.0.0.1', headers = {} } = asked;
  const access = createAccess({
    host: '127.0.0.1',
    allowedHosts: [],
    token: 'secret',
    needsAuthorization: (request) => request.path === '/bars',
    ...changes,
  });
  return access({ method, path, header: (name) => headers[name] ?? '', remoteAddress: address })?.code ?? 'allowed';
}
const elsewhere = '192.0.2.7';

describe('a request that needs authorization', () => {
  it('is allowed to every program of this machine, with or without a token', () => {
    for (const address of ['127.0.0.1', '127.8.9.10', '::1']) {
      expect(ask({ token: undefined }, { address })).toBe('allowed');
      expect(ask({}, { address })).toBe('allowed');
    }
  });

  it('needs the token when a proxy on this machine forwards it', () => {
    // Of proxies, load balancers, content networks and tunnels.
    const headers = [
      ...['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-real-ip', 'via', 'cf-connecting-ip', 'cf-ray'],
      ...['x-forwarded-port', 'x-forwarded-ssl', 'x-original-url', 'x-amzn-trace-id', 'cdn-loop', 'fly-client-ip'],
      ...['x-envoy-external-address', 'x-cloud-trace-context', 'tailscale-user-login', 'x-cluster-client-ip'],
      ...['x-forwarded-protocol', 'x-forwarded-client-cert', 'x-original-for', 'x-arr-log-id', 'x-url-scheme'],
    ];
    for (const name of headers) {
      expect(ask({}, { headers: { [name]: '203.0.113.9' } }), name).toBe('UNAUTHORIZED');
      expect(ask({}, { headers: { [name]: 'x', authorization: 'Bearer secret' } }), name).toBe('allowed');
      expect(ask({}, { path: '/signals', headers: { [name]: 'x' } }), name).toBe('allowed');
    }
  });

  it('needs the token on this machine too where the configuration says so', () => {
    expect(ask({ loopbackNeedsToken: true }, {})).toBe('UNAUTHORIZED');
    expect(ask({ loopbackNeedsToken: true, token: undefined }, {})).toBe('UNAUTHORIZED');
    expect(ask({ loopbackNeedsToken: true }, { headers: { authorization: 'Bearer secret' } })).toBe('allowed');
    expect(ask({ loopbackNeedsToken: true }, { path: '/signals' })).toBe('allowed');
  });

  it('is allowed to another machine only with the exact token', () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR '])
      expect(ask({}, { address: elsewhere, headers: { authorization: `${scheme} secret` } }), scheme).toBe('allowed');
    for (const authorization of [
      '',
      'secret',
      'Bearer',
      'Bearer ',
      'Bearersecret',
      'Bearer secreT',
      'bearer SECRET',
      'Bearer secrets',
      'Basic secret',
      'Bearer sécret',
    ])
      expect(ask({}, { address: elsewhere, headers: { authorization } }), authorization).toBe('UNAUTHORIZED');
    for (const address of ['', '10.127.0.0.1', '127.0.0.1.example', '::ffff:127.0.0.2', '1::1'])
      expect(ask({}, { address }), address).toBe('UNAUTHORIZED');
  });

  it('is refused to every other machine when there is no token', () => {
    for (const token of [undefined, ''])
      for (const authorization of ['', 'Bearer ', 'bearer', 'Bearer undefined'])
        expect(ask({ token }, { address: elsewhere, headers: { authorization } })).toBe('UNAUTHORIZED');
  });
});

describe('a web page', () => {
  const page = (origin: string, changes: Partial<AccessOptions> = {}, host = '127.0.0.1:7400'): string[] =>
    ['/bars', '/signals', '/healthz'].map((path) =>
      ask(changes, { method: 'GET', path, headers: { host, origin, authorization: 'Bearer secret' } }),
    );
  const refused = Array(3).fill('ORIGIN_REFUSED');
  const allowed = Array(3).fill('allowed');

  it('of another site is refused everywhere, even with the token', () => {
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost.evil.example',
      'http://evil.localhost',
      'http://127.0.0.1@evil.example',
      'http://127.0.0.1.evil.example:7400',
      'file://',
      'https://127.0.0.1.nip.io',
      'https://[::2]',
      'http://10.0.0.1',
      'ftp://localhost',
      'http://localhost:7400/page',
    ])
      expect(page(origin), origin).toEqual(refused);
  });

  it('of this machine is allowed at any port', () => {
    for (const origin of [
      'http://localhost',
      'https://localhost:7401',
      'http://LocalHost:7401',
      'http://127.0.0.1:7401',
      'http://127.1.2.3',
      'http://[::1]:7401',
    ])
      expect(page(origin), origin).toEqual(allowed);
  });

  it('of an allowed host is allowed, and so is one under the server address of the request', () => {
    const changes = { host: '0.0.0.0', allowedHosts: ['Desk.example', '10.0.0.9'] };
    expect(page('https://desk.example', changes)).toEqual(allowed);
    expect(page('http://10.0.0.9:3000', changes)).toEqual(allowed);
    expect(page('http://10.0.0.5:7401', changes, '10.0.0.5:7400')).toEqual(allowed);
    expect(page('http://10.0.0.6', changes, '10.0.0.5:7400')).toEqual(refused);
    expect(page('https://other.desk.example', changes)).toEqual(refused);
  });
});

describe('the Host of a request', () => {
  const hosted = (host: string, changes: Partial<AccessOptions> = {}): string =>
    ask(changes, { method: 'GET', path: '/signals', headers: { host } });

  it('is a loopback name at any port, or absent', () => {
    for (const host of ['', 'localhost', 'LOCALHOST:7400', '127.0.0.1:1', '127.0.0.9', '[::1]', '[::1]:65535'])
      expect(hosted(host), host).toBe('allowed');
  });

  it('is not the name of another site, which may have been rebound to this machine', () => {
    for (const host of [
      'evil.example',
      'evil.example:7400',
      'localhost.evil.example',
      'evil.localhost',
      '127.0.0.1.nip.io:7400',
      '127.0.0.1, evil.example',
      'evil.example@127.0.0.1',
      '127.0.0.1:7400:7400',
      ' ',
      '[::2]',
      '10.0.0.5:7400',
    ])
      expect(hosted(host), host).toBe('HOST_REFUSED');
  });

  it('is any IP address where the server listens beyond this machine, and names that are configured', () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.5', 'trader.lan']) {
      const changes = { host, allowedHosts: ['Signals.example'] };
      for (const name of ['10.0.0.5:7400', '[2001:db8::5]:7400', '127.0.0.1', 'signals.EXAMPLE:443'])
        expect(hosted(name, changes), `${name} at ${host}`).toBe('allowed');
      expect(hosted('evil.example', changes)).toBe('HOST_REFUSED');
    }
    expect(hosted('trader.lan:7400', { host: 'Trader.lan' })).toBe('allowed');
    expect(hosted('[2001:db8::5]:7400', { host: '2001:DB8::5' })).toBe('allowed');
    for (const host of ['127.0.0.1', 'localhost', '::1'])
      expect(hosted('10.0.0.5', { host }), host).toBe('HOST_REFUSED');
  });

  it('is not checked for a client with the token, and is checked before a wrong one', () => {
    const from = (authorization: string): string =>
      ask({ host: '0.0.0.0' }, { address: elsewhere, headers: { host: 'trader.example:7400', authorization } });
    expect(from('Bearer secret')).toBe('allowed');
    expect(from('Bearer wrong')).toBe('HOST_REFUSED');
  });
});
