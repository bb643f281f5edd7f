/** What a person had ordered, as the signal tells it; null = nothing. */
export function stopIn({ reason }: { readonly reason: string }): 'entries' | 'close' | null {
  if (reason === 'CLOSE_ALL') return 'close';
  return reason === 'STOPPED' ? 'entries' : null;
}
