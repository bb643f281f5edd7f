import { expect, it } from 'vitest';
import { isHttps } from './https.ts';

it('knows what proxies say about HTTPS', () => {
  const said = [
    { 'x-forwarded-proto': 'https' },
    { 'x-forwarded-proto': 'HTTPS, http' },
    { 'x-forwarded-protocol': 'ssl' },
    { 'x-forwarded-scheme': 'https' },
    { 'x-scheme': 'https' },
    { 'x-url-scheme': 'https' },
    { 'x-original-proto': 'https' },
    { 'cloudfront-forwarded-proto': 'https' },
    { 'x-forwarded-ssl': 'on' },
    { 'front-end-https': 'On' },
    { 'x-arr-ssl': '2048|256|C=US' },
    { forwarded: 'for=192.0.2.1;proto=https' },
    { forwarded: 'for=192.0.2.1;proto="https";by=x' },
    { 'cf-visitor': '{"scheme":"https"}' },
    { origin: 'https://hand.example' },
  ];
  for (const headers of said) expect(isHttps(headers), JSON.stringify(headers)).toBe(true);
});

it('and what says nothing of it', () => {
  const unsaid = [
    {},
    { 'x-forwarded-proto': 'http' },
    { 'x-forwarded-proto': 'http, https' },
    { 'x-forwarded-ssl': 'off' },
    { 'x-arr-ssl': '' },
    { forwarded: 'for=192.0.2.1;proto=http' },
    { 'cf-visitor': '{"scheme":"http"}' },
    { origin: 'http://127.0.0.1:7401' },
  ];
  for (const headers of unsaid) expect(isHttps(headers), JSON.stringify(headers)).toBe(false);
});
