/** `redis://user:secret@host` as `redis://***@host`, in any text. */
export function maskPasswords(text: string): string {
  return text
    .split('://')
    .map((part, index) => {
      if (index === 0) return part;
      const end = part.search(/[\s"]/);
      const address = end < 0 ? part : part.slice(0, end);
      const at = address.lastIndexOf('@');
      return at < 0 ? part : `***${part.slice(at)}`;
    })
    .join('://');
}
