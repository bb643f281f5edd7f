/**
 * TCP echo server of the floor benchmark: answers every `requestBytes` received on a connection with `answerBytes`.
 */
import { createServer, type AddressInfo } from 'node:net';
import { lowerEngineThreads, tuneEngine } from '../../daemon/v8_flags.ts';
import type { ProgramMessage } from './field.ts';

export interface EchoArgument {
  readonly requestBytes: number;
  readonly answerBytes: number;
}

tuneEngine();
lowerEngineThreads();
const { requestBytes, answerBytes } = JSON.parse(process.argv[2]!) as EchoArgument;
const answer = Buffer.alloc(answerBytes, 'x');
const server = createServer((socket) => {
  socket.setNoDelay(true);
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.length;
    for (; received >= requestBytes; received -= requestBytes) socket.write(answer);
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const message: ProgramMessage = { port: (server.address() as AddressInfo).port };
  process.send!(message);
});
