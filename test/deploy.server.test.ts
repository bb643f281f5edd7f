import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { builtFiles } from '../cli/docs/built_files.ts';
import { UWEBSOCKETS_PACKAGE } from '../daemon/serve/uwebsockets.ts';
import { homePaths } from '../shared/home.ts';
import { freePort } from './redis_server.ts';
import { skipNote } from './skip_note.ts';
import { unknownVariables } from '../shared/policy/environment.ts';
import { MOST_FILES } from '../trainer/control/imports/file_imports.ts';
import { MAX_FILE_BYTES } from '../trainer/control/schema/import_preview.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, 'deploy', path), 'utf8');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** NAME=value lines. */
const variablesOf = (path: string): Map<string, string> =>
  new Map([...read(path).matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]));

/** Names that minutehand would warn about. */
const unknown = (names: readonly string[]): string[] =>
  unknownVariables(Object.fromEntries(names.map((name) => [name, 'x']))).map(({ variable }) => variable);

const images = variablesOf('images.env');

describe('images', () => {
  const dockerfile = read('image/Dockerfile').replaceAll(/\\\n/g, ' ');
  const lines = dockerfile.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

  it('are built on the image of Node of images.env, or on an earlier stage', () => {
    const stages = lines.filter((line) => line.startsWith('FROM ')).map((line) => /^FROM (\S+) AS (\S+)$/.exec(line)!);
    const known = ['${NODE_IMAGE}'];
    for (const [, base, name] of stages) {
      expect(known).toContain(base);
      known.push(name!);
    }
    expect(known).toEqual(expect.arrayContaining(['daemon', 'trainer', 'trainer-python', 'worker', 'worker-python']));
  });

  it('end as a user without rights, and say when they are unwell', () => {
    const stageOf = (name: string): string[] => {
      const start = lines.findIndex((line) => line.endsWith(` AS ${name}`));
      const end = lines.findIndex((line, i) => i > start && line.startsWith('FROM '));
      const own = lines.slice(start, end === -1 ? undefined : end);
      const base = /^FROM (\S+)/.exec(own[0]!)![1]!;
      return base === '${NODE_IMAGE}' ? own : [...stageOf(base), ...own];
    };
    for (const target of ['daemon', 'trainer', 'trainer-python', 'worker', 'worker-python']) {
      const stage = stageOf(target);
      expect(stage.filter((line) => line.startsWith('USER ')).at(-1)).toBe('USER 10001:10001');
      // A worker serves no port: its process is its health, and the check of the trainer would be that of another port.
      const isWorker = target.startsWith('worker');
      const check = stage.filter((line) => line.startsWith('HEALTHCHECK ')).at(-1);
      expect([target, check === 'HEALTHCHECK NONE']).toEqual([target, isWorker]);
      expect([target, stage.at(-1)]).toEqual([
        target,
        expect.stringMatching(isWorker ? /^CMD \["worker"\]/ : /^(CMD|USER) /),
      ]);
    }
  });

  it('take packages as they are locked, run no scripts of theirs, and leave no lists of Debian', () => {
    for (const line of lines.filter((one) => one.includes('npm ')))
      expect(line).toMatch(/npm ci --omit=dev --ignore-scripts/);
    for (const line of lines.filter((one) => one.includes('apt-get install'))) {
      expect(line).toContain('--no-install-recommends');
      expect(line).toContain('rm -rf /var/lib/apt/lists/*');
    }
    expect(dockerfile).not.toMatch(/^ADD |:latest|curl |wget /m);
    for (const line of read('image/requirements.txt')
      .split('\n')
      .filter((one) => /^\w/.test(one)))
      expect(line).toMatch(/^[a-z-]+==\d+(\.\d+)+$/);
  });

  it('have the server engine of `npm run engine`, locked by its content', () => {
    const locked = (name: string): unknown => JSON.parse(readFileSync(join(ROOT, 'bin', 'engine', name), 'utf8'));
    const { dependencies } = locked('package.json') as { dependencies: Record<string, string> };
    expect(Object.keys(dependencies)).toEqual([UWEBSOCKETS_PACKAGE]);
    const { packages } = locked('package-lock.json') as { packages: Record<string, unknown> };
    expect(packages[`node_modules/${UWEBSOCKETS_PACKAGE}`]).toMatchObject({
      version: dependencies[UWEBSOCKETS_PACKAGE],
      integrity: expect.stringMatching(/^sha512-/) as string,
    });
  });

  it('have versions, and all of them are used', () => {
    expect(images.size).toBe(6);
    for (const [name, image] of images) {
      expect(image).toMatch(/^docker\.io\/[a-z]+\/[a-z]+:[\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?$/);
      expect(`${read('image/Dockerfile')}${read('compose/compose.yaml')}`).toContain(`\${${name}`);
    }
  });
});

/** Where a trainer of the image keeps what is sent to it; it needs the room of all files that it takes at once. */
const UPLOADS = homePaths({ MINUTEHAND_HOME: /MINUTEHAND_HOME=(\S+)/.exec(read('image/Dockerfile'))![1]! }).uploads;
const UPLOAD_BYTES = MOST_FILES * MAX_FILE_BYTES;
const UNITS: Readonly<Record<string, number>> = { m: 2 ** 20, g: 2 ** 30, Mi: 2 ** 20, Gi: 2 ** 30 };
const bytesOf = (size: string): number => {
  const [, count, unit] = /^(\d+)(\w+)$/.exec(size)!;
  return Number(count) * UNITS[unit!]!;
};
/** The mount of a path: the longest of them that leads to it. */
const mountOf = (path: string, mounts: readonly string[]): string | undefined =>
  mounts.filter((mount) => path.startsWith(`${mount}/`)).sort((a, b) => b.length - a.length)[0];

interface Service {
  image: string;
  environment?: Record<string, string>;
  ports?: string[];
  [key: string]: unknown;
}

/** What the user of workers may do, as the guide has it, in the words of a shell. */
function userOfWorkers(): string {
  const guide = readFileSync(join(ROOT, 'docs', 'guides', 'GO_LIVE.md'), 'utf8');
  const rules = / user worker on >worker-password (.+)/.exec(guide)![1]!.split(' ');
  return rules.map((rule) => (rule.startsWith('~') ? `"${rule}"` : rule)).join(' ');
}

describe('compose', () => {
  const text = read('compose/compose.yaml');
  const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
  const own = ['daemon', 'standby', 'trainer'].map((name) => services[name]!);

  it('makes one machine of daemon, standby and trainer', () => {
    for (const service of own)
      expect(service).toMatchObject({
        network_mode: 'service:machine',
        pid: 'service:machine',
        volumes: ['home:/var/lib/minutehand', 'blobs:/var/lib/minutehand-blobs'],
        restart: 'unless-stopped',
      });
  });

  it('has room for the files that its trainer takes at once', () => {
    const { tmpfs, volumes } = services['trainer'] as unknown as { tmpfs: string[]; volumes: string[] };
    // A volume is on the disk of this machine; a file system in memory has its size.
    const room = new Map(volumes.map((volume) => [volume.split(':')[1]!, Infinity]));
    for (const mount of tmpfs) room.set(mount.split(':')[0]!, bytesOf(/size=(\w+)/.exec(mount)![1]!));
    expect(room.get(mountOf(UPLOADS, [...room.keys()])!)).toBeGreaterThanOrEqual(UPLOAD_BYTES);
  });

  it('gives them no rights, and only this machine their ports', () => {
    for (const service of [...own, services['machine']!, services['worker']!])
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
    for (const { ports = [] } of Object.values(services))
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it('has only variables that are described, and no secret of its own', () => {
    const described = variablesOf('compose/env.example');
    const used = [...text.matchAll(/(?<!\$)\$\{([A-Z_]+)(:[?-])?([^}]*)\}/g)];
    for (const [, name, how] of used) {
      if (name === 'MINUTEHAND_VERSION') continue;
      expect([...described.keys(), ...images.keys()]).toContain(name);
      if (/PASSWORD|TOKEN/.test(name!)) expect([name, how, described.get(name!)]).toEqual([name, ':?', '']);
    }
    const names = new Set(used.map(([, name]) => name!));
    expect([...described.keys()].filter((name) => !names.has(name))).toEqual([]);
    for (const { environment } of [...own, services['worker']!]) expect(unknown(Object.keys(environment!))).toEqual([]);
  });

  it('gives a worker what a fleet needs, and neither the home, a token, nor what opens signals or the archive', () => {
    const { profiles, volumes, environment } = services['worker']!;
    expect([profiles, volumes]).toEqual([['fleet'], ['blobs:/var/lib/minutehand-blobs']]);
    const names = Object.keys(environment!);
    expect(names).toEqual(expect.arrayContaining(['MINUTEHAND_QUEUE', 'MINUTEHAND_BLOBS', 'MINUTEHAND_REDIS_URL']));
    expect(names.filter((name) => /TOKEN|DATABASE|AWS/.test(name))).toEqual([]);
    expect(environment!['MINUTEHAND_REDIS_URL']).toMatch(/^redis:\/\/worker:\$\{WORKER_REDIS_PASSWORD:/);
    expect(String(services['redis']!['command'])).toContain(userOfWorkers());
    // The trainer must have the same queue and blobs.
    for (const name of ['MINUTEHAND_QUEUE', 'MINUTEHAND_BLOBS', 'MINUTEHAND_FLEET'])
      expect([name, services['trainer']!.environment![name]]).toEqual([name, environment![name]]);
  });

  it('is of this version', () => {
    for (const service of [...own, services['machine']!, services['worker']!, services['dashboards']!])
      expect(service.image).toContain(`:-${version}}`);
  });

  it('has Grafana show what the image holds: the checkout has no dashboard before a build', () => {
    expect(services['grafana']!['volumes']).toContain('dashboards:/var/lib/grafana/dashboards:ro');
    expect(services['dashboards']).toMatchObject({ profiles: ['watch'], volumes: ['dashboards:/dashboards'] });
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-dashboards-'));
    const [, option, program] = services['dashboards']!['entrypoint'] as [string, string, string];
    const [path] = Object.keys(builtFiles()).filter((one) => one.startsWith('config/grafana/'));
    mkdirSync(join(folder, dirname(path!)), { recursive: true });
    writeFileSync(join(folder, path!), 'the dashboard');
    const here = program.replace('/opt/minutehand', folder).replace('/dashboards', join(folder, 'copied'));
    expect(spawnSync(process.execPath, [option, here]).status).toBe(0);
    expect(readFileSync(join(folder, 'copied', basename(path!)), 'utf8')).toBe('the dashboard');
    rmSync(folder, { recursive: true });
  });

  it('has the jobs of Prometheus that the rules know', () => {
    const jobs = (parse(read('compose/prometheus.yml')) as { scrape_configs: { job_name: string }[] }).scrape_configs;
    const rules = readFileSync(join(ROOT, 'config', 'prometheus', 'rules.yaml'), 'utf8');
    const known = new Set([...rules.matchAll(/job="([^"]+)"/g)].map(([, job]) => job!));
    expect(new Set(jobs.map(({ job_name }) => job_name))).toEqual(known);
  });
});

interface Container {
  name: string;
  image: string;
  env: { name: string; valueFrom?: { secretKeyRef: { name: string } } }[];
  ports?: { name: string; containerPort: number }[];
  securityContext: unknown;
  volumeMounts: { name: string; mountPath: string }[];
  livenessProbe?: { httpGet?: { path: string; port: string }; exec?: { command: string[] } };
  resources: { limits: object; requests: object };
}

interface Pod {
  shareProcessNamespace: boolean;
  volumes: { name: string; emptyDir: { sizeLimit: string } }[];
  securityContext: unknown;
  containers: Container[];
}

describe('the health check of the images', () => {
  const check = (port: number): number | null =>
    spawnSync(process.execPath, [join(ROOT, 'deploy', 'image', 'healthy.mjs'), `${port}`]).status;
  /** A server in a process of its own, which this one can stop and let go on. */
  async function server(): Promise<{ child: ChildProcess; port: number }> {
    const text =
      "const s = require('http').createServer((q, r) => r.end('ok')); s.listen(0, '127.0.0.1', () => console.log(s.address().port))";
    const child = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return { child, port: Number(line.toString()) };
  }

  it.skipIf(process.platform !== 'linux')('fails for a process that listens and hangs, and for no other', async () => {
    const { child, port } = await server();
    try {
      expect(check(port)).toBe(0);
      child.kill('SIGSTOP');
      expect([check(port), check(port)]).toEqual([1, 1]);
      child.kill('SIGCONT');
      expect(check(port)).toBe(0);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    // Nobody has the port: a standby that waits.
    expect(check(port)).toBe(0);
  });

  /** Whether this process may make the namespaces of containers. */
  const canIsolate =
    process.platform === 'linux' && spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status === 0;

  /**
   * Containers of one machine, as compose and Kubernetes run them: one network, one first process and its numbers, and
   * a mount namespace for each. A container's server listens as soon as it is told to.
   */
  async function machine(names: readonly string[]) {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-machine-'));
    const text = `const s = require('http').createServer((q, r) => r.end('ok')).on('error', () => setTimeout(listen, 20));
      const listen = () => s.listen(${port}, '127.0.0.1', () => console.log('listens'));
      process.stdin.once('data', listen)`;
    const children = new Map(
      names.map((name) => {
        mkdirSync(join(folder, name));
        const child = spawn('unshare', ['--mount', process.execPath, '-e', text], {
          stdio: ['pipe', 'pipe', 'ignore'],
        });
        return [name, child] as const;
      }),
    );
    const check = (name: string, ...args: string[]): number | null => {
      const command = [process.execPath, join(ROOT, 'deploy', 'image', 'healthy.mjs'), `${port}`, ...args];
      const env = { ...process.env, TMPDIR: join(folder, name) };
      return spawnSync('nsenter', ['--target', `${children.get(name)!.pid}`, '--mount', ...command], { env }).status;
    };
    const listen = async (name: string): Promise<void> => {
      const { stdin, stdout } = children.get(name)!;
      stdin.write('listen\n');
      await once(stdout, 'data');
    };
    const remove = (): void => {
      for (const child of children.values()) child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    };
    return { children, check, listen, remove };
  }

  it.skipIf(!canIsolate)(
    `fails for the container that has the port, before and after a takeover, and ends what hangs there${skipNote(!canIsolate, 'unshare needs root')}`,
    async () => {
      const { children, check, listen, remove } = await machine(['daemon', 'standby']);
      const both = (...args: string[]) => [check('daemon', ...args), check('standby', ...args)];
      const [daemon, standby] = [children.get('daemon')!, children.get('standby')!];
      try {
        await listen('daemon');
        expect(both()).toEqual([0, 0]);
        daemon.kill('SIGSTOP');
        // Without `--end`, as Kubernetes asks: the kubelet restarts the container, and nothing is killed here.
        for (let i = 0; i < 2; i++) expect(both()).toEqual([1, 0]);
        // Failures count in a row.
        daemon.kill('SIGCONT');
        expect(both('--end')).toEqual([0, 0]);
        daemon.kill('SIGSTOP');
        for (let i = 0; i < 3; i++) expect(both('--end')).toEqual([1, 0]);
        expect([daemon.exitCode, daemon.signalCode]).toEqual([null, null]);
        const ended = once(daemon, 'exit');
        expect(both('--end')).toEqual([1, 0]);
        expect(await ended).toEqual([null, 'SIGKILL']);
        expect(check('standby')).toBe(0);
        await listen('standby');
        expect(check('standby')).toBe(0);
        standby.kill('SIGSTOP');
        expect(check('standby')).toBe(1);
      } finally {
        remove();
      }
    },
  );

  it.skipIf(!canIsolate)(
    `says that the first process of a machine cannot be ended from inside${skipNote(!canIsolate, 'unshare needs root')}`,
    async () => {
      const port = await freePort();
      const text = `require('http').createServer(() => undefined).listen(${port}, '127.0.0.1', () => console.log('listens'))`;
      const args = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, '-e', text];
      const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'ignore'] });
      const folder = mkdtempSync(join(tmpdir(), 'minutehand-first-'));
      try {
        await once(child.stdout, 'data');
        const first = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
        const program = [process.execPath, join(ROOT, 'deploy', 'image', 'healthy.mjs'), `${port}`, '--end'];
        const command = ['--target', first, '--mount', '--pid', ...program];
        const env = { ...process.env, TMPDIR: folder };
        writeFileSync(join(folder, `unwell-${port}`), '3');
        const { status, stdout } = spawnSync('nsenter', command, { env, encoding: 'utf8' });
        expect([status, stdout]).toEqual([1, expect.stringContaining('docker run --init')]);
      } finally {
        child.kill('SIGKILL');
        rmSync(folder, { recursive: true });
      }
    },
  );

  it('ends what hangs where nothing else does', () => {
    const dockerfile = read('image/Dockerfile');
    for (const port of ['7400', '7401']) expect(dockerfile).toContain(`"${port}", "--end"]`);
    expect(read('compose/compose.yaml')).not.toMatch(/standby:[^]*healthcheck: \{ disable: true \}[^]*trainer:/);
  });
});

describe('Kubernetes', () => {
  const documents = parseAllDocuments(read('kubernetes/minutehand.yaml')).map((one) => one.toJS() as unknown);
  const [set, service] = documents as [
    {
      spec: {
        replicas: number;
        template: { spec: Pod; metadata: { labels: object } };
        selector: object;
        volumeClaimTemplates: { metadata: { name: string }; spec: { resources: { requests: { storage: string } } } }[];
      };
    },
    { spec: { selector: object; ports: { name: string; port: number; targetPort: string }[] } },
  ];
  const pod = set.spec.template.spec;

  it('has one pod, whose containers see each other and may do nothing', () => {
    expect(set.spec.replicas).toBe(1);
    expect(pod).toMatchObject({
      shareProcessNamespace: true,
      securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(pod.containers.map(({ name }) => name)).toEqual(['daemon', 'standby', 'trainer']);
    for (const { securityContext, resources, env } of pod.containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(Object.keys(resources.limits)).toEqual(['memory']);
      expect(unknown(env.map(({ name }) => name))).toEqual([]);
    }
  });

  it('has room for the files that its trainer takes at once', () => {
    const { volumeMounts } = pod.containers.find(({ name }) => name === 'trainer')!;
    const sizes = new Map(pod.volumes.map(({ name, emptyDir }) => [name, emptyDir.sizeLimit]));
    for (const { metadata, spec } of set.spec.volumeClaimTemplates)
      sizes.set(metadata.name, spec.resources.requests.storage);
    const mount = mountOf(
      UPLOADS,
      volumeMounts.map(({ mountPath }) => mountPath),
    );
    const volume = volumeMounts.find(({ mountPath }) => mountPath === mount)!.name;
    expect(bytesOf(sizes.get(volume)!)).toBeGreaterThanOrEqual(UPLOAD_BYTES);
  });

  it('asks for the health of ports that exist, and the service leads to them', () => {
    const ports = pod.containers.flatMap((container) => container.ports ?? []);
    expect(ports).toEqual([
      { name: 'daemon', containerPort: 7400 },
      { name: 'trainer', containerPort: 7401 },
    ]);
    const probes = pod.containers.map(({ livenessProbe }) => livenessProbe);
    // After a takeover the port is the standby's: each daemon is asked by a program that knows whose it is.
    const ofDaemon = { command: ['node', '/opt/minutehand/bin/healthy.mjs', '7400'] };
    expect(probes.map((probe) => probe?.exec)).toEqual([ofDaemon, ofDaemon, undefined]);
    expect(probes.map((probe) => probe?.httpGet)).toEqual([
      undefined,
      undefined,
      { path: '/healthz', port: 'trainer' },
    ]);
    expect(service.spec.selector).toEqual(set.spec.template.metadata.labels);
    expect(service.spec.ports.map(({ targetPort, port }) => [targetPort, port])).toEqual([
      ['daemon', 7400],
      ['trainer', 7401],
    ]);
  });

  it('is of this version, and names secrets that exist', () => {
    const { images: named, resources } = parse(read('kubernetes/kustomization.yaml')) as {
      images: { newTag: string }[];
      resources: string[];
    };
    expect(named.map(({ newTag }) => newTag)).toEqual([version, version]);
    for (const path of resources) expect(read(`kubernetes/${path}`)).not.toBe('');
    expect(unknown([...variablesOf('kubernetes/secrets.env.example').keys()])).toEqual([]);
  });
});

describe('workers of Kubernetes', () => {
  const [deployment, policy] = parseAllDocuments(read('kubernetes/workers/workers.yaml')).map(
    (one) => one.toJS() as unknown,
  ) as [
    { spec: { template: { spec: Pod; metadata: { labels: object } }; selector: { matchLabels: object } } },
    { spec: { podSelector: { matchLabels: object }; policyTypes: string[]; ingress?: unknown; egress: object[] } },
  ];
  const { spec: pod, metadata } = deployment.spec.template;

  it('have no rights, no way in, and of the secret only what they use', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001 });
    const [worker] = pod.containers;
    expect(worker!.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const secrets = variablesOf('kubernetes/secrets.env.example');
    const names = worker!.env.map(({ name }) => name);
    expect(names.filter((name) => !secrets.has(name))).toEqual([]);
    expect(unknown(names)).toEqual([]);
    expect(names.filter((name) => /TOKEN|DATABASE/.test(name))).toEqual([]);
    const secretOf = ({ name, valueFrom }: Container['env'][number]) => [name, valueFrom?.secretKeyRef.name];
    for (const [name, secret] of worker!.env.map(secretOf))
      expect([name, secret]).toEqual([name, /REDIS|AWS/.test(name!) ? 'minutehand-workers' : 'minutehand']);
    expect(policy.spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(policy.spec.egress.length).toBeGreaterThan(0);
    expect(policy.spec.ingress).toBeUndefined();
    for (const labels of [deployment.spec.selector.matchLabels, policy.spec.podSelector.matchLabels])
      expect(labels).toEqual(metadata.labels);
  });

  it('are of this version', () => {
    const { images: named } = parse(read('kubernetes/workers/kustomization.yaml')) as {
      images: { name: string; newTag: string }[];
    };
    expect(named).toEqual([{ name: pod.containers[0]!.image, newTag: version }]);
  });
});

it('the job of Cloud Run is of this version, with variables that minutehand knows and secrets of Secret Manager', () => {
  const text = read('cloud-run/train.yaml');
  const job = parse(text) as { spec: { template: { spec: { template: { spec: { containers: Container[] } } } } } };
  const [container] = job.spec.template.spec.template.spec.containers;
  expect(container!.image).toMatch(new RegExp(`/minutehand-trainer:${version}$`));
  expect(unknown(container!.env.map(({ name }) => name))).toEqual([]);
  expect(text).not.toMatch(/password|-----BEGIN/i);
});
