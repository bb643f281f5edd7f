import { expect, it } from 'vitest';
import type { ActiveFile } from '../../shared/bundle/active_file.ts';
import { provedVersions } from './followed_pointer.ts';

const pointers =
  (...all: [version: string, previous: string | null][]) =>
  () =>
    all.map(([version, previous]) => ({ version, previous }) as ActiveFile);

it('versions that were accepted come first, then their predecessors, each once', () => {
  const accepted = pointers(['5', '3'], ['4', null], ['3', '2']);
  expect(provedVersions(accepted, null)).toEqual(['5', '4', '3', '2']);
});

it('a predecessor that is not older was taken back by a rollback', () => {
  expect(provedVersions(pointers(['3', '5'], ['4', '4'], ['2', '1']), null)).toEqual(['3', '4', '2', '1']);
});

it('only versions older than a bundle that failed serve in its place', () => {
  const accepted = pointers(['5', '4'], ['6', '2']);
  expect(provedVersions(accepted, '5')).toEqual(['4', '2']);
});

it('without a readable mark nothing is proved', () => {
  const unread = (): never => {
    throw new Error('EIO');
  };
  expect(provedVersions(unread, null)).toEqual([]);
});
