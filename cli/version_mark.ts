/** Before a version in a list: `*` the active one, `s` a shadow. */
export function versionMark({ active, shadow }: { readonly active: boolean; readonly shadow: boolean }): string {
  if (active) return '*';
  return shadow ? 's' : ' ';
}
