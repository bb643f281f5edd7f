import { MinutehandError } from '../../../../shared/errors.ts';
import type { OnnxNode } from '../../../../shared/bundle/onnx/schema.ts';

/** Versions of a model of another program, which the graph around it must have as well. */
export interface ModelVersions {
  readonly irVersion: number;
  /** Of each set of operators, by its domain; '' is that of ONNX itself. */
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
}

/** The nodes of a model as a part of a graph, and what they need beside them. */
export interface GraphPart {
  /** In the order of their evaluation. A node of another program stays encoded. */
  readonly nodes: readonly (OnnxNode | Uint8Array)[];
  /** Encoded tensors that the nodes read by name (initializers). */
  readonly tensors: readonly Uint8Array[];
  /** null: those of our own graphs. */
  readonly versions: ModelVersions | null;
}

/** A part of our own nodes alone. */
export function ownPart(nodes: readonly OnnxNode[]): GraphPart {
  return { nodes, tensors: [], versions: null };
}

/**
 * Parts one behind the other, our own nodes among them, as one part.
 * @throws MinutehandError LEARNER_TASK for models of other programs whose operators are of different versions
 */
export function joinedParts(parts: readonly (GraphPart | readonly OnnxNode[])[]): GraphPart {
  const joined = parts.map((part) => ('nodes' in part ? part : ownPart(part)));
  return {
    nodes: joined.flatMap(({ nodes }) => nodes),
    tensors: joined.flatMap(({ tensors }) => tensors),
    versions: joined.map(({ versions }) => versions).reduce(joinedVersions, null),
  };
}

function joinedVersions(one: ModelVersions | null, other: ModelVersions | null): ModelVersions | null {
  if (one === null || other === null) return one ?? other;
  const opsets = new Map(one.opsets.map(({ domain, version }) => [domain, version]));
  for (const { domain, version } of other.opsets) {
    const own = opsets.get(domain) ?? version;
    if (own !== version)
      throw new MinutehandError('LEARNER_TASK', {
        seen: `members with versions ${own} and ${version} of the operators ${domain || 'ai.onnx'}`,
        next: 'Have both programs export the same version.',
      });
    opsets.set(domain, version);
  }
  return {
    irVersion: Math.max(one.irVersion, other.irVersion),
    opsets: [...opsets].map(([domain, version]) => ({ domain, version })),
  };
}
