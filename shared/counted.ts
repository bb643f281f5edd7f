/** `1 position`, `2 positions`, `0 entries`: a count with its noun. @param many where it is not the noun with an s */
export function counted(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}
