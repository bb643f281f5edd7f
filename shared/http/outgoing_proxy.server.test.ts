import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../root.ts';

const PROGRAM = `
import { useProxyOfEnvironment } from ${JSON.stringify(join(packageRoot(), 'shared/http/outgoing_proxy.ts'))};
import { ask } from ${JSON.stringify(join(packageRoot(), 'shared/outgoing.ts'))};
await useProxyOfEnvironment(process.env);
const answer = await ask(process.argv[1], { withinMs: 5000 }).catch((error) => ({ status: error.message }));
console.log(answer.status);
`;

let proxy: Server;
let site: Server;
let tunnels: string[] = [];
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

beforeAll(async () => {
  const http = createServer((_, response) => void response.end('ok'));
  site = http;
  // All names are this machine.
  proxy = createServer().on('connect', ({ url }: { url: string }, socket: Socket) => {
    tunnels.push(url);
    const target = connect(Number(url.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    for (const end of [socket, target]) end.on('error', () => undefined);
  });
  for (const server of [site, proxy]) await new Promise<void>((done) => void server.listen(0, '0.0.0.0', () => done()));
});
afterAll(() => {
  site.close();
  proxy.close();
});

/** Whether the proxy was asked for it. */
async function isProxied(host: string, noProxy: string): Promise<boolean> {
  tunnels = [];
  const url = `http://${host}:${portOf(site)}/`;
  const { HTTP_PROXY: _, NO_PROXY: __, ...env } = process.env;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM, url], {
    env: { ...env, http_proxy: `http://127.0.0.1:${portOf(proxy)}`, no_proxy: noProxy },
  });
  return tunnels.length > 0;
}

it.each([
  ['api.example.invalid', '', true],
  ['api.example.invalid', 'example.invalid', false],
  ['example.invalid', '.example.invalid', false],
  ['api.example.invalid', '*.example.invalid other.invalid', false],
  ['notexample.invalid', 'example.invalid,.example.invalid', true],
  ['127.0.0.5', '127.0.0.5', false],
  ['127.0.0.9', '127.0.0.5', true],
  ['api.example.invalid', '*', false],
  ['127.0.0.1', '', false],
])(
  '%s with NO_PROXY=%s goes through the proxy: %s',
  async (host, noProxy, expected) => {
    expect(await isProxied(host, noProxy)).toBe(expected);
  },
  30_000,
);
