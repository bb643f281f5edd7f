import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  hasSshServer,
  makeSshKey,
  SSH_NOTE,
  startCuttingProxy,
  startSsh,
  type SshServer,
} from '../../test/ssh_server.ts';
import { skipNote } from '../../test/skip_note.ts';
import { openSftp, type SftpOptions } from './sftp.ts';
import { sftpAddress } from './sftp_address.ts';

const BYTES = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 2654435761) >>> 24));

function optionsOf({ port, user, folder, hostKey, privateKey }: SshServer, at = port): SftpOptions {
  return { address: { user, host: '127.0.0.1', port: at, path: folder }, hostKeys: [hostKey], privateKey };
}

describe('an address of SFTP', () => {
  it.each([
    ['sftp://ops@win.example/C:/minutehand', { user: 'ops', host: 'win.example', port: 22, path: '/C:/minutehand' }],
    ['sftp://ops@[::1]:2022/srv/models', { user: 'ops', host: '::1', port: 2022, path: '/srv/models' }],
  ])('%s', (text, expected) => expect(sftpAddress(text)).toEqual(expected));
});

const hasServer = hasSshServer();

describe.skipIf(!hasServer)(`a folder of an OpenSSH server${skipNote(!hasServer, SSH_NOTE)}`, () => {
  let server: SshServer;
  let keys: string;
  beforeAll(async () => {
    server = await startSsh();
    keys = mkdtempSync(join(tmpdir(), 'minutehand-keys-'));
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(keys, { recursive: true, force: true });
  });

  it('reads a file for as long as parts of it come, and gives up on silence', { timeout: 30_000 }, async () => {
    const fast = await openSftp(optionsOf(server));
    await fast.upload('objects/slow', BYTES);
    await fast.close();
    let isSilent = false;
    const proxy = createServer((near) => {
      const far = connect(server.port, '127.0.0.1');
      near.pipe(far).on('error', () => undefined);
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('data', (part: Buffer) => {
        far.pause();
        setTimeout(() => {
          if (!isSilent) near.write(part);
          if (!isSilent) far.resume();
        }, 30);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const options = { ...optionsOf(server, (proxy.address() as AddressInfo).port), silenceMs: 500 };
    const place = await openSftp(options);
    const startMs = performance.now();
    expect((await place.read('objects/slow', BYTES.length))!.equals(BYTES)).toBe(true);
    expect(performance.now() - startMs).toBeGreaterThan(options.silenceMs);
    isSilent = true;
    await expect(place.read('objects/slow', BYTES.length)).rejects.toMatchObject({ code: 'DELIVERY_UNREACHABLE' });
    await place.close();
    proxy.close();
    const again = await openSftp(optionsOf(server));
    await again.remove('objects/slow');
    await again.close();
  });

  it('keeps what is uploaded, lists it without folders, and forgets what is removed', async () => {
    const place = await openSftp(optionsOf(server));
    expect(await place.list('objects')).toEqual([]);
    expect(await place.read('objects/a', 10)).toBeNull();
    await place.upload('objects/a', BYTES);
    await place.upload('objects/inner/b', Buffer.from('b'));
    await place.replace('pointer', Buffer.from('old'));
    await place.replace('pointer', Buffer.from('new'));
    expect(await place.list('objects')).toEqual([{ name: 'a', bytes: BYTES.length }]);
    expect((await place.read('objects/a', BYTES.length))!.equals(BYTES)).toBe(true);
    expect((await place.read('pointer', 10))!.toString()).toBe('new');
    await expect(place.read('objects/a', 10)).rejects.toMatchObject({ code: 'DELIVERY_DAMAGED' });
    await place.remove('objects/a');
    await place.remove('objects/a');
    expect(await place.read('objects/a', BYTES.length)).toBeNull();
    await place.close();
    expect(readdirSync(server.folder).sort()).toEqual(['objects', 'pointer']);
  });

  it('continues an upload that was cut, and starts one anew whose beginning has other bytes', async () => {
    const folder = join(server.folder, 'cut');
    mkdirSync(folder, { recursive: true });
    const proxy = await startCuttingProxy(server.port);
    proxy.cutAfter(400_000);
    const first = await openSftp(optionsOf(server, proxy.port));
    await expect(first.upload('cut/a', BYTES)).rejects.toMatchObject({ code: 'DELIVERY_UNREACHABLE' });
    await first.close();
    expect(readdirSync(folder)).toEqual(['a.part']);
    const written = readFileSync(join(folder, 'a.part'));
    expect(written.length).toBeGreaterThan(100_000);
    expect(written.equals(BYTES.subarray(0, written.length))).toBe(true);
    // Too little for the whole, enough for the rest.
    proxy.cutAfter(BYTES.length - written.length + 50_000);
    const second = await openSftp(optionsOf(server, proxy.port));
    await second.upload('cut/a', BYTES);
    await second.close();
    expect(readFileSync(join(folder, 'a')).equals(BYTES)).toBe(true);
    writeFileSync(join(folder, 'b.part'), 'other bytes');
    const third = await openSftp(optionsOf(server));
    await expect(third.upload('cut/b', BYTES)).rejects.toMatchObject({ code: 'DELIVERY_DAMAGED' });
    expect(readdirSync(folder)).toEqual(['a']);
    await third.upload('cut/b', BYTES);
    expect(readFileSync(join(folder, 'b')).equals(BYTES)).toBe(true);
    // Of an upload under the same name that was longer: nothing of it can be continued.
    writeFileSync(join(folder, 'c.part'), Buffer.concat([BYTES, BYTES]));
    await third.upload('cut/c', BYTES);
    expect(readFileSync(join(folder, 'c')).equals(BYTES)).toBe(true);
    await third.close();
    await proxy.stop();
  });

  it('is refused to a client whose key it does not know, and sent nothing when its own key is another', async () => {
    const stranger = makeSshKey(join(keys, 'stranger'));
    const { hostKey, privateKey } = server;
    const unknown = { ...optionsOf(server), privateKey: stranger.privateKey };
    await expect(openSftp(unknown)).rejects.toMatchObject({ code: 'DELIVERY_REFUSED' });
    const wrongPin = { ...optionsOf(server), hostKeys: [stranger.print] };
    const refusal = openSftp(wrongPin);
    await expect(refusal).rejects.toMatchObject({ code: 'DELIVERY_HOST_KEY' });
    await expect(refusal).rejects.toThrow(hostKey);
    const both = await openSftp({ ...optionsOf(server), hostKeys: [stranger.print, hostKey] });
    await both.close();
    // Another server answers at the address whose key is pinned.
    const impostor = await startSsh();
    await expect(openSftp({ ...optionsOf(impostor), hostKeys: [hostKey], privateKey })).rejects.toMatchObject({
      code: 'DELIVERY_HOST_KEY',
    });
    await expect(
      openSftp({ ...optionsOf(server), hostKeys: [impostor.hostKey], privateKey: impostor.privateKey }),
    ).rejects.toMatchObject({ code: 'DELIVERY_HOST_KEY' });
    await impostor.stop();
  });

  it('works without the extensions that make a rename atomic and a file durable', async () => {
    const plain = await startSsh(['posix-rename', 'fsync']);
    const place = await openSftp(optionsOf(plain));
    await place.upload('objects/a', BYTES);
    await place.replace('pointer', Buffer.from('old'));
    await place.replace('pointer', Buffer.from('new'));
    expect((await place.read('pointer', 10))!.toString()).toBe('new');
    await place.close();
    await plain.stop();
  });

  it('is given up when it is down or does not answer', async () => {
    const options = optionsOf(server, 1);
    await expect(openSftp(options)).rejects.toMatchObject({ code: 'DELIVERY_UNREACHABLE' });
    const silent = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const hanging = openSftp({ ...optionsOf(server, port), connectMs: 300 });
    await expect(hanging).rejects.toMatchObject({ code: 'DELIVERY_UNREACHABLE' });
    silent.close();
  });
});
