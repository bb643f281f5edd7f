import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { packageRoot } from '../../../shared/root.ts';
import { jobSchema } from '../../../trainer/jobs/kinds/registry.ts';
import { EN } from './en.ts';

type Schema = z.core.JSONSchema.BaseSchema;

/** Told elsewhere on the page of a job. */
const TOLD: ReadonlySet<string> = new Set(['kind', 'trigger']);

/** Names of all values of a document that have no values of their own. */
function leafNames({ properties = {}, anyOf = [], oneOf = [], allOf = [] }: Schema): string[] {
  const own = Object.entries(properties).flatMap(([name, value]) => {
    if (TOLD.has(name)) return [];
    const inner = leafNames(value as Schema);
    return inner.length === 0 ? [name] : inner;
  });
  return [...own, ...[...anyOf, ...oneOf, ...allOf].flatMap((one) => leafNames(one as Schema))];
}

/** The stages that programs report progress of, from their sources. */
function stageNames(): string[] {
  const files = ['trainer', 'cli'].flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.endsWith('.fixture.ts'))
      .map((path) => readFileSync(join(packageRoot(), folder, path), 'utf8')),
  );
  const calls = /\b(?:onStage|onProgress|progress\.update)\('([a-z][^']*)'/g;
  return [...new Set(files.flatMap((text) => [...text.matchAll(calls)].flatMap(([, name]) => name!.split(', '))))];
}

describe('a job in words', () => {
  it('has a name for every option of its document', () => {
    const document = z.toJSONSchema(jobSchema, { io: 'input', unrepresentable: 'any', reused: 'inline' });
    const names = [...new Set(leafNames(document))];
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !Object.hasOwn(EN, `jobOption.${name}`)).sort()).toEqual([]);
  });

  it('has a name for every stage', () => {
    const names = stageNames();
    expect(names).toContain('learning');
    expect(names.filter((name) => !Object.hasOwn(EN, `stage.${name}`)).sort()).toEqual([]);
  });
});
