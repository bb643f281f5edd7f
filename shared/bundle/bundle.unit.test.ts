import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate, setShadow } from '../../test/activate.ts';
import { trainTinyModels } from '../../test/trained_models.ts';
import { settingsSummary, VERSION } from './version_name.ts';
import { MACHINE_FILES } from '../files.ts';
import type { FileSystem } from '../ports.ts';
import {
  activePath,
  copyBundle,
  listVersions,
  readActive,
  readBundle,
  readManifest,
  resolveBundle,
  writeBundle,
  type BundleContent,
} from './bundle.ts';
import { readShadow } from './shadow_pointer.ts';
import { MODEL_FILES, MONITOR_FILE, VALIDATION_FILE, type Manifest } from './manifest.ts';
import { sha256Hex } from '../sha256.ts';
import { filesOf } from './slot_files.ts';

let root: string;
let models: string;
let original: string;
let content: BundleContent;
const CREATED = new Date('2026-11-20T07:30:59.999Z');

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-bundle-'));
  const { path, result } = await trainTinyModels(join(root, 'trained'));
  original = path;
  content = { manifest: result.manifest, models: readBundle(path).models, card: ({ version }) => `# ${version}\n` };
});
beforeEach(() => {
  models = mkdtempSync(join(root, 'models-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Empty folders by these names with a manifest, enough for pointers. */
function addVersions(...versions: string[]): void {
  for (const version of versions) {
    mkdirSync(join(models, version));
    writeFileSync(join(models, version, 'manifest.json'), '{}');
  }
}

/** A copy of the trained bundle whose manifest was changed. */
function tampered(change: (manifest: Manifest) => unknown): string {
  const folder = mkdtempSync(join(models, 'copy-'));
  cpSync(original, folder, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(change(manifest) ?? manifest));
  return folder;
}

describe('a bundle in the folder of another version', () => {
  it('is refused by every reader, also through a link, whoever signed it', () => {
    const older = writeBundle(models, CREATED, content);
    const newer = writeBundle(models, new Date('2026-11-21T07:30:00Z'), content);
    rmSync(newer, { recursive: true });
    cpSync(older, newer, { recursive: true });
    const refused = expect.objectContaining({
      code: 'MODEL_MANIFEST',
      seen: `${newer} has the bundle of version 20261120_0730`,
      expected: '20261121_0730',
    }) as Error;
    for (const read of [readBundle, readManifest]) expect(() => read(newer)).toThrow(refused);
    expect(() => copyBundle(newer, join(models, 'elsewhere'))).toThrow(refused);
    rmSync(newer, { recursive: true });
    symlinkSync(older, newer);
    expect(() => readBundle(newer)).toThrow(refused);
    // A folder that no pointer can name has no version of its own.
    cpSync(older, join(models, 'copy'), { recursive: true });
    expect(readBundle(join(models, 'copy')).manifest.version).toBe('20261120_0730');
  });

  it('with weights in another file is refused, although its hashes are right', () => {
    // ModelProto.graph (7), GraphProto.initializer (5), TensorProto.data_location (14) = EXTERNAL.
    const outside = Buffer.concat([content.models.ai1, Buffer.from([0x3a, 4, 0x2a, 2, 0x70, 1])]);
    const folder = tampered((manifest) => {
      manifest.files['ai1.onnx'] = { sha256: sha256Hex(outside), bytes: outside.length };
    });
    writeFileSync(join(folder, 'ai1.onnx'), outside);
    const refused = expect.objectContaining({ code: 'MODEL_LOAD' }) as Error;
    expect(() => readBundle(folder)).toThrow(refused);
    expect(() => copyBundle(folder, join(models, 'elsewhere'))).toThrow(refused);
  });
});

describe('writeBundle', () => {
  it('writes the files its manifest names, under the minute of their creation in UTC', () => {
    const folder = writeBundle(models, CREATED, content);
    expect(folder).toBe(join(models, '20261120_0730'));
    expect(readdirSync(folder).sort()).toEqual(['CARD.md', 'ai1.onnx', 'ai2.onnx', 'ai3.onnx', 'manifest.json']);
    const bundle = readBundle(folder);
    expect(bundle.models).toEqual(content.models);
    expect(bundle.manifest).toMatchObject({
      version: '20261120_0730',
      created: CREATED.toISOString(),
      ...content.manifest,
    });
    expect(bundle.manifest.files['ai2.onnx']).toEqual({
      sha256: sha256Hex(content.models.ai2),
      bytes: content.models.ai2.length,
    });
    expect(readFileSync(join(folder, 'CARD.md'), 'utf8')).toBe('# 20261120_0730\n');
  });

  it('names a second one of a minute by its second, then its millisecond, then by a hash', () => {
    const first = new Date('2026-11-20T07:30:42.125Z');
    const names = [1, 2, 3, 4].map(() => basename(writeBundle(models, first, content)));
    expect(names.slice(0, 3)).toEqual(['20261120_0730', '20261120_073042', '20261120_073042125']);
    expect(names[3]).toMatch(/^20261120_073042125-[0-9a-f]{8}$/);
    expect(readManifest(join(models, names[3]!)).version).toBe(names[3]);
    const later = basename(writeBundle(models, new Date('2026-11-20T07:30:43.001Z'), content));
    expect(listVersions(models)).toEqual([...names, later]);
  });

  it('states hash and settings behind the time, which a taken name keeps', () => {
    const named = { ...content, hashName: true, summary: settingsSummary('Custom: LightGBM', 20) };
    const names = [1, 2].map(() => basename(writeBundle(models, CREATED, named)));
    expect(names[0]).toMatch(/^20261120_0730-[0-9a-f]{8}-customlightgbm-h20$/);
    expect(names[1]).toBe(names[0]!.replace('_0730', '_073059'));
    expect(listVersions(models)).toEqual(names);
    expect(settingsSummary('gbdt', 24)).toBe('gbdt-h24');
    for (const engine of ['1:2', 'x'.repeat(90), 'モデル'])
      expect(`20261120_0730-${settingsSummary(engine, 7)}`).toMatch(VERSION);
  });

  it('leaves nothing behind when writing fails half-way', () => {
    const failing: BundleContent = {
      ...content,
      card() {
        throw new Error('no card');
      },
    };
    expect(() => writeBundle(models, CREATED, failing)).toThrow('no card');
    expect(readdirSync(models)).toEqual([]);
  });

  it('is not affected by leftovers of a crash of the same version', () => {
    const leftover = join(models, `.20261120_0730.${process.pid}.tmp`);
    mkdirSync(leftover);
    writeFileSync(join(leftover, 'ai1.onnx'), 'half of it');
    writeFileSync(join(leftover, 'stray'), '');
    const folder = writeBundle(models, CREATED, content);
    expect(readBundle(folder).models).toEqual(content.models);
    expect(existsSync(join(folder, 'stray'))).toBe(false);
    expect(existsSync(leftover)).toBe(false);
  });
});

describe('listVersions', () => {
  it('is oldest first, the tenth of a minute after its second', () => {
    const sorted = [
      '20251231_2359',
      '20260101_0000',
      '20260101_0000_2',
      '20260101_0000_9',
      '20260101_0000_10',
      '20260101_0000_11',
      '20260101_000007',
      '20260101_000007250',
      '20260101_000007250-0123abcd',
      '20260101_000041-gbdt-h20',
      '20260101_0001',
    ];
    addVersions(...[...sorted].reverse());
    expect(listVersions(models)).toEqual(sorted);
  });

  it('ignores leftovers of a crash, the pointer or anything else', () => {
    addVersions('20260101_0000');
    for (const name of ['.20260101_0001.123.tmp', '20260101', 'latest', '20260101_0001.bak', '20260101_0001_']) {
      mkdirSync(join(models, name));
    }
    writeFileSync(activePath(models), '{}');
    expect(listVersions(models)).toEqual(['20260101_0000']);
  });

  it('is empty for a missing folder', () => {
    expect(listVersions(join(models, 'none'))).toEqual([]);
  });
});

describe('activate', () => {
  it('names the version and records its predecessor', () => {
    addVersions('20260101_0000', '20260102_0000', '20260103_0000');
    expect(readActive(models)).toBeNull();
    expect(activate(models, '20260101_0000')).toEqual({ version: '20260101_0000', previous: null });
    activate(models, '20260102_0000');
    activate(models, '20260103_0000');
    expect(readActive(models)).toEqual({ version: '20260103_0000', previous: '20260102_0000' });
    expect(readdirSync(models).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('keeps the predecessor when the active one is named again, and swaps the two on rollback', () => {
    addVersions('20260101_0000', '20260102_0000');
    activate(models, '20260101_0000');
    activate(models, '20260102_0000');
    activate(models, '20260102_0000');
    expect(readActive(models)).toEqual({ version: '20260102_0000', previous: '20260101_0000' });
    activate(models, readActive(models)!.previous!);
    expect(readActive(models)).toEqual({ version: '20260101_0000', previous: '20260102_0000' });
  });

  it('refuses a version that does not exist, or that escapes the folder, and keeps the pointer', () => {
    addVersions('20260101_0000');
    mkdirSync(join(models, '20260105_0000'));
    mkdirSync(join(models, 'elsewhere'));
    writeFileSync(join(models, 'elsewhere', 'manifest.json'), '{}');
    activate(models, '20260101_0000');
    for (const version of ['20260104_0000', '20260105_0000', 'elsewhere', '../models', ''])
      expect(() => activate(models, version)).toThrow(expect.objectContaining({ code: 'MODEL_MISSING' }));
    expect(readActive(models)).toEqual({ version: '20260101_0000', previous: null });
  });

  it('repairs a torn pointer: the contents of the torn one are lost', () => {
    addVersions('20260101_0000');
    writeFileSync(activePath(models), '{"version":"2026');
    expect(activate(models, '20260101_0000')).toEqual({ version: '20260101_0000', previous: null });
    expect(readActive(models)).toEqual({ version: '20260101_0000', previous: null });
  });
});

describe('readActive', () => {
  it('reports MODEL_MANIFEST for a torn, empty or malformed pointer', () => {
    for (const text of [
      '',
      '{',
      '{"version":"20260101_0000"',
      '{}',
      'null',
      '{"version":"../x","previous":null}',
      '{"version":"20260101_0000","previous":"../x"}',
    ]) {
      writeFileSync(activePath(models), text);
      expect(() => readActive(models), text).toThrow(expect.objectContaining({ code: 'MODEL_MANIFEST' }));
    }
  });
});

describe('a pointer written by a person', () => {
  it('needs no predecessor', () => {
    writeFileSync(activePath(models), '{"version":"20260101_0000"}');
    expect(readActive(models)).toEqual({ version: '20260101_0000', previous: null });
  });

  it('is refused with its error', () => {
    const wrong: [string, string][] = [
      ['{"version":"20260101"}', 'version: '],
      ['{"version":"20260101_0000","previous":7}', 'previous: '],
      ['{"version":"20260101_0000"', 'is not JSON'],
    ];
    for (const [text, seen] of wrong) {
      writeFileSync(activePath(models), text);
      expect(() => readActive(models), text).toThrow(
        expect.objectContaining({ code: 'MODEL_MANIFEST', seen: expect.stringContaining(seen) as string }),
      );
    }
  });

  it('may be a symbolic link, but not larger than any pointer', () => {
    writeFileSync(join(models, 'named.json'), '{"version":"20260101_0000"}');
    symlinkSync('named.json', activePath(models));
    expect(readActive(models)).toMatchObject({ version: '20260101_0000' });
    truncateSync(join(models, 'named.json'), 1e9);
    expect(() => readActive(models)).toThrow(
      expect.objectContaining({ code: 'MODEL_FILE', seen: expect.stringContaining('1000000000 bytes') as string }),
    );
  });
});

describe('setShadow', () => {
  it('names the shadow version, or none, and refuses one that does not exist', () => {
    expect(readShadow(models, 'pairs')).toBeNull();
    addVersions('20261120_0730');
    setShadow(models, '20261120_0730');
    expect(readShadow(models, 'pairs')).toBe('20261120_0730');
    expect(readActive(models)).toBeNull();
    setShadow(models, null);
    expect(readShadow(models, 'pairs')).toBeNull();
    expect(() => setShadow(models, '20261120_0731')).toThrowError(
      expect.objectContaining({ code: 'MODEL_MISSING' }) as Error,
    );
    writeFileSync(filesOf(models, 'pairs').shadow.path, '{"version":');
    expect(() => readShadow(models, 'pairs')).toThrowError(
      expect.objectContaining({ code: 'MODEL_MANIFEST' }) as Error,
    );
  });
});

describe('copyBundle', () => {
  it('copies a bundle whole, once, and refuses another one of the same version', () => {
    copyBundle(original, models);
    copyBundle(original, models);
    const [version] = listVersions(models);
    expect(readBundle(join(models, version!))).toEqual({ ...readBundle(original), folder: join(models, version!) });
    expect(readdirSync(models)).toEqual([version]);
    const other = tampered((manifest) => ({ ...manifest, theta1: 0.123 }));
    expect(() => copyBundle(other, models)).toThrowError(expect.objectContaining({ code: 'MODEL_EXISTS' }) as Error);
  });
});

describe('a power cut', () => {
  /** The real files, with a diary of what was made durable before what was put in place. */
  function watched(): { files: FileSystem; diary: string[] } {
    const diary: string[] = [];
    const short = (path: string): string => path.slice(models.length + 1).replaceAll(String(process.pid), 'PID') || '.';
    return {
      diary,
      files: {
        ...MACHINE_FILES,
        write: (path, data) => (diary.push(`write ${short(path)}`), MACHINE_FILES.write(path, data)),
        sync: (path) => (diary.push(`sync ${short(path)}`), MACHINE_FILES.sync(path)),
        rename: (from, to) => (diary.push(`rename ${short(from)} ${short(to)}`), MACHINE_FILES.rename(from, to)),
      },
    };
  }

  it.each(['written', 'copied'])('leaves only whole bundles that were %s: files, then folder, then name', (how) => {
    const { files, diary } = watched();
    if (how === 'written')
      writeBundle(
        models,
        CREATED,
        { ...content, reports: { [VALIDATION_FILE]: { ai1: {} }, [MONITOR_FILE]: {} } },
        files,
      );
    else copyBundle(original, models, files);
    const renamed = diary.findIndex((line) => line.startsWith('rename'));
    const before = diary.slice(0, renamed);
    const written = before.filter((line) => line.startsWith('write')).map((line) => line.slice('write '.length));
    expect(written).toHaveLength(7);
    for (const path of written) expect(before.indexOf(`sync ${path}`)).toBeGreaterThan(before.indexOf(`write ${path}`));
    expect(before.at(-1)).toMatch(/^sync \.\d{8}_\d{4}\.PID\.tmp$/);
    expect(diary.slice(renamed + 1)).toEqual(['sync .']);
  });

  it('finds the old or the new active.json', () => {
    addVersions('20261120_0730');
    const { files, diary } = watched();
    activate(models, '20261120_0730', files);
    expect(diary).toEqual([
      'write active.json.PID.tmp',
      'sync active.json.PID.tmp',
      'rename active.json.PID.tmp active.json',
      'sync .',
    ]);
  });
});

describe('resolveBundle', () => {
  it('accepts a bundle’s own folder', () => {
    expect(resolveBundle(original)).toBe(original);
  });

  it('selects the active one of a folder of bundles, even with newer ones', () => {
    addVersions('20260101_0000', '20260102_0000');
    activate(models, '20260101_0000');
    expect(resolveBundle(models)).toBe(join(models, '20260101_0000'));
  });

  it('selects the newest when none is active', () => {
    addVersions('20260101_0000_10', '20260101_0000_9');
    expect(resolveBundle(models)).toBe(join(models, '20260101_0000_10'));
  });

  it('reports MODEL_MISSING where there is no bundle and MODEL_MANIFEST where the pointer is torn', () => {
    expect(() => resolveBundle(models)).toThrow(expect.objectContaining({ code: 'MODEL_MISSING' }));
    expect(() => resolveBundle(join(models, 'none'))).toThrow(expect.objectContaining({ code: 'MODEL_MISSING' }));
    addVersions('20260101_0000');
    writeFileSync(activePath(models), '{');
    expect(() => resolveBundle(models)).toThrow(expect.objectContaining({ code: 'MODEL_MANIFEST' }));
  });
});

describe('readBundle', () => {
  it('reports MODEL_HASH and the file when one byte of a model differs, wherever it is', () => {
    for (const file of Object.values(MODEL_FILES)) {
      const length = readFileSync(join(original, file)).length;
      for (const at of [0, Math.floor(length / 2), length - 1]) {
        const folder = tampered(() => undefined);
        const bytes = readFileSync(join(folder, file));
        bytes[at] = bytes[at]! ^ 1;
        writeFileSync(join(folder, file), bytes);
        expect(() => readBundle(folder)).toThrow(
          expect.objectContaining({ code: 'MODEL_HASH', seen: expect.stringContaining(file) as string }),
        );
      }
    }
  });

  it('reports MODEL_HASH for a truncated and for an empty file', () => {
    for (const keep of [0, 100]) {
      const folder = tampered(() => undefined);
      const path = join(folder, 'ai3.onnx');
      writeFileSync(path, readFileSync(path).subarray(0, keep));
      expect(() => readBundle(folder)).toThrow(expect.objectContaining({ code: 'MODEL_HASH' }));
    }
  });

  it('reports MODEL_MISSING and the file when one is missing; the card is for people and may be missing', () => {
    for (const file of [...Object.values(MODEL_FILES), 'manifest.json']) {
      const folder = tampered(() => undefined);
      rmSync(join(folder, file));
      expect(() => readBundle(folder)).toThrow(
        expect.objectContaining({ code: 'MODEL_MISSING', seen: expect.stringContaining(file) as string }),
      );
    }
    const folder = tampered(() => undefined);
    rmSync(join(folder, 'CARD.md'));
    expect(readBundle(folder).manifest.version).toBe(readManifest(original).version);
    expect(() => readBundle(join(models, 'none'))).toThrow(expect.objectContaining({ code: 'MODEL_MISSING' }));
  });

  it('names the new keys and the next step for a bundle of the former format', () => {
    const former = tampered((m) => ({ ...m, format: 'minutehand.bundle/1' }));
    expect(() => readManifest(former)).toThrow(
      expect.objectContaining({
        code: 'MODEL_MANIFEST',
        seen: expect.stringContaining('has the format minutehand.bundle/1 of an earlier version') as string,
        expected: expect.stringContaining('`risk_knots` is `risk_quantiles`') as string,
        next: expect.stringContaining('minutehand train --adopt') as string,
      }),
    );
  });

  it('reports MODEL_MANIFEST and the position when the manifest is invalid', () => {
    const changes: [string, (manifest: Manifest) => unknown][] = [
      ['format', (m) => ({ ...m, format: 'minutehand.bundle/4' })],
      ['market', (m) => ({ ...m, market: 'paper' })],
      ['version', (m) => ({ ...m, version: '../../x' })],
      ['created', (m) => ({ ...m, created: 'yesterday' })],
      ['theta1', (m) => ({ ...m, theta1: 1.5 })],
      ['theta2', (m) => ({ ...m, theta2: null })],
      ['risk_quantiles', (m) => ({ ...m, risk_quantiles: [...m.risk_quantiles].reverse() })],
      ['risk_quantiles', (m) => ({ ...m, risk_quantiles: [-0.1, 0.5] })],
      ['golden', (m) => ({ ...m, golden: { ...m.golden, features: [] } })],
      ['golden', (m) => ({ ...m, golden: { ...m.golden, ai2: [2] } })],
      ['files', (m) => ({ ...m, files: { 'ai1.onnx': m.files['ai1.onnx'] } })],
      ['../x.onnx', (m) => ({ ...m, files: { ...m.files, '../x.onnx': m.files['ai1.onnx'] } })],
      ['/etc/passwd', (m) => ({ ...m, files: { ...m.files, '/etc/passwd': m.files['ai1.onnx'] } })],
      ['files', (m) => ({ ...m, files: { ...m.files, 'ai1.onnx': { sha256: 'abc', bytes: 3 } } })],
      ['edge', (m) => ({ ...m, edge: { XAUUSD_XAGUSD: { no_edge: 'no' } } })],
      ['extra', (m) => ({ ...m, extra: 1 })],
      ['seed', (m) => ({ ...m, seed: undefined })],
      ['', () => []],
    ];
    for (const [key, change] of changes) {
      const folder = tampered(change);
      expect(() => readBundle(folder), key).toThrow(
        expect.objectContaining({ code: 'MODEL_MANIFEST', seen: expect.stringContaining(key) as string }),
      );
    }
    const folder = tampered(() => undefined);
    writeFileSync(join(folder, 'manifest.json'), readFileSync(join(folder, 'manifest.json')).subarray(0, 1000));
    expect(() => readBundle(folder)).toThrow(
      expect.objectContaining({ code: 'MODEL_MANIFEST', seen: expect.stringContaining('not JSON') as string }),
    );
  });

  const refusal = (seen: string): Error =>
    expect.objectContaining({ code: 'MODEL_FILE', seen: expect.stringContaining(seen) as string }) as Error;

  it.each(['manifest.json', 'ai2.onnx', 'CARD.md'])(
    'takes no %s from outside its folder by a symbolic link',
    (name) => {
      const folder = tampered(() => undefined);
      const outside = join(models, `outside-${name}`);
      renameSync(join(folder, name), outside);
      symlinkSync(outside, join(folder, name));
      const version = readManifest(original).version;
      expect(() => copyBundle(folder, models)).toThrow(refusal(`${name} is a symbolic link`));
      expect(existsSync(join(models, version))).toBe(false);
      if (name !== 'CARD.md') expect(() => readBundle(folder)).toThrow(refusal(`${name} is a symbolic link`));
    },
  );

  it('may be a folder of another disk that a symbolic link names', () => {
    symlinkSync(original, join(models, 'link'));
    expect(readBundle(join(models, 'link')).modelsHash).toBe(readBundle(original).modelsHash);
  });

  it('does not read a manifest or a model above the size limit', () => {
    const folder = tampered(() => undefined);
    truncateSync(join(folder, 'ai3.onnx'), 3e9);
    expect(() => readBundle(folder)).toThrow(refusal('ai3.onnx has 3000000000 bytes'));
    truncateSync(join(folder, 'manifest.json'), 3e8);
    expect(() => readBundle(folder)).toThrow(refusal('manifest.json has 300000000 bytes'));
    expect(() => readManifest(folder)).toThrow(refusal('manifest.json has 300000000 bytes'));
  });

  it('refuses a folder instead of a file', () => {
    const folder = tampered(() => undefined);
    rmSync(join(folder, 'ai1.onnx'));
    mkdirSync(join(folder, 'ai1.onnx'));
    expect(() => readBundle(folder)).toThrow(refusal('ai1.onnx is a folder'));
  });

  it('depends on models, thresholds, ranks and verdicts, and nothing else', () => {
    const identity = readBundle(original).modelsHash;
    const of = (change: (manifest: Manifest) => unknown): string => readBundle(tampered(change)).modelsHash;
    expect(of((m) => ({ ...m, git_commit: 'abc', version: '20300101_0000', created: '2030-01-01T00:00:00Z' }))).toBe(
      identity,
    );
    expect(of((m) => ({ ...m, edge: Object.fromEntries(Object.entries(m.edge).reverse()) }))).toBe(identity);
    const changed = [
      of((m) => ({ ...m, theta1: m.theta1 + 0.01 })),
      of((m) => ({ ...m, theta2: m.theta2 + 0.01 })),
      of((m) => ({ ...m, risk_quantiles: m.risk_quantiles.slice(1) })),
      of((m) => ({ ...m, edge: { ...m.edge, XAUUSD_XAGUSD: { ...m.edge['XAUUSD_XAGUSD'], no_edge: false } } })),
    ];
    expect(new Set([identity, ...changed]).size).toBe(5);
  });
});
