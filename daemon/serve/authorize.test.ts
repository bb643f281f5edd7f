import { describe, expect, it } from 'vitest';
import { authorizeBars } from './authorize.ts';
import type { RequestHead } from './serve.ts';

function ask(
  token: string | undefined,
  changes: { path?: string; address?: string; headers?: Record<string, string> },
): string {
  const { path = '/bars', address = '127.0.0.1', headers = {} } = changes;
  const head: RequestHead = {
    method: 'POST',
    path,
    query: new URLSearchParams(),
    header: (name) => headers[name] ?? '',
    remoteAddress: address,
  };
  return authorizeBars(token)(head)?.code ?? 'allowed';
}
const elsewhere = '192.0.2.7';

describe('who may send bars', () => {
  it('is every program of this machine, with or without a token', () => {
    for (const address of ['127.0.0.1', '127.8.9.10', '::1']) {
      expect(ask(undefined, { address })).toBe('allowed');
      expect(ask('secret', { address })).toBe('allowed');
    }
  });

  it('is another machine only with the very token', () => {
    const headers = { authorization: 'Bearer secret' };
    expect(ask('secret', { address: elsewhere, headers })).toBe('allowed');
    for (const authorization of [
      '',
      'secret',
      'Bearer',
      'Bearer ',
      'Bearer secreT',
      'Bearer secrets',
      'bearer secret',
      'Bearer sécret',
    ])
      expect(ask('secret', { address: elsewhere, headers: { authorization } }), authorization).toBe('UNAUTHORIZED');
    for (const address of ['', '10.127.0.0.1', '127.0.0.1.example', '::ffff:127.0.0.2', '1::1'])
      expect(ask('secret', { address }), address).toBe('UNAUTHORIZED');
  });

  it('is no other machine at all when there is no token', () => {
    for (const token of [undefined, ''])
      for (const authorization of ['', 'Bearer ', 'Bearer undefined'])
        expect(ask(token, { address: elsewhere, headers: { authorization } })).toBe('UNAUTHORIZED');
  });

  it('is no page of another site, not even with the token', () => {
    const page = (origin: string): string => ask('secret', { headers: { origin, authorization: 'Bearer secret' } });
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost.evil.example',
      'http://127.0.0.1@evil.example',
      'file://',
      'https://127.0.0.1.nip.io',
    ])
      expect(page(origin), origin).toBe('ORIGIN_REFUSED');
    for (const origin of ['http://localhost', 'https://localhost:7401', 'http://127.0.0.1:7401', 'http://[::1]:7401'])
      expect(page(origin), origin).toBe('allowed');
  });

  it('does not matter for reading', () => {
    for (const path of ['/signals', '/healthz', '/metrics', '/bars2'])
      expect(ask('secret', { path, address: elsewhere, headers: { origin: 'https://evil.example' } })).toBe('allowed');
  });
});
