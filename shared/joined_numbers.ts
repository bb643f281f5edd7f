/** The numbers of all parts, one part behind the other. */
export function joinedFloat32(parts: readonly Float32Array[]): Float32Array {
  return filled(new Float32Array(lengthOf(parts)), parts);
}

/** The same in float64. */
export function joinedFloat64(parts: readonly Float64Array[]): Float64Array {
  return filled(new Float64Array(lengthOf(parts)), parts);
}

function lengthOf(parts: readonly { readonly length: number }[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function filled<Numbers extends Float32Array | Float64Array>(all: Numbers, parts: readonly Numbers[]): Numbers {
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
