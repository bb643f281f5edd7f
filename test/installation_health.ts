import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { eventually, type Running, type Workplace } from './cli_process.ts';

export interface Sent {
  readonly action: string;
  readonly event: string;
  readonly key: string;
}

export interface Webhook {
  readonly url: string;
  readonly sent: readonly Sent[];
  close(): void;
}

/** A webhook that keeps all messages. */
export async function webhook(): Promise<Webhook> {
  const sent: Sent[] = [];
  const server: Server = createServer((request, response) => {
    void text(request).then((body) => {
      sent.push(...(JSON.parse(body) as { messages: Sent[] }).messages);
      response.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sent,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Fault {
  readonly dependency: string;
  readonly code: string;
}

export async function faultsOf(port: number): Promise<{ status: string; codes: Record<string, string> }> {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`);
  const { status, dependencies } = (await response.json()) as { status: string; dependencies: Fault[] };
  return { status, codes: Object.fromEntries(dependencies.map(({ dependency, code }) => [dependency, code])) };
}

/** Dependencies that the metrics report as failed. */
export async function downOf(port: number): Promise<string[]> {
  const body = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return [...body.matchAll(/^minutehand_dependency_up\{dependency="(\w+)"\} 0$/gm)].map(([, name]) => name!).sort();
}

export interface StatusAnswer {
  readonly ok: boolean;
  readonly findings: readonly { readonly weight: string; readonly about: string; readonly text: string }[];
}

export async function statusOf(
  place: Workplace,
  env: NodeJS.ProcessEnv,
): Promise<{ code: unknown; answer: StatusAnswer }> {
  const { code, stdout } = await place.run(['status', '--json'], { env });
  return { code, answer: JSON.parse(stdout) as StatusAnswer };
}

export interface RunningUp {
  readonly up: Running;
  /** Ports. */
  readonly daemon: number;
  readonly trainer: number;
}

/** Starts `up`, and resolves when it is ready. */
export async function startUp(
  place: Workplace,
  env: NodeJS.ProcessEnv,
  options: readonly string[] = [],
): Promise<RunningUp> {
  const up = place.start(['up', '--json', ...options], env);
  const ready = await eventually(
    () => `up: ${up.stderr()}`,
    () => up.stdout(),
    2,
  );
  const { daemons, trainer } = JSON.parse(ready) as { daemons: { port: number }[]; trainer: { port: number } };
  return { up, daemon: daemons[0]!.port, trainer: trainer.port };
}
