/** Simulates open dashboards: per dashboard an event stream, and the requests that a page repeats. */
import { Agent, get, type ClientRequest } from 'node:http';

export interface BrowsersArgument {
  readonly port: number;
  readonly token: string;
  readonly count: number;
}

const STATUS_MS = 2000;
const { port, token, count } = JSON.parse(process.argv[2]!) as BrowsersArgument;
const headers = { authorization: `Bearer ${token}` };
const agent = new Agent({ keepAlive: true });
let open: ClientRequest[] = [];
let timers: NodeJS.Timeout[] = [];
let events = 0;

function stream(): ClientRequest {
  const request = get({ port, host: '127.0.0.1', path: '/api/events', headers, agent: false }, (response) => {
    response.on('data', (bytes: Buffer) => {
      for (let at = bytes.indexOf('event: signal'); at >= 0; at = bytes.indexOf('event: signal', at + 1)) events++;
    });
    response.on('error', () => undefined);
  });
  return request.on('error', () => undefined);
}

function read(path: string): void {
  get({ port, host: '127.0.0.1', path, headers, agent }, (response) => response.resume()).on('error', () => undefined);
}

process.on('message', ({ isOpen }: { readonly isOpen: boolean }) => {
  for (const request of open) request.destroy();
  for (const timer of timers) clearInterval(timer);
  open = isOpen ? Array.from({ length: count }, stream) : [];
  timers = open.map(() => setInterval(() => read('/api/status'), STATUS_MS));
  process.send!({ events });
});
process.on('SIGTERM', () => process.exit());
process.on('disconnect', () => process.exit());
process.send!({ ready: true });
