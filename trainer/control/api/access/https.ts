import type { IncomingHttpHeaders } from 'node:http';

/**
 * Headers by which a proxy says that the browser reached it by HTTPS, and their values in lower case, up to the first
 * comma: nginx, Apache, HAProxy, Traefik, IIS, ASP.NET, Heroku, CloudFront.
 */
const SAYS_HTTPS: Readonly<Record<string, readonly string[]>> = {
  'x-forwarded-proto': ['https', 'wss'],
  'x-forwarded-protocol': ['https', 'ssl', 'wss'],
  'x-forwarded-scheme': ['https'],
  'x-scheme': ['https'],
  'x-url-scheme': ['https'],
  'x-original-proto': ['https'],
  'cloudfront-forwarded-proto': ['https'],
  'x-forwarded-ssl': ['on', '1', 'true'],
  'front-end-https': ['on', '1', 'true'],
  'x-arr-ssl': [],
};
/** RFC 7239, and Cloudflare's JSON. */
const FORWARDED_HTTPS = /\bproto="?https\b/i;
const CLOUDFLARE_HTTPS = /"scheme" ?: ?"https"/i;
const HTTPS_ORIGIN = /^https:/i;

/**
 * Returns whether the browser uses HTTPS, up to a proxy in front of this server: its cookie then must never leave by
 * HTTP. Without such a proxy no header says so; a client that sends one falsely only makes its own cookie unusable.
 */
export function isHttps(headers: IncomingHttpHeaders): boolean {
  return (
    Object.entries(SAYS_HTTPS).some(([name, values]) => saysHttps(headers[name], values)) ||
    FORWARDED_HTTPS.test(headers.forwarded ?? '') ||
    CLOUDFLARE_HTTPS.test(String(headers['cf-visitor'] ?? '')) ||
    HTTPS_ORIGIN.test(headers.origin ?? '')
  );
}

/** @param values none = any value, such as the description of a certificate */
function saysHttps(header: string | string[] | undefined, values: readonly string[]): boolean {
  if (header === undefined) return false;
  const first = String(header).split(',')[0]!.trim().toLowerCase();
  return values.length === 0 ? first !== '' : values.includes(first);
}
