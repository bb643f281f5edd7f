import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { pageWithoutApp } from './page_redirect.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const asked = (url: string, accept: string | undefined = BROWSER, method = 'GET'): string | null =>
  pageWithoutApp({ method, url, headers: accept === '' ? {} : { accept } } as IncomingMessage);

it('a page that a person types without /app is below it', () => {
  expect(asked('/performance')).toBe('/app/performance');
  expect(asked('/subjects/EURUSD_GBPUSD?hours=24')).toBe('/app/subjects/EURUSD_GBPUSD?hours=24');
  expect(asked('/models?x=1')).toBe('/app/models?x=1');
  expect(asked('/trades/')).toBe('/app/trades/');
});

it('what is no page, or not asked for by a browser, stays where it is', () => {
  for (const url of [
    '/',
    '/healthz',
    '/metrics',
    '/api/trades',
    '/app/trades',
    '/performances',
    '//performance',
    '/Trades',
  ])
    expect(asked(url), url).toBeNull();
  expect(asked('/models', '*/*')).toBeNull();
  expect(asked('/models', 'application/json')).toBeNull();
  expect(asked('/models', '')).toBeNull();
  expect(asked('/models', BROWSER, 'POST')).toBeNull();
});
